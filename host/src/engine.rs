//! The engine: one call at a time into the guest, and a new start after each failure.

use std::sync::Arc;

use dagvault_api::group::{Grouped, Serial};
use dagvault_api::{Answer, BatchAnswer, Error, Request, Response, decode_answer};
use dagvault_core::abi::ANSWER_BYTES_MAX;
use dagvault_core::cbor::{Encoder, Wire as _};
use dagvault_core::error::StoreError;
use dagvault_core::layout::HEAP_OFFSET;
use dagvault_core::wipe::Wiped;
use wasmtime::{Engine as Wasmtime, Module};

use crate::config::Config;
use crate::deadline::Deadline;
use crate::failure::{Failure, StartError};
use crate::instance::{Main, Notes};
use crate::{artifact, loader};

/// The engine in Wasmtime: serves one call at a time.
///
/// After a call that ended in `Error::Trap`, `Error::Deadline`, `Error::GuestMisbehaved` or, in most cases,
/// `Error::Memory`, the guest is gone and the next call starts it anew, locked. If the store panics, the call does
/// too, with the same consequence.
///
/// A call uses up to 1 MiB of the calling thread's stack for WebAssembly, and the store's share on top of it:
/// the 2 MiB that std gives a thread are enough.
pub struct WasmEngine {
    /// Absent after a failure, until the next call, and while a call runs.
    main: Option<Main>,
    deadline: Arc<Deadline>,
    module: Module,
    engine: Wasmtime,
    config: Config,
}

impl WasmEngine {
    /// Checks the module, compiles it or takes it from the cache, and starts it.
    ///
    /// # Errors
    /// `Refused` for a module that is not as the ABI says, `Config` for a field out of range, `System` for what
    /// Wasmtime or the system did not give.
    pub fn new(config: Config) -> Result<Self, StartError> {
        config.check_workers()?;
        config.pages_max()?;
        let engine =
            Wasmtime::new(&config.wasmtime()).map_err(|error| StartError::system("Wasmtime", &error))?;
        let module = {
            let bytes = config.module.bytes();
            loader::check_bytes(&bytes)?;
            artifact::load(&engine, &bytes, config.cache_dir.as_deref(), config.log.as_ref())?
        };
        loader::check_types(&module)?;
        let deadline = Deadline::new(&engine, config.deadline)
            .map_err(|error| StartError::system("a thread for the deadline", &error))?;
        let mut new = Self { main: None, deadline: Arc::new(deadline), module, engine, config };
        new.main = Some(new.start()?);
        Ok(new)
    }

    /// An engine for many threads, which merges changes that wait at the same time.
    #[must_use]
    pub fn grouped(self) -> Grouped<Self> {
        Grouped::new(self)
    }

    fn start(&self) -> Result<Main, StartError> {
        Main::start(&self.engine, &self.module, &self.config, &self.deadline)
    }
}

impl Serial for WasmEngine {
    fn call(&mut self, request: &Request<'_>) -> Answer {
        let mut main = match self.main.take() {
            Some(main) => main,
            None => self.start()?,
        };
        *main.shared.notes() = Notes::default();
        // Should this panic, `main` is dropped on the way: nothing half-done is called again.
        let outcome = {
            let _running = self.deadline.begin();
            main.call(request)
        };
        let notes = std::mem::take(&mut *main.shared.notes());
        match outcome {
            Ok(answer) => {
                self.main = Some(main);
                with_detail(answer, notes.store_error.as_ref())
            }
            Err(Refusal::Memory) => {
                self.main = Some(main);
                Err(Error::Memory {})
            }
            Err(Refusal::Failed(failure)) => {
                drop(main);
                Err(error_of(failure, notes))
            }
        }
    }
}

impl std::fmt::Debug for WasmEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasmEngine").field("config", &self.config).finish_non_exhaustive()
    }
}

/// How a call can have no answer.
enum Refusal {
    /// The guest has no memory for the request, and is well.
    Memory,
    /// The guest is not well.
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<wasmtime::Error> for Refusal {
    fn from(error: wasmtime::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Main {
    fn call(&mut self, request: &Request<'_>) -> Result<Answer, Refusal> {
        self.shared.deadline.arm(&mut self.store)?;
        let mut bytes = 0;
        encode(request, &mut |piece| bytes += piece.len());
        let Ok(bytes) = u32::try_from(bytes) else { return Err(Refusal::Memory) };
        let place = self.alloc.call(&mut self.store, bytes)?;
        if place == 0 {
            return Err(Refusal::Memory);
        }
        if (place as usize) < HEAP_OFFSET {
            return Err(Failure::misbehaved(format!("it gave the request memory at {place:#x}")).into());
        }
        let (mut at, mut written) = (place, Ok(()));
        encode(request, &mut |piece| {
            if written.is_ok() {
                written = self.shared.memory.write(at, piece);
                at = at.wrapping_add(u32::try_from(piece.len()).unwrap_or(u32::MAX));
            }
        });
        written?;
        let packed = self.call.call(&mut self.store, (place, bytes))?;
        self.free.call(&mut self.store, (place, bytes))?;
        let answer = self.take_answer(packed)?;
        self.shared.check_canaries()?;
        Ok(answer)
    }

    /// Copies the answer out and gives its memory back.
    fn take_answer(&mut self, packed: u64) -> Result<Answer, Failure> {
        let [place, bytes] = [packed >> 32, packed & u64::from(u32::MAX)].map(u32::try_from);
        let (Ok(place), Ok(bytes)) = (place, bytes) else { return Err(Failure::misbehaved("an answer")) };
        if (place as usize) < HEAP_OFFSET || bytes > ANSWER_BYTES_MAX {
            return Err(Failure::misbehaved(format!("it answers with {bytes} bytes at {place:#x}")));
        }
        let encoded = Wiped(self.shared.memory.read_vec(place, bytes as usize)?);
        self.free.call(&mut self.store, (place, bytes))?;
        decode_answer(&encoded.0)
            .map_err(|error| Failure::misbehaved(format!("its answer is not of the API: {error}")))
    }
}

/// Encodes a request, whose values are handed on as they lie.
fn encode(request: &Request<'_>, sink: &mut dyn FnMut(&[u8])) {
    let mut encoder = Encoder::into_sink(sink);
    request.encode(&mut encoder);
    let _ = encoder.finish();
}

/// The error of a failed call.
fn error_of(failure: Failure, notes: Notes) -> Error {
    match failure {
        Failure::Deadline => Error::Deadline {},
        Failure::Trap(_) if notes.no_memory => Error::Memory {},
        Failure::Trap(trap) => {
            let detail = match notes.panic {
                Some(place) => format!("{trap} ({place})"),
                None => trap,
            };
            Error::Trap { detail }
        }
        Failure::Misbehaved(detail) => Error::GuestMisbehaved { detail },
    }
}

/// Gives an error that came from the store the words back that did not cross the ABI.
fn with_detail(answer: Answer, store_error: Option<&StoreError>) -> Answer {
    let Some(store_error) = store_error else { return answer };
    let bare = Error::from(StoreError::new(store_error.kind, ""));
    let full = Error::from(store_error.clone());
    let worded = |error: Error| if error == bare { full.clone() } else { error };
    match answer {
        Err(error) => Err(worded(error)),
        Ok(Response::Batch { answers }) => {
            let answers = answers.into_iter().map(|answer| match answer {
                BatchAnswer::Err { error } => BatchAnswer::Err { error: worded(error) },
                ok @ BatchAnswer::Ok { .. } => ok,
            });
            Ok(Response::Batch { answers: answers.collect() })
        }
        other => other,
    }
}
