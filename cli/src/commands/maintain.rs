//! `verify`, `gc`, `stat`, `selftest`, `version`.

use dagvault_api::{GcDone, MemoryStats, Request, Response, VaultStats};
use serde_json::json;

use super::car::Walk;
use crate::args::{Gc, Global, Root, Stat};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::progress::Unit;
use crate::show;
use crate::signal::Stop;

/// Verifies everything.
pub(super) fn verify(global: &Global, out: &mut Out) -> Outcome<()> {
    let mut session = Session::open(global, Access::Read, out)?;
    let stop = Stop::watch();
    let handle = match session.call(&Request::VerifyBegin {})? {
        Response::Handle { handle, .. } => handle,
        _ => return Err(Failure::odd_answer()),
    };
    out.start_progress(Unit::Blocks);
    let step = loop {
        stop.check("nothing was changed; a verification begins anew each time")?;
        let Response::Verify { step } = session.call(&Request::VerifyNext { handle })? else {
            return Err(Failure::odd_answer());
        };
        if step.done {
            break step;
        }
        out.progress(step.blocks, step.blocks, Some(step.blocks + step.pending));
    };
    out.end_progress();
    session.tell(out);
    let text = format!(
        "everything is as it was written: {} ({}), {}, {}, {}",
        show::count(step.blocks, "block", "blocks"),
        show::bytes(step.bytes),
        show::count(step.paths, "path", "paths"),
        show::count(step.versions, "version", "versions"),
        show::count(step.commits, "commit", "commits"),
    );
    let object = json!({
        "ok": true, "blocks": step.blocks, "bytes": step.bytes, "paths": step.paths,
        "versions": step.versions, "commits": step.commits,
    });
    out.done(&text, &object)
}

/// The counts of a collection in JSON.
pub(super) fn gc_json(done: &GcDone, path: &str) -> serde_json::Value {
    let mut object = json!({
        "live_blocks": done.live_blocks, "live_bytes": done.live_bytes,
        "dead_blocks": done.dead_blocks, "dead_bytes": done.dead_bytes,
    });
    if !path.is_empty() {
        object["path"] = json!(path);
    }
    object
}

/// Collects garbage, then puts files together of which little is left.
pub(super) fn gc(global: &Global, options: &Gc, out: &mut Out) -> Outcome<()> {
    let access = if options.dry_run { Access::Read } else { Access::Write };
    let mut session = Session::open(global, access, out)?;
    let Response::Gc { done } = session.call(&Request::Gc { dry_run: options.dry_run })? else {
        return Err(Failure::odd_answer());
    };
    let stop = Stop::watch();
    out.start_progress(Unit::Bytes);
    let compacted = session.compact(options.dry_run, &mut |bytes, total| {
        out.progress(0, bytes, Some(total));
        !stop.asked()
    });
    out.end_progress();
    session.tell(out);
    let compacted = compacted?;
    stop.check("what was removed stays removed; `dagvault gc` goes on")?;
    let mut text = format!(
        "{} {} ({}); {} in use ({})",
        if options.dry_run { "would remove" } else { "removed" },
        show::count(done.dead_blocks, "block", "blocks"),
        show::bytes(done.dead_bytes),
        done.live_blocks,
        show::bytes(done.live_bytes),
    );
    if compacted.segments > 0 {
        let files = show::count(compacted.segments, "file", "files");
        let freed = show::bytes(compacted.bytes_before.saturating_sub(compacted.bytes_after));
        let did = if options.dry_run { "would put" } else { "put" };
        text.push_str(&format!("; {did} {files} together, {freed} less"));
    }
    let mut object = gc_json(&done, "");
    object["dry_run"] = json!(options.dry_run);
    object["compacted"] = json!({
        "files": compacted.segments, "bytes_before": compacted.bytes_before, "bytes_after": compacted.bytes_after,
    });
    out.done(&text, &object)
}

/// Shows figures.
pub(super) fn stat(global: &Global, options: &Stat, out: &mut Out) -> Outcome<()> {
    let mut session = Session::open(global, Access::Read, out)?;
    let Response::Stat { stats } = session.call(&Request::Stat {})? else {
        return Err(Failure::odd_answer());
    };
    let memory = if options.memory {
        // So that the figures are those of an engine that has seen the whole graph.
        let mut walk = Walk::new(&session, Root::Head, false)?;
        while !walk.page()?.is_empty() {}
        match session.call(&Request::Memory {})? {
            Response::Memory { stats } => Some(stats),
            _ => return Err(Failure::odd_answer()),
        }
    } else {
        None
    };
    session.tell(out);
    if out.json {
        let mut object = stats_json(&stats);
        if let Some(memory) = &memory {
            object["memory"] = memory_json(memory);
        }
        return out.object(&object);
    }
    for (name, value) in stats_lines(&stats) {
        out.line(&format!("{name:<14} {value}"))?;
    }
    memory.map_or(Ok(()), |memory| memory_lines(&memory, out))
}

fn stats_lines(stats: &VaultStats) -> [(&'static str, String); 13] {
    [
        ("vault", show::hex(&stats.vault)),
        ("commit", stats.commit.clone()),
        ("commits", stats.sequence.to_string()),
        ("last change", show::time(stats.time_ms)),
        ("key epoch", stats.epoch.to_string()),
        ("paths", stats.paths.to_string()),
        ("versions", stats.versions.to_string()),
        ("values", show::bytes(stats.value_bytes)),
        ("stored", show::bytes(stats.stored_bytes)),
        ("blocks", format!("{} ({})", stats.blocks, show::bytes(stats.block_bytes))),
        ("tree depth", stats.depth.to_string()),
        ("key slots", stats.key_slots.to_string()),
        ("paranoid", if stats.paranoid { "yes" } else { "no" }.to_owned()),
    ]
}

fn stats_json(stats: &VaultStats) -> serde_json::Value {
    json!({
        "vault": show::hex(&stats.vault), "sequence": stats.sequence, "commit": stats.commit,
        "time": show::time(stats.time_ms), "time_ms": stats.time_ms, "epoch": stats.epoch,
        "paths": stats.paths, "versions": stats.versions, "value_bytes": stats.value_bytes,
        "stored_bytes": stats.stored_bytes, "blocks": stats.blocks, "block_bytes": stats.block_bytes,
        "depth": stats.depth, "key_slots": stats.key_slots, "paranoid": stats.paranoid,
    })
}

fn memory_lines(memory: &MemoryStats, out: &mut Out) -> Outcome<()> {
    out.line("")?;
    out.line("region           size  slots   used   peak  bytes at peak   resets")?;
    for region in &memory.regions {
        let size = show::bytes(region.bytes);
        let peak = show::bytes(region.bytes_peak);
        let (slots, used, most) = (region.slots, region.used, region.peak);
        out.line(&format!(
            "{:<11} {size:>9} {slots:>6} {used:>6} {most:>6} {peak:>14} {:>8}",
            region.name, region.resets
        ))?;
    }
    let heap = &memory.heap;
    out.line(&format!(
        "heap        {} used, {} at peak, {} claimed, {} allocations, {}.{} % fragmented",
        show::bytes(heap.used),
        show::bytes(heap.peak),
        show::bytes(heap.claimed),
        heap.allocations,
        heap.fragmentation_permille / 10,
        heap.fragmentation_permille % 10,
    ))?;
    let nodes = show::count(memory.cache_nodes, "node", "nodes");
    out.line(&format!("node cache  {nodes}, {}", show::bytes(memory.cache_bytes)))?;
    let tables = memory.tables;
    let nodes = show::count(tables.nodes, "node", "nodes");
    out.line(&format!("node table  {nodes}, {} beside the DAG region", show::bytes(tables.bytes)))
}

pub(super) fn memory_json(memory: &MemoryStats) -> serde_json::Value {
    let regions: Vec<_> = memory
        .regions
        .iter()
        .map(|region| {
            json!({
                "name": region.name, "bytes": region.bytes, "slots": region.slots, "used": region.used,
                "peak": region.peak, "bytes_peak": region.bytes_peak, "resets": region.resets,
            })
        })
        .collect();
    let heap = &memory.heap;
    json!({
        "regions": regions,
        "heap": {
            "used": heap.used, "peak": heap.peak, "claimed": heap.claimed, "allocations": heap.allocations,
            "fragmentation_permille": heap.fragmentation_permille,
        },
        "cache_bytes": memory.cache_bytes,
        "cache_nodes": memory.cache_nodes,
        "node_tables": {
            "made": memory.tables.tables, "nodes": memory.tables.nodes, "bytes": memory.tables.bytes,
        },
    })
}

/// Checks the engine's algorithms.
pub(super) fn selftest(global: &Global, out: &mut Out) -> Outcome<()> {
    let mut session = Session::without_vault(global, out)?;
    let text = text(session.call(&Request::SelfTest {})?)?;
    session.tell(out);
    out.done(&text, &json!({ "ok": true, "text": text }))
}

/// Shows versions.
pub(super) fn version(global: &Global, out: &mut Out) -> Outcome<()> {
    let mut session = Session::without_vault(global, out)?;
    let engine = text(session.call(&Request::Version {})?)?;
    session.tell(out);
    let command = env!("CARGO_PKG_VERSION");
    if out.json {
        return out.object(&json!({ "dagvault": command, "engine": engine }));
    }
    out.line(&format!("dagvault {command}, engine {engine}"))
}

fn text(response: Response) -> Outcome<String> {
    match response {
        Response::Text { text } => Ok(text),
        _ => Err(Failure::odd_answer()),
    }
}
