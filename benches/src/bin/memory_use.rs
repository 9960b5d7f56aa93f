//! `memory_use ENGINE FOLDER`: a life of a vault on disk, then the engine's own figures of its memory, as JSON.

use anyhow::{Context as _, Result, bail};
use dagvault_api::{Codec, Engine, PutItem, Request, Response};
use dagvault_benches::{ENGINES, PART_BYTES, begin, item, put_one, send, vault_in};
use serde_json::json;

const VALUES: usize = 2000;
const STREAM_BYTES: usize = 256 << 20;

fn path(number: usize) -> String {
    format!("life/{:02}/{number:04}", number % 37)
}

/// Small and middling values in an order of no order: the lengths are what a heap finds hard.
fn length(number: usize) -> usize {
    let mixed = number.wrapping_mul(0x9e37_79b9).rotate_left(13) ^ number;
    match mixed % 16 {
        0..=9 => 16 + mixed % 500,
        10..=14 => mixed % 20_000,
        _ => mixed % 200_000,
    }
}

fn life(engine: &dyn Engine) -> Result<()> {
    let value = vec![0x5a; PART_BYTES];
    for number in 0..VALUES {
        put_one(engine, &path(number), &value[..length(number)])?;
    }
    for number in (0..VALUES).step_by(3) {
        put_one(engine, &path(number), &value[..length(number + 1)])?;
    }
    for number in (0..VALUES).step_by(400) {
        let (path, numbers) = (path(number).into(), Vec::new());
        engine.call(&Request::Destroy { path, numbers })?;
    }
    // Compressed, which is what the arenas of scratch are for.
    let handle = begin(engine, PutItem { codec: Codec::Lz4File {}, ..item("large", &[]) })?;
    for _ in 0..STREAM_BYTES / PART_BYTES {
        send(engine, handle, &value)?;
    }
    engine.call(&Request::WriteEnd { handle })?;
    let Response::Handle { handle, .. } = engine.call(&Request::VerifyBegin {})? else { bail!("no handle") };
    loop {
        match engine.call(&Request::VerifyNext { handle })? {
            Response::Verify { step } if step.done => return Ok(()),
            Response::Verify { .. } => {}
            _ => bail!("no step"),
        }
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = arguments.as_slice() else { bail!("usage: memory_use ENGINE FOLDER") };
    let contender = ENGINES.iter().find(|contender| contender.name == *name).context("no such engine")?;
    let engine = vault_in(contender, folder.as_ref(), 2)?;
    life(&*engine)?;
    let Response::Memory { stats } = engine.call(&Request::Memory {})? else { bail!("no figures") };
    let arenas = stats.regions.iter().filter(|region| region.slots > 0).map(|region| {
        json!({
            "name": region.name, "slots": region.slots, "peak": region.peak, "resets": region.resets,
            "slot_bytes": region.bytes / region.slots, "bytes_peak": region.bytes_peak,
        })
    });
    let heap = &stats.heap;
    println!(
        "{}",
        json!({
            "arenas": arenas.collect::<Vec<_>>(), "used": heap.used, "peak": heap.peak, "claimed": heap.claimed,
            "allocations": heap.allocations, "fragmentation_permille": heap.fragmentation_permille,
        })
    );
    Ok(())
}
