//! What is made of a module once: metered, compiled, and what the host needs to know of it. It goes from the process
//! that compiles to the one that runs, and into files.

use std::ops::Range;

use dagvault_meter::admit::{Refusal, admit};
use dagvault_meter::instrument::{Refunds, instrument};
use dagvault_meter::profile::Profile;
use dagvault_meter::schedule::Schedule;
use wasmtime::Engine;

use crate::LoadError;
use crate::manifest::Manifest;
use dagvault_meter::imports::imports;

/// Begins the bytes of an artifact.
const MAGIC: [u8; 16] = *b"dagvault module1";
/// Its parts: name of the profile, manifest, metered module, refunds, code. Their lengths stand before them.
const PARTS: usize = 5;

/// A module that was admitted, metered and compiled.
pub(crate) struct Artifact {
    pub(crate) profile: &'static Profile,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) refunds: Refunds,
    /// All of it, as [`Artifact::bytes`] gives it, behind whatever stood before it.
    whole: Vec<u8>,
    begin: usize,
    metered: Range<usize>,
    code: Range<usize>,
}

impl Artifact {
    /// Makes it.
    pub(crate) fn make(
        engine: &Engine,
        bytes: &[u8],
        profile: &'static Profile,
        schedule: &Schedule,
    ) -> Result<Self, LoadError> {
        let facts = admit(bytes, &profile.limits(imports(profile)))?;
        let manifest = Manifest::of(bytes).map_err(LoadError::Manifest)?;
        let metered = instrument(bytes, &facts, schedule)?;
        let code = engine
            .precompile_module(&metered.bytes)
            .map_err(|error| LoadError::Engine { detail: format!("{error:#}") })?;
        let manifest = manifest.as_ref().map(Manifest::write).unwrap_or_default();
        let refunds = metered.refunds.write();
        let parts: [&[u8]; PARTS] = [profile.name.as_bytes(), &manifest, &metered.bytes, &refunds, &code];
        let mut whole = MAGIC.to_vec();
        parts.iter().for_each(|part| whole.extend((part.len() as u64).to_le_bytes()));
        parts.iter().for_each(|part| whole.extend_from_slice(part));
        Self::read(whole, 0).ok_or_else(|| LoadError::Engine { detail: "it cannot be kept".into() })
    }

    /// Reads what [`Artifact::bytes`] gave, behind `begin` other bytes; `None` for anything else.
    pub(crate) fn read(whole: Vec<u8>, begin: usize) -> Option<Self> {
        let mut lengths = whole.get(begin..)?.strip_prefix(&MAGIC)?;
        let mut end = begin + MAGIC.len() + PARTS * 8;
        let mut part = || {
            let (length, behind) = lengths.split_first_chunk::<8>()?;
            lengths = behind;
            let part = end..end.checked_add(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
            end = part.end;
            whole.get(part.clone())?;
            Some(part)
        };
        let (name, manifest, metered, refunds, code) = (part()?, part()?, part()?, part()?, part()?);
        let profile = Profile::named(core::str::from_utf8(&whole[name]).ok()?)?;
        let manifest = match &whole[manifest] {
            [] => None,
            manifest => Some(Manifest::read(manifest).ok()?),
        };
        let refunds = Refunds::read(&whole[refunds])?;
        (end == whole.len()).then_some(Self { profile, manifest, refunds, whole, begin, metered, code })
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.whole[self.begin..]
    }

    /// The metered module, which other engines can run.
    pub(crate) fn metered(&self) -> &[u8] {
        &self.whole[self.metered.clone()]
    }

    pub(crate) fn code_bytes(&self) -> usize {
        self.code.len()
    }

    /// The compiled module.
    #[allow(unsafe_code, reason = "compiled code cannot be verified, only recognised as ours")]
    pub(crate) fn module(&self, engine: &Engine) -> Result<wasmtime::Module, LoadError> {
        // SAFETY: the fields are private to this file and set in `read`, which has three callers: `make` above with
        // what the compiler gave; `compiler.rs` with what a process of this very program wrote into a pipe that nobody
        // else has; `cache.rs` with a file of ours, of the hash that was written beside it, that nobody else can
        // write. Wasmtime refuses code of another version, of other settings or for features that this processor
        // lacks.
        unsafe { wasmtime::Module::deserialize(engine, &self.whole[self.code.clone()]) }
            .map_err(|error| LoadError::Engine { detail: format!("{error:#}") })
    }
}

impl From<Refusal> for LoadError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
