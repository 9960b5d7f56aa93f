//! Where answers, warnings and failures go: plain text or JSON, quietly into a closed pipe.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};

use serde_json::{Value, json};

use crate::failure::{Failure, Kind, Outcome};
use crate::progress::Progress;
use crate::show;

const BUFFER_BYTES: usize = 64 * 1024;

/// Standard output and standard error of one command.
pub(crate) struct Out {
    /// Whether answers are JSON.
    pub(crate) json: bool,
    /// Whether to leave out everything that was not asked for.
    pub(crate) quiet: bool,
    /// Whether standard output is a terminal.
    pub(crate) terminal: bool,
    stdout: Option<BufWriter<File>>,
    progress: Option<Progress>,
}

impl Out {
    /// The process's own streams.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let stdout = rustix::stdio::stdout().try_clone_to_owned().ok();
        Self {
            json,
            quiet,
            terminal: io::stdout().is_terminal(),
            stdout: stdout.map(|fd| BufWriter::with_capacity(BUFFER_BYTES, File::from(fd))),
            progress: None,
        }
    }

    /// Writes bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Outcome<()> {
        let Some(stdout) = &mut self.stdout else { return Ok(()) };
        stdout.write_all(bytes).map_err(|error| Failure::io("standard output", &error))
    }

    /// Writes a line of an answer: escaped on a terminal, as it is into a pipe.
    pub(crate) fn line(&mut self, text: &str) -> Outcome<()> {
        if self.terminal {
            self.raw(show::safe(text).as_bytes())?;
        } else {
            self.raw(text.as_bytes())?;
        }
        self.raw(b"\n")
    }

    /// Writes a line of JSON.
    pub(crate) fn object(&mut self, value: &Value) -> Outcome<()> {
        let mut text = value.to_string();
        text.push('\n');
        self.raw(text.as_bytes())
    }

    /// Says what a change did: `value` in JSON, `text` to people unless `--quiet`.
    pub(crate) fn done(&mut self, text: &str, value: &Value) -> Outcome<()> {
        if self.json {
            self.object(value)
        } else if self.quiet {
            Ok(())
        } else {
            self.line(text)
        }
    }

    /// Writes out what is buffered.
    pub(crate) fn flush(&mut self) -> Outcome<()> {
        let Some(stdout) = &mut self.stdout else { return Ok(()) };
        stdout.flush().map_err(|error| Failure::io("standard output", &error))
    }

    /// Shows `progress` from now on, if standard error is a terminal and nobody asked for silence.
    pub(crate) fn start_progress(&mut self, unit: crate::progress::Unit) {
        if !self.quiet && !self.json && io::stderr().is_terminal() {
            self.progress = Some(Progress::new(unit));
        }
    }

    /// Whether progress is shown, so that it is worth counting what lies ahead.
    pub(crate) fn shows_progress(&self) -> bool {
        self.progress.is_some()
    }

    /// Sets how far the work is: items, units done, and units in all where they are known.
    pub(crate) fn progress(&mut self, items: u64, done: u64, total: Option<u64>) {
        if let Some(progress) = &mut self.progress {
            progress.update(items, done, total);
        }
    }

    /// Takes the progress line away.
    pub(crate) fn end_progress(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.clear();
        }
    }

    /// Warns of something that does not end the command. Shown even with `--quiet`.
    pub(crate) fn warn(&mut self, text: &str) {
        self.error_line("warning", text);
    }

    /// Tells something worth knowing; not with `--quiet`.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.quiet {
            self.error_line("note", text);
        }
    }

    fn error_line(&mut self, kind: &str, text: &str) {
        if let Some(progress) = &self.progress {
            progress.clear();
        }
        let line = if self.json {
            format!("{}\n", json!({ kind: text }))
        } else {
            format!("{kind}: {}\n", show::safe(text))
        };
        // Nobody left to tell.
        let _ = io::stderr().write_all(line.as_bytes());
    }

    /// Tells why the command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.kind == Kind::Pipe {
            return;
        }
        if let Some(progress) = &self.progress {
            progress.clear();
        }
        let text = if self.json {
            let error = json!({
                "kind": failure.kind.name(),
                "code": failure.kind.code(),
                "message": failure.message,
                "hint": failure.hint,
            });
            format!("{}\n", json!({ "error": error }))
        } else if failure.hint.is_empty() {
            format!("error: {}\n", failure.message)
        } else {
            format!("error: {}\nhint: {}\n", failure.message, failure.hint)
        };
        // Nobody left to tell.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}
