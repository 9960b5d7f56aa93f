//! `module`: untrusted WebAssembly, made, tested, stored and run.

mod ask;
mod author;
pub(super) mod store;

use std::path::Path;
use std::sync::Arc;

use dagvault_meter::profile::Profile;
use dagvault_meter::schedule::Schedule;
use dagvault_registry::RegistryError;
use dagvault_sandbox::{Capacity, Compiler, Library, Manifest, Module, Sandbox, child_main};
use serde_json::json;

use super::block::read_all;
use crate::args::{Ask, Global, Module as Command};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::show;

pub(super) use ask::{Asked, json_text};

/// Longest file that is read for a module.
const FILE_BYTES_MAX: usize = 8 << 20;
/// Compiled modules that are kept in memory.
const LIBRARY_BYTES: usize = 256 << 20;

/// Runs one of the commands on modules.
pub(super) fn run(global: &Global, command: &Command, out: &mut Out) -> Outcome<()> {
    match command {
        Command::New { name, kind, dir } => author::new(name, *kind, dir.as_deref(), out),
        Command::Build { dir } => author::build(dir, out).and_then(|built| author::told(&built, out)),
        Command::Test { file, profile, ask } => test(file, profile.as_deref(), ask, out),
        Command::Bench { file, profile, ask } => bench(file, profile.as_deref(), ask, out),
        Command::Add { name, file, profile, gas } => {
            store::add(global, name, file, profile.as_deref(), *gas, out)
        }
        Command::Ls { long } => store::ls(global, *long, out),
        Command::Show { module } => store::show(global, module, out),
        Command::Rm { name } => store::rm(global, name, out),
        Command::Run { module, ask, receipt, previous } => {
            store::run(global, module, ask, receipt.as_deref(), previous.as_deref(), out)
        }
    }
}

/// The process that compiles: asked on standard input, answers on standard output.
pub(super) fn compile() -> Outcome<()> {
    match child_main(std::io::stdin().lock(), std::io::stdout().lock()) {
        0 => Ok(()),
        code => {
            Err(Failure::new(Kind::Usage, format!("nothing was asked for that can be compiled ({code})"))
                .hint("this command is for dagvault itself"))
        }
    }
}

/// Modules that this process loads; compiled ones are kept beside those of the engine.
pub(super) fn library(out: &mut Out) -> Outcome<Library> {
    let compiler = Compiler::this_program(vec!["compile-module".into()])
        .map_err(|error| Failure::io("this program", &error))?;
    let sandbox = Arc::new(Sandbox::new(Schedule::first(), Capacity::default())?);
    let folder = dagvault_host::default_cache_dir().map(|folder| folder.join("modules"));
    match Library::new(sandbox.clone(), compiler.clone(), folder.as_deref(), LIBRARY_BYTES) {
        Ok(library) => Ok(library),
        Err(detail) => {
            out.note(&format!("compiled modules are not kept: {detail}"));
            Library::new(sandbox, compiler, None, LIBRARY_BYTES)
                .map_err(|detail| Failure::new(Kind::Other, show::safe(&detail)))
        }
    }
}

/// The bytes of a module's file.
pub(super) fn read(file: &Path) -> Outcome<Vec<u8>> {
    read_all(Some(file), FILE_BYTES_MAX, "a module")
}

/// A module from its bytes, under a profile that somebody says or it says itself.
pub(super) fn load(library: &Library, bytes: &[u8], profile: Option<&str>) -> Outcome<Module> {
    let said = Manifest::of(bytes).ok().flatten().and_then(|manifest| manifest.profile);
    let name = profile.or(said.as_deref()).ok_or(RegistryError::NoProfile)?;
    let profile = Profile::named(name).ok_or_else(|| RegistryError::Profile(name.to_owned()))?;
    let sha256 = dagvault_crypto::sha256::digest(bytes);
    Ok(library.module(&sha256, profile, || bytes.to_vec()).map_err(RegistryError::from)?)
}

fn test(file: &Path, profile: Option<&str>, ask: &Ask, out: &mut Out) -> Outcome<()> {
    let (file, ask) = author::module_of(file, ask, out)?;
    let library = library(out)?;
    let module = load(&library, &read(&file)?, profile)?;
    let asked = Asked::new(&module, &ask)?;
    let execution = library.sandbox().execute(&module, &asked.call(&[]))?;
    ask::tell(&module, &execution, out)
}

/// Calls until so much time has gone by, each in a fresh instance.
const BENCH: std::time::Duration = std::time::Duration::from_secs(1);

fn bench(file: &Path, profile: Option<&str>, ask: &Ask, out: &mut Out) -> Outcome<()> {
    let (file, ask) = author::module_of(file, ask, out)?;
    let (library, bytes) = (library(out)?, read(&file)?);
    let began = std::time::Instant::now();
    let module = load(&library, &bytes, profile)?;
    let loaded = began.elapsed();
    let asked = Asked::new(&module, &ask)?;
    let execution = library.sandbox().execute(&module, &asked.call(&[]))?;
    let mut times = Vec::new();
    let began = std::time::Instant::now();
    while began.elapsed() < BENCH {
        let call = std::time::Instant::now();
        let again = library.sandbox().execute(&module, &asked.call(&[]))?;
        times.push(call.elapsed());
        if again.gas != execution.gas && again.outcome == execution.outcome {
            return Err(Failure::new(Kind::Engine, "two equal calls used different gas"));
        }
    }
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1e6;
    if out.json {
        return out.object(&json!({
            "outcome": execution.outcome.to_string(), "gas": execution.gas, "calls": times.len(),
            "load_us": loaded.as_secs_f64() * 1e6, "p50_us": at(50), "p99_us": at(99),
        }));
    }
    out.line(&format!("outcome  {}, gas {}", execution.outcome, execution.gas))?;
    out.line(&format!("load     {:.0} µs", loaded.as_secs_f64() * 1e6))?;
    out.line(&format!("call     {:.1} µs (p50), {:.1} µs (p99), {} calls", at(50), at(99), times.len()))
}
