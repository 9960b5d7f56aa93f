//! `receipt`: what an execution came to, shown, and checked by executing it again.

use std::path::Path;

use dagvault_core::cid::AnyCid;
use dagvault_crypto::sha256;
use dagvault_sandbox::receipt::Signed;
use serde_json::json;

use super::module::{Asked, library, load, read as read_module, store};
use crate::args::{Ask, Receipt};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::show;

/// Runs one of the commands on receipts.
pub(super) fn run(command: &Receipt, out: &mut Out) -> Outcome<()> {
    match command {
        Receipt::Show { file } => show_one(file, out),
        Receipt::Check { file, module, ask } => check(file, module, ask, out),
    }
}

/// A receipt whose signature holds.
pub(super) fn read(file: &Path) -> Outcome<Signed> {
    Signed::read(&store::read_receipt(file)?).map_err(|error| store::failure(&error))
}

fn show_one(file: &Path, out: &mut Out) -> Outcome<()> {
    let signed = read(file)?;
    let said = &signed.receipt;
    let module =
        AnyCid::from_bytes(&said.module).map_or_else(|_| show::hex(&said.module), |cid| cid.to_string());
    let rows = [
        ("receipt", show::hex(&signed.digest())),
        ("module", module),
        ("profile", said.profile.clone()),
        ("outcome", said.outcome.to_string()),
        ("gas", said.gas.to_string()),
        ("schedule", said.schedule.to_string()),
        ("input", show::hex(&said.input)),
        ("state", show::hex(&said.state_root)),
        ("output", show::hex(&said.output)),
        ("effects", show::hex(&said.effects)),
        ("previous", said.previous.map_or_else(|| "none".to_owned(), |digest| show::hex(&digest))),
        ("signer", show::hex(&signed.signer)),
    ];
    if out.json {
        let object: serde_json::Map<_, _> =
            rows.into_iter().map(|(name, text)| (name.to_owned(), json!(text))).collect();
        return out.object(&object.into());
    }
    rows.into_iter().try_for_each(|(name, text)| out.line(&format!("{name:<9} {}", show::safe(&text))))
}

fn check(file: &Path, module: &Path, ask: &Ask, out: &mut Out) -> Outcome<()> {
    let signed = read(file)?;
    let bytes = read_module(module)?;
    let library = library(out)?;
    let loaded = load(&library, &bytes, Some(&signed.receipt.profile))?;
    let mut cid = vec![1, 0x55, 0x12, 32];
    cid.extend_from_slice(&sha256::digest(&bytes));
    let asked = Asked::new(&loaded, ask)?;
    let again = signed.check(library.sandbox(), &loaded, &asked.call(&cid), &cid);
    let execution = again.map_err(|error| match store::failure(&error) {
        // An overloaded machine says nothing of the receipt.
        failure if failure.kind == Kind::Usage => Failure::new(Kind::Corrupt, failure.message),
        failure => failure,
    })?;
    let signer = show::hex(&signed.signer);
    let text = format!("the receipt holds: {}, gas {}; signed by {signer}", execution.outcome, execution.gas);
    let outcome = execution.outcome.to_string();
    let object = json!({ "holds": true, "outcome": outcome, "gas": execution.gas, "signer": signer });
    out.done(&text, &object)
}
