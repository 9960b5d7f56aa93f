//! What a process that holds secrets asks of the system before anything else.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids core dumps and tracing by other processes of the user. Best effort: a system that refuses is no
/// reason not to serve the user.
pub(crate) fn process() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
