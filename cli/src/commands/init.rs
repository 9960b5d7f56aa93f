//! `init`: makes a vault.

use dagvault_api::{Request, Response};
use serde_json::json;

use crate::args::{Global, Init};
use crate::engine::{Session, vault_path};
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::{secret, show};

/// Makes a vault.
pub(super) fn run(global: &Global, options: &Init, out: &mut Out) -> Outcome<()> {
    let given = [global.passphrase_fd.is_some(), global.passphrase_file.is_some(), global.key_file.is_some()];
    if options.new_key_file.is_some() && given.contains(&true) {
        return Err(Failure::usage(
            "--new-key-file protects the vault alone: give no passphrase or other key file",
        )
        .hint("add more key slots later with `dagvault passwd --add`"));
    }
    let mut session = Session::create(global, out)?;
    let made = options.new_key_file.as_deref();
    let secret = match made {
        Some(path) => secret::make_key_file(path)?,
        None => secret::to_create(global, out)?,
    };
    let paranoid = options.paranoid;
    let created = secret
        .protect(options.costs)
        .and_then(|protect| session.done(&Request::Create { protect, paranoid }));
    if let (Err(_), Some(path)) = (&created, made) {
        // This key opens nothing.
        let _ = std::fs::remove_file(path);
    }
    created?;
    session.tell(out);
    let path = vault_path(global)?.display().to_string();
    let id = match session.call(&Request::Stat {})? {
        Response::Stat { stats } => show::hex(&stats.vault),
        _ => return Err(Failure::odd_answer()),
    };
    out.done(&format!("new vault in {path}"), &json!({ "vault": path, "id": id }))
}
