//! `rm`, `undelete`, `destroy`, `mv`, `cp`.

use dagvault_api::{Request, Response, Select};
use dagvault_core::limits::PAGE_ITEMS_MAX;
use serde_json::json;

use super::listing::Listing;
use super::path;
use crate::args::{Destroy, FromTo, Global, Rm, Undelete};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::show;
use crate::terminal::Terminal;

/// Marks paths as deleted.
pub(super) fn rm(global: &Global, options: &Rm, out: &mut Out) -> Outcome<()> {
    let wanted: Vec<&str> = options
        .paths
        .iter()
        .map(|text| if options.recursive { super::prefix(text) } else { path(text) })
        .collect::<Outcome<_>>()?;
    if wanted.contains(&"") {
        return Err(Failure::usage("rm -r needs a path: it does not empty the whole vault"));
    }
    let mut session = Session::open(global, Access::Write, out)?;
    let count = if options.recursive {
        let mut count = 0;
        for prefix in wanted {
            let found = remove_below(&session, prefix)?;
            if found == 0 {
                return Err(nothing_below(prefix));
            }
            count += found;
        }
        count
    } else {
        let mut wanted = wanted;
        wanted.sort_unstable();
        wanted.dedup();
        delete(&session, &wanted)?
    };
    session.tell(out);
    out.done(&format!("deleted {}", show::count(count, "path", "paths")), &json!({ "deleted": count }))
}

/// The failure of a prefix that covers nothing.
pub(crate) fn nothing_below(prefix: &str) -> Failure {
    Failure::new(Kind::NotFound, format!("not found: {}, nor anything below it", show::safe(prefix)))
}

/// Deletes a page after the other, each in one commit.
fn remove_below(session: &Session, prefix: &str) -> Outcome<u64> {
    let mut listing = Listing::new(session, prefix);
    let mut count = 0;
    loop {
        let page = listing.page()?;
        if page.is_empty() {
            return Ok(count);
        }
        let paths: Vec<&str> = page.iter().map(|entry| entry.path.as_str()).collect();
        count += delete(session, &paths)?;
    }
}

/// Deletes paths, so many in a commit as fit.
pub(crate) fn delete(session: &Session, paths: &[&str]) -> Outcome<u64> {
    for page in paths.chunks(PAGE_ITEMS_MAX) {
        session.done(&Request::Delete { paths: page.iter().map(|path| (*path).into()).collect() })?;
    }
    Ok(paths.len() as u64)
}

/// Takes back a deletion.
pub(super) fn undelete(global: &Global, options: &Undelete, out: &mut Out) -> Outcome<()> {
    let path = path(&options.path)?;
    let mut session = Session::open(global, Access::Write, out)?;
    let select = options.version.map_or(Select::Latest {}, |number| Select::Number { number });
    session.done(&Request::Undelete { path: path.into(), select })?;
    session.tell(out);
    out.done(&format!("{path} is back"), &json!({ "path": path }))
}

/// Destroys versions for good.
pub(super) fn destroy(global: &Global, options: &Destroy, out: &mut Out) -> Outcome<()> {
    let path = path(&options.path)?;
    let mut session = Session::open(global, Access::Write, out)?;
    if !options.yes {
        let what = if options.versions.is_empty() {
            format!("{path} with all its versions")
        } else {
            let numbers: Vec<String> = options.versions.iter().map(u64::to_string).collect();
            format!("version {} of {path}", numbers.join(", "))
        };
        let mut terminal = Terminal::open().ok_or_else(|| {
            Failure::usage("destroy asks first, and there is no terminal").hint("say --yes if you mean it")
        })?;
        if !terminal.confirm(&format!("This destroys {what} for good."))? {
            return Err(Failure::new(Kind::Interrupted, "nothing was destroyed").hint("only `yes` destroys"));
        }
    }
    let request = Request::Destroy { path: path.into(), numbers: options.versions.clone() };
    let done = match session.call(&request)? {
        Response::Gc { done } => done,
        _ => return Err(Failure::odd_answer()),
    };
    session.tell(out);
    out.done(&format!("destroyed {path}"), &super::maintain::gc_json(&done, path))
}

/// Moves paths.
pub(super) fn mv(global: &Global, options: &FromTo, out: &mut Out) -> Outcome<()> {
    let (from, to) = (path(&options.from)?, path(&options.to)?);
    transfer(global, &Request::Move { from: from.into(), to: to.into() }, "moved", options, out)
}

/// Copies paths.
pub(super) fn cp(global: &Global, options: &FromTo, out: &mut Out) -> Outcome<()> {
    let (from, to) = (path(&options.from)?, path(&options.to)?);
    transfer(global, &Request::Copy { from: from.into(), to: to.into() }, "copied", options, out)
}

fn transfer(
    global: &Global,
    request: &Request<'_>,
    did: &str,
    options: &FromTo,
    out: &mut Out,
) -> Outcome<()> {
    let mut session = Session::open(global, Access::Write, out)?;
    let count = match session.call(request)? {
        Response::Moved { moved } => moved.paths,
        _ => return Err(Failure::odd_answer()),
    };
    session.tell(out);
    let text =
        format!("{did} {} from {} to {}", show::count(count, "path", "paths"), options.from, options.to);
    out.done(&text, &json!({ "paths": count, "from": options.from, "to": options.to }))
}
