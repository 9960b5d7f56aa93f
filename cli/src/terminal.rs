//! Questions to the person at the terminal.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};

use dagvault_core::wipe::{Wiped, wipe_vec};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::{Failure, Kind, Outcome};
use crate::show;

/// Longest line that is read.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The process's terminal, whatever standard input and output are.
pub(crate) struct Terminal(File);

impl Terminal {
    /// The terminal, if there is one.
    pub(crate) fn open() -> Option<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").ok().map(Self)
    }

    /// Asks for a line that is not shown while it is typed.
    pub(crate) fn hidden(&mut self, question: &str) -> Outcome<Wiped> {
        self.say(&format!("{}: ", show::safe(question)))?;
        let silent = Silent::new(&self.0)?;
        let line = read_line(&self.0);
        drop(silent);
        self.say("\n")?;
        line
    }

    /// Asks a question that only `yes` answers with yes.
    pub(crate) fn confirm(&mut self, question: &str) -> Outcome<bool> {
        self.say(&format!("{} Type yes to go on: ", show::safe(question)))?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while answer.len() < 64 && self.0.read(&mut byte).is_ok_and(|count| count == 1) && byte[0] != b'\n' {
            answer.push(byte[0]);
        }
        Ok(answer.trim_ascii() == b"yes")
    }

    fn say(&mut self, text: &str) -> Outcome<()> {
        self.0.write_all(text.as_bytes()).map_err(|error| Failure::io("the terminal", &error))
    }
}

/// A terminal that shows nothing and hands every key to us, Ctrl-C too, so that it is always set back.
struct Silent<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silent<'a> {
    fn new(terminal: &'a File) -> Outcome<Self> {
        let failed = |error: rustix::io::Errno| Failure::io("the terminal", &error.into());
        let before = tcgetattr(terminal).map_err(failed)?;
        let mut silent = before.clone();
        silent.local_modes &=
            !(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Flush, &silent).map_err(failed)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // A terminal that went away needs no setting back.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

/// Reads to the end of the line, with the editing keys that matter in the dark.
fn read_line(mut terminal: &File) -> Outcome<Wiped> {
    // Never reallocated, so no copy is left behind.
    let mut line = Wiped(Vec::with_capacity(LINE_BYTES_MAX));
    let mut byte = Zeroizing::new([0_u8]);
    loop {
        let count = terminal.read(&mut *byte).map_err(|error| Failure::io("the terminal", &error))?;
        match (count, byte[0]) {
            (0, _) | (_, b'\r' | b'\n' | 0x04) => return Ok(line),
            (_, 0x03 | 0x1c) => {
                return Err(Failure::new(Kind::Interrupted, "interrupted").hint("nothing was done"));
            }
            (_, 0x08 | 0x7f) => remove_character(&mut line),
            (_, 0x15) => wipe_vec(&mut line),
            (_, control) if control < 0x20 => {}
            (_, typed) if line.len() < LINE_BYTES_MAX => line.push(typed),
            _ => return Err(Failure::usage("this line is too long")),
        }
    }
}

/// Takes the last character away, which may be several bytes of UTF-8.
fn remove_character(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
}
