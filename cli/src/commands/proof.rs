//! `proof`: proofs that a commit holds a path.

use dagvault_api::{Proven, Request, Response, VersionState};
use dagvault_core::ids::Cid;
use dagvault_core::limits::PROOF_BYTES_MAX;
use dagvault_core::wipe::Wiped;
use serde_json::json;
use std::path::Path;

use super::block::{check_output, read_all};
use super::get::{NewFile, check_target, value_json};
use super::{path, state, version_json};
use crate::args::{Global, Output, Proof, ProvenTo, ToFile};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::show;

/// What a proof discloses besides what it proves.
const DISCLOSES: &str = "a proof holds the keys of the tree's nodes from the root to the path: its holder reads what \
                         stands beside the path, and with a copy of the vault's blocks all that this commit holds \
                         (docs/security.md)";

/// Runs one of the commands on proofs.
pub(super) fn run(global: &Global, command: &Proof, out: &mut Out) -> Outcome<()> {
    match command {
        Proof::Make { path, output } => make(global, path, output, out),
        Proof::Check { file, commit, output } => check(global, file, *commit, output, out),
    }
}

/// Checks a proof by the engine, which needs no vault for it.
fn ask(session: &Session, proof: &[u8], commit: Cid) -> Outcome<Proven> {
    match session.call(&Request::ProofCheck { proof: proof.into(), commit })? {
        Response::Proven { proven } => Ok(*proven),
        _ => Err(Failure::odd_answer()),
    }
}

fn make(global: &Global, text: &str, output: &ToFile, out: &mut Out) -> Outcome<()> {
    let path = path(text)?;
    check_output(output, out)?;
    let mut session = Session::open(global, Access::Read, out)?;
    let Response::Bytes { bytes } = session.call(&Request::ProofMake { path: path.into() })? else {
        return Err(Failure::odd_answer());
    };
    let proof = Wiped(bytes.0);
    // The commit that it is of stands in it; a check at once shows that it holds.
    let commit = super::dag::commit(&session, crate::args::Root::Head)?;
    let proven = match ask(&session, &proof, commit.cid) {
        // Another process has changed the vault since: the proof is of the commit before.
        Err(failure) if failure.kind == Kind::Corrupt => {
            return Err(Failure::new(Kind::Busy, "the vault was changed while the proof was made"));
        }
        other => other?,
    };
    session.tell(out);
    out.warn(DISCLOSES);
    let commit = proven.commit.cid.to_string();
    let Some(target) = &output.output else {
        out.note(&format!("check it against the commit {commit}"));
        return out.raw(&proof);
    };
    let mut file = NewFile::create(target, output.force)?;
    file.write(&proof)?;
    file.finish()?;
    let target = target.display().to_string();
    let text = format!("proof of {path} to {target} ({})\ncommit {commit}", show::bytes(proof.len() as u64));
    out.done(
        &text,
        &json!({
            "path": path, "commit": commit, "sequence": proven.commit.sequence, "file": target,
            "bytes": proof.len(), "nodes": proven.nodes,
        }),
    )
}

fn check(global: &Global, file: &Path, commit: Cid, output: &ProvenTo, out: &mut Out) -> Outcome<()> {
    check_target(&Output { output: output.output.clone(), force: output.force, no_newline: true })?;
    let proof = Wiped(read_all(Some(file), PROOF_BYTES_MAX, "a proof")?);
    let mut session = Session::without_vault(global, out)?;
    let proven = ask(&session, &proof, commit)?;
    session.tell(out);
    if let Some(target) = &output.output {
        let value = proven.value.as_ref().ok_or_else(|| {
            let what =
                if proven.parts.is_empty() { "was destroyed" } else { "is too large to stand in the proof" };
            Failure::new(Kind::NotFound, format!("the proof holds, but the value {what}"))
                .hint("the answer without -o tells which blocks hold the value")
        })?;
        let mut new = NewFile::create(target, output.force)?;
        new.write(&value.0)?;
        new.finish()?;
    }
    tell(&proven, output, out)
}

fn tell(proven: &Proven, output: &ProvenTo, out: &mut Out) -> Outcome<()> {
    let (commit, latest) = (&proven.commit, &proven.latest);
    let parts: Vec<String> = proven.parts.iter().map(ToString::to_string).collect();
    if out.json {
        let mut object = version_json(latest);
        object["holds"] = json!(true);
        object["path"] = json!(proven.path);
        object["versions"] = json!(proven.versions);
        object["commit"] = json!(commit.cid.to_string());
        object["sequence"] = json!(commit.sequence);
        object["commit_time"] = json!(show::time(commit.time_ms));
        object["commit_author"] = json!(show::hex(&commit.author));
        object["nodes"] = json!(proven.nodes);
        object["parts"] = json!(parts);
        match (&output.output, &proven.value) {
            (Some(target), _) => object["file"] = json!(target.display().to_string()),
            (None, Some(value)) => value_json(&mut object, &value.0),
            (None, None) => {}
        }
        return out.object(&object);
    }
    let mut line = |name: &str, value: String| out.line(&format!("{name:<14} {}", show::safe(&value)));
    line("holds", proven.path.clone())?;
    line("version", format!("{} ({}, {})", latest.number, state(latest), show::time(latest.time_ms)))?;
    line("size", show::bytes(latest.size))?;
    line("commit", commit.cid.to_string())?;
    line("change", format!("{} ({})", commit.sequence, show::time(commit.time_ms)))?;
    line("author", show::hex(&commit.author))?;
    for part in parts {
        line("value in", part)?;
    }
    if let Some(target) = &output.output {
        line("value to", target.display().to_string())?;
    }
    if latest.state == (VersionState::Deleted {}) {
        out.note("the path is marked as deleted in this commit; its value is still there");
    }
    Ok(())
}
