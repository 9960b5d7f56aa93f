//! Reading a CAR file, section by section.

use std::io::{self, BufRead as _, BufReader, Read};

use dagvault_core::cbor::{CborError, Decoder};
use dagvault_core::cid::{
    AnyCid, CidError, HASH_BLAKE3, HASH_IDENTITY, HASH_SHA2_256, VARINT_BYTES_MAX, read_varint,
};
use dagvault_crypto::{hash, sha256};

use super::{CarError, Fault, ROOTS_MAX, SECTION_BYTES_MAX};

const BUFFER_BYTES: usize = 64 * 1024;

/// A block of a CAR file, whose bytes hash to its CID.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Where it begins in the file, in bytes.
    pub at: u64,
    /// Its name.
    pub cid: AnyCid,
    /// Its bytes, at most `BLOCK_BYTES_MAX` and a little.
    pub bytes: Vec<u8>,
}

/// Reads a CAR file from a stream; keeps one section and a buffer of 64 KiB in memory.
#[derive(Debug)]
pub struct Reader<R> {
    input: BufReader<R>,
    roots: Vec<AnyCid>,
    /// Bytes read so far.
    at: u64,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// If it is not one of version 1 with at most [`ROOTS_MAX`] roots, in its one form.
    pub fn new(input: R) -> Result<Self, CarError> {
        let input = BufReader::with_capacity(BUFFER_BYTES, input);
        let mut reader = Self { input, roots: Vec::new(), at: 0, ended: false };
        let header = reader.part().and_then(|part| part.ok_or(Fault::Truncated));
        reader.roots =
            header.and_then(|header| read_header(&header)).map_err(|fault| CarError { at: 0, fault })?;
        Ok(reader)
    }

    /// The roots that the header names; they need not be in the file.
    #[must_use]
    pub fn roots(&self) -> &[AnyCid] {
        &self.roots
    }

    /// The next section, `None` at the end of the file and after an error.
    ///
    /// # Errors
    /// If the file ends inside of a section, or the section is too large or not what its CID names.
    pub fn section(&mut self) -> Result<Option<Section>, CarError> {
        let at = self.at;
        if self.ended {
            return Ok(None);
        }
        let section = self.next_section(at).map_err(|fault| CarError { at, fault });
        self.ended = !matches!(section, Ok(Some(_)));
        section
    }

    fn next_section(&mut self, at: u64) -> Result<Option<Section>, Fault> {
        let Some(mut bytes) = self.part()? else { return Ok(None) };
        let (cid, used) = AnyCid::from_prefix(&bytes).map_err(Fault::Cid)?;
        bytes.drain(..used);
        check(&cid, &bytes)?;
        Ok(Some(Section { at, cid, bytes }))
    }

    /// The next part behind its length; `None` at the end of the file.
    fn part(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let Some(claimed) = self.length()? else { return Ok(None) };
        let most = SECTION_BYTES_MAX;
        let length = usize::try_from(claimed).ok().filter(|length| *length <= most);
        let mut bytes = vec![0; length.ok_or(Fault::TooLarge { claimed, most })?];
        self.input.read_exact(&mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Fault::Truncated,
            _ => Fault::Io(error),
        })?;
        self.at += claimed;
        Ok(Some(bytes))
    }

    /// A length; `None` at the end of the file.
    fn length(&mut self) -> Result<Option<u64>, Fault> {
        let mut bytes = [0; VARINT_BYTES_MAX];
        for count in 1..=VARINT_BYTES_MAX {
            let Some(byte) = self.byte()? else {
                return if count == 1 { Ok(None) } else { Err(Fault::Truncated) };
            };
            bytes[count - 1] = byte;
            match read_varint(&bytes[..count]) {
                Ok((length, _)) => return Ok(Some(length)),
                Err(CidError::Truncated) => {}
                Err(error) => return Err(Fault::Length(error)),
            }
        }
        Err(Fault::Length(CidError::TooLong))
    }

    fn byte(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let byte = match self.input.fill_buf() {
                Ok(ahead) => ahead.first().copied(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Fault::Io(error)),
            };
            if byte.is_some() {
                self.input.consume(1);
                self.at += 1;
            }
            return Ok(byte);
        }
    }
}

/// Reads the header's map: `roots` before `version`, for shorter keys come first.
fn read_header(header: &[u8]) -> Result<Vec<AnyCid>, Fault> {
    let mut from = Decoder::new(header);
    let fields = from.map().map_err(Fault::Header)?;
    let mut roots = Vec::new();
    let mut key = from.text().map_err(Fault::Header)?;
    if fields == 2 && key == "roots" {
        let count = from.array().map_err(Fault::Header)?;
        if count > ROOTS_MAX {
            return Err(Fault::Roots(count));
        }
        for _ in 0..count {
            let link = from.link_bytes().map_err(Fault::Header)?;
            roots.push(AnyCid::from_bytes(link).map_err(Fault::Cid)?);
        }
        key = from.text().map_err(Fault::Header)?;
    }
    if key != "version" {
        return Err(Fault::Header(CborError::Value));
    }
    let version = from.uint().map_err(Fault::Header)?;
    if version != 1 {
        return Err(Fault::Version(version));
    }
    if fields != 2 {
        return Err(Fault::Header(CborError::Value));
    }
    from.end().map_err(Fault::Header)?;
    Ok(roots)
}

/// Compares bytes with their name.
fn check(cid: &AnyCid, bytes: &[u8]) -> Result<(), Fault> {
    let right = match cid.hash() {
        HASH_BLAKE3 => hash::hash(bytes) == cid.digest(),
        HASH_SHA2_256 => sha256::digest(bytes) == cid.digest(),
        HASH_IDENTITY => bytes == cid.digest(),
        _ => return Err(Fault::Hash(*cid)),
    };
    if right { Ok(()) } else { Err(Fault::Mismatch(*cid)) }
}
