//! Times the kernels: natively and in Wasmtime, on every backend, in turns.
//!
//! `kernels [--kernel NAME] [--bytes N] [--ms N] LABEL=MODULE.wasm …` prints, for each kernel and size, MB/s of the best
//! window and of the median one, as JSON lines. `native` is this program itself.

use std::time::Instant;

use dagvault_crypto::backend::Backend;
use dagvault_crypto::kernels::{ALL, Kernel};
use serde_json::json;
use wasmtime::error::Context as _;
use wasmtime::{Config, Engine, Instance, Memory, Module, Result, Store, TypedFunc, bail};

/// Length of one window; others get the processor in between.
const WINDOW_SECONDS: f64 = 0.000_4;

struct Options {
    kernel: Option<String>,
    bytes: Vec<usize>,
    /// Time for each contender, in milliseconds.
    ms: u64,
    modules: Vec<(String, String)>,
}

fn options() -> Result<Options> {
    let mut options =
        Options { kernel: None, bytes: vec![64, 1024, 16 * 1024, 1 << 20], ms: 150, modules: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--kernel" => options.kernel = Some(value()?),
            "--bytes" => options.bytes = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--ms" => options.ms = value()?.parse()?,
            _ => match word.split_once('=') {
                Some((label, path)) => options.modules.push((label.to_owned(), path.to_owned())),
                None => bail!("not known: {word}"),
            },
        }
    }
    Ok(options)
}

/// One module in Wasmtime.
struct Guest {
    label: String,
    store: Store<()>,
    memory: Memory,
    instance: Instance,
    run: TypedFunc<(u32, u32, u32), ()>,
}

impl Guest {
    fn new(engine: &Engine, label: &str, path: &str) -> Result<Self> {
        let module = Module::from_file(engine, path)?;
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[])?;
        let memory = instance.get_memory(&mut store, "memory").context("no memory")?;
        let run = instance.get_typed_func(&mut store, "kernel_run")?;
        Ok(Self { label: label.to_owned(), store, memory, instance, run })
    }

    fn names(&mut self, what: &str) -> Result<Vec<String>> {
        let count: TypedFunc<(), u32> =
            self.instance.get_typed_func(&mut self.store, &format!("{what}_count"))?;
        let name: TypedFunc<u32, u32> =
            self.instance.get_typed_func(&mut self.store, &format!("{what}_name"))?;
        let text: TypedFunc<(), u32> = self.instance.get_typed_func(&mut self.store, "text")?;
        let count = count.call(&mut self.store, ())?;
        (0..count)
            .map(|index| {
                let length = name.call(&mut self.store, index)? as usize;
                let at = text.call(&mut self.store, ())? as usize;
                let bytes =
                    self.memory.data(&self.store).get(at..at + length).context("a name out of bounds")?;
                Ok(String::from_utf8(bytes.to_vec())?)
            })
            .collect()
    }

    fn buffer(&mut self, bytes: usize) -> Result<()> {
        let buffer: TypedFunc<u32, u32> = self.instance.get_typed_func(&mut self.store, "buffer")?;
        buffer.call(&mut self.store, u32::try_from(bytes)?)?;
        Ok(())
    }
}

/// Who is timed.
enum Contender<'a> {
    Native(&'a Kernel, Backend, Vec<u8>),
    Guest { guest: usize, kernel: u32, backend: u32 },
}

impl Contender<'_> {
    fn run(&mut self, guests: &mut [Guest], times: u32) -> Result<()> {
        match self {
            Self::Native(kernel, backend, buffer) => (0..times).for_each(|_| (kernel.run)(*backend, buffer)),
            Self::Guest { guest, kernel, backend } => {
                let guest = &mut guests[*guest];
                guest.run.call(&mut guest.store, (*kernel, *backend, times))?;
            }
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let options = options()?;
    let mut config = Config::new();
    config.wasm_simd(true).wasm_relaxed_simd(true);
    let engine = Engine::new(&config)?;
    let mut guests = Vec::new();
    for (label, path) in &options.modules {
        guests.push(Guest::new(&engine, label, path)?);
    }
    for name in kernels(&mut guests)? {
        if options.kernel.as_ref().is_some_and(|wanted| !name.starts_with(wanted)) {
            continue;
        }
        for &bytes in &options.bytes {
            let contenders = contenders(&name, bytes, &mut guests)?;
            measure(&name, bytes, contenders, &mut guests, options.ms)?;
        }
    }
    Ok(())
}

/// The kernels of this program, and those that only a module has.
fn kernels(guests: &mut [Guest]) -> Result<Vec<String>> {
    let mut names: Vec<String> = ALL.iter().map(|kernel| kernel.name.to_owned()).collect();
    for guest in guests {
        for name in guest.names("kernel")? {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

fn contenders(name: &str, bytes: usize, guests: &mut [Guest]) -> Result<Vec<(String, Contender<'static>)>> {
    let mut contenders = Vec::new();
    if let Some(kernel) = ALL.iter().find(|kernel| kernel.name == name) {
        for backend in Backend::all() {
            let name = format!("native {}", backend.name());
            contenders.push((name, Contender::Native(kernel, backend, vec![0x5a; bytes])));
        }
    }
    for (place, guest) in guests.iter_mut().enumerate() {
        let Some(kernel) = guest.names("kernel")?.iter().position(|one| one == name) else { continue };
        guest.buffer(bytes)?;
        for (backend, name) in guest.names("backend")?.into_iter().enumerate() {
            let name = format!("{} {name}", guest.label);
            let (kernel, backend) = (u32::try_from(kernel)?, u32::try_from(backend)?);
            contenders.push((name, Contender::Guest { guest: place, kernel, backend }));
        }
    }
    Ok(contenders)
}

fn measure(
    kernel: &str,
    bytes: usize,
    contenders: Vec<(String, Contender<'_>)>,
    guests: &mut [Guest],
    ms: u64,
) -> Result<()> {
    struct Lane<'a> {
        name: String,
        contender: Contender<'a>,
        times: u32,
        rates: Vec<f64>,
        spent: f64,
    }
    let mut lanes = Vec::new();
    for (name, mut contender) in contenders {
        contender.run(guests, 2)?;
        let mut times = 1;
        loop {
            let began = Instant::now();
            contender.run(guests, times)?;
            let took = began.elapsed().as_secs_f64();
            if took >= WINDOW_SECONDS / 2.0 {
                break;
            }
            times *= 2;
        }
        lanes.push(Lane { name, contender, times, rates: Vec::new(), spent: 0.0 });
    }
    let budget = Instant::now();
    let total = ms as f64 / 1e3 * lanes.len() as f64;
    while budget.elapsed().as_secs_f64() < total {
        for lane in &mut lanes {
            // Who is slow gets no more time than the others.
            if lane.spent > ms as f64 / 1e3 && lane.rates.len() >= 3 {
                continue;
            }
            let began = Instant::now();
            lane.contender.run(guests, lane.times)?;
            let took = began.elapsed().as_secs_f64();
            lane.spent += took;
            lane.rates.push(f64::from(lane.times) * bytes as f64 / took / 1e6);
        }
        if lanes.iter().all(|lane| lane.spent > ms as f64 / 1e3) {
            break;
        }
    }
    for lane in &mut lanes {
        lane.rates.sort_by(f64::total_cmp);
        let best = lane.rates.last().copied().unwrap_or_default();
        let median = lane.rates.get(lane.rates.len() / 2).copied().unwrap_or_default();
        let round = |rate: f64| (rate * 10.0).round() / 10.0;
        println!(
            "{}",
            json!({"kernel": kernel, "bytes": bytes, "who": lane.name, "best": round(best), "median": round(median)})
        );
    }
    Ok(())
}
