//! `block`: blocks as they are stored. None of it needs a key.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use dagvault_api::{RawBlock, Request, Response};
use dagvault_core::ids::Cid;
use dagvault_core::limits::{BLOCK_BYTES_MAX, RAW_BLOCKS_MAX};
use serde_json::json;

use super::get::{NewFile, check_target};
use crate::args::{Block, Global, ToFile};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::show;

/// Runs one of the commands on blocks.
pub(super) fn run(global: &Global, command: &Block, out: &mut Out) -> Outcome<()> {
    match command {
        Block::Get { cid, output } => get(global, *cid, output, out),
        Block::Put { file } => put(global, file.as_deref(), out),
        Block::Stat { cids } => stat(global, cids, out),
        Block::Ls { long } => ls(global, *long, out),
    }
}

/// Reads blocks, at most `RAW_BLOCKS_MAX`; none where there is no such block.
pub(super) fn read(session: &Session, cids: &[Cid]) -> Outcome<Vec<Option<Vec<u8>>>> {
    match session.call(&Request::BlockGet { cids: cids.to_vec() })? {
        Response::Blocks { blocks } if blocks.len() == cids.len() => {
            Ok(blocks.into_iter().map(|block| block.map(|bytes| bytes.0)).collect())
        }
        _ => Err(Failure::odd_answer()),
    }
}

/// Writes blocks; answers how many were not there.
pub(super) fn write(session: &Session, blocks: Vec<RawBlock<'_>>, commit: bool) -> Outcome<(Vec<Cid>, u64)> {
    match session.call(&Request::BlockPut { blocks, commit })? {
        Response::BlocksPut { cids, fresh } => Ok((cids, fresh)),
        _ => Err(Failure::odd_answer()),
    }
}

fn absent(cid: Cid) -> Failure {
    Failure::new(Kind::NotFound, format!("not found: block {cid}"))
        .hint("list the blocks with `dagvault block ls`, commits with `dagvault dag log`")
}

/// Refuses to write bytes to a terminal.
pub(super) fn check_output(output: &ToFile, out: &Out) -> Outcome<()> {
    if output.output.is_none() && out.terminal && !output.force {
        return Err(Failure::usage("this is binary and would disturb the terminal")
            .hint("write it to a file with -o FILE, or to a pipe"));
    }
    check_target(&output.output())
}

fn get(global: &Global, cid: Cid, output: &ToFile, out: &mut Out) -> Outcome<()> {
    check_output(output, out)?;
    let mut session = Session::locked(global, Access::Read, out)?;
    let block = read(&session, &[cid])?.pop().flatten().ok_or_else(|| absent(cid))?;
    session.tell(out);
    let Some(target) = &output.output else { return out.raw(&block) };
    let mut file = NewFile::create(target, output.force)?;
    file.write(&block)?;
    file.finish()?;
    let target = target.display().to_string();
    let text = format!("{cid}: {} to {target}", show::bytes(block.len() as u64));
    out.done(&text, &json!({ "cid": cid.to_string(), "bytes": block.len(), "file": target }))
}

/// Opens a file of the command line, or standard input.
pub(super) fn source(file: Option<&Path>) -> Outcome<(Box<dyn Read>, String)> {
    match file.filter(|file| *file != Path::new("-")) {
        None => Ok((Box::new(std::io::stdin().lock()), "standard input".into())),
        Some(path) => {
            let name = path.display().to_string();
            let opened = File::open(path).and_then(|file| file.metadata().map(|found| (file, found)));
            let (file, found) = opened.map_err(|error| Failure::io(&name, &error))?;
            if found.is_dir() {
                return Err(Failure::usage(format!("{}: this is a folder", show::safe(&name))));
            }
            Ok((Box::new(file), name))
        }
    }
}

/// Reads a source of at most `most` bytes.
pub(super) fn read_all(file: Option<&Path>, most: usize, what: &str) -> Outcome<Vec<u8>> {
    let (from, name) = source(file)?;
    let mut bytes = Vec::new();
    let read = from.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::io(&name, &error))?;
    if bytes.len() > most {
        return Err(Failure::usage(format!("{}: {what} has at most {most} bytes", show::safe(&name))));
    }
    Ok(bytes)
}

fn put(global: &Global, file: Option<&Path>, out: &mut Out) -> Outcome<()> {
    let bytes = read_all(file, BLOCK_BYTES_MAX, "a block")?;
    let mut session = Session::locked(global, Access::Write, out)?;
    let block = RawBlock { cid: None, bytes: bytes.as_slice().into() };
    let (cids, fresh) = write(&session, vec![block], true)?;
    session.tell(out);
    let [cid] = cids[..] else { return Err(Failure::odd_answer()) };
    if out.json {
        return out.object(&json!({ "cid": cid.to_string(), "bytes": bytes.len(), "written": fresh > 0 }));
    }
    out.line(&cid.to_string())
}

fn stat(global: &Global, cids: &[Cid], out: &mut Out) -> Outcome<()> {
    let mut session = Session::locked(global, Access::Read, out)?;
    for some in cids.chunks(RAW_BLOCKS_MAX) {
        for (cid, block) in some.iter().zip(read(&session, some)?) {
            let bytes = block.ok_or_else(|| absent(*cid))?.len() as u64;
            show_block(*cid, bytes, true, out)?;
        }
    }
    session.tell(out);
    Ok(())
}

fn show_block(cid: Cid, bytes: u64, long: bool, out: &mut Out) -> Outcome<()> {
    if out.json {
        return out.object(&json!({ "cid": cid.to_string(), "bytes": bytes }));
    }
    if long { out.line(&format!("{cid} {bytes:>7}")) } else { out.line(&cid.to_string()) }
}

fn ls(global: &Global, long: bool, out: &mut Out) -> Outcome<()> {
    let mut session = Session::locked(global, Access::Read, out)?;
    let mut cursor = None;
    loop {
        let Response::BlockList { blocks, next } = session.call(&Request::BlockList { cursor })? else {
            return Err(Failure::odd_answer());
        };
        for block in &blocks {
            show_block(block.cid, block.bytes, long, out)?;
        }
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    session.tell(out);
    Ok(())
}
