//! What the host keeps of an execution, and how its functions reach the guest. Nothing that a guest hands over is
//! believed: pointers and lengths are added up in 64 bits and held against the memory as it is.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use dagvault_core::limits::{
    MODULE_EFFECTS_BYTES_MAX, MODULE_EFFECTS_MAX, MODULE_LOG_BYTES_MAX, MODULE_LOG_LINE_BYTES_MAX,
    MODULE_LOG_LINES_MAX,
};
use dagvault_meter::schedule::HostPrices;
use wasmtime::{Caller, Global, Memory, Val};

use crate::call::{Modules, View};
use crate::outcome::{Log, Stop, Trap};
use crate::wasi::Wasi;

/// The data of a store.
pub(crate) struct State {
    /// There once the module is instantiated.
    pub(crate) memory: Option<Memory>,
    pub(crate) gas: Option<Global>,
    pub(crate) stack: Option<Global>,
    pub(crate) prices: HostPrices,
    /// When the wall clock ends it.
    pub(crate) until: Instant,
    pub(crate) logs: Logs,
    pub(crate) changes: Changes,
    pub(crate) view: Option<Arc<dyn View>>,
    pub(crate) modules: Option<Arc<dyn Modules>>,
    /// Names of the modules that run, the outermost first.
    pub(crate) running: Vec<Vec<u8>>,
    pub(crate) wasi: Option<Box<Wasi>>,
}

/// What an execution wants changed; nothing of it is, unless it ends well.
#[derive(Clone, Default)]
pub(crate) struct Changes {
    pub(crate) effects: Vec<Vec<u8>>,
    pub(crate) writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(crate) bytes: usize,
}

impl Changes {
    /// Takes an effect, if there is room for it.
    pub(crate) fn effect(&mut self, effect: Vec<u8>) -> Result<(), Trap> {
        self.make_room(effect.len())?;
        self.effects.push(effect);
        Ok(())
    }

    /// Takes a key's new value, or none, if there is room for it.
    pub(crate) fn write(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), Trap> {
        self.make_room(key.len() + value.as_ref().map_or(0, Vec::len))?;
        self.writes.insert(key, value);
        Ok(())
    }

    fn make_room(&mut self, bytes: usize) -> Result<(), Trap> {
        // What is overwritten still counts: it was paid for, and the sum never shrinks.
        let count = self.effects.len() + self.writes.len();
        if count >= MODULE_EFFECTS_MAX || bytes > MODULE_EFFECTS_BYTES_MAX - self.bytes {
            return Err(Trap::HostLimit);
        }
        self.bytes += bytes;
        Ok(())
    }
}

/// The bounded log. It ends with the first line that has no room.
#[derive(Default)]
pub(crate) struct Logs {
    pub(crate) lines: Vec<Log>,
    bytes: usize,
    pub(crate) dropped: u64,
}

impl Logs {
    /// Takes a line, shortened and escaped, or counts that it was left out.
    pub(crate) fn line(&mut self, level: u8, bytes: &[u8]) {
        if self.dropped > 0 {
            self.dropped += 1;
            return;
        }
        let shown = &bytes[..bytes.len().min(MODULE_LOG_LINE_BYTES_MAX)];
        let mut text = escaped(shown);
        if shown.len() < bytes.len() {
            text.push('…');
        }
        self.push(Log { level, text });
    }

    fn push(&mut self, line: Log) {
        let room = MODULE_LOG_BYTES_MAX - self.bytes;
        if self.dropped > 0 || self.lines.len() == MODULE_LOG_LINES_MAX || line.text.len() > room {
            self.dropped += 1;
        } else {
            self.bytes += line.text.len();
            self.lines.push(line);
        }
    }

    /// Takes the lines of a module that was called.
    pub(crate) fn append(&mut self, other: Self) {
        other.lines.into_iter().for_each(|line| self.push(line));
        self.dropped += other.dropped;
    }
}

/// Text on one line that no terminal and no log takes for something else: control characters, line separators, marks
/// of direction and what is invisible are written as escapes, and so is the backslash.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            let hidden = matches!(letter,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}');
            if letter.is_control() || hidden || letter == '\\' {
                text.extend(letter.escape_default());
            } else {
                text.push(letter);
            }
        }
        for byte in chunk.invalid() {
            text.extend(std::ascii::escape_default(*byte).map(char::from));
        }
    }
    text
}

/// The bytes that a pointer and a length name, if the memory has them.
pub(crate) fn range(memory_bytes: usize, ptr: u32, len: u32) -> Result<Range<usize>, Trap> {
    let end = u64::from(ptr) + u64::from(len);
    if end > memory_bytes as u64 {
        return Err(Trap::Pointer);
    }
    // At most the length of the memory.
    let end = usize::try_from(end).map_err(|_| Trap::Pointer)?;
    Ok(end - len as usize..end)
}

/// What a host function is given.
pub(crate) struct Guest<'a, 'b>(pub(crate) &'a mut Caller<'b, State>);

impl Guest<'_, '_> {
    /// Takes gas before anything is done for it.
    pub(crate) fn charge(&mut self, cost: u64) -> Result<(), Stop> {
        let gas = self.0.data().gas.ok_or(Trap::Pointer)?;
        let left = match gas.get(&mut *self.0) {
            Val::I64(left) => u64::try_from(left).unwrap_or(0),
            _ => 0,
        };
        let after = left.checked_sub(cost).and_then(|after| i64::try_from(after).ok());
        // As the bytecode does it: below zero it is out.
        gas.set(&mut *self.0, Val::I64(after.unwrap_or(-1))).map_err(|_| Trap::Pointer)?;
        if after.is_some() { Ok(()) } else { Err(Stop::OutOfGas) }
    }

    /// Takes the price of a function that is given, or gives, so many bytes.
    pub(crate) fn charge_bytes(&mut self, price: u64, bytes: u64) -> Result<(), Stop> {
        let cost = self.0.data().prices.with_bytes(price, bytes);
        self.charge(cost)
    }

    /// The memory, and what the host keeps.
    pub(crate) fn memory(&mut self) -> Result<(&mut [u8], &mut State), Trap> {
        let memory = self.0.data().memory.ok_or(Trap::Pointer)?;
        Ok(memory.data_and_store_mut(&mut *self.0))
    }

    /// Bytes of the memory.
    pub(crate) fn read(&mut self, ptr: u32, len: u32) -> Result<&[u8], Trap> {
        let (memory, _) = self.memory()?;
        let range = range(memory.len(), ptr, len)?;
        Ok(&memory[range])
    }

    /// The same, with the log.
    pub(crate) fn read_with_logs(&mut self, ptr: u32, len: u32) -> Result<(&[u8], &mut Logs), Trap> {
        let (memory, state) = self.memory()?;
        let range = range(memory.len(), ptr, len)?;
        Ok((&memory[range], &mut state.logs))
    }

    /// Writes to the memory.
    pub(crate) fn write(&mut self, ptr: u32, bytes: &[u8]) -> Result<(), Trap> {
        let len = u32::try_from(bytes.len()).map_err(|_| Trap::Pointer)?;
        let (memory, _) = self.memory()?;
        let range = range(memory.len(), ptr, len)?;
        memory[range].copy_from_slice(bytes);
        Ok(())
    }
}
