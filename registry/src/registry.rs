//! The modules of a vault.

use std::collections::BTreeMap;

use dagvault_api::{Codec, Engine, EntryInfo, Error, PutItem, Request, Response, Select, VersionInfo};
use dagvault_core::cbor::{Bytes, from_slice, to_vec};
use dagvault_core::limits::PAGE_ITEMS_MAX;
use dagvault_crypto::sha256;
use dagvault_sandbox::{Library, Manifest, Module};

use crate::entry::{Record, profile};
use crate::{Entry, Reference, RegistryError, check_name};

/// Where modules are in a vault.
pub const PREFIX: &str = ".modules";
/// The key of a path's metadata that says what is known of a module.
pub const META_KEY: &str = "module";

/// The modules of an open vault.
#[derive(Clone, Copy)]
pub struct Registry<'e>(&'e dyn Engine);

/// A module to add.
#[derive(Clone, Copy, Debug)]
pub struct NewModule<'a> {
    /// What it is to be called.
    pub name: &'a str,
    /// The module.
    pub bytes: &'a [u8],
    /// The profile that it runs under; `None`: what it says itself.
    pub profile: Option<&'a str>,
    /// The most gas that a call gets; `None`: what the profile says.
    pub gas: Option<u64>,
}

fn odd() -> RegistryError {
    RegistryError::Damaged("the engine answered something else".into())
}

fn path(name: &str) -> String {
    format!("{PREFIX}/{name}")
}

/// Not found, said of the module rather than of its path.
fn missing(error: Error, what: &str) -> RegistryError {
    match error {
        Error::NotFound { .. } | Error::Deleted { .. } | Error::Destroyed { .. } => {
            RegistryError::NotFound(what.to_owned())
        }
        other => other.into(),
    }
}

impl<'e> Registry<'e> {
    /// Those of the vault of an engine.
    #[must_use]
    pub fn new(engine: &'e dyn Engine) -> Self {
        Self(engine)
    }

    /// Admits a module, compiles it, and puts it into the vault; one that is there already makes no new version.
    ///
    /// # Errors
    /// If it is refused; nothing is stored then.
    pub fn add(&self, library: &Library, new: &NewModule<'_>) -> Result<Entry, RegistryError> {
        check_name(new.name)?;
        let sha256 = sha256::digest(new.bytes);
        let said = Manifest::of(new.bytes).ok().flatten();
        let wanted =
            new.profile.or_else(|| said.as_ref()?.profile.as_deref()).ok_or(RegistryError::NoProfile)?;
        let profile = profile(wanted)?;
        if let (Some(asked), Some(gas)) = (new.gas, profile.gas)
            && asked > gas.max
        {
            return Err(RegistryError::Gas { asked, max: gas.max });
        }
        let module = library.module(&sha256, profile, || new.bytes.to_vec())?;
        let functions = module.manifest().map(|manifest| manifest.functions.clone()).unwrap_or_default();
        let record = Record { sha256, profile: profile.name.to_owned(), gas: new.gas, functions };
        let item = PutItem {
            path: path(new.name).into(),
            value: new.bytes.into(),
            meta: BTreeMap::from([(META_KEY.to_owned(), Some(Bytes(to_vec(&record))))]),
            expected: None,
            skip_equal: true,
            codec: Codec::Lz4File {},
        };
        let Response::Put { outcomes } = self.0.call(&Request::Put { items: vec![item] })? else {
            return Err(odd());
        };
        let put = outcomes.into_iter().next().ok_or_else(odd)?;
        record.entry(new.name, &put.version)
    }

    /// All modules, by their names.
    ///
    /// # Errors
    /// The vault's, or if the metadata of one is damaged.
    pub fn list(&self) -> Result<Vec<Entry>, RegistryError> {
        let mut entries = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let request = Request::List {
                prefix: PREFIX.into(),
                after: after.as_deref().map(Into::into),
                limit: PAGE_ITEMS_MAX as u64,
                meta: true,
                deleted: false,
            };
            let Response::List { entries: page, more } = self.0.call(&request)? else { return Err(odd()) };
            for info in &page {
                entries.extend(entry_of(info)?);
            }
            match page.last() {
                Some(last) if more => after = Some(last.path.clone()),
                _ => return Ok(entries),
            }
        }
    }

    /// What is known of a module.
    ///
    /// # Errors
    /// `NotFound`, or the vault's.
    pub fn find(&self, reference: &Reference) -> Result<Entry, RegistryError> {
        match reference {
            Reference::Content(sha256) => {
                let found = self.list()?.into_iter().find(|entry| entry.sha256 == *sha256);
                found.ok_or_else(|| RegistryError::NotFound(crate::name::cid(sha256).to_string()))
            }
            Reference::Name(name, version) => {
                let request = Request::Info { path: path(name).into() };
                let answer = self.0.call(&request).map_err(|error| missing(error, name))?;
                let Response::List { entries, .. } = answer else { return Err(odd()) };
                let info = entries.first().ok_or_else(odd)?;
                let newest = entry_of(info)?.ok_or_else(|| RegistryError::NotFound(name.clone()))?;
                match version {
                    Some(number) if *number != newest.version => self.older(newest, *number),
                    _ if info.latest.state != (dagvault_api::VersionState::Live {}) => {
                        Err(RegistryError::NotFound(name.clone()))
                    }
                    _ => Ok(newest),
                }
            }
        }
    }

    /// An older version: its bytes say which module it is, its newest record how it runs.
    fn older(&self, newest: Entry, number: u64) -> Result<Entry, RegistryError> {
        let (bytes, version) = self.read(&newest.name, number)?;
        let functions = Manifest::of(&bytes).ok().flatten().map(|manifest| manifest.functions);
        Ok(Entry {
            version: number,
            time_ms: version.time_ms,
            bytes: version.size,
            sha256: sha256::digest(&bytes),
            functions: functions.unwrap_or_default(),
            ..newest
        })
    }

    fn read(&self, name: &str, number: u64) -> Result<(Vec<u8>, VersionInfo), RegistryError> {
        let request = Request::Get { path: path(name).into(), select: Select::Number { number } };
        let what = format!("{name}@{number}");
        match self.0.call(&request).map_err(|error| missing(error, &what))? {
            Response::Value { value, version } => Ok((value.0, version)),
            _ => Err(odd()),
        }
    }

    /// The bytes of a module, compared with its SHA-256.
    ///
    /// # Errors
    /// If they are others, or the vault's.
    pub fn bytes(&self, entry: &Entry) -> Result<Vec<u8>, RegistryError> {
        let (bytes, _) = self.read(&entry.name, entry.version)?;
        if sha256::digest(&bytes) == entry.sha256 {
            return Ok(bytes);
        }
        Err(RegistryError::Damaged(format!("the bytes of {} are not those of {}", entry.name, entry.cid())))
    }

    /// A module, ready to run: from memory, from a file of compiled code, or compiled from its bytes.
    ///
    /// # Errors
    /// If it can't be had or is refused.
    pub fn load(&self, library: &Library, entry: &Entry) -> Result<Module, RegistryError> {
        let mut failure = None;
        let module = library.module(&entry.sha256, entry.profile, || match self.bytes(entry) {
            Ok(bytes) => bytes,
            Err(error) => {
                failure = Some(error);
                Vec::new()
            }
        });
        match failure {
            Some(error) => Err(error),
            None => Ok(module?),
        }
    }

    /// Takes a module out of the registry; its versions stay in the vault until they are destroyed.
    ///
    /// # Errors
    /// `NotFound`, or the vault's.
    pub fn remove(&self, name: &str) -> Result<(), RegistryError> {
        check_name(name)?;
        let request = Request::Delete { paths: vec![path(name).into()] };
        match self.0.call(&request).map_err(|error| missing(error, name))? {
            Response::Done {} => Ok(()),
            _ => Err(odd()),
        }
    }
}

/// The entry of a path below the prefix; `None` if it is not a module's.
fn entry_of(info: &EntryInfo) -> Result<Option<Entry>, RegistryError> {
    let Some(name) = info.path.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/')) else {
        return Ok(None);
    };
    let Some(bytes) = info.meta.as_ref().and_then(|meta| meta.get(META_KEY)) else { return Ok(None) };
    let record: Record = from_slice(&bytes.0)
        .map_err(|error| RegistryError::Damaged(format!("the metadata of {name}: {error}")))?;
    record.entry(name, &info.latest).map(Some)
}
