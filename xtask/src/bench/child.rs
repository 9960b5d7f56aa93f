//! A program that times its cases when asked to: `measure` of the benches, or Node.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::run::line;

/// One thing that can be timed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Case {
    /// `crypto`, `dag` or `vault`.
    pub(super) group: String,
    /// What is done.
    pub(super) what: String,
    /// Length of a message, in bytes.
    pub(super) bytes: u64,
    /// Threads that compute.
    pub(super) workers: u64,
    /// `native`, `wasmtime` or a Node.
    pub(super) engine: String,
    /// Module and backend, or a peer.
    pub(super) who: String,
    /// Bytes that one run goes through.
    pub(super) amount: u64,
}

impl Case {
    fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let number = |key: &str| value[key].as_u64();
        Some(Self {
            group: text("group")?,
            what: text("what")?,
            bytes: number("bytes")?,
            workers: number("workers")?,
            engine: text("engine")?,
            who: text("who")?,
            amount: number("amount")?,
        })
    }

    /// In words, for `--filter` and messages.
    pub(super) fn name(&self) -> String {
        let Self { group, what, bytes, workers, engine, who, .. } = self;
        format!("{group}/{what}, {bytes} bytes, {workers} at once, {engine} {who}")
    }
}

/// The program, running.
pub(super) struct Server {
    child: Child,
    /// Closed to end it.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    called: String,
    /// What it can time.
    pub(super) cases: Vec<Case>,
}

impl Server {
    /// Starts it and reads its list.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let called = line(command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {called}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let mut server = Self { child, input, output, called, cases: Vec::new() };
        let list = server.read()?;
        let cases = list["cases"].as_array().context("no list of cases")?;
        server.cases = cases
            .iter()
            .map(|case| Case::read(case).with_context(|| format!("not a case: {case}")))
            .collect::<Result<_>>()?;
        Ok(server)
    }

    fn read(&mut self) -> Result<Value> {
        let mut text = String::new();
        self.output.read_line(&mut text)?;
        if text.is_empty() {
            bail!("{} ended before it was told to", self.called);
        }
        serde_json::from_str(&text).with_context(|| format!("{} printed {text:?}", self.called))
    }

    fn ask(&mut self, order: &str) -> Result<Value> {
        let input = self.input.as_mut().context("already told to end")?;
        writeln!(input, "{order}")?;
        input.flush()?;
        let answer = self.read()?;
        match answer["error"].as_str() {
            Some(error) => bail!("{error}"),
            None => Ok(answer),
        }
    }

    /// Prepares a case.
    pub(super) fn open(&mut self, case: usize) -> Result<()> {
        self.ask(&format!("open {case}")).map(drop)
    }

    /// Lets a case go.
    pub(super) fn close(&mut self, case: usize) -> Result<()> {
        self.ask(&format!("close {case}")).map(drop)
    }

    /// Runs a case; answers its seconds.
    pub(super) fn run(&mut self, case: usize, times: u64) -> Result<f64> {
        self.ask(&format!("run {case} {times}"))?["seconds"].as_f64().context("no seconds")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
