//! What is known of a module besides its bytes.

use dagvault_core::cbor::{CborError, Decoder, Encoder, Wire};
use dagvault_core::cid::AnyCid;
use dagvault_meter::profile::Profile;

use crate::RegistryError;
use crate::name::cid;

/// A module of the registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The number of its version.
    pub version: u64,
    /// When it was added, milliseconds since 1970 UTC.
    pub time_ms: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Length of its bytes.
    pub bytes: u64,
    /// The profile that it runs under.
    pub profile: &'static Profile,
    /// The most gas that a call of it gets; `None`: what the profile says.
    pub gas: Option<u64>,
    /// Names of its functions.
    pub functions: Vec<String>,
}

impl Entry {
    /// Its CID: version 1, `raw`, `sha2-256`.
    #[must_use]
    pub fn cid(&self) -> AnyCid {
        cid(&self.sha256)
    }
}

/// What the metadata says: what of an entry does not stand in the version itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) sha256: [u8; 32],
    pub(crate) profile: String,
    pub(crate) gas: Option<u64>,
    pub(crate) functions: Vec<String>,
}

/// The form of records.
const FORM: u64 = 1;

impl<'a> Wire<'a> for Record {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.array(5);
        to.uint(FORM);
        to.bytes(&self.sha256);
        to.text(&self.profile);
        self.gas.encode(to);
        self.functions.encode(to);
    }

    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.record(5)?;
        if from.uint()? != FORM {
            return Err(CborError::Value);
        }
        Ok(Self {
            sha256: from.fixed()?,
            profile: String::decode(from)?,
            gas: Option::decode(from)?,
            functions: Vec::decode(from)?,
        })
    }
}

impl Record {
    /// The entry of a version.
    pub(crate) fn entry(
        self,
        name: &str,
        version: &dagvault_api::VersionInfo,
    ) -> Result<Entry, RegistryError> {
        let profile = profile(&self.profile)?;
        Ok(Entry {
            name: name.to_owned(),
            version: version.number,
            time_ms: version.time_ms,
            sha256: self.sha256,
            bytes: version.size,
            profile,
            gas: self.gas,
            functions: self.functions,
        })
    }
}

/// The profile of a name.
pub(crate) fn profile(name: &str) -> Result<&'static Profile, RegistryError> {
    Profile::named(name).ok_or_else(|| RegistryError::Profile(name.to_owned()))
}
