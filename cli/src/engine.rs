//! The engine and the store under it: the only file that knows which they are.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum as _;
use dagvault_api::{Engine, Error, Request, Response};
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_crypto::backend::{self, Backend};
use dagvault_dag::behind::WriteBehind;
use dagvault_dag::disk::RealDisk;
use dagvault_dag::files::{Compacted, FileStore, OpenOptions, RepairOptions, RepairReport};
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::Store;
use dagvault_dag::system::{OsSystem, System as _};
use dagvault_vault::NativeEngine;

use crate::args::{AccelKind, EngineKind, Global};
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::secret::Secret;

/// What a command does to the vault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Only reads it: works on a vault that can't be written, and never waits for a writer.
    Read,
    /// Changes it.
    Write,
}

/// An engine over the user's vault.
pub(crate) struct Session {
    engine: Box<dyn Engine>,
    store: Option<Arc<FileStore>>,
    notes: Notes,
    told: usize,
}

/// Lines that the engine has for people.
type Notes = Arc<Mutex<Vec<(bool, String)>>>;

impl Session {
    /// The vault of the command line, still locked.
    pub(crate) fn locked(global: &Global, access: Access, out: &mut Out) -> Outcome<Self> {
        let path = vault_path(global)?;
        let store =
            FileStore::open(disk(&path), options(global, access)).map_err(|error| at(&path, error))?;
        Self::over(global, Arc::new(store), out)
    }

    /// A new store where the command line says, for a new vault. A store that a failed `init` left behind,
    /// without a vault in it, is used.
    pub(crate) fn create(global: &Global, out: &mut Out) -> Outcome<Self> {
        let path = vault_path(global)?;
        if let Some(parent) = path.parent() {
            make_folders(parent)?;
        }
        let store = match FileStore::create(disk(&path), options(global, Access::Write)) {
            Err(error) if error.kind == StoreErrorKind::Exists => {
                FileStore::open(disk(&path), options(global, Access::Write)).map_err(|_| at(&path, error))
            }
            other => other.map_err(|error| at(&path, error)),
        };
        Self::over(global, Arc::new(store?), out)
    }

    /// The vault of the command line, opened by the user's secret.
    pub(crate) fn open(global: &Global, access: Access, out: &mut Out) -> Outcome<Self> {
        let mut session = Self::locked(global, access, out)?;
        let secret = crate::secret::to_open(global, out)?;
        session.unlock(&secret)?;
        session.tell(out);
        Ok(session)
    }

    /// An engine over nothing, for questions that need no vault.
    pub(crate) fn without_vault(global: &Global, out: &mut Out) -> Outcome<Self> {
        let notes = Notes::default();
        let engine = engine(global, Arc::new(MemoryStore::new()), &notes, out)?;
        Ok(Self { engine, store: None, notes, told: 0 })
    }

    /// Puts the store's files together; see [`FileStore::compact`].
    pub(crate) fn compact(
        &self,
        dry_run: bool,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Outcome<Compacted> {
        let done = self.store.as_ref().map(|store| store.compact(dry_run, progress)).transpose();
        done.map(Option::unwrap_or_default).map_err(|error| Failure::from(Error::from(error)))
    }

    fn over(global: &Global, store: Arc<FileStore>, out: &mut Out) -> Outcome<Self> {
        let notes = Notes::default();
        let behind = Arc::new(WriteBehind::new(store.clone()));
        let engine = engine(global, behind, &notes, out)?;
        Ok(Self { engine, store: Some(store), notes, told: 0 })
    }

    /// Opens the vault.
    pub(crate) fn unlock(&self, secret: &Secret) -> Outcome<()> {
        self.done(&Request::Open { unlock: secret.unlock() })
    }

    /// The engine, for those who ask it themselves.
    #[cfg(feature = "wasm")]
    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// Serves one request.
    pub(crate) fn call(&self, request: &Request<'_>) -> Outcome<Response> {
        self.try_call(request).map_err(Failure::from)
    }

    /// Serves one request whose failure the caller looks into.
    pub(crate) fn try_call(&self, request: &Request<'_>) -> Result<Response, Error> {
        self.engine.call(request)
    }

    /// Serves one request that is answered by nothing.
    pub(crate) fn done(&self, request: &Request<'_>) -> Outcome<()> {
        match self.call(request)? {
            Response::Done {} => Ok(()),
            _ => Err(Failure::odd_answer()),
        }
    }

    /// Tells what store and engine found worth telling since the last time: rebuilt indexes, an unusable
    /// cache of compiled code.
    pub(crate) fn tell(&mut self, out: &mut Out) {
        let lines = std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        for (is_warning, line) in lines {
            if is_warning { out.warn(&line) } else { out.note(&line) }
        }
        if let Some(store) = &self.store {
            let notices = store.notices();
            for notice in notices.iter().skip(self.told) {
                out.warn(notice);
            }
            self.told = notices.len();
        }
    }
}

/// Repairs the files of the vault of the command line, which need not open.
pub(crate) fn repair(
    global: &Global,
    how: &RepairOptions,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Outcome<RepairReport> {
    let path = vault_path(global)?;
    let access = if how.dry_run { Access::Read } else { Access::Write };
    let done = dagvault_dag::files::repair(disk(&path), options(global, access), how, progress);
    done.map_err(|error| at(&path, error))
}

fn engine(global: &Global, store: Arc<dyn Store>, notes: &Notes, out: &mut Out) -> Outcome<Box<dyn Engine>> {
    let workers = global.workers.unwrap_or_else(default_workers);
    let system = Arc::new(OsSystem);
    let accel = accel(global)?;
    match global.engine {
        EngineKind::Native => {
            // Has no lines for people of its own.
            let _ = notes;
            if global.deadline.is_some() || global.max_memory.is_some() {
                out.note("--deadline and --max-memory are limits of the wasm engine only");
            }
            if accel == AccelKind::Off {
                backend::choose(Backend::fastest_kernel());
            }
            Ok(Box::new(NativeEngine::new(store, system, workers)?))
        }
        #[cfg(feature = "wasm")]
        kind @ (EngineKind::Wasm | EngineKind::WasmRelaxed) => {
            let mut config = dagvault_host::Config::new(store, system);
            if kind == EngineKind::WasmRelaxed {
                config.module = dagvault_host::ModuleSource::Relaxed;
            }
            config.workers = workers;
            config.accel = match accel {
                AccelKind::On => dagvault_host::Accel::On,
                AccelKind::Off => dagvault_host::Accel::Off,
                AccelKind::Auto => dagvault_host::Accel::Auto,
            };
            config.deadline = global.deadline.map(std::time::Duration::from_secs);
            if let Some(bytes) = global.max_memory {
                config.max_memory_bytes = bytes;
            }
            let notes = notes.clone();
            config.log = Some(Arc::new(move |level, line| {
                // 0 and 1 are errors and warnings.
                notes.lock().unwrap_or_else(PoisonError::into_inner).push((level <= 1, line.to_owned()));
            }));
            let engine = dagvault_host::WasmEngine::new(config).map_err(Error::from)?.grouped();
            Ok(Box::new(engine))
        }
    }
}

/// What `--accel` says, else the environment, else the default.
fn accel(global: &Global) -> Outcome<AccelKind> {
    if let Some(accel) = global.accel {
        return Ok(accel);
    }
    match std::env::var_os("DAGVAULT_ACCEL").filter(|value| !value.is_empty()) {
        None => Ok(AccelKind::default()),
        Some(value) => {
            value.to_str().and_then(|value| AccelKind::from_str(value, true).ok()).ok_or_else(|| {
                Failure::usage("DAGVAULT_ACCEL is not one of on, off and auto")
                    .hint("unset it or use --accel")
            })
        }
    }
}

fn default_workers() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    processors.min(dagvault_core::limits::WORKERS_MAX)
}

fn disk(path: &Path) -> Arc<RealDisk> {
    Arc::new(RealDisk::new(path))
}

fn options(global: &Global, access: Access) -> OpenOptions {
    // Names of files: without randomness the store refuses a name that is taken.
    let mut options = OpenOptions::new(|out: &mut [u8]| drop(OsSystem.random(out)));
    options.read_only = access == Access::Read;
    options.lock_wait_ms = global.wait.saturating_mul(1000);
    options
}

/// Random bytes fit for keys.
pub(crate) fn random(out: &mut [u8]) -> Outcome<()> {
    OsSystem.random(out).map_err(|error| Failure::from(Error::from(error)))
}

/// Milliseconds since 1970 UTC.
pub(crate) fn now_ms() -> u64 {
    OsSystem.now_ms()
}

/// Where the vault is: `--vault`, else `DAGVAULT`, else the platform's data folder.
pub(crate) fn vault_path(global: &Global) -> Outcome<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = global.vault.clone().filter(|path| !path.as_os_str().is_empty()) {
        return Ok(path);
    }
    if global.vault.is_some() {
        return Err(Failure::usage("--vault is empty").hint("name the vault's folder"));
    }
    if let Some(path) = variable("DAGVAULT") {
        return Ok(path);
    }
    if let Some(data) = variable("XDG_DATA_HOME").filter(|path| path.is_absolute()) {
        return Ok(data.join("dagvault"));
    }
    match variable("HOME") {
        Some(home) if cfg!(target_os = "macos") => Ok(home.join("Library/Application Support/dagvault")),
        Some(home) => Ok(home.join(".local/share/dagvault")),
        None => Err(Failure::usage("it is not clear where the vault is: HOME is not set")
            .hint("name the vault's folder with --vault or DAGVAULT")),
    }
}

fn make_folders(path: &Path) -> Outcome<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| Failure::io(&path.display().to_string(), &error))
}

/// A failure of the store, with the vault's folder in it.
fn at(path: &Path, error: StoreError) -> Failure {
    let place = path.display().to_string();
    let detail = if error.detail.is_empty() { place } else { format!("{place}: {}", error.detail) };
    Failure::from(Error::from(StoreError::new(error.kind, detail)))
}
