//! Ctrl-C during long work: once to stop at the next safe point, twice to stop at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Failure, Kind, Outcome};

/// Whether the user asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Watches for Ctrl-C from now on. The second one ends the process at once: what is committed stays,
    /// the rest leaves no trace.
    pub(crate) fn watch() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Where a handler can't be set, the signal just ends the process, which is safe as well.
            let _ = flag::register_conditional_shutdown(
                signal,
                i32::from(Kind::Interrupted.code()),
                asked.clone(),
            );
            let _ = flag::register(signal, asked.clone());
        }
        Self(asked)
    }

    /// Whether the user asked.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends the work here if the user asked; `how` says what is kept and how to go on.
    pub(crate) fn check(&self, how: &str) -> Outcome<()> {
        if self.asked() { Err(Failure::new(Kind::Interrupted, "interrupted").hint(how)) } else { Ok(()) }
    }
}
