//! Writing a CAR file.

use std::io::{self, Write};

use dagvault_core::cbor::Encoder;
use dagvault_core::cid::{AnyCid, push_varint};

use super::{ROOTS_MAX, SECTION_BYTES_MAX};

/// Writes a CAR file to a stream, in the order in which blocks are given.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    /// Length and CID of a section on their way.
    head: Vec<u8>,
}

fn refused(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// `InvalidInput` for more than [`ROOTS_MAX`] roots; what the system reports.
    pub fn new(mut output: W, roots: &[AnyCid]) -> io::Result<Self> {
        if roots.len() > ROOTS_MAX {
            return Err(refused("too many roots for a CAR file"));
        }
        let mut to = Encoder::default();
        to.map(2);
        to.text("roots");
        to.array(roots.len());
        roots.iter().for_each(|root| to.link_bytes(&root.to_bytes()));
        to.text("version");
        to.uint(1);
        let header = to.finish();
        let mut head = Vec::new();
        push_varint(header.len() as u64, &mut head);
        output.write_all(&head)?;
        output.write_all(&header)?;
        Ok(Self { output, head })
    }

    /// Writes a block. That it hashes to its CID is the caller's to know.
    ///
    /// # Errors
    /// `InvalidInput` for more than a section holds; what the system reports.
    pub fn block(&mut self, cid: &AnyCid, bytes: &[u8]) -> io::Result<()> {
        let cid = cid.to_bytes();
        if cid.len() + bytes.len() > SECTION_BYTES_MAX {
            return Err(refused("a block is too large for a section"));
        }
        self.head.clear();
        push_varint((cid.len() + bytes.len()) as u64, &mut self.head);
        self.head.extend_from_slice(&cid);
        self.output.write_all(&self.head)?;
        self.output.write_all(bytes)
    }

    /// Ends the file; answers the stream, flushed.
    ///
    /// # Errors
    /// What the system reports.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}
