//! What a module says of itself, in the custom section `dagvault:module`.

use dagvault_core::cbor::{CborError, Decoder, Encoder};
use dagvault_core::limits::MODULE_FUNCTIONS_MAX;
use wasmparser::{Parser, Payload};

/// The name of the section.
pub const SECTION: &str = "dagvault:module";

/// What a module says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    /// Names of its functions, by their numbers.
    pub functions: Vec<String>,
    /// The profile that it wants.
    pub profile: Option<String>,
}

impl Manifest {
    /// What an admitted module says of itself; `None` if it says nothing.
    ///
    /// # Errors
    /// If the section is there twice or is not of the form.
    pub fn of(module: &[u8]) -> Result<Option<Self>, CborError> {
        let mut found = None;
        for payload in Parser::new(0).parse_all(module) {
            let Ok(payload) = payload else { return Err(CborError::Truncated) };
            if let Payload::CustomSection(section) = payload
                && section.name() == SECTION
                && found.replace(Self::read(section.data())?).is_some()
            {
                return Err(CborError::Trailing);
            }
        }
        Ok(found)
    }

    /// Reads the map of `abi`, `profile` if there is one, and `functions`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, CborError> {
        let mut decoder = Decoder::new(bytes);
        let count = decoder.map()?;
        if decoder.text()? != "abi" || decoder.uint()? != 1 || !(2..=3).contains(&count) {
            return Err(CborError::Value);
        }
        let mut manifest = Self::default();
        let mut key = decoder.text()?;
        if key == "profile" && count == 3 {
            manifest.profile = Some(decoder.text()?.to_owned());
            key = decoder.text()?;
        } else if count == 3 {
            return Err(CborError::Value);
        }
        let functions = if key == "functions" { decoder.array()? } else { return Err(CborError::Value) };
        if functions > MODULE_FUNCTIONS_MAX {
            return Err(CborError::Value);
        }
        for _ in 0..functions {
            manifest.functions.push(decoder.text()?.to_owned());
        }
        decoder.end()?;
        Ok(manifest)
    }

    /// The bytes of the section.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.map(2 + usize::from(self.profile.is_some()));
        encoder.text("abi");
        encoder.uint(1);
        if let Some(profile) = &self.profile {
            encoder.text("profile");
            encoder.text(profile);
        }
        encoder.text("functions");
        encoder.array(self.functions.len());
        self.functions.iter().for_each(|name| encoder.text(name));
        encoder.finish()
    }

    /// The number of a function.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        let at = self.functions.iter().position(|function| function == name)?;
        u32::try_from(at).ok()
    }
}
