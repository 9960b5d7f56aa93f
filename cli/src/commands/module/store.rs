//! The modules of the vault.

use std::path::Path;

use dagvault_api::{Request, Response};
use dagvault_registry::{Entry, NewModule, Reference, Registry};
use dagvault_sandbox::receipt::{Receipt, ReceiptError, Signed};
use serde_json::{Value, json};

use super::super::block::read_all;
use super::super::get::NewFile;
use super::{Asked, ask, library, read};
use crate::args::{Ask, Global};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::show;

/// What a module of the vault sees of a state: nothing yet.
const NO_STATE: [u8; 32] = [0; 32];

fn reference(text: &str) -> Outcome<Reference> {
    Ok(Reference::parse(text)?)
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "name": entry.name, "version": entry.version, "cid": entry.cid().to_string(),
        "sha256": show::hex(&entry.sha256), "bytes": entry.bytes, "profile": entry.profile.name, "gas": entry.gas,
        "functions": entry.functions, "time": show::time(entry.time_ms), "time_ms": entry.time_ms,
    })
}

/// Admits a module and stores it.
pub(in super::super) fn add(
    global: &Global,
    name: &str,
    file: &Path,
    profile: Option<&str>,
    gas: Option<u64>,
    out: &mut Out,
) -> Outcome<()> {
    dagvault_registry::check_name(name)?;
    let bytes = read(file)?;
    let library = library(out)?;
    let mut session = Session::open(global, Access::Write, out)?;
    let new = NewModule { name, bytes: &bytes, profile, gas };
    let entry = Registry::new(session.engine()).add(&library, &new)?;
    session.tell(out);
    let text = format!(
        "{name}: version {}, {}, {}\n{}",
        entry.version,
        entry.profile.name,
        show::bytes(entry.bytes),
        entry.cid()
    );
    out.done(&text, &entry_json(&entry))
}

/// Lists them.
pub(super) fn ls(global: &Global, long: bool, out: &mut Out) -> Outcome<()> {
    let mut session = Session::open(global, Access::Read, out)?;
    let entries = Registry::new(session.engine()).list()?;
    session.tell(out);
    for entry in &entries {
        if out.json {
            out.object(&entry_json(entry))?;
        } else if long {
            let gas = entry.gas.map_or_else(|| "-".to_owned(), |gas| gas.to_string());
            out.line(&format!(
                "{:<20} {:>3} {:<9} {gas:>11} {:>10} {} {}",
                entry.name,
                entry.version,
                entry.profile.name,
                show::bytes(entry.bytes),
                show::time(entry.time_ms),
                entry.cid()
            ))?;
        } else {
            out.line(&entry.name)?;
        }
    }
    Ok(())
}

/// Shows one.
pub(super) fn show(global: &Global, module: &str, out: &mut Out) -> Outcome<()> {
    let reference = reference(module)?;
    let mut session = Session::open(global, Access::Read, out)?;
    let entry = Registry::new(session.engine()).find(&reference)?;
    session.tell(out);
    if out.json {
        return out.object(&entry_json(&entry));
    }
    let mut line = |name: &str, text: String| out.line(&format!("{name:<10} {}", show::safe(&text)));
    line("name", entry.name.clone())?;
    line("version", format!("{} ({})", entry.version, show::time(entry.time_ms)))?;
    line("cid", entry.cid().to_string())?;
    line("sha256", show::hex(&entry.sha256))?;
    line("size", show::bytes(entry.bytes))?;
    line("profile", entry.profile.name.to_owned())?;
    if let Some(gas) = entry.profile.gas {
        let most = entry.gas.map_or_else(String::new, |most| format!(", here at most {most}"));
        line("gas", format!("{} by default, at most {}{most}", gas.default, gas.max))?;
    }
    if !entry.functions.is_empty() {
        line("functions", entry.functions.join(", "))?;
    }
    Ok(())
}

/// Takes one out.
pub(super) fn rm(global: &Global, name: &str, out: &mut Out) -> Outcome<()> {
    dagvault_registry::check_name(name)?;
    let mut session = Session::open(global, Access::Write, out)?;
    Registry::new(session.engine()).remove(name)?;
    session.tell(out);
    out.done(&format!("removed {name}"), &json!({ "removed": name }))
}

/// Runs one, and writes a receipt if asked.
pub(super) fn run(
    global: &Global,
    module: &str,
    ask: &Ask,
    receipt: Option<&Path>,
    previous: Option<&Path>,
    out: &mut Out,
) -> Outcome<()> {
    let reference = reference(module)?;
    let previous = previous.map(super::super::receipt::read).transpose()?;
    let library = library(out)?;
    let mut session = Session::open(global, Access::Read, out)?;
    let registry = Registry::new(session.engine());
    let entry = registry.find(&reference)?;
    let module = registry.load(&library, &entry)?;
    let mut asked = Asked::new(&module, ask)?;
    asked.within(entry.gas);
    let cid = entry.cid().to_bytes();
    let call = asked.call(&cid);
    let execution = library.sandbox().execute(&module, &call)?;
    session.tell(out);
    if let Some(target) = receipt {
        let previous = previous.map(|previous| previous.digest());
        let made = Receipt::of(library.sandbox(), &module, &call, &execution, &cid, NO_STATE, previous);
        let signed = made.map_err(|error| failure(&error)).and_then(|made| sign(&session, made))?;
        let mut file = NewFile::create(target, false)?;
        file.write(&signed.write())?;
        file.finish()?;
        out.note(&format!("receipt {} to {}", show::hex(&signed.digest()), target.display()));
    }
    ask::tell(&module, &execution, out)
}

/// Lets the vault's owner sign.
fn sign(session: &Session, receipt: Receipt) -> Outcome<Signed> {
    match session.call(&Request::SignReceipt { receipt: receipt.write().into() })? {
        Response::Signature { signer, signature } => {
            receipt.signed(signer, signature).map_err(|error| failure(&error))
        }
        _ => Err(Failure::odd_answer()),
    }
}

/// Why there is no receipt, or one does not hold.
pub(in super::super) fn failure(error: &ReceiptError) -> Failure {
    let text = show::safe(&error.to_string());
    match error {
        ReceiptError::Signature | ReceiptError::Differs(_) | ReceiptError::Other(_) => {
            Failure::new(Kind::Corrupt, text)
                .hint("give the module and everything that was asked as they were; else somebody changed it")
        }
        ReceiptError::Timeout => Failure::new(Kind::Module, text),
        _ => Failure::usage(text),
    }
}

/// Reads a file that may be a receipt.
pub(in super::super) fn read_receipt(file: &Path) -> Outcome<Vec<u8>> {
    read_all(Some(file), dagvault_core::limits::RECEIPT_BYTES_MAX, "a receipt")
}
