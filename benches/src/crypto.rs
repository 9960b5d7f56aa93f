//! Every kernel by every backend, natively and in Wasmtime.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use dagvault_crypto::backend::Backend;
use dagvault_crypto::kernels::{ALL, Kernel};
use wasmtime::error::Context as _;
use wasmtime::{Config, Engine, Instance, Memory, Module, Store, TypedFunc};

use crate::case::{Case, SIZES, Work, together};

/// Below this a turn of several threads would time how they are woken.
const SHARED_BYTES_MIN: usize = 16 * 1024;
/// Of the message of which the tree of BLAKE3 is spread in the targets, beside the usual sizes.
const TREE_BYTES: usize = 16 << 20;

/// The kernels as a module for Wasmtime.
#[derive(Clone)]
pub struct Guest(Arc<Parts>);

struct Parts {
    label: String,
    engine: Engine,
    module: Module,
    kernels: Vec<String>,
    backends: Vec<String>,
}

/// One instance with a message in its memory.
struct Opened {
    store: Store<()>,
    run: TypedFunc<(u32, u32, u32), ()>,
}

impl Guest {
    /// Compiles a module.
    ///
    /// # Errors
    /// If it is none, or has not the exports of guest/kernels.
    pub fn new(label: &str, path: &str) -> Result<Self> {
        Self::compiled(label, path).map_err(|error| anyhow!("{path}: {error:#}"))
    }

    fn compiled(label: &str, path: &str) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.wasm_simd(true).wasm_relaxed_simd(true);
        let engine = Engine::new(&config)?;
        let module = Module::from_file(&engine, path)?;
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[])?;
        let memory = instance.get_memory(&mut store, "memory").context("no memory")?;
        let kernels = names(&mut store, instance, memory, "kernel")?;
        let backends = names(&mut store, instance, memory, "backend")?;
        Ok(Self(Arc::new(Parts { label: label.to_owned(), engine, module, kernels, backends })))
    }

    /// The backends of the module, in the order of their numbers.
    #[must_use]
    pub fn backends(&self) -> &[String] {
        &self.0.backends
    }

    /// The digest of random cases `from..from + count` of `seed` on a backend of the module, see
    /// [`dagvault_crypto::kernels::differential`].
    ///
    /// # Errors
    /// If the module traps.
    pub fn differential(&self, backend: u32, seed: u64, from: u32, count: u32) -> Result<[u8; 32]> {
        self.digest_of(backend, seed, from, count).map_err(own)
    }

    fn digest_of(&self, backend: u32, seed: u64, from: u32, count: u32) -> wasmtime::Result<[u8; 32]> {
        let mut store = Store::new(&self.0.engine, ());
        let instance = Instance::new(&mut store, &self.0.module, &[])?;
        let run: TypedFunc<(u32, u64, u32, u32), u32> =
            instance.get_typed_func(&mut store, "differential_run")?;
        let text: TypedFunc<(), u32> = instance.get_typed_func(&mut store, "text")?;
        run.call(&mut store, (backend, seed, from, count))?;
        let at = text.call(&mut store, ())? as usize;
        let memory = instance.get_memory(&mut store, "memory").context("no memory")?;
        let mut digest = [0; 32];
        memory.read(&store, at, &mut digest)?;
        Ok(digest)
    }

    fn open(&self, bytes: usize) -> wasmtime::Result<Opened> {
        let mut store = Store::new(&self.0.engine, ());
        let instance = Instance::new(&mut store, &self.0.module, &[])?;
        let buffer: TypedFunc<u32, u32> = instance.get_typed_func(&mut store, "buffer")?;
        buffer.call(&mut store, u32::try_from(bytes)?)?;
        let run = instance.get_typed_func(&mut store, "kernel_run")?;
        Ok(Opened { store, run })
    }
}

fn names(
    store: &mut Store<()>,
    instance: Instance,
    memory: Memory,
    what: &str,
) -> wasmtime::Result<Vec<String>> {
    let count: TypedFunc<(), u32> = instance.get_typed_func(&mut *store, &format!("{what}_count"))?;
    let name: TypedFunc<u32, u32> = instance.get_typed_func(&mut *store, &format!("{what}_name"))?;
    let text: TypedFunc<(), u32> = instance.get_typed_func(&mut *store, "text")?;
    let count = count.call(&mut *store, ())?;
    let one = |index| {
        let length = name.call(&mut *store, index)? as usize;
        let at = text.call(&mut *store, ())? as usize;
        let bytes = memory.data(&*store).get(at..at + length).context("a name out of bounds")?;
        Ok(String::from_utf8(bytes.to_vec())?)
    };
    (0..count).map(one).collect()
}

fn own(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}

fn case(what: &str, (bytes, workers): (usize, usize)) -> Case {
    let open = Box::new(|| anyhow::bail!("nothing to run"));
    let (what, who, amount) = (what.to_owned(), String::new(), bytes * workers);
    Case { group: "crypto", what, engine: "native", who, bytes, workers, amount, open }
}

/// Sizes with numbers of workers.
fn shapes(kernel: &str) -> Vec<(usize, usize)> {
    let mut sizes = SIZES.to_vec();
    if kernel.starts_with("blake3") {
        sizes.push(TREE_BYTES);
    }
    let counts = |bytes| if bytes < SHARED_BYTES_MIN { 1..=1 } else { 1..=2 };
    sizes.into_iter().flat_map(|bytes| counts(bytes).map(move |workers| (bytes, workers))).collect()
}

fn native_work(kernel: &'static Kernel, backend: Backend, bytes: usize) -> Work {
    let mut buffer = vec![0x5a; bytes];
    Box::new(move |times| {
        (0..times).for_each(|_| (kernel.run)(backend, &mut buffer));
        Ok(())
    })
}

fn guest_work(guest: &Guest, kernel: u32, backend: u32, bytes: usize) -> Result<Work> {
    let mut opened = guest.open(bytes).map_err(own)?;
    Ok(Box::new(move |times| {
        let times = u32::try_from(times)?;
        opened.run.call(&mut opened.store, (kernel, backend, times)).map_err(own)
    }))
}

/// The kernels of this program.
#[must_use]
pub fn native() -> Vec<Case> {
    static KERNELS: &[Kernel] = &ALL;
    let mut cases = Vec::new();
    for kernel in KERNELS {
        for shape in shapes(kernel.name) {
            for backend in Backend::all() {
                let (bytes, workers) = shape;
                let work = move || native_work(kernel, backend, bytes);
                cases.push(Case {
                    who: backend.name().to_owned(),
                    open: Box::new(move || Ok(together((0..workers).map(|_| work()).collect()))),
                    ..case(kernel.name, shape)
                });
            }
        }
    }
    cases
}

/// The kernels of a module.
///
/// # Errors
/// If it has too many.
pub fn wasm(guest: &Guest) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (kernel, name) in guest.0.kernels.iter().enumerate() {
        for shape in shapes(name) {
            for (backend, backend_name) in guest.0.backends.iter().enumerate() {
                let (bytes, workers) = shape;
                let (kernel, backend) = (u32::try_from(kernel)?, u32::try_from(backend)?);
                let guest = guest.clone();
                let who = format!("{} {backend_name}", guest.0.label);
                let open = move || {
                    let works = (0..workers).map(|_| guest_work(&guest, kernel, backend, bytes));
                    Ok(together(works.collect::<Result<_>>()?))
                };
                cases.push(Case { engine: "wasmtime", who, open: Box::new(open), ..case(name, shape) });
            }
        }
    }
    Ok(cases)
}
