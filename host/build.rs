//! Finds the guest module that the crate embeds.

use std::env;
use std::path::Path;

/// From `src`, where it is included, and from the crate's folder. Relative, for checkouts may share a target
/// folder, and each embeds its own module.
const FROM_SRC: &str = "../../guest/engine/engine.wasm";
const FROM_HERE: &str = "../guest/engine/engine.wasm";

fn main() {
    println!("cargo:rerun-if-env-changed=DAGVAULT_GUEST_WASM");
    let chosen = env::var("DAGVAULT_GUEST_WASM").ok();
    if chosen.as_ref().is_some_and(|place| !Path::new(place).is_absolute()) {
        println!("cargo::error=DAGVAULT_GUEST_WASM is not an absolute path");
        return;
    }
    let place = chosen.as_deref().unwrap_or(FROM_HERE);
    println!("cargo:rerun-if-changed={place}");
    if !Path::new(place).is_file() {
        println!("cargo::error=there is no guest module at {place}: run `cargo xtask guest` first");
        return;
    }
    println!("cargo:rustc-env=DAGVAULT_GUEST_WASM_PATH={}", chosen.as_deref().unwrap_or(FROM_SRC));
}
