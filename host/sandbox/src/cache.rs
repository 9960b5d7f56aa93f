//! Modules that were compiled, in files: `folder` checks that nobody else can have written them.

use std::hash::{Hash, Hasher};
use std::path::Path;

use dagvault_core::limits::MODULE_FILES_MAX;
use dagvault_crypto::hash;
use dagvault_meter::profile::Profile;
use dagvault_meter::schedule::Schedule;
use wasmtime::Engine;

use crate::artifact::Artifact;
use crate::folder::Folder;

const MAGIC: [u8; 16] = *b"dagvault cached1";
const CONTEXT: &str = "dagvault-sandbox 2026-11-22 key of a compiled module";
const HEADER_BYTES: usize = MAGIC.len() + 2 * hash::HASH_BYTES;
/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 256 << 20;
pub(crate) const SUFFIX: &str = ".module";

/// What a compiled module is found by.
pub(crate) type Key = [u8; hash::HASH_BYTES];

/// Everything that compiled code depends on, but for the module: the schedule, Wasmtime's version, the compiler's
/// settings, the target and the processor's features.
pub(crate) fn environment(engine: &Engine, schedule: &Schedule) -> Key {
    struct Feed(Vec<u8>);
    impl Hasher for Feed {
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut feed = Feed(schedule.write().into_bytes());
    engine.precompile_compatibility_hash().hash(&mut feed);
    hash::hash(&feed.0)
}

/// The key of a module under a profile, in such an environment.
pub(crate) fn key(environment: &Key, sha256: &[u8; 32], profile: &Profile) -> Key {
    let mut key = [0; hash::HASH_BYTES];
    hash::derive(CONTEXT, &[environment, sha256, profile.name.as_bytes()], &mut key);
    key
}

/// A folder of compiled modules.
pub(crate) struct Cache(Folder);

impl Cache {
    /// Opens the folder, and makes it if it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        Folder::open(path).map(Self)
    }

    /// The artifact of a key, if there is one and it is whole and ours.
    pub(crate) fn read(&self, key: &Key) -> Option<Artifact> {
        let file = self.0.read(&name(key), FILE_BYTES_MAX)?;
        let (header, content) = file.split_at_checked(HEADER_BYTES)?;
        let rest = header.strip_prefix(&MAGIC)?.strip_prefix(key)?;
        if rest != hash::hash(content) {
            return None;
        }
        Artifact::read(file, HEADER_BYTES)
    }

    /// Keeps an artifact; that it cannot be kept costs only time later.
    pub(crate) fn write(&self, key: &Key, artifact: &Artifact) {
        let header = [&MAGIC[..], key, &hash::hash(artifact.bytes())].concat();
        if self.0.write(&name(key), &[&header, artifact.bytes()]).is_ok() {
            self.0.remove_old(SUFFIX, MODULE_FILES_MAX);
        }
    }
}

fn name(key: &Key) -> String {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    hex + SUFFIX
}
