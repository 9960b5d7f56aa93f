//! The file layer: every file access of the file store goes through [`Disk`] and [`DiskFile`].
//!
//! Paths are relative to the vault's folder, with `/` between names; `""` is the folder itself.

#[cfg(unix)]
mod real;
mod sim;
mod sim_state;

use std::io;
use std::sync::Arc;

#[cfg(unix)]
pub use real::RealDisk;
pub use sim::{Fault, SimDisk};

/// How to open a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Open {
    /// For reading; the file must exist.
    Read,
    /// For reading and writing; the file must exist.
    Write,
    /// For reading and writing; the file must not exist. Readable by its owner only.
    New,
}

/// A folder in which a store keeps its files.
pub trait Disk: Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists` and what the system reports.
    fn open(&self, path: &str, how: Open) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file, over another if there is one; durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// What the system reports.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file; durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// `NotFound` and what the system reports.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// The names of what is in a folder, in no order.
    ///
    /// # Errors
    /// `NotFound` and what the system reports.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Whether a file is there.
    ///
    /// # Errors
    /// What the system reports.
    fn exists(&self, path: &str) -> io::Result<bool> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok(self.list(folder)?.iter().any(|found| found == name))
    }

    /// Creates a folder (mode 0700); it may exist already.
    ///
    /// # Errors
    /// What the system reports.
    fn create_dir(&self, folder: &str) -> io::Result<()>;

    /// Makes creations, renames and removals inside a folder durable.
    ///
    /// # Errors
    /// What the system reports; then it is unknown which of them are durable.
    fn sync_dir(&self, folder: &str) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// What the system reports.
    fn size(&self) -> io::Result<u64>;

    /// Whether it still has a name, so that others can open it.
    ///
    /// # Errors
    /// What the system reports.
    fn is_named(&self) -> io::Result<bool>;

    /// Reads at `offset` until `buffer` is full or the file ends; answers how many bytes.
    ///
    /// # Errors
    /// What the system reports.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Reads `count` bytes at `offset`, fewer where the file ends.
    ///
    /// # Errors
    /// What the system reports.
    fn read_vec(&self, count: usize, offset: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        let got = self.read_at(&mut bytes, offset)?;
        bytes.truncate(got);
        Ok(bytes)
    }

    /// Writes all of `bytes` at `offset`; the file grows as needed.
    ///
    /// # Errors
    /// What the system reports; then any part may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file, or extends it by zeros.
    ///
    /// # Errors
    /// What the system reports.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Gives the space of whole pages inside a range back; they read as zeros. Does nothing where the
    /// system cannot.
    ///
    /// # Errors
    /// What the system reports.
    fn punch(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Makes the contents durable (`fdatasync`).
    ///
    /// # Errors
    /// What the system reports; then the fate of everything written since the last success is unknown,
    /// and a later success says nothing about it.
    fn sync_data(&self) -> io::Result<()>;

    /// Tries to take the advisory lock of this open file, shared or exclusive, without waiting.
    ///
    /// # Errors
    /// What the system reports; a lock held by another is `Ok(false)`.
    fn try_lock(&self, exclusive: bool) -> io::Result<bool>;

    /// Releases the lock; closing the file does so too.
    ///
    /// # Errors
    /// What the system reports.
    fn unlock(&self) -> io::Result<()>;
}
