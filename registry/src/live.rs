//! Modules that are called while the registry changes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use dagvault_sandbox::{Library, Module, Modules};

use crate::{Entry, Reference, Registry, RegistryError};

/// A module that is ready to run.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What is known of it.
    pub entry: Entry,
    /// The module.
    pub module: Module,
}

/// All modules of a registry, ready to run, pinned in memory. A call takes the module that its name has at that time
/// and keeps it to its end, whatever the registry does meanwhile.
pub struct Live {
    library: Arc<Library>,
    modules: RwLock<BTreeMap<String, Loaded>>,
}

impl Live {
    /// None yet.
    #[must_use]
    pub fn new(library: Arc<Library>) -> Self {
        Self { library, modules: RwLock::default() }
    }

    /// Takes over what changed in the registry since the last time; answers the names that did. A new version is loaded
    /// before it takes the place of the old one; one that cannot be loaded takes no place, and its error is told.
    ///
    /// # Errors
    /// The vault's; nothing has changed then.
    pub fn refresh(
        &self,
        registry: &Registry<'_>,
        mut failed: impl FnMut(&str, RegistryError),
    ) -> Result<Vec<String>, RegistryError> {
        let entries = registry.list()?;
        let mut changed = Vec::new();
        for entry in &entries {
            if self.named(&entry.name).is_some_and(|loaded| loaded.entry == *entry) {
                continue;
            }
            match registry.load(&self.library, entry) {
                Ok(module) => {
                    self.library.pin(&entry.sha256, entry.profile);
                    self.exchange(&entry.name, Some(Loaded { entry: entry.clone(), module }));
                    changed.push(entry.name.clone());
                }
                Err(error) => failed(&entry.name, error),
            }
        }
        let gone: Vec<String> = {
            let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
            let there = |name: &String| entries.iter().any(|entry| entry.name == *name);
            modules.keys().filter(|name| !there(name)).cloned().collect()
        };
        for name in gone {
            self.exchange(&name, None);
            changed.push(name);
        }
        Ok(changed)
    }

    fn exchange(&self, name: &str, new: Option<Loaded>) {
        let old = {
            let mut modules = self.modules.write().unwrap_or_else(PoisonError::into_inner);
            match new {
                Some(new) => modules.insert(name.to_owned(), new),
                None => modules.remove(name),
            }
        };
        if let Some(old) = old {
            self.library.unpin(&old.entry.sha256, old.entry.profile);
        }
    }

    /// The module that a name has now.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Loaded> {
        self.modules.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The module of a binary CID.
    #[must_use]
    pub fn content(&self, cid: &[u8]) -> Option<Loaded> {
        let sha256 = Reference::of_binary(cid)?;
        let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
        modules.values().find(|loaded| loaded.entry.sha256 == sha256).cloned()
    }
}

impl Modules for Live {
    fn module(&self, cid: &[u8]) -> Option<Module> {
        self.content(cid).map(|loaded| loaded.module)
    }
}
