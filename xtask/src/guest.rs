//! Builds the guest modules: the engine and the kernels with the pinned nightly, where every address comes from
//! `dagvault_core::layout`; the validators with the stable toolchain.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use dagvault_core::abi::exports;
use dagvault_core::layout::{
    CRYPTO_OFFSET, MAIN_STACK_BYTES, MEMORY_PAGES_MAX, MEMORY_PAGES_MIN, STATIC_OFFSET, WASM_PAGE_BYTES,
};

use crate::run::{Workspace, run};
use crate::setup::{self, NIGHTLY, nightly};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "guest";
/// The strict SIMD module is the reference: it runs unchanged in Wasmtime, Node and browsers.
const TARGET_FEATURES: &str = "+atomics,+bulk-memory,+mutable-globals,+simd128";

/// Exports of the linker beside the functions of the ABI, which are exported by their `no_mangle`.
const LINKER_EXPORTS: [&str; 7] = [
    exports::STACK_POINTER,
    exports::TLS_BASE,
    exports::TLS_SIZE,
    exports::TLS_ALIGN,
    exports::INIT_TLS,
    exports::HEAP_BASE,
    exports::DATA_END,
];

/// Builds the engine's modules and puts them where `dagvault-host` embeds them; answers the place of the strict one.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    nightly()?;
    let folder = workspace.root.join("guest/engine");
    for (name, features, target) in [
        ("engine.wasm", TARGET_FEATURES.to_owned(), target_dir(workspace)),
        // The twin for hosts with relaxed SIMD.
        (
            "engine-relaxed.wasm",
            format!("{TARGET_FEATURES},+relaxed-simd"),
            target_dir(workspace).join("relaxed"),
        ),
    ] {
        let mut cargo = pinned_cargo(&folder, &target, &rust_flags(&workspace.root, &features)?);
        cargo.arg("-Zbuild-std=core,alloc,panic_abort");
        run(&mut cargo)?;
        let built = target.join(TARGET).join(PROFILE).join("dagvault_engine_guest.wasm");
        place(&built, &folder.join(name))?;
    }
    Ok(folder.join("engine.wasm"))
}

/// Builds the module of the built-in validators; answers its place.
pub(crate) fn validators(workspace: &Workspace) -> Result<PathBuf> {
    stable(workspace, "validators", "validators")
}

/// Builds the module that admits and meters modules for JavaScript; answers its place.
pub(crate) fn meter(workspace: &Workspace) -> Result<PathBuf> {
    stable(workspace, "meter", "meter_guest")
}

/// Builds a module of `guest/` with the stable toolchain, as authors of modules do.
fn stable(workspace: &Workspace, name: &str, package: &str) -> Result<PathBuf> {
    setup::wasm_target(&workspace.root)?;
    let target = target_dir(workspace).join("validators");
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a path is not UTF-8");
    // The same module from every folder and with every cache of crates: paths are in panic locations.
    let flags = [
        format!("--remap-path-prefix={}=dagvault", text(&workspace.root)?),
        format!("--remap-path-prefix={}=cargo", text(&setup::cargo_home()?)?),
    ];
    let mut cargo = workspace.cargo();
    cargo
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_TARGET_DIR", &target)
        .args(["build", "--quiet", "--target", TARGET, "--profile", PROFILE])
        .args(["--package", &format!("dagvault-{}", package.replace('_', "-"))]);
    run(&mut cargo)?;
    let module = workspace.root.join("guest").join(name).join(format!("{name}.wasm"));
    place(&target.join(TARGET).join(PROFILE).join(format!("dagvault_{package}.wasm")), &module)?;
    Ok(module)
}

/// The instructions that the module of the kernels may use, by the module's name.
const KERNEL_FEATURES: [(&str, &str); 3] = [
    ("scalar", "+bulk-memory,+mutable-globals"),
    ("strict", "+bulk-memory,+mutable-globals,+simd128"),
    ("relaxed", "+bulk-memory,+mutable-globals,+simd128,+relaxed-simd"),
];

/// Builds the module of the kernels in the checkout at `root`, once for each set of instructions; answers the names
/// with their files, which go into `out`.
pub(crate) fn kernels(
    workspace: &Workspace,
    root: &Path,
    out: &Path,
) -> Result<Vec<(&'static str, PathBuf)>> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut modules = Vec::new();
    for (name, _) in KERNEL_FEATURES {
        let module = out.join(format!("{name}.wasm"));
        place(&kernels_for(workspace, root, name, &[])?, &module)?;
        modules.push((name, module));
    }
    Ok(modules)
}

/// Builds the module of the kernels in the checkout at `root` for one set of instructions; answers where it is until
/// the next build. `arguments` are cargo's.
pub(crate) fn kernels_for(
    workspace: &Workspace,
    root: &Path,
    name: &str,
    arguments: &[&str],
) -> Result<PathBuf> {
    nightly()?;
    let set = KERNEL_FEATURES.iter().find(|(known, _)| *known == name);
    let (_, features) = set.with_context(|| format!("no module of kernels is called {name}"))?;
    // The same for every checkout, so that the standard library is built once.
    let target = target_dir(workspace).join(format!("kernels-{name}"));
    let flags = [
        format!("-Ctarget-feature={features}"),
        // Of the checkout that is measured, not of this one: its warnings are its own affair.
        "-Awarnings".to_owned(),
    ];
    let mut cargo = pinned_cargo(&root.join("guest/kernels"), &target, &flags);
    cargo.arg("-Zbuild-std=std,panic_abort").args(arguments);
    run(&mut cargo)?;
    Ok(target.join(TARGET).join(PROFILE).join("dagvault_kernels_guest.wasm"))
}

/// The modules of `guest/workloads`.
const WORKLOADS: [&str; 10] =
    ["hash", "json", "regex", "bigint", "sort", "pack", "map", "interpreter", "text", "matrix"];

/// Builds the ten modules that gas is measured and compared by; answers where they are.
pub(crate) fn workloads(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    nightly()?;
    let target = target_dir(workspace).join("workloads");
    let flags = ["-Ctarget-feature=+bulk-memory,+mutable-globals".to_owned()];
    let mut cargo = pinned_cargo(&workspace.root.join("guest/workloads"), &target, &flags);
    run(cargo.args(["-Zbuild-std=std,panic_abort", "--examples"]))?;
    let folder = target.join(TARGET).join(PROFILE).join("examples");
    Ok(WORKLOADS.map(|name| folder.join(format!("{name}.wasm"))).into())
}

/// A build by the pinned nightly, in which nothing counts that an outer cargo or shell has set for the host.
fn pinned_cargo(folder: &Path, target: &Path, flags: &[String]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_TARGET_DIR", target)
        .args([&format!("+{NIGHTLY}"), "build", "--quiet", "--target", TARGET, "--profile", PROFILE]);
    cargo
}

/// Where the guest's build output goes: `DAGVAULT_GUEST_TARGET_DIR`, or a folder under the target folder.
fn target_dir(workspace: &Workspace) -> PathBuf {
    std::env::var_os("DAGVAULT_GUEST_TARGET_DIR")
        .map_or_else(|| workspace.target.join("guest"), PathBuf::from)
}

/// Copies the module if it has changed, so that an unchanged one does not rebuild the host.
fn place(built: &Path, module: &Path) -> Result<()> {
    let bytes = std::fs::read(built).with_context(|| format!("cannot read {}", built.display()))?;
    if std::fs::read(module).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    std::fs::write(module, bytes).with_context(|| format!("cannot write {}", module.display()))
}

fn rust_flags(root: &Path, features: &str) -> Result<Vec<String>> {
    let bytes = |pages: u32| pages as usize * WASM_PAGE_BYTES;
    let root = root.to_str().context("the workspace's path is not UTF-8")?;
    let link = |argument: String| format!("-Clink-arg={argument}");
    let mut flags = vec![
        format!("-Ctarget-feature={features}"),
        // The same module from every folder: paths are in panic locations.
        format!("--remap-path-prefix={root}=dagvault"),
        link("--import-memory".into()),
        link("--shared-memory".into()),
        link(format!("--initial-memory={}", bytes(MEMORY_PAGES_MIN))),
        link(format!("--max-memory={}", bytes(MEMORY_PAGES_MAX))),
        link("--stack-first".into()),
        link(format!("-zstack-size={MAIN_STACK_BYTES}")),
        link(format!("--global-base={STATIC_OFFSET}")),
    ];
    const { assert!(STATIC_OFFSET == MAIN_STACK_BYTES && STATIC_OFFSET < CRYPTO_OFFSET) };
    flags.extend(LINKER_EXPORTS.map(|name| link(format!("--export={name}"))));
    Ok(flags)
}
