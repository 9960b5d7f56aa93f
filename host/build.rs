//! Finds the guest module that the crate embeds.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-env-changed=DAGVAULT_GUEST_WASM");
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../guest/engine/engine.wasm");
    let module = env::var_os("DAGVAULT_GUEST_WASM").map_or_else(default, PathBuf::from);
    println!("cargo:rerun-if-changed={}", module.display());
    let Ok(module) = module.canonicalize() else {
        println!(
            "cargo::error=there is no guest module at {}: run `cargo xtask guest` first",
            module.display()
        );
        return;
    };
    println!("cargo:rustc-env=DAGVAULT_GUEST_WASM_PATH={}", module.display());
}
