//! WASI preview 1, as far as it needs no authority: no arguments, no environment, no files; standard input is the
//! input, standard output the output, standard error the log; clock and random bytes are inputs. Everything else is
//! there, so that ordinary toolchains serve, and answers that it is not.

use dagvault_core::limits::{MODULE_LOG_LINE_BYTES_MAX, MODULE_OUTPUT_BYTES_MAX};
use dagvault_crypto::hash;
use wasmtime::{Caller, FuncType, Linker, Val, ValType};

use crate::guest::{Guest, Logs, State, range};
use crate::outcome::{Stop, Trap};
use dagvault_meter::imports::{WASI, WASI_FUNCTIONS};

const SUCCESS: i32 = 0;
const BADF: i32 = 8;
const INVAL: i32 = 28;
const NOSYS: i32 = 52;
const SPIPE: i32 = 70;

/// The type of file that a terminal or a pipe has.
const CHARACTER_DEVICE: u8 = 2;
const RIGHT_READ: u64 = 1 << 1;
const RIGHT_WRITE: u64 = 1 << 6;
/// Vectors of one read or write.
const VECTORS_MAX: u32 = 1024;
/// The level of what is written to standard error: what is told.
pub(crate) const LEVEL: u8 = 2;
const RANDOM_CONTEXT: &str = "dagvault-sandbox 2026-11-22 random bytes of a module";

/// What a program of WASI reads and writes.
pub(crate) struct Wasi {
    input: Vec<u8>,
    /// Bytes of the input that were read.
    read: usize,
    pub(crate) output: Vec<u8>,
    /// Standard output is the answer; otherwise it goes into the log, too.
    answers: bool,
    now_ms: u64,
    seed: [u8; 32],
    /// Blocks of random bytes that were made.
    blocks: u64,
    /// What was written to standard error behind the last end of a line.
    line: Vec<u8>,
}

impl Wasi {
    /// Of a program, which reads its input and writes its answer, or of a module that only happens to import WASI.
    pub(crate) fn new(input: Option<&[u8]>, now_ms: u64, seed: [u8; 32]) -> Self {
        let (answers, input) = (input.is_some(), input.unwrap_or_default().to_vec());
        Self { input, read: 0, output: Vec::new(), answers, now_ms, seed, blocks: 0, line: Vec::new() }
    }

    /// Takes what is written to the log, and hands on its lines. Of a line no more is kept than is shown.
    fn log(&mut self, bytes: &[u8], logs: &mut Logs) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = MODULE_LOG_LINE_BYTES_MAX + 1 - self.line.len();
            let (text, ends) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                logs.line(LEVEL, &self.line);
                self.line.clear();
            }
        }
    }

    /// The rest of the log, which has no end of a line.
    pub(crate) fn last_line(&mut self) -> Option<Vec<u8>> {
        (!self.line.is_empty()).then(|| std::mem::take(&mut self.line))
    }
}

/// Defines all functions.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for (name, params, results) in WASI_FUNCTIONS {
        let types = |letters: &str| -> Vec<ValType> {
            letters.chars().map(|letter| if letter == 'I' { ValType::I64 } else { ValType::I32 }).collect()
        };
        let ty = FuncType::new(linker.engine(), types(params), types(results));
        linker.func_new(WASI, name, ty, move |mut caller: Caller<'_, State>, given, answer| {
            let mut guest = Guest(&mut caller);
            let errno = call(&mut guest, name, &Arguments(given))?;
            if let Some(answer) = answer.first_mut() {
                *answer = Val::I32(errno);
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The arguments, whose types Wasmtime has checked.
struct Arguments<'a>(&'a [Val]);

impl Arguments<'_> {
    fn short(&self, at: usize) -> u32 {
        self.0.get(at).and_then(Val::i32).unwrap_or(0).cast_unsigned()
    }
}

fn call(guest: &mut Guest<'_, '_>, name: &str, given: &Arguments<'_>) -> Result<i32, Stop> {
    let price = guest.0.data().prices.wasi;
    guest.charge(price)?;
    let (a, b) = (given.short(0), given.short(1));
    match name {
        // Nothing is written where there is nothing.
        "args_get" | "environ_get" | "sched_yield" => Ok(SUCCESS),
        "args_sizes_get" | "environ_sizes_get" => {
            guest.write(a, &0_u32.to_le_bytes())?;
            guest.write(b, &0_u32.to_le_bytes())?;
            Ok(SUCCESS)
        }
        "clock_res_get" => {
            guest.write(b, &1_000_000_u64.to_le_bytes())?;
            Ok(SUCCESS)
        }
        "clock_time_get" => clock(guest, given.short(2)),
        "random_get" => random(guest, a, b),
        "fd_read" => read(guest, a, (b, given.short(2)), given.short(3)),
        "fd_write" => write(guest, a, (b, given.short(2)), given.short(3)),
        "fd_fdstat_get" if a <= 2 => {
            let mut stat = [0; 24];
            stat[0] = CHARACTER_DEVICE;
            let rights = if a == 0 { RIGHT_READ } else { RIGHT_WRITE };
            stat[8..16].copy_from_slice(&rights.to_le_bytes());
            guest.write(b, &stat)?;
            Ok(SUCCESS)
        }
        "fd_close" | "fd_fdstat_set_flags" | "fd_sync" | "fd_datasync" if a <= 2 => Ok(SUCCESS),
        "fd_seek" | "fd_tell" if a <= 2 => Ok(SPIPE),
        "proc_exit" => Err(if a == 0 { Stop::Exit } else { Trap::Exit.into() }),
        "poll_oneoff" | "proc_raise" => Ok(NOSYS),
        // Of files and sockets there are none.
        _ => Ok(BADF),
    }
}

fn clock(guest: &mut Guest<'_, '_>, ptr: u32) -> Result<i32, Stop> {
    let now_ms = guest.0.data().wasi.as_ref().map_or(0, |wasi| wasi.now_ms);
    guest.write(ptr, &now_ms.saturating_mul(1_000_000).to_le_bytes())?;
    Ok(SUCCESS)
}

/// Random bytes are those of the seed; each call begins at a block of its own.
fn random(guest: &mut Guest<'_, '_>, ptr: u32, len: u32) -> Result<i32, Stop> {
    guest.charge_bytes(0, len.into())?;
    let (memory, state) = guest.memory()?;
    let at = range(memory.len(), ptr, len)?;
    let Some(wasi) = &mut state.wasi else { return Ok(NOSYS) };
    for chunk in memory[at].chunks_mut(64) {
        let mut block = [0; 64];
        hash::derive(RANDOM_CONTEXT, &[&wasi.seed, &wasi.blocks.to_le_bytes()], &mut block);
        wasi.blocks += 1;
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    Ok(SUCCESS)
}

/// The vectors of a read or a write, and their length together.
fn vectors(guest: &mut Guest<'_, '_>, (ptr, count): (u32, u32)) -> Result<(Vec<(u32, u32)>, u64), Stop> {
    if count > VECTORS_MAX {
        return Err(Trap::HostLimit.into());
    }
    guest.charge_bytes(0, u64::from(count) * 8)?;
    let bytes = guest.read(ptr, count * 8)?;
    let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
    let vectors: Vec<_> = bytes.chunks_exact(8).map(|pair| (word(pair), word(&pair[4..]))).collect();
    let sum = vectors.iter().map(|(_, len)| u64::from(*len)).sum();
    Ok((vectors, sum))
}

fn read(guest: &mut Guest<'_, '_>, fd: u32, to: (u32, u32), count_ptr: u32) -> Result<i32, Stop> {
    if fd != 0 {
        return Ok(BADF);
    }
    let (vectors, _) = vectors(guest, to)?;
    // Taken out while the memory is written to.
    let Some(mut wasi) = guest.0.data_mut().wasi.take() else { return Ok(NOSYS) };
    let done = read_into(guest, &mut wasi, &vectors);
    guest.0.data_mut().wasi = Some(wasi);
    let count = done?;
    guest.write(count_ptr, &count.to_le_bytes())?;
    Ok(SUCCESS)
}

fn read_into(guest: &mut Guest<'_, '_>, wasi: &mut Wasi, vectors: &[(u32, u32)]) -> Result<u32, Stop> {
    let mut count = 0;
    for (ptr, len) in vectors {
        let rest = wasi.input.get(wasi.read..).unwrap_or_default();
        let part = &rest[..rest.len().min(*len as usize)];
        guest.charge_bytes(0, part.len() as u64)?;
        guest.write(*ptr, part)?;
        wasi.read += part.len();
        // The input is far shorter than 32 bits can count.
        count += u32::try_from(part.len()).map_err(|_| Trap::HostLimit)?;
    }
    Ok(count)
}

fn write(guest: &mut Guest<'_, '_>, fd: u32, from: (u32, u32), count_ptr: u32) -> Result<i32, Stop> {
    if fd != 1 && fd != 2 {
        return Ok(BADF);
    }
    let (vectors, sum) = vectors(guest, from)?;
    let Ok(count) = u32::try_from(sum) else { return Ok(INVAL) };
    guest.charge_bytes(0, sum)?;
    for (ptr, len) in vectors {
        let (memory, state) = guest.memory()?;
        let bytes = &memory[range(memory.len(), ptr, len)?];
        let Some(wasi) = &mut state.wasi else { return Ok(NOSYS) };
        if fd == 1 && wasi.answers {
            if bytes.len() > MODULE_OUTPUT_BYTES_MAX - wasi.output.len() {
                return Err(Trap::HostLimit.into());
            }
            wasi.output.extend_from_slice(bytes);
            continue;
        }
        wasi.log(bytes, &mut state.logs);
    }
    guest.write(count_ptr, &count.to_le_bytes())?;
    Ok(SUCCESS)
}
