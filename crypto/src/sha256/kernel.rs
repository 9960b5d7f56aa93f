//! Our own SHA-256: what surrounds the compressions (FIPS 180-4, section 5).

use super::constants::INITIAL;
use super::four::{self, MESSAGES};
use super::{BLOCK_BYTES, Block, DIGEST_BYTES, State, one};
use crate::backend::{Backend, on_lanes};
use dagvault_core::wipe::wipe;
use zeroize::Zeroize as _;

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

fn compress(backend: Backend, state: &mut State, blocks: &[Block]) {
    on_lanes!(backend, V => one::compress::<V>(state, blocks));
}

fn compress_four(backend: Backend, states: &mut [State; MESSAGES], blocks: [&[Block]; MESSAGES]) {
    on_lanes!(backend, V => four::compress::<V>(states, blocks));
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

    const fn filled(&self) -> usize {
        (self.bytes % BLOCK_BYTES as u64) as usize
    }

    pub(super) fn update(&mut self, mut data: &[u8]) {
        let filled = self.filled();
        self.bytes = self.bytes.wrapping_add(data.len() as u64);
        if filled > 0 {
            let (now, later) = data.split_at(data.len().min(BLOCK_BYTES - filled));
            self.buffer[filled..filled + now.len()].copy_from_slice(now);
            if filled + now.len() < BLOCK_BYTES {
                return;
            }
            compress(self.backend, &mut self.state, &[self.buffer]);
            data = later;
        }
        let (blocks, rest) = data.as_chunks();
        if !blocks.is_empty() {
            compress(self.backend, &mut self.state, blocks);
        }
        self.buffer[..rest.len()].copy_from_slice(rest);
    }

    pub(super) fn finalize(mut self) -> [u8; DIGEST_BYTES] {
        let mut last = [0; 2 * BLOCK_BYTES];
        let count = ending(&self.buffer[..self.filled()], self.bytes, &mut last);
        compress(self.backend, &mut self.state, &last.as_chunks().0[..count]);
        wipe(&mut last);
        to_bytes(&self.state)
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.state.zeroize();
        wipe(&mut self.buffer);
    }
}

/// Digests of four messages; those of equal lengths are made side by side to their ends.
pub(super) fn digest_x4(
    backend: Backend,
    messages: [&[u8]; MESSAGES],
) -> [[u8; DIGEST_BYTES]; MESSAGES] {
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
            compress(backend, state, blocks);
            let count = ending(rest, message.len() as u64, last);
            compress(backend, state, &last.as_chunks().0[..count]);
        }
    }
    lasts.iter_mut().for_each(|last| wipe(last));
    let digests = states.each_ref().map(to_bytes);
    states.zeroize();
    digests
}

/// A key of HMAC (RFC 2104, section 2): its block is taken in by both hashes already.
pub(super) struct HmacKey {
    inner: Hasher,
    outer: Hasher,
}

impl HmacKey {
    pub(super) fn new(backend: Backend, key: &[u8]) -> Self {
        let mut block = [0; BLOCK_BYTES];
        if key.len() > BLOCK_BYTES {
            let mut hasher = Hasher::new(backend);
            hasher.update(key);
            block[..DIGEST_BYTES].copy_from_slice(&hasher.finalize());
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let mut padded = |pad: u8| {
            let mut hasher = Hasher::new(backend);
            block.iter_mut().for_each(|byte| *byte ^= pad);
            hasher.update(&block);
            hasher
        };
        let (inner, outer) = (padded(0x36), padded(0x36 ^ 0x5c));
        wipe(&mut block);
        Self { inner, outer }
    }

    /// The code of the concatenated parts.
    pub(super) fn code(&self, parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
        let mut inner = self.inner.clone();
        parts.iter().for_each(|part| inner.update(part));
        self.end(inner)
    }

    fn end(&self, inner: Hasher) -> [u8; DIGEST_BYTES] {
        let mut outer = self.outer.clone();
        outer.update(&inner.finalize());
        outer.finalize()
    }
}

/// HKDF; `out` is no longer than RFC 5869 allows.
pub(super) fn hkdf(backend: Backend, salt: &[u8], ikm: &[u8], info: &[&[u8]], out: &mut [u8]) {
    let mut prk = HmacKey::new(backend, salt).code(&[ikm]);
    let key = HmacKey::new(backend, &prk);
    wipe(&mut prk);
    let (mut block, mut filled) = ([0; DIGEST_BYTES], 0);
    for (number, chunk) in (1..=u8::MAX).zip(out.chunks_mut(DIGEST_BYTES)) {
        let mut inner = key.inner.clone();
        inner.update(&block[..filled]);
        info.iter().for_each(|part| inner.update(part));
        inner.update(&[number]);
        block = key.end(inner);
        filled = DIGEST_BYTES;
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    wipe(&mut block);
}
