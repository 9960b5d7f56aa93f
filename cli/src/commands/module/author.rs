//! New modules: a crate, its compilation, the requests that stand in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use dagvault_template::{Kind as Template, built, new_crate};
use serde_json::json;

use crate::args::{Ask, ModuleKind};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::show;

const TARGET: &str = "wasm32-unknown-unknown";

/// Makes a crate.
pub(super) fn new(name: &str, kind: ModuleKind, dir: Option<&Path>, out: &mut Out) -> Outcome<()> {
    let kind = match kind {
        ModuleKind::Validator => Template::Validator,
        ModuleKind::Intent => Template::Intent,
        ModuleKind::Policy => Template::Policy,
    };
    let files = new_crate(kind, name).map_err(|error| Failure::usage(error.to_string()))?;
    let dir = dir.unwrap_or(Path::new(name));
    let at = |path: &Path| path.display().to_string();
    std::fs::create_dir(dir).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(Kind::Conflict, format!("{}: it is there already", show::safe(&at(dir))))
                .hint("name another folder with --dir")
        }
        _ => Failure::io(&at(dir), &error),
    })?;
    for (path, contents) in &files {
        let path = dir.join(path);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&path, contents))
            .map_err(|error| Failure::io(&at(&path), &error))?;
    }
    let text = format!("made {} ({} files); next: dagvault module test {}", at(dir), files.len(), at(dir));
    out.done(&text, &json!({ "folder": at(dir), "kind": kind.name(), "files": files.len() }))
}

/// Compiles a crate; answers the module's file.
pub(super) fn build(dir: &Path, out: &mut Out) -> Outcome<PathBuf> {
    let name = crate_name(dir)?;
    let target = dir.join("target");
    out.note(&format!("cargo build --release --target {TARGET}, in {}", dir.display()));
    let status = Command::new("cargo")
        .args(["build", "--release", "--target", TARGET, "--quiet"])
        .current_dir(dir)
        // Wherever the user keeps what is built, the module is found.
        .env("CARGO_TARGET_DIR", std::path::absolute(&target).unwrap_or(target.clone()))
        // What is printed there is no answer of ours.
        .stdout(std::process::Stdio::null())
        .status()
        .map_err(|error| {
            Failure::io("cargo", &error).hint("modules are compiled by Rust's cargo: install it by rustup")
        })?;
    if !status.success() {
        return Err(Failure::new(Kind::Other, "cargo could not compile the module")
            .hint(format!("see above; if the target is missing: rustup target add {TARGET}")));
    }
    Ok(target.join(built(&name)))
}

/// Tells where the module is.
pub(super) fn told(file: &Path, out: &mut Out) -> Outcome<()> {
    let place = file.display().to_string();
    let bytes = file.metadata().map_err(|error| Failure::io(&place, &error))?.len();
    out.done(&format!("{place} ({})", show::bytes(bytes)), &json!({ "file": place, "bytes": bytes }))
}

/// The name in a crate's manifest.
fn crate_name(dir: &Path) -> Outcome<String> {
    let file = dir.join("Cargo.toml");
    let manifest =
        std::fs::read_to_string(&file).map_err(|error| Failure::io(&file.display().to_string(), &error))?;
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[package]").skip(1);
    let name = lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix("name")?.trim_start().strip_prefix('=')?.trim().strip_prefix('"'))
        .and_then(|rest| rest.split('"').next());
    name.map(str::to_owned).ok_or_else(|| {
        Failure::usage(format!("{}: it names no package", file.display()))
            .hint("make a crate with `dagvault module new`")
    })
}

/// The file of a module, and what it is asked: for a folder what was built of it, and the requests that stand there.
pub(super) fn module_of(file: &Path, ask: &Ask, out: &mut Out) -> Outcome<(PathBuf, Ask)> {
    if !file.is_dir() {
        return Ok((file.to_owned(), ask.clone()));
    }
    let built = build(file, out)?;
    let beside = |name: &str| {
        let path = file.join(name);
        path.is_file().then(|| format!("@{}", path.display()))
    };
    let mut ask = ask.clone();
    if ask.request.is_none() {
        ask.request = beside("request.json");
        ask.rules = ask.rules.or_else(|| beside("rules.json"));
    }
    Ok((built, ask))
}
