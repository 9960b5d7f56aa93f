//! Compilation in a process of its own, which can be killed: a module that makes the compiler take long, or much
//! memory, costs that process and nobody else.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use dagvault_meter::admit::Limits;
use dagvault_meter::profile::Profile;
use dagvault_meter::schedule::Schedule;
use rustix::process::{Resource, Rlimit, setrlimit};
use wasmtime::Engine;

use crate::LoadError;
use crate::artifact::Artifact;
use crate::engine::config;
use crate::gate::{Capacity, Gate};

/// Begins what the process is asked.
const MAGIC: [u8; 16] = *b"dagvault compile";
/// Most that the process may answer, bytes.
const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// Most that it is asked: a module as large as any, a schedule, a name.
const ASKED_BYTES_MAX: u64 = (8 << 20) + (64 << 10);
/// Longest refusal that is passed on, bytes.
const REFUSAL_BYTES_MAX: usize = 4 << 10;
/// The first byte of an answer.
const DONE: u8 = 0;
const REFUSED: u8 = 1;
/// Processes at once, and modules that wait for one.
const AT_ONCE: usize = 2;
const WAITING: usize = 64;

/// The program that compiles, and what it may take.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The program: its `main` calls [`child_main`] when it sees the arguments.
    pub program: PathBuf,
    /// The arguments.
    pub arguments: Vec<OsString>,
    /// How long it may take; half of that is the limit of the processor's time.
    pub wall: Duration,
    /// Addresses that it may have, bytes.
    pub memory_bytes: u64,
}

impl Compiler {
    /// This very program, with these arguments.
    ///
    /// # Errors
    /// If the system does not say which program this is.
    pub fn this_program(arguments: Vec<OsString>) -> std::io::Result<Self> {
        Ok(Self::new(std::env::current_exe()?, arguments))
    }

    /// A program with the usual limits.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>) -> Self {
        Self { program, arguments, wall: Duration::from_secs(30), memory_bytes: 2 << 30 }
    }
}

/// Compiles in such processes, a few at once.
pub(crate) struct Compilers {
    compiler: Compiler,
    gate: Gate,
}

impl Compilers {
    pub(crate) fn new(compiler: Compiler) -> Self {
        let wait = compiler.wall;
        Self { compiler, gate: Gate::new(Capacity { running: AT_ONCE, waiting: WAITING, wait }) }
    }

    /// Admits, meters and compiles a module.
    pub(crate) fn compile(
        &self,
        bytes: &[u8],
        profile: &'static Profile,
        schedule: &Schedule,
    ) -> Result<Artifact, LoadError> {
        // What can be said at once.
        let most = Limits::default().module_bytes;
        if bytes.len() > most as usize {
            let (count, limit) = (bytes.len() as u64, u64::from(most));
            let what = "bytes of module";
            return Err(dagvault_meter::admit::Refusal::Limit { what, count, limit, function: None }.into());
        }
        let _place = self.gate.enter().map_err(|_| LoadError::Overloaded)?;
        let answer = self.ask(question(bytes, profile, schedule, &self.compiler))?;
        match answer.first() {
            Some(&DONE) => Artifact::read(answer, 1)
                .filter(|artifact| artifact.profile == profile)
                .ok_or_else(|| failed("it answered something else")),
            Some(&REFUSED) => {
                Err(LoadError::Told { detail: String::from_utf8_lossy(&answer[1..]).into_owned() })
            }
            _ => Err(failed("it answered nothing")),
        }
    }

    /// One process from its beginning to its end.
    fn ask(&self, question: Vec<u8>) -> Result<Vec<u8>, LoadError> {
        let mut child = self.spawn().map_err(|error| failed(&error.to_string()))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else { return Err(failed("it has no pipes")) };
        let until = Instant::now() + self.compiler.wall;
        let (sender, receiver) = channel();
        let talk = move || {
            // It may end before it has read all; how it ended says why.
            let _ = stdin.write_all(&question);
            drop(stdin);
            let mut answer = Vec::new();
            let read = stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
            // Nobody may be waiting any more.
            let _ = sender.send(read.map(|_| answer));
        };
        let spawned = std::thread::Builder::new().name("dagvault-compiler".into()).spawn(talk);
        let answer = match spawned {
            Ok(_) => receiver.recv_timeout(self.compiler.wall),
            Err(error) => {
                end(&mut child);
                return Err(failed(&error.to_string()));
            }
        };
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                end(&mut child);
                return Err(failed(&error.to_string()));
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                end(&mut child);
                return Err(failed(&format!("it took longer than {:?}", self.compiler.wall)));
            }
        };
        // The pipe is closed: the process has ended or is about to.
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
                _ => {
                    end(&mut child);
                    return Err(failed("it did not end"));
                }
            }
        };
        if status.success() { Ok(answer) } else { Err(failed(&how(status))) }
    }

    fn spawn(&self) -> std::io::Result<Child> {
        Command::new(&self.compiler.program)
            .args(&self.compiler.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }
}

/// Ends a process and takes leave of it.
fn end(child: &mut Child) {
    // It may have ended by itself; then there is nothing to kill.
    let _ = child.kill();
    let _ = child.wait();
}

fn failed(detail: &str) -> LoadError {
    LoadError::Compiler { detail: detail.to_owned() }
}

/// How a process ended that did not do its work.
fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match status.signal() {
        // Of a failed allocation, and of a limit of time.
        Some(6) => "it took more memory than it may".into(),
        Some(9 | 24) => "it took more time than it may".into(),
        _ => format!("the process ended with {status}"),
    }
}

/// What the process is asked: numbers, then the name of the profile, the schedule, the module.
fn question(bytes: &[u8], profile: &Profile, schedule: &Schedule, compiler: &Compiler) -> Vec<u8> {
    let schedule = schedule.write();
    let parts = [profile.name.as_bytes(), schedule.as_bytes(), bytes];
    let mut question = MAGIC.to_vec();
    question.extend(compiler.memory_bytes.to_le_bytes());
    question.extend(compiler.wall.as_secs().div_ceil(2).to_le_bytes());
    for part in &parts[..2] {
        question.extend((part.len() as u64).to_le_bytes());
    }
    parts.iter().for_each(|part| question.extend_from_slice(part));
    question
}

/// What the process reads.
struct Question<'a> {
    memory_bytes: u64,
    seconds: u64,
    profile: &'static Profile,
    schedule: Schedule,
    module: &'a [u8],
}

impl<'a> Question<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&MAGIC)?;
        let mut number = || {
            let (number, behind) = rest.split_first_chunk::<8>()?;
            rest = behind;
            Some(u64::from_le_bytes(*number))
        };
        let (memory_bytes, seconds, name, schedule) = (number()?, number()?, number()?, number()?);
        let (name, rest) = rest.split_at_checked(usize::try_from(name).ok()?)?;
        let (schedule, module) = rest.split_at_checked(usize::try_from(schedule).ok()?)?;
        let profile = Profile::named(core::str::from_utf8(name).ok()?)?;
        let schedule = Schedule::read(core::str::from_utf8(schedule).ok()?).ok()?;
        Some(Self { memory_bytes, seconds, profile, schedule, module })
    }
}

/// The work of the process that compiles: reads what is asked from `input`, limits itself, writes the answer to
/// `output`. The program's exit code is what this answers.
#[must_use]
pub fn child_main(input: impl Read, mut output: impl Write) -> u8 {
    let mut bytes = Vec::new();
    if input.take(ASKED_BYTES_MAX).read_to_end(&mut bytes).is_err() {
        return 2;
    }
    let Some(question) = Question::read(&bytes) else { return 2 };
    if limit(&question).is_err() {
        return 3;
    }
    let Ok(engine) = Engine::new(&config()) else { return 4 };
    let written = match Artifact::make(&engine, question.module, question.profile, &question.schedule) {
        Ok(artifact) => output.write_all(&[DONE]).and_then(|()| output.write_all(artifact.bytes())),
        Err(error) => {
            let text = error.to_string();
            let shown = &text.as_bytes()[..text.len().min(REFUSAL_BYTES_MAX)];
            output.write_all(&[REFUSED]).and_then(|()| output.write_all(shown))
        }
    };
    u8::from(written.and_then(|()| output.flush()).is_err())
}

/// Addresses, the processor's time, no dump of the memory, no file.
fn limit(question: &Question<'_>) -> rustix::io::Result<()> {
    let both = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Core, both(0))?;
    setrlimit(Resource::Fsize, both(0))?;
    setrlimit(Resource::Cpu, both(question.seconds.max(1)))?;
    setrlimit(Resource::As, both(question.memory_bytes))
}
