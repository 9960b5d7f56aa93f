//! The one door: every user of a vault sends a [`Request`] and gets a [`Response`] or an [`Error`], as
//! strict dag-cbor where they cross an ABI or a wire.
#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod graph;
#[cfg(feature = "std")]
pub mod group;
mod request;
mod response;
mod sections;
mod types;

pub use error::Error;
pub use graph::{BlockInfo, BlockKind, CommitInfo, CommitRoot, Proven, RawBlock, WalkStep};
pub use request::{Request, check_path};
pub use response::{
    BatchAnswer, GcDone, HeapStats, MemoryStats, Moved, RegionUse, Response, TableUse, VaultStats, VerifyStep,
};
pub use sections::{SECTION_API, SECTIONS};
pub use types::{
    Codec, EntryInfo, KdfParams, KeySlotInfo, Meta, MetaChange, Protect, PutItem, PutOutcome, Select, Unlock,
    VersionInfo, VersionState,
};

use alloc::vec::Vec;
use dagvault_core::cbor;

/// Serves requests; the native engine and the one in Wasmtime are the two implementations.
pub trait Engine: Send + Sync {
    /// Serves one request.
    ///
    /// # Errors
    /// What the request's documentation says; `Error::Locked` before `Open` or `Create`.
    fn call(&self, request: &Request<'_>) -> Result<Response, Error>;
}

/// An answer as it crosses the ABI.
pub type Answer = Result<Response, Error>;

/// Encodes an answer.
#[must_use]
pub fn encode_answer(answer: &Answer) -> Vec<u8> {
    let mut encoder = cbor::Encoder::default();
    encoder.array(2);
    match answer {
        Ok(response) => {
            encoder.uint(0);
            cbor::Wire::encode(response, &mut encoder);
        }
        Err(error) => {
            encoder.uint(1);
            cbor::Wire::encode(error, &mut encoder);
        }
    }
    encoder.finish()
}

/// Decodes an answer.
///
/// # Errors
/// If the bytes are not what [`encode_answer`] writes.
pub fn decode_answer(bytes: &[u8]) -> Result<Answer, cbor::CborError> {
    let mut decoder = cbor::Decoder::new(bytes);
    decoder.record(2)?;
    let answer = match decoder.uint()? {
        0 => Ok(cbor::Wire::decode(&mut decoder)?),
        1 => Err(cbor::Wire::decode(&mut decoder)?),
        _ => return Err(cbor::CborError::Value),
    };
    decoder.end()?;
    Ok(answer)
}
