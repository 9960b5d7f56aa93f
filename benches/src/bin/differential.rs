//! Random cases on every backend of the kernels' modules in Wasmtime, against the crates natively.
//!
//! `differential CASES LABEL=MODULE.wasm …` prints what it compared, then the digests that every other engine must
//! give, as JSON: `{"seed": …, "step": …, "digests": […]}`.

use anyhow::{Context as _, Result, bail};
use dagvault_benches::crypto::Guest;
use dagvault_crypto::backend::Backend;
use dagvault_crypto::kernels::differential::digest;
use serde_json::json;

const SEED: u64 = 2026;
/// Cases under one digest.
const STEP: u32 = 500;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (cases, modules) =
        arguments.split_first().context("usage: differential CASES LABEL=MODULE.wasm …")?;
    let cases: u32 = cases.parse().context("CASES is a number")?;
    let starts = || (0..cases).step_by(STEP as usize);
    let wanted: Vec<_> = starts().map(|from| digest(Backend::RustCrypto, SEED, from, STEP)).collect();
    for module in modules {
        let (label, path) = module.split_once('=').context("a module is LABEL=PATH")?;
        let guest = Guest::new(label, path)?;
        for (index, backend) in (0..).zip(guest.backends()) {
            for (from, wanted) in starts().zip(&wanted) {
                if guest.differential(index, SEED, from, STEP)? != *wanted {
                    let wrong = |case: &u32| {
                        let alone = digest(Backend::RustCrypto, SEED, *case, 1);
                        guest.differential(index, SEED, *case, 1).is_ok_and(|given| given != alone)
                    };
                    bail!("{label} {backend} differs at case {:?}", (from..from + STEP).find(wrong));
                }
            }
            println!(
                "{label} {backend} in Wasmtime: {} random cases agree",
                starts().count() * STEP as usize
            );
        }
    }
    let digests: Vec<String> = wanted.iter().map(|digest| hex(digest)).collect();
    println!("{}", json!({ "seed": SEED, "step": STEP, "digests": digests }));
    Ok(())
}
