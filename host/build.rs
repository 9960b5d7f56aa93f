//! Finds the guest modules that the crate embeds.

use std::env;
use std::path::Path;

/// From `src`, where it is included, and from the crate's folder. Relative, for checkouts may share a target
/// folder, and each embeds its own module.
const FROM_SRC: &str = "../../guest/engine/";
const FROM_HERE: &str = "../guest/engine/";

/// The variable that names another module, and the module's file.
const MODULES: [(&str, &str); 2] =
    [("DAGVAULT_GUEST_WASM", "engine.wasm"), ("DAGVAULT_GUEST_RELAXED_WASM", "engine-relaxed.wasm")];

fn main() {
    for (variable, file) in MODULES {
        embed(variable, file);
    }
}

fn embed(variable: &str, file: &str) {
    println!("cargo:rerun-if-env-changed={variable}");
    let chosen = env::var(variable).ok();
    if chosen.as_ref().is_some_and(|place| !Path::new(place).is_absolute()) {
        println!("cargo::error={variable} is not an absolute path");
        return;
    }
    let place = chosen.clone().unwrap_or_else(|| format!("{FROM_HERE}{file}"));
    println!("cargo:rerun-if-changed={place}");
    if !Path::new(&place).is_file() {
        println!("cargo::error=there is no guest module at {place}: run `cargo xtask guest` first");
        return;
    }
    println!("cargo:rustc-env={variable}_PATH={}", chosen.unwrap_or_else(|| format!("{FROM_SRC}{file}")));
}
