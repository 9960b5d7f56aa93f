//! Values on their way in: from standard input, a file or a hidden prompt, in pieces.

use std::fs::File;
use std::io::{IsTerminal as _, Read};

use dagvault_core::limits::CHUNK_BYTES;
use dagvault_core::wipe::Wiped;

use crate::args::Input;
use crate::failure::{Failure, Outcome};
use crate::terminal::Terminal;

/// Values up to this size go in one request.
pub(crate) const SMALL_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Larger ones in pieces of this size: whole chunks, so that none is put together from two pieces, and as few as keep
/// the workers busy, so that a piece and its copy in the guest are still in a core's cache when it is encrypted.
pub(crate) const PIECE_BYTES: usize = 4 * CHUNK_BYTES;
/// First size of the buffer, grown by copying into a new one.
const FIRST_BYTES: usize = 64 * 1024;

/// Takes away one line end (LF or CR LF) at the end.
pub(crate) fn strip_line_end(bytes: &mut Vec<u8>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}

/// A value being read.
pub(crate) struct Value {
    from: Box<dyn Read>,
    name: String,
    strip: bool,
}

/// The first part of a value.
pub(crate) enum First {
    /// All of it.
    Whole(Wiped),
    /// More than fits one request: its first piece.
    Piece(Wiped),
}

/// Whether the value comes from standard input.
pub(crate) fn from_stdin(input: &Input) -> bool {
    input.input.is_none() && !std::io::stdin().is_terminal()
}

impl Value {
    /// Opens the source of a value; at a terminal that is a prompt with `question`.
    pub(crate) fn open(input: &Input, question: &str) -> Outcome<Self> {
        let strip = input.no_newline;
        if let Some(path) = &input.input {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| Failure::io(&name, &error))?;
            if file.metadata().is_ok_and(|found| found.is_dir()) {
                return Err(Failure::usage(format!("{}: this is a folder", crate::show::safe(&name)))
                    .hint("store folders with `dagvault import`"));
            }
            return Ok(Self { from: Box::new(file), name, strip });
        }
        if !std::io::stdin().is_terminal() {
            return Ok(Self {
                from: Box::new(std::io::stdin().lock()),
                name: "standard input".into(),
                strip,
            });
        }
        let mut terminal =
            Terminal::open().ok_or_else(|| Failure::usage("there is no terminal to ask for the value"))?;
        let typed = terminal.hidden(question)?;
        Ok(Self { from: Box::new(Typed(typed, 0)), name: "the terminal".into(), strip })
    }

    /// Reads the value if it is small, else its first piece.
    pub(crate) fn first(&mut self) -> Outcome<First> {
        let mut capacity = FIRST_BYTES;
        let mut bytes = Wiped(Vec::new());
        loop {
            let mut grown = Wiped(Vec::with_capacity(capacity));
            grown.extend_from_slice(&bytes);
            bytes = grown;
            if !self.fill(&mut bytes, capacity)? {
                if self.strip {
                    strip_line_end(&mut bytes);
                }
                return Ok(First::Whole(bytes));
            }
            if capacity >= SMALL_BYTES_MAX {
                return Ok(First::Piece(bytes));
            }
            capacity *= 4;
            capacity = capacity.min(SMALL_BYTES_MAX);
        }
    }

    /// Hands the value from `first` on to `sink` in pieces.
    pub(crate) fn rest(&mut self, first: Wiped, mut sink: impl FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
        let mut piece = first;
        loop {
            // The line end to leave out may lie across two pieces: the last two bytes wait for the next.
            let held = if self.strip { piece.len().min(2) } else { 0 };
            let sent = piece.len() - held;
            sink(&piece[..sent])?;
            let mut next = Wiped(Vec::with_capacity(PIECE_BYTES));
            next.extend_from_slice(&piece[sent..]);
            let more = self.fill(&mut next, PIECE_BYTES)?;
            piece = next;
            if !more {
                if self.strip {
                    strip_line_end(&mut piece);
                }
                return sink(&piece);
            }
        }
    }

    /// Fills `bytes` up to `length`; answers whether it is full.
    fn fill(&mut self, bytes: &mut Wiped, length: usize) -> Outcome<bool> {
        let missing = (length - bytes.len()) as u64;
        let read = (&mut self.from).take(missing).read_to_end(bytes);
        read.map_err(|error| Failure::io(&self.name, &error))?;
        Ok(bytes.len() == length)
    }
}

/// What was typed, as a source.
struct Typed(Wiped, usize);

impl Read for Typed {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.0[self.1..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.1 += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: Vec<u8>, strip: bool) -> Value {
        Value { from: Box::new(std::io::Cursor::new(bytes)), name: "test".into(), strip }
    }

    fn read(bytes: Vec<u8>, strip: bool) -> Vec<u8> {
        let mut source = value(bytes, strip);
        match source.first().unwrap() {
            First::Whole(whole) => whole.to_vec(),
            First::Piece(piece) => {
                let mut all = Vec::new();
                let sink = |part: &[u8]| {
                    all.extend_from_slice(part);
                    Ok(())
                };
                source.rest(piece, sink).unwrap();
                all
            }
        }
    }

    #[test]
    fn values_arrive_whole() {
        for length in [
            0,
            1,
            FIRST_BYTES,
            FIRST_BYTES + 1,
            SMALL_BYTES_MAX - 1,
            SMALL_BYTES_MAX,
            SMALL_BYTES_MAX + 1,
            SMALL_BYTES_MAX + PIECE_BYTES,
        ] {
            let bytes: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            assert!(read(bytes.clone(), false) == bytes, "{length}");
        }
    }

    #[test]
    fn one_line_end_is_left_out_wherever_it_lies() {
        for length in [
            0,
            5,
            SMALL_BYTES_MAX - 2,
            SMALL_BYTES_MAX - 1,
            SMALL_BYTES_MAX,
            SMALL_BYTES_MAX + PIECE_BYTES - 3,
        ] {
            for end in ["", "\n", "\r\n", "\n\n"] {
                let mut bytes = vec![b'x'; length];
                bytes.extend_from_slice(end.as_bytes());
                let expected = bytes
                    .strip_suffix(b"\r\n")
                    .or_else(|| bytes.strip_suffix(b"\n"))
                    .unwrap_or(&bytes)
                    .to_vec();
                assert!(read(bytes, true) == expected, "{length} {end:?}");
            }
        }
    }
}
