//! `meta`: the metadata of a path.

use dagvault_api::{EntryInfo, MetaChange, Request, Response};
use dagvault_core::cbor::Bytes;
use dagvault_core::limits::{META_BYTES_MAX, META_KEY_BYTES_MAX};
use dagvault_core::wipe::Wiped;
use serde_json::json;

use super::get::{NewFile, check_target, check_terminal, value_json};
use super::path;
use crate::args::{Global, Input, Meta, Output};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Kind, Outcome};
use crate::input::{First, Value};
use crate::output::Out;
use crate::show;

/// Shows or changes metadata.
pub(super) fn run(global: &Global, options: &Meta, out: &mut Out) -> Outcome<()> {
    match options {
        Meta::Get { path: of, key: Some(key), output } => {
            get_one(global, path(of)?, check_key(key)?, output, out)
        }
        Meta::Get { path: of, key: None, output } => {
            if output.output.is_some() {
                return Err(Failure::usage("-o takes one value: name the key, too"));
            }
            get_all(global, path(of)?, out)
        }
        Meta::Set { path: of, key, input } => set(global, path(of)?, check_key(key)?, input, out),
        Meta::Rm { path: of, keys } => {
            let of = path(of)?;
            let change: MetaChange = keys
                .iter()
                .map(|key| check_key(key).map(|key| (key.to_owned(), None)))
                .collect::<Outcome<_>>()?;
            let count = change.len() as u64;
            let mut session = Session::open(global, Access::Write, out)?;
            session.done(&Request::SetMeta { path: of.into(), change })?;
            session.tell(out);
            let text = format!("{of}: removed {}", show::count(count, "key", "keys"));
            out.done(&text, &json!({ "path": of, "removed": keys }))
        }
    }
}

fn check_key(key: &str) -> Outcome<&str> {
    if key.is_empty() || key.len() > META_KEY_BYTES_MAX {
        return Err(Failure::usage(format!("a metadata key has 1 to {META_KEY_BYTES_MAX} bytes")));
    }
    Ok(key)
}

fn info(session: &Session, path: &str) -> Outcome<EntryInfo> {
    match session.call(&Request::Info { path: path.into() })? {
        Response::List { entries, .. } => entries.into_iter().next().ok_or_else(Failure::odd_answer),
        _ => Err(Failure::odd_answer()),
    }
}

fn get_all(global: &Global, path: &str, out: &mut Out) -> Outcome<()> {
    let mut session = Session::open(global, Access::Read, out)?;
    let meta = info(&session, path)?.meta.unwrap_or_default();
    session.tell(out);
    if out.json {
        let values: serde_json::Map<String, serde_json::Value> = meta
            .iter()
            .map(|(key, value)| {
                let mut object = json!({});
                value_json(&mut object, &value.0);
                (key.clone(), object)
            })
            .collect();
        return out.object(&json!({ "path": path, "meta": values }));
    }
    for (key, value) in &meta {
        let shown = match std::str::from_utf8(&value.0) {
            Ok(text) if show::is_plain_text(&value.0) => show::safe(text),
            _ => format!("(binary, {})", show::bytes(value.0.len() as u64)),
        };
        out.line(&format!("{}: {shown}", show::safe(key)))?;
    }
    Ok(())
}

fn get_one(global: &Global, path: &str, key: &str, output: &Output, out: &mut Out) -> Outcome<()> {
    check_target(output)?;
    let mut session = Session::open(global, Access::Read, out)?;
    let mut meta = info(&session, path)?.meta.unwrap_or_default();
    session.tell(out);
    let value = meta.remove(key).ok_or_else(|| {
        let what = format!("not found: metadata key {} of {}", show::safe(key), show::safe(path));
        Failure::new(Kind::NotFound, what).hint("list the keys with `dagvault meta get PATH`")
    })?;
    let value = Wiped(value.0);
    if let Some(target) = &output.output {
        let mut file = NewFile::create(target, output.force)?;
        file.write(&value)?;
        file.finish()?;
        let object = json!({ "path": path, "key": key, "file": target.display().to_string() });
        return out.done(&format!("{path}: {key} to {}", target.display()), &object);
    }
    if out.json {
        let mut object = json!({ "path": path, "key": key });
        value_json(&mut object, &value);
        return out.object(&object);
    }
    if out.terminal && !output.force {
        check_terminal(&value)?;
    }
    out.raw(&value)?;
    if out.terminal && !output.no_newline && value.last() != Some(&b'\n') {
        out.raw(b"\n")?;
    }
    Ok(())
}

fn set(global: &Global, path: &str, key: &str, input: &Input, out: &mut Out) -> Outcome<()> {
    let mut session = Session::open(global, Access::Write, out)?;
    let value = match Value::open(input, &format!("Value of {key}"))?.first()? {
        First::Whole(bytes) if bytes.len() <= META_BYTES_MAX => Bytes(bytes.to_vec()),
        _ => {
            return Err(Failure::usage(format!("the metadata of a path has at most {META_BYTES_MAX} bytes")));
        }
    };
    let change = MetaChange::from([(key.to_owned(), Some(value))]);
    session.done(&Request::SetMeta { path: path.into(), change })?;
    session.tell(out);
    out.done(&format!("{path}: set {key}"), &json!({ "path": path, "key": key }))
}
