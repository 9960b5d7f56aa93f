//! `put`: stores a value.

use dagvault_api::{Codec, MetaChange, PutItem, PutOutcome, Request, Response};
use serde_json::json;

use super::{path, version_json};
use crate::args::{Global, Put};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Outcome};
use crate::input::{First, Value};
use crate::output::Out;

/// Stores a value.
pub(super) fn run(global: &Global, options: &Put, out: &mut Out) -> Outcome<()> {
    let path = path(&options.path)?;
    let mut session = Session::open(global, Access::Write, out)?;
    let mut value = Value::open(&options.input, &format!("Value of {path}"))?;
    let item = |bytes| PutItem {
        path: path.into(),
        value: bytes,
        meta: MetaChange::new(),
        expected: options.cas,
        skip_equal: options.skip_equal,
        codec: if options.compress { Codec::Lz4 {} } else { Codec::Raw {} },
    };
    let outcome = match value.first()? {
        First::Whole(bytes) => {
            one(session.call(&Request::Put { items: vec![item(bytes.as_slice().into())] })?)?
        }
        First::Piece(piece) => {
            let handle = match session.call(&Request::WriteBegin { item: item((&[][..]).into()) })? {
                Response::Handle { handle, .. } => handle,
                _ => return Err(Failure::odd_answer()),
            };
            value.rest(piece, |bytes| session.done(&Request::WriteChunk { handle, bytes: bytes.into() }))?;
            one(session.call(&Request::WriteEnd { handle })?)?
        }
    };
    session.tell(out);
    let number = outcome.version.number;
    let text = if outcome.written {
        format!("{path}: version {number}")
    } else {
        format!("{path}: equal to version {number}, nothing written")
    };
    let mut object = version_json(&outcome.version);
    object["path"] = json!(path);
    object["written"] = json!(outcome.written);
    out.done(&text, &object)
}

/// The outcome of a put of one item.
pub(crate) fn one(response: Response) -> Outcome<PutOutcome> {
    match response {
        Response::Put { outcomes } if outcomes.len() == 1 => {
            outcomes.into_iter().next().ok_or_else(Failure::odd_answer)
        }
        _ => Err(Failure::odd_answer()),
    }
}
