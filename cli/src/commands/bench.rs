//! `bench`: what this machine does in half a minute: the algorithms, the engines, an import.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum as _;
use dagvault_api::{Codec, KdfParams, MemoryStats, Protect, PutItem, Request, Response, Select, Unlock};
use dagvault_crypto::backend::Backend;
use dagvault_crypto::kernels;
use serde_json::{Value, json};

use crate::args::{EngineKind, Global, Import};
use crate::engine::{Access, Session, random};
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::{import, show};

/// Message of the algorithms, and value of the puts and gets.
const BYTES: usize = 16 * 1024;
/// Value where the time of one request counts.
const SMALL_BYTES: usize = 200;
/// Puts into one vault in memory, which keeps them all.
const PUTS_MAX: u32 = 2000;
/// What is imported: files with their lengths.
const FILES: [(usize, usize); 2] = [(24, 1 << 20), (400, 2000)];
const WINDOW: Duration = Duration::from_micros(500);
const KERNEL_TIME: Duration = Duration::from_millis(60);
const ENGINE_TIME: Duration = Duration::from_millis(800);

/// Seconds of one run in the best window of many.
fn best(total: Duration, mut once: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    once()?;
    let began = Instant::now();
    let mut least = f64::MAX;
    while began.elapsed() < total {
        let (start, mut count) = (Instant::now(), 0_u32);
        while start.elapsed() < WINDOW {
            once()?;
            count += 1;
        }
        least = least.min(start.elapsed().as_secs_f64() / f64::from(count));
    }
    Ok(least)
}

/// Megabytes a second.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn speed(bytes: usize, seconds: f64) -> f64 {
    (bytes as f64 / seconds / 1e5).round() / 10.0
}

/// Microseconds.
fn micros(seconds: f64) -> f64 {
    (seconds * 1e7).round() / 10.0
}

/// What was measured of an engine.
struct Figures {
    engine: EngineKind,
    small_put_us: f64,
    small_get_us: f64,
    put_mb_s: f64,
    get_mb_s: f64,
    import_mb_s: f64,
    memory: MemoryStats,
}

/// Measures and tells.
pub(super) fn run(global: &Global, out: &mut Out) -> Outcome<()> {
    let began = Instant::now();
    let scratch = Scratch::new()?;
    let kernels = algorithms()?;
    let mut figures = Vec::new();
    for engine in EngineKind::value_variants() {
        let global = Global { engine: *engine, deadline: None, ..global.clone() };
        figures.push(measured(&global, &scratch, out)?);
    }
    let seconds = began.elapsed().as_secs_f64();
    if out.json {
        tell_json(&kernels, &figures, seconds, out)
    } else {
        tell(&kernels, &figures, seconds, out)
    }
}

/// Each algorithm natively by each backend: its name, and MB/s by the backends' names.
type Algorithm = (&'static str, Vec<(&'static str, f64)>);

fn algorithms() -> Outcome<Vec<Algorithm>> {
    let mut buffer = vec![0x5a; BYTES];
    let mut found = Vec::new();
    for kernel in &kernels::ALL {
        let mut speeds = Vec::new();
        for backend in Backend::all() {
            let seconds = best(KERNEL_TIME, || {
                (kernel.run)(backend, &mut buffer);
                Ok(())
            })?;
            speeds.push((backend.name(), speed(BYTES, seconds)));
        }
        found.push((kernel.name, speeds));
    }
    Ok(found)
}

fn measured(global: &Global, scratch: &Scratch, out: &mut Out) -> Outcome<Figures> {
    let small = [0x5a; SMALL_BYTES];
    let value = vec![0x5a; BYTES];
    let small_put_s = puts(global, &small, out)?;
    let put_s = puts(global, &value, out)?;
    let mut session = in_memory(global, out)?;
    for (path, value) in [("small", &small[..]), ("value", &value)] {
        session.call(&put(path, value))?;
    }
    let get = |path: &str| {
        best(ENGINE_TIME, || {
            let request = Request::Get { path: path.into(), select: Select::Latest {} };
            session.call(&request).map(drop)
        })
    };
    let (small_get_s, get_s) = (get("small")?, get("value")?);
    session.tell(out);
    let (import_s, bytes, memory) = imported(global, scratch, out)?;
    Ok(Figures {
        engine: global.engine,
        small_put_us: micros(small_put_s),
        small_get_us: micros(small_get_s),
        put_mb_s: speed(BYTES, put_s),
        get_mb_s: speed(BYTES, get_s),
        import_mb_s: speed(bytes, import_s),
        memory,
    })
}

/// An open vault that leaves no trace.
fn in_memory(global: &Global, out: &mut Out) -> Outcome<Session> {
    let session = Session::without_vault(global, out)?;
    let mut key = [0; 32];
    random(&mut key)?;
    let unlock = Unlock::KeyFile { bytes: (&key[..]).into() };
    session
        .done(&Request::Create { protect: Protect { unlock, kdf: KdfParams::default() }, paranoid: false })?;
    Ok(session)
}

fn put<'a>(path: &'a str, value: &'a [u8]) -> Request<'a> {
    let (expected, codec) = (None, Codec::Raw {});
    let meta = std::collections::BTreeMap::new();
    let item = PutItem { path: path.into(), value: value.into(), meta, expected, skip_equal: false, codec };
    Request::Put { items: vec![item] }
}

/// Seconds of a put of a value.
fn puts(global: &Global, value: &[u8], out: &mut Out) -> Outcome<f64> {
    let session = in_memory(global, out)?;
    let mut number = 0;
    best(ENGINE_TIME, || {
        number = (number + 1) % PUTS_MAX;
        session.call(&put(&format!("values/{number:04}"), value)).map(drop)
    })
}

/// Seconds of an import into a new vault on disk, its bytes, and the memory of an engine that has read it all again.
fn imported(global: &Global, scratch: &Scratch, out: &mut Out) -> Outcome<(f64, usize, MemoryStats)> {
    let vault = Some(scratch.0.join(name(global.engine)));
    let key_file = Some(scratch.0.join("key"));
    let (passphrase_fd, passphrase_file) = (None, None);
    let global = Global { vault, key_file, passphrase_fd, passphrase_file, ..global.clone() };
    let mut silent = Out::new(false, true);
    let secret = crate::secret::to_open(&global, out)?;
    let session = Session::create(&global, out)?;
    let protect = Protect { unlock: secret.unlock(), kdf: KdfParams::default() };
    session.done(&Request::Create { protect, paranoid: false })?;
    drop(session);
    let options = Import {
        dir: scratch.0.join("files"),
        into: "files".to_owned(),
        rehash: false,
        exclude: Vec::new(),
        delete: false,
        dry_run: false,
        no_compress: false,
    };
    let began = Instant::now();
    import::run(&global, &options, &mut silent)?;
    let seconds = began.elapsed().as_secs_f64();
    let session = Session::open(&global, Access::Read, out)?;
    let Response::Handle { handle, .. } = session.call(&Request::VerifyBegin {})? else {
        return Err(Failure::odd_answer());
    };
    while !matches!(session.call(&Request::VerifyNext { handle })?, Response::Verify { step } if step.done) {}
    let Response::Memory { stats } = session.call(&Request::Memory {})? else {
        return Err(Failure::odd_answer());
    };
    Ok((seconds, FILES.iter().map(|(count, bytes)| count * bytes).sum(), stats))
}

/// A folder of ours for the import, with its source and a key; goes when we go.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("dagvault-bench-{}", std::process::id()));
        let failed = |error: &std::io::Error| Failure::io(&folder.display().to_string(), error);
        // Fails where somebody else has made it.
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|error| failed(&error))?;
        let scratch = Self(folder.clone());
        let mut key = [0; 32];
        random(&mut key)?;
        let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join("key"));
        made.and_then(|mut file| file.write_all(&key)).map_err(|error| failed(&error))?;
        fs::create_dir(folder.join("files")).map_err(|error| failed(&error))?;
        for (kind, (count, bytes)) in FILES.iter().enumerate() {
            for number in 0..*count {
                let path = folder.join("files").join(format!("{kind}-{number}"));
                fs::write(path, half_compressible(number, *bytes)).map_err(|error| failed(&error))?;
            }
        }
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Lines of words and numbers, of which about half is left after compression.
fn half_compressible(seed: usize, bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + 64);
    let mut state = seed as u64 + 1;
    while text.len() < bytes {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        text.extend_from_slice(format!("let item = {:016x};\n", state >> 3).as_bytes());
    }
    text.truncate(bytes);
    text
}

/// An engine's name, as on the command line.
fn name(engine: EngineKind) -> String {
    engine.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn tell(kernels: &[Algorithm], figures: &[Figures], seconds: f64, out: &mut Out) -> Outcome<()> {
    out.line(&format!("Algorithms natively, messages of {}, MB/s:", show::bytes(BYTES as u64)))?;
    for (kernel, speeds) in kernels {
        let speeds: Vec<String> =
            speeds.iter().map(|(backend, speed)| format!("{backend} {speed:>8.1}")).collect();
        out.line(&format!("  {kernel:<24} {}", speeds.join("   ")))?;
    }
    out.line("")?;
    out.line(&format!(
        "Engines ({SMALL_BYTES} bytes and {} in memory; import of {} to {}):",
        show::bytes(BYTES as u64),
        show::bytes(FILES.iter().map(|(count, bytes)| (count * bytes) as u64).sum()),
        std::env::temp_dir().display(),
    ))?;
    out.line("                  put        get         put         get      import       heap at peak")?;
    for engine in figures {
        let heap = &engine.memory.heap;
        let heap = if heap.claimed == 0 { "not counted".to_owned() } else { show::bytes(heap.peak) };
        out.line(&format!(
            "  {:<12} {:>6.1} µs {:>7.1} µs {:>6.1} MB/s {:>6.1} MB/s {:>6.1} MB/s   {heap}",
            name(engine.engine),
            engine.small_put_us,
            engine.small_get_us,
            engine.put_mb_s,
            engine.get_mb_s,
            engine.import_mb_s,
        ))?;
    }
    out.line("")?;
    out.line(&format!("Best windows, {seconds:.0} s in all."))
}

fn tell_json(kernels: &[Algorithm], figures: &[Figures], seconds: f64, out: &mut Out) -> Outcome<()> {
    let kernels: Vec<Value> = kernels
        .iter()
        .flat_map(|(name, speeds)| {
            speeds.iter().map(
                move |(backend, speed)| json!({ "name": name, "backend": backend, "bytes": BYTES, "mb_s": speed }),
            )
        })
        .collect();
    let engines: Vec<Value> = figures
        .iter()
        .map(|engine| {
            json!({
                "engine": name(engine.engine),
                "small_bytes": SMALL_BYTES, "small_put_us": engine.small_put_us,
                "small_get_us": engine.small_get_us, "bytes": BYTES, "put_mb_s": engine.put_mb_s,
                "get_mb_s": engine.get_mb_s, "import_mb_s": engine.import_mb_s,
                "memory": super::maintain::memory_json(&engine.memory),
            })
        })
        .collect();
    out.object(&json!({ "kernels": kernels, "engines": engines, "seconds": (seconds * 10.0).round() / 10.0 }))
}
