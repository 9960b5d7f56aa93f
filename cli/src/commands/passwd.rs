//! `passwd`: the key slots.

use dagvault_api::{KeySlotInfo, Request, Response};
use serde_json::json;

use crate::args::{Global, Passwd};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::secret::{self, Secret};
use crate::show;

/// Changes, adds, removes or lists key slots.
pub(super) fn run(global: &Global, options: &Passwd, out: &mut Out) -> Outcome<()> {
    let access = if options.list { Access::Read } else { Access::Write };
    if options.new_passphrase_fd.is_some() && options.new_passphrase_fd == global.passphrase_fd {
        return Err(Failure::usage(
            "the old and the new passphrase can't come from the same file descriptor",
        ));
    }
    let mut session = Session::open(global, access, out)?;
    let before = slots(session.call(&Request::Slots {})?)?;
    let (text, after) = if options.list {
        (String::new(), before)
    } else if let Some(id) = options.remove {
        let after = slots(session.call(&Request::SlotRemove { id })?)?;
        (format!("key slot {id} is removed"), after)
    } else {
        replace(options, &session, &before, out)?
    };
    session.tell(out);
    if out.json {
        let slots: Vec<_> = after.iter().map(slot_json).collect();
        return out.object(&json!({ "slots": slots }));
    }
    if !options.list {
        return out.done(&text, &json!({}));
    }
    for slot in &after {
        let costs = slot.kdf.map_or_else(String::new, |kdf| {
            format!("  {} KiB, {} passes, {} lanes", kdf.memory_kib, kdf.passes, kdf.lanes)
        });
        let mark = if slot.current { "  (opened this session)" } else { "" };
        out.line(&format!("{:>3}  {}{costs}{mark}", slot.id, slot.kind))?;
    }
    Ok(())
}

/// Adds a slot; without `--add` or `--add-key-file` the slot that opened the vault goes in the same step.
fn replace(
    options: &Passwd,
    session: &Session,
    before: &[KeySlotInfo],
    out: &mut Out,
) -> Outcome<(String, Vec<KeySlotInfo>)> {
    let secret = new_secret(options, out)?;
    let keep = options.add || options.add_key_file.is_some();
    let remove = before.iter().find(|slot| slot.current).map(|slot| slot.id).filter(|_| !keep);
    let added =
        secret.protect(options.costs).and_then(|protect| session.call(&Request::SlotAdd { protect, remove }));
    if let (Err(_), Some(path)) = (&added, &options.new_key_file) {
        // This key opens nothing.
        let _ = std::fs::remove_file(path);
    }
    let after = slots(added?)?;
    let text = match remove {
        Some(id) => format!("changed; what opened the vault before (key slot {id}) no longer does"),
        None => {
            format!("added; the vault has {} now", show::count(after.len() as u64, "key slot", "key slots"))
        }
    };
    Ok((text, after))
}

fn new_secret(options: &Passwd, out: &mut Out) -> Outcome<Secret> {
    if let Some(path) = &options.new_passphrase_file {
        return secret::new_from_file(path, out);
    }
    if let Some(fd) = options.new_passphrase_fd {
        return secret::new_from_fd(fd);
    }
    if let Some(path) = &options.new_key_file {
        return secret::make_key_file(path);
    }
    if let Some(path) = &options.add_key_file {
        return secret::from_key_file(path, out);
    }
    secret::ask_new()
}

fn slots(response: Response) -> Outcome<Vec<KeySlotInfo>> {
    match response {
        Response::KeySlots { slots } => Ok(slots),
        _ => Err(Failure::odd_answer()),
    }
}

fn slot_json(slot: &KeySlotInfo) -> serde_json::Value {
    let kdf =
        slot.kdf.map(|kdf| json!({ "memory_kib": kdf.memory_kib, "passes": kdf.passes, "lanes": kdf.lanes }));
    json!({ "id": slot.id, "kind": slot.kind, "kdf": kdf, "current": slot.current })
}
