//! Where the log ended when a handle was last closed: kept in the file `lock`, so that a log that has been cut
//! short, or has lost its newest segment, is not taken for an earlier whole state.
//!
//! It is derived and never synced. What it names had been durable before it was written, so a log that does not
//! reach it has lost something; a note that is absent, torn or older says nothing.

use super::FileStore;
use super::base::{Base, Name, corrupt, io_error};
use super::format::{array, hash, u64_at};
use super::state::State;
use crate::disk::DiskFile;
use dagvault_core::error::StoreError;
use std::io;

const MAGIC: &[u8; 8] = b"dvlt-tip";
const LEN: usize = 80;

/// The end of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tip {
    /// The newest segment.
    pub(super) number: u64,
    /// Where its last batch ends.
    end: u64,
    /// The id of its last link.
    pub(super) link: [u8; 32],
}

impl Tip {
    fn encode(&self, store: &[u8; 16]) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[..8].copy_from_slice(MAGIC);
        out[8..24].copy_from_slice(store);
        out[24..32].copy_from_slice(&self.number.to_le_bytes());
        out[32..40].copy_from_slice(&self.end.to_le_bytes());
        out[40..72].copy_from_slice(&self.link);
        let check: [u8; 8] = array(&hash(&out[..72]), 0);
        out[72..].copy_from_slice(&check);
        out
    }

    fn decode(bytes: &[u8], store: &[u8; 16]) -> Option<Self> {
        if bytes.len() != LEN {
            return None;
        }
        let tip = Self { number: u64_at(bytes, 24), end: u64_at(bytes, 32), link: array(bytes, 40) };
        (tip.encode(store) == bytes).then_some(tip)
    }

    /// The note in the file `lock`.
    pub(super) fn read(lock: &dyn DiskFile, store: &[u8; 16]) -> io::Result<Option<Self>> {
        let mut bytes = [0; LEN];
        let count = lock.read_at(&mut bytes, 0)?;
        Ok(Self::decode(&bytes[..count], store))
    }

    pub(super) fn of(state: &State) -> Self {
        Self { number: state.log.number, end: state.log.end, link: state.log.chain }
    }

    pub(super) fn place(&self) -> (u64, u64) {
        (self.number, self.end)
    }

    /// Whether a log that ends here holds what another note names.
    pub(super) fn covers(&self, noted: &Self) -> bool {
        self.place() > noted.place() || self == noted
    }

    /// Checks the log against a note that was read before it.
    ///
    /// # Errors
    /// `Corrupt` if the log has lost its end.
    pub(super) fn check(&self, state: &mut State, base: &Base) -> Result<(), StoreError> {
        if Self::of(state).covers(self) {
            return Ok(());
        }
        // A writer at work may hide the last batch for a moment; without one there is nothing to wait for.
        if !base.probe.try_lock(false).map_err(|error| io_error("lock", &error))? {
            return Ok(());
        }
        let again = state.refresh(base, false);
        base.probe.unlock().map_err(|error| io_error("lock", &error))?;
        again?;
        if Self::of(state).covers(self) {
            return Ok(());
        }
        let path = Name::Log(self.number).path();
        let detail =
            format!("{path}: the log ended at {} when it was last closed, and is shorter now", self.end);
        Err(corrupt(detail))
    }
}

impl FileStore {
    /// Notes where the log ends, unless another handle is writing or has noted more.
    pub(super) fn note_tip(&self) -> io::Result<()> {
        let (tip, sure) = {
            let state = self.state();
            (Tip::of(&state), state.log.marked && state.log.ours)
        };
        if !sure || !self.lock.try_lock(true)? {
            return Ok(());
        }
        let noted = Tip::read(&*self.lock, &self.base.store)?;
        let written = match noted {
            Some(noted) if noted.place() >= tip.place() => Ok(()),
            _ => self.lock.write_at(&tip.encode(&self.base.store), 0),
        };
        self.lock.unlock()?;
        written
    }
}
