//! Single requests and batches by every engine over a store in memory: what the engines cost, without a disk.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use dagvault_api::{Codec, Engine, PutItem, Request, Response, Select};

use crate::case::{Case, Run, SIZES, on_backend, timed};
use crate::{Contender, ENGINES, PART_BYTES, begin, item, put_one, send, vault_in_memory};

/// Most bytes of values in a vault that is filled by puts: it keeps every version.
const VAULT_BYTES_MAX: usize = 64 << 20;
/// Most values in it.
const VALUES_MAX: usize = 1000;
/// Values of one request of a batch.
const BATCH: usize = 250;
/// Values of at least this length go in parts.
const STREAMED_BYTES_MIN: usize = 8 << 20;

fn path(number: usize) -> String {
    format!("values/{number:04}")
}

/// How many values of that length a vault gets.
fn capacity(bytes: usize) -> usize {
    (VAULT_BYTES_MAX / bytes).clamp(1, VALUES_MAX)
}

fn put_batch(engine: &dyn Engine, from: usize, count: usize, value: &[u8]) -> Result<()> {
    let paths: Vec<String> = (from..from + count).map(path).collect();
    let items = paths.iter().map(|path| item(path, value)).collect();
    match engine.call(&Request::Put { items })? {
        Response::Put { outcomes } if outcomes.len() == count => Ok(()),
        _ => bail!("a batch was answered otherwise"),
    }
}

fn put_streamed(engine: &dyn Engine, path: &str, value: &[u8]) -> Result<()> {
    let handle = begin(engine, item(path, &[]))?;
    send(engine, handle, value)?;
    engine.call(&Request::WriteEnd { handle })?;
    Ok(())
}

fn put(engine: &dyn Engine, path: &str, value: &[u8]) -> Result<()> {
    if value.len() >= STREAMED_BYTES_MIN {
        put_streamed(engine, path, value)
    } else {
        put_one(engine, path, value)
    }
}

fn get(engine: &dyn Engine, path: &str, bytes: usize) -> Result<()> {
    let select = Select::Latest {};
    if bytes < STREAMED_BYTES_MIN {
        let Response::Value { value, .. } = engine.call(&Request::Get { path: path.into(), select })? else {
            bail!("no value");
        };
        ensure!(value.0.len() == bytes, "another value");
        return Ok(());
    }
    let begin = Request::ReadBegin { path: path.into(), select };
    let Response::Handle { handle, .. } = engine.call(&begin)? else { bail!("no handle") };
    let mut read = 0;
    loop {
        let next = Request::ReadNext { handle, bytes_max: PART_BYTES as u64 };
        let Response::Bytes { bytes: part } = engine.call(&next)? else { bail!("no bytes") };
        if part.0.is_empty() {
            ensure!(read == bytes, "another value");
            return Ok(());
        }
        read += part.0.len();
    }
}

/// A vault in memory with `count` values.
///
/// # Errors
/// If it can't be made.
pub fn filled(contender: &Contender, workers: usize, bytes: usize, count: usize) -> Result<Box<dyn Engine>> {
    let engine = vault_in_memory(contender, workers)?;
    let value = vec![0x5a; bytes];
    if bytes >= STREAMED_BYTES_MIN {
        put_streamed(&*engine, &path(0), &value)?;
        return Ok(engine);
    }
    let batch = (STREAMED_BYTES_MIN / bytes).clamp(1, BATCH);
    for from in (0..count).step_by(batch) {
        put_batch(&*engine, from, batch.min(count - from), &value)?;
    }
    Ok(engine)
}

/// Something done again and again with the next number, `room` times to one vault.
fn in_new_vaults(
    contender: &'static Contender,
    workers: usize,
    room: usize,
    once: impl Fn(&dyn Engine, usize) -> Result<()> + 'static,
) -> Result<Run> {
    let mut engine = vault_in_memory(contender, workers)?;
    let mut number = 0;
    Ok(Box::new(move |times| {
        let mut took = Duration::ZERO;
        let mut left = times;
        while left > 0 {
            if number == room {
                (engine, number) = (vault_in_memory(contender, workers)?, 0);
            }
            let turn = left.min((room - number) as u64);
            took += timed(turn, || {
                number += 1;
                once(&*engine, number - 1)
            })?;
            left -= turn;
        }
        Ok(took)
    }))
}

fn puts(contender: &'static Contender, workers: usize, bytes: usize) -> Result<Run> {
    let value = vec![0x5a; bytes];
    in_new_vaults(contender, workers, capacity(bytes), move |engine, number| {
        put(engine, &path(number), &value)
    })
}

fn gets(contender: &'static Contender, workers: usize, bytes: usize) -> Result<Run> {
    let count = capacity(bytes);
    let engine = filled(contender, workers, bytes, count)?;
    let mut number = 0;
    Ok(Box::new(move |times| {
        timed(times, || {
            number = (number + 7) % count;
            get(&*engine, &path(number), bytes)
        })
    }))
}

/// Batches of values, each batch one commit; a vault gets four.
fn batches(contender: &'static Contender, workers: usize, bytes: usize) -> Result<Run> {
    let value = vec![0x5a; bytes];
    in_new_vaults(contender, workers, 4, move |engine, number| {
        put_batch(engine, number * BATCH, BATCH, &value)
    })
}

fn lists(contender: &'static Contender, workers: usize, bytes: usize) -> Result<Run> {
    let engine = filled(contender, workers, bytes, VALUES_MAX)?;
    Ok(Box::new(move |times| {
        timed(times, || {
            let limit = VALUES_MAX as u64;
            let prefix = "values".into();
            let request = Request::List { prefix, after: None, limit, meta: false, deleted: false };
            black_box(engine.call(&request)?);
            Ok(())
        })
    }))
}

/// What [`text`] is made of.
const WORDS: &str = "    let mut value = engine .call( & Request :: Get { path , select } )? ; if bytes . len () == 0 \
    { return Err ( Error :: limit ( the vault has no more room for this ) ) } else for block in blocks . iter () \
    // A comment that says why , in a few words of which some come again /// # Errors pub ( crate ) fn seal ( key : \
    & Secret < 32 > , nonce , aad , buf : & mut [ u8 ] ) -> Result < () , StoreError > match Some ( at ) => None";

/// Text that compresses about as well as source code: its words by no order, always the same.
fn text(bytes: usize) -> Vec<u8> {
    let words: Vec<&str> = WORDS.split(' ').collect();
    let mut text = Vec::with_capacity(bytes + 256);
    let mut state = 1_u64;
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.extend_from_slice(words[(state >> 33) as usize % words.len()].as_bytes());
        text.push(b' ');
    }
    text.truncate(bytes);
    text
}

/// What the workers do of a long value: its chunks are hashed, compressed and sealed, and nothing else is timed but
/// that a map in memory takes the blocks.
fn seals(contender: &'static Contender, workers: usize, bytes: usize) -> Result<Run> {
    let value = text(bytes);
    Ok(Box::new(move |times| {
        let mut took = Duration::ZERO;
        for _ in 0..times {
            let engine = vault_in_memory(contender, workers)?;
            let item = PutItem { codec: Codec::Lz4File {}, ..item("value", &[]) };
            let handle = begin(&*engine, item)?;
            took += timed(1, || send(&*engine, handle, &value))?;
            engine.call(&Request::WriteEnd { handle })?;
        }
        Ok(took)
    }))
}

type Open = fn(&'static Contender, usize, usize) -> Result<Run>;

/// The cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    static CONTENDERS: &[Contender] = &ENGINES;
    let kinds: [(&str, Open, &[usize], usize); 5] = [
        ("put", puts, &SIZES, 1),
        ("get", gets, &SIZES, 1),
        ("put 250 at once", batches, &SIZES[..3], BATCH),
        ("list 1000", lists, &SIZES[..1], VALUES_MAX),
        ("compress, hash and seal", seals, &SIZES[4..], 1),
    ];
    let mut cases = Vec::new();
    for (what, open, sizes, values) in kinds {
        for &bytes in sizes {
            for contender in CONTENDERS {
                for workers in [1, 2] {
                    let backend = contender.backend;
                    cases.push(Case {
                        group: "vault",
                        what: what.to_owned(),
                        engine: contender.engine,
                        who: contender.name.to_owned(),
                        bytes,
                        workers,
                        amount: bytes * values,
                        open: Box::new(move || Ok(on_backend(backend(), open(contender, workers, bytes)?))),
                    });
                }
            }
        }
    }
    cases
}
