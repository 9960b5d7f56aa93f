//! Our own SHA-256: what surrounds the compressions (FIPS 180-4, section 5).

use super::constants::INITIAL;
use super::four::{self, MESSAGES};
use super::{BLOCK_BYTES, Block, DIGEST_BYTES, State, one};
use crate::backend::{Backend, on_lanes};
use dagvault_core::wipe::wipe;
use zeroize::{Zeroize as _, optimization_barrier};

/// Bytes of a message's length, which end its last block.
const LENGTH_BYTES: usize = 8;

/// A message so far.
#[derive(Clone)]
pub(super) struct Hasher {
    backend: Backend,
    state: State,
    /// The bytes of a block that is not whole; what is behind them is left over.
    buffer: Block,
    /// Of the message so far, modulo 2^64: FIPS 180-4 ends there.
    bytes: u64,
}

/// Takes in blocks, run after run: a call for all of them, for calls are dear where messages are short.
fn compress<const RUNS: usize>(backend: Backend, state: &mut State, blocks: [&[Block]; RUNS]) {
    on_lanes!(backend, V => one::compress::<V>(state, &blocks));
}

fn compress_four(backend: Backend, states: &mut [State; MESSAGES], blocks: [&[Block]; MESSAGES]) {
    on_lanes!(backend, V => four::compress::<V>(states, blocks));
}

/// As [`wipe`], of a length that compilers know: a few stores in place of a call.
#[inline(always)]
fn wipe_block(block: &mut Block) {
    *block = [0; BLOCK_BYTES];
    optimization_barrier(block);
}

/// The end of a message of `bytes` bytes as one block or two; `rest` is what is not a whole block of it.
fn ending(rest: &[u8], bytes: u64, ending: &mut [u8; 2 * BLOCK_BYTES]) -> usize {
    let blocks = 1 + usize::from(rest.len() + 1 + LENGTH_BYTES > BLOCK_BYTES);
    let end = blocks * BLOCK_BYTES;
    ending[..rest.len()].copy_from_slice(rest);
    ending[rest.len()] = 0x80;
    ending[end - LENGTH_BYTES..end].copy_from_slice(&(bytes.wrapping_mul(8)).to_be_bytes());
    blocks
}

/// The digest of a message of `bytes` bytes, whose last ones are `runs` and `rest`, less than a block.
fn finish(
    backend: Backend,
    state: &mut State,
    runs: [&[Block]; 2],
    rest: &[u8],
    bytes: u64,
) -> [u8; DIGEST_BYTES] {
    const LENGTH_START: usize = BLOCK_BYTES - LENGTH_BYTES;
    let [mut first, mut second] = runs;
    let mut last = [0; BLOCK_BYTES];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    if rest.len() >= LENGTH_START {
        compress(backend, state, [first, second, &[last]]);
        (first, second, last) = (&[], &[], [0; BLOCK_BYTES]);
    }
    last[LENGTH_START..].copy_from_slice(&bytes.wrapping_mul(8).to_be_bytes());
    compress(backend, state, [first, second, core::slice::from_ref(&last)]);
    wipe_block(&mut last);
    let digest = to_bytes(state);
    state.zeroize();
    digest
}

fn to_bytes(state: &State) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    let (words, _) = digest.as_chunks_mut();
    words.iter_mut().zip(state).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
    digest
}

impl Hasher {
    pub(super) const fn new(backend: Backend) -> Self {
        Self { backend, state: INITIAL, buffer: [0; BLOCK_BYTES], bytes: 0 }
    }

    /// How many bytes of the buffer belong to the message.
    #[expect(clippy::cast_possible_truncation, reason = "below a block")]
    const fn filled(&self) -> usize {
        (self.bytes % BLOCK_BYTES as u64) as usize
    }

    pub(super) fn update(&mut self, mut data: &[u8]) {
        let filled = self.filled();
        let mut first: &[Block] = &[];
        self.bytes = self.bytes.wrapping_add(data.len() as u64);
        if filled > 0 {
            let (now, later) = data.split_at(data.len().min(BLOCK_BYTES - filled));
            self.buffer[filled..filled + now.len()].copy_from_slice(now);
            if filled + now.len() < BLOCK_BYTES {
                return;
            }
            first = core::slice::from_ref(&self.buffer);
            data = later;
        }
        let (blocks, rest) = data.as_chunks();
        if first.len() + blocks.len() > 0 {
            compress(self.backend, &mut self.state, [first, blocks]);
        }
        self.buffer[..rest.len()].copy_from_slice(rest);
    }

    /// Gives the digest; nothing may be appended after.
    pub(super) fn finalize(&mut self) -> [u8; DIGEST_BYTES] {
        let filled = self.filled();
        finish(self.backend, &mut self.state, [&[], &[]], &self.buffer[..filled], self.bytes)
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.state.zeroize();
        wipe_block(&mut self.buffer);
    }
}

pub(super) fn digest(backend: Backend, message: &[u8]) -> [u8; DIGEST_BYTES] {
    let (blocks, rest) = message.as_chunks();
    finish(backend, &mut { INITIAL }, [blocks, &[]], rest, message.len() as u64)
}

/// Digests of four messages; those of equal lengths are made side by side to their ends.
pub(super) fn digest_x4(backend: Backend, messages: [&[u8]; MESSAGES]) -> [[u8; DIGEST_BYTES]; MESSAGES] {
    let mut states = [INITIAL; MESSAGES];
    let whole = messages.map(|message| message.len() / BLOCK_BYTES).into_iter().fold(usize::MAX, usize::min);
    compress_four(backend, &mut states, messages.map(|message| &message.as_chunks().0[..whole]));
    let mut lasts = [[0; 2 * BLOCK_BYTES]; MESSAGES];
    if messages.iter().all(|message| message.len() == messages[0].len()) {
        let mut count = 0;
        for (last, message) in lasts.iter_mut().zip(messages) {
            count = ending(&message[whole * BLOCK_BYTES..], message.len() as u64, last);
        }
        compress_four(backend, &mut states, lasts.each_ref().map(|last| &last.as_chunks().0[..count]));
    } else {
        for ((state, message), last) in states.iter_mut().zip(messages).zip(&mut lasts) {
            let (blocks, rest) = message[whole * BLOCK_BYTES..].as_chunks();
            let count = ending(rest, message.len() as u64, last);
            compress(backend, state, [blocks, &last.as_chunks().0[..count]]);
        }
    }
    lasts.iter_mut().for_each(|last| wipe(last));
    let digests = states.each_ref().map(to_bytes);
    states.zeroize();
    digests
}

const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

/// The block that a key of HMAC fills (RFC 2104, section 2).
fn key_block(backend: Backend, key: &[u8]) -> Block {
    let mut block = [0; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        block[..DIGEST_BYTES].copy_from_slice(&digest(backend, key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    block
}

/// The code of the concatenated parts.
pub(super) fn hmac(backend: Backend, key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut block = key_block(backend, key);
    block.iter_mut().for_each(|byte| *byte ^= INNER_PAD);
    let inner = if let &[message] = parts {
        let (blocks, rest) = message.as_chunks();
        let bytes = (BLOCK_BYTES as u64).wrapping_add(message.len() as u64);
        finish(backend, &mut { INITIAL }, [&[block], blocks], rest, bytes)
    } else {
        let mut inner = Hasher::new(backend);
        inner.update(&block);
        parts.iter().for_each(|part| inner.update(part));
        inner.finalize()
    };
    block.iter_mut().for_each(|byte| *byte ^= INNER_PAD ^ OUTER_PAD);
    let bytes = (BLOCK_BYTES + DIGEST_BYTES) as u64;
    let code = finish(backend, &mut { INITIAL }, [&[block], &[]], &inner, bytes);
    wipe_block(&mut block);
    code
}
