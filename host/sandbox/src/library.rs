//! Modules by their SHA-256: from memory, from a file, or compiled anew in a process of their own.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dagvault_crypto::sha256;
use dagvault_meter::profile::Profile;

use crate::cache::{Cache, Key, environment, key};
use crate::compiler::{Compiler, Compilers};
use crate::{LoadError, Module, Sandbox};

/// Compiled modules that are kept in memory and in files.
pub struct Library {
    sandbox: Arc<Sandbox>,
    compilers: Compilers,
    cache: Option<Cache>,
    environment: Key,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    modules: HashMap<Key, Entry>,
    bytes: usize,
    bytes_max: usize,
    /// Counts what is asked for; the least was asked for longest ago.
    now: u64,
}

struct Entry {
    module: Module,
    used: u64,
    pins: u32,
}

impl Kept {
    fn find(&mut self, key: &Key) -> Option<Module> {
        self.now += 1;
        let entry = self.modules.get_mut(key)?;
        entry.used = self.now;
        Some(entry.module.clone())
    }

    /// Keeps a module, and lets go of those that were not asked for longest, but of none that is pinned.
    fn keep(&mut self, key: Key, module: &Module) {
        self.now += 1;
        let entry = Entry { module: module.clone(), used: self.now, pins: 0 };
        // Another thread may have been as quick.
        if self.modules.contains_key(&key) {
            return;
        }
        self.bytes += entry.module.kept_bytes();
        self.modules.insert(key, entry);
        while self.bytes > self.bytes_max {
            let others = self.modules.iter().filter(|(other, entry)| **other != key && entry.pins == 0);
            let Some((oldest, _)) = others.min_by_key(|(_, entry)| entry.used) else { break };
            let oldest = *oldest;
            if let Some(entry) = self.modules.remove(&oldest) {
                self.bytes -= entry.module.kept_bytes();
            }
        }
    }
}

impl Library {
    /// Modules for a sandbox, with so many bytes of them in memory, and files in a folder if one is given.
    ///
    /// # Errors
    /// Why files cannot be kept in that folder.
    pub fn new(
        sandbox: Arc<Sandbox>,
        compiler: Compiler,
        folder: Option<&Path>,
        bytes_max: usize,
    ) -> Result<Self, String> {
        let cache = folder.map(Cache::open).transpose()?;
        let environment = environment(sandbox.engine(), sandbox.schedule());
        let kept = Mutex::new(Kept { bytes_max, ..Kept::default() });
        Ok(Self { sandbox, compilers: Compilers::new(compiler), cache, environment, kept })
    }

    /// The sandbox that runs them.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The module of this SHA-256 under a profile; its bytes are asked for only if it was never compiled.
    ///
    /// # Errors
    /// If the module is refused, its bytes are others, or it could not be compiled.
    pub fn module(
        &self,
        sha256: &[u8; 32],
        profile: &'static Profile,
        bytes: impl FnOnce() -> Vec<u8>,
    ) -> Result<Module, LoadError> {
        let key = key(&self.environment, sha256, profile);
        if let Some(module) = self.kept().find(&key) {
            return Ok(module);
        }
        let module = match self.in_a_file(&key, profile) {
            Some(module) => module,
            None => self.compiled(&key, sha256, profile, &bytes())?,
        };
        self.kept().keep(key, &module);
        Ok(module)
    }

    fn in_a_file(&self, key: &Key, profile: &'static Profile) -> Option<Module> {
        let artifact = self.cache.as_ref()?.read(key)?;
        // A file that cannot be used is made anew.
        (artifact.profile == profile).then(|| self.sandbox.link(artifact).ok()).flatten()
    }

    fn compiled(
        &self,
        key: &Key,
        sha256: &[u8; 32],
        profile: &'static Profile,
        bytes: &[u8],
    ) -> Result<Module, LoadError> {
        if sha256::digest(bytes) != *sha256 {
            return Err(LoadError::Sha256);
        }
        let artifact = self.compilers.compile(bytes, profile, self.sandbox.schedule())?;
        if let Some(cache) = &self.cache {
            cache.write(key, &artifact);
        }
        self.sandbox.link(artifact)
    }

    /// Keeps a module in memory until it was let go of as often. Answers whether it is there.
    pub fn pin(&self, sha256: &[u8; 32], profile: &'static Profile) -> bool {
        self.change_pins(sha256, profile, |pins| pins.saturating_add(1))
    }

    /// Lets go of a module that was pinned. Answers whether it is in memory.
    pub fn unpin(&self, sha256: &[u8; 32], profile: &'static Profile) -> bool {
        self.change_pins(sha256, profile, |pins| pins.saturating_sub(1))
    }

    fn change_pins(&self, sha256: &[u8; 32], profile: &Profile, change: impl FnOnce(u32) -> u32) -> bool {
        let key = key(&self.environment, sha256, profile);
        let mut kept = self.kept();
        let Some(entry) = kept.modules.get_mut(&key) else { return false };
        entry.pins = change(entry.pins);
        true
    }

    /// How many modules are in memory, and their bytes.
    #[must_use]
    pub fn in_memory(&self) -> (usize, usize) {
        let kept = self.kept();
        (kept.modules.len(), kept.bytes)
    }

    /// Nothing is left half-changed by a panic under this lock.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
