//! The host's own functions, as modules import them from `dagvault`.

use dagvault_core::limits::{MODULE_EFFECTS_BYTES_MAX, MODULE_INPUT_BYTES_MAX, MODULE_KEY_BYTES_MAX};
use wasmtime::{Caller, Linker};

use crate::guest::{Guest, State, range};
use crate::outcome::{Stop, Trap};
use crate::{run, value};
use dagvault_meter::imports::HOST;

/// Answers of `state_get` and `call` that are no length.
const ABSENT: i32 = -1;
const REJECTED: i32 = -1;
const FAILED: i32 = -2;
const NOT_ALLOWED: i32 = -3;

/// Defines them.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Caller_<'a> = Caller<'a, State>;
    linker.func_wrap(HOST, "log", |mut caller: Caller_<'_>, level: u32, ptr: u32, len: u32| {
        log(&mut Guest(&mut caller), level, ptr, len).map_err(wasmtime::Error::from)
    })?;
    linker.func_wrap(
        HOST,
        "state_get",
        |mut caller: Caller_<'_>, ptr: u32, len: u32, buffer: u32, capacity: u32| {
            state_get(&mut Guest(&mut caller), (ptr, len), (buffer, capacity)).map_err(wasmtime::Error::from)
        },
    )?;
    linker.func_wrap(
        HOST,
        "state_set",
        |mut caller: Caller_<'_>, key: u32, key_len: u32, ptr: u32, len: u32| {
            state_set(&mut Guest(&mut caller), (key, key_len), (ptr, len)).map_err(wasmtime::Error::from)
        },
    )?;
    linker.func_wrap(HOST, "state_delete", |mut caller: Caller_<'_>, key: u32, key_len: u32| {
        state_delete(&mut Guest(&mut caller), (key, key_len)).map_err(wasmtime::Error::from)
    })?;
    linker.func_wrap(HOST, "effect", |mut caller: Caller_<'_>, ptr: u32, len: u32| {
        effect(&mut Guest(&mut caller), (ptr, len)).map_err(wasmtime::Error::from)
    })?;
    linker.func_wrap(
        HOST,
        "call",
        |mut caller: Caller_<'_>,
         cid: u32,
         cid_len: u32,
         op: i32,
         ptr: u32,
         len: u32,
         buffer: u32,
         capacity: u32| {
            let mut guest = Guest(&mut caller);
            call(&mut guest, (cid, cid_len), op, (ptr, len), (buffer, capacity))
                .map_err(wasmtime::Error::from)
        },
    )?;
    Ok(())
}

/// A pointer and a length, or a capacity.
type Bytes = (u32, u32);

fn log(guest: &mut Guest<'_, '_>, level: u32, ptr: u32, len: u32) -> Result<(), Stop> {
    let price = guest.0.data().prices.log;
    guest.charge_bytes(price, len.into())?;
    let (text, state) = guest.read_with_logs(ptr, len)?;
    state.line(u8::try_from(level).unwrap_or(u8::MAX).min(4), text);
    Ok(())
}

fn key(guest: &mut Guest<'_, '_>, (ptr, len): Bytes) -> Result<Vec<u8>, Trap> {
    if len as usize > MODULE_KEY_BYTES_MAX {
        return Err(Trap::HostLimit);
    }
    guest.read(ptr, len).map(<[u8]>::to_vec)
}

fn state_get(guest: &mut Guest<'_, '_>, at: Bytes, buffer: Bytes) -> Result<i32, Stop> {
    let price = guest.0.data().prices.state_get;
    guest.charge_bytes(price, at.1.into())?;
    let key = key(guest, at)?;
    let state = guest.0.data();
    let value = match state.changes.writes.get(&key) {
        Some(written) => written.clone(),
        None => state.view.as_ref().and_then(|view| view.get(&key)),
    };
    let Some(value) = value else { return Ok(ABSENT) };
    guest.charge_bytes(0, value.len() as u64)?;
    hand_out(guest, &value, buffer)
}

/// Writes what fits into the buffer, which has to be in the memory in any case; answers the length.
fn hand_out(guest: &mut Guest<'_, '_>, value: &[u8], (buffer, capacity): Bytes) -> Result<i32, Stop> {
    let (memory, _) = guest.memory()?;
    range(memory.len(), buffer, capacity)?;
    if value.len() <= capacity as usize {
        guest.write(buffer, value)?;
    }
    i32::try_from(value.len()).map_err(|_| Trap::HostLimit.into())
}

fn state_set(guest: &mut Guest<'_, '_>, at: Bytes, (ptr, len): Bytes) -> Result<(), Stop> {
    let price = guest.0.data().prices.state_set;
    guest.charge_bytes(price, u64::from(at.1) + u64::from(len))?;
    let key = key(guest, at)?;
    let value = bounded(guest, ptr, len)?;
    Ok(guest.0.data_mut().changes.write(key, Some(value))?)
}

fn state_delete(guest: &mut Guest<'_, '_>, at: Bytes) -> Result<(), Stop> {
    let price = guest.0.data().prices.state_delete;
    guest.charge_bytes(price, at.1.into())?;
    let key = key(guest, at)?;
    Ok(guest.0.data_mut().changes.write(key, None)?)
}

fn effect(guest: &mut Guest<'_, '_>, (ptr, len): Bytes) -> Result<(), Stop> {
    let price = guest.0.data().prices.effect;
    guest.charge_bytes(price, len.into())?;
    let effect = bounded(guest, ptr, len)?;
    value::check(&effect).map_err(|_| Trap::Effect)?;
    Ok(guest.0.data_mut().changes.effect(effect)?)
}

/// A copy of bytes that are kept, so that they are bounded before they are copied.
fn bounded(guest: &mut Guest<'_, '_>, ptr: u32, len: u32) -> Result<Vec<u8>, Trap> {
    let bytes = guest.read(ptr, len)?;
    if bytes.len() > MODULE_EFFECTS_BYTES_MAX { Err(Trap::HostLimit) } else { Ok(bytes.to_vec()) }
}

/// Runs another module on the gas and the stack that the caller has left. What that one changes is kept if it said
/// yes, and thrown away otherwise.
fn call(
    guest: &mut Guest<'_, '_>,
    cid: Bytes,
    op: i32,
    (ptr, len): Bytes,
    buffer: Bytes,
) -> Result<i32, Stop> {
    let price = guest.0.data().prices.call;
    // What was changed so far is copied, in case that it is needed again.
    let changed = guest.0.data().changes.bytes as u64;
    guest.charge_bytes(price, u64::from(cid.1) + u64::from(len) + changed)?;
    let name = key(guest, cid)?;
    let input = guest.read(ptr, len)?;
    if input.len() > MODULE_INPUT_BYTES_MAX {
        return Err(Trap::HostLimit.into());
    }
    let input = input.to_vec();
    match run::nested(guest.0, name, op, &input)? {
        run::Nested::Answer(output) => {
            guest.charge_bytes(0, output.len() as u64)?;
            hand_out(guest, &output, buffer)
        }
        run::Nested::Rejected => Ok(REJECTED),
        run::Nested::Failed => Ok(FAILED),
        run::Nested::NotAllowed => Ok(NOT_ALLOWED),
    }
}
