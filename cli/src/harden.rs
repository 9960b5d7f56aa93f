//! What a process that holds secrets and many files asks of the system before anything else.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Forbids core dumps and tracing by other processes of the user. Best effort: a system that refuses is no
/// reason not to serve the user.
pub(crate) fn process() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // Each segment of a large vault takes two open files: as many as the user may have.
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum });
    // A limit on the size of files then fails the write, as a full disk does, and does not end the process.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
