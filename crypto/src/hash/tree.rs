//! The tree of BLAKE3 over our own compressions (its paper, section 2.1).

use super::constants::{
    BLOCK_BYTES, Block, CHUNK_BYTES, CHUNK_END, CHUNK_START, Cv, PARENT, ROOT, WHOLE, Words, wipe_block,
};
use super::four::{self, Flags, INPUTS};
use super::one::{self, Tweak};
use crate::backend::{Backend, on_lanes};
use dagvault_core::wipe::wipe;
use zeroize::Zeroize as _;

/// Bytes of a chaining value.
const CV_BYTES: usize = size_of::<Cv>();
/// Most levels of a tree: its input is shorter than 2^64 bytes.
const LEVELS_MAX: usize = 54;

/// What computes, under which key, in which mode.
#[derive(Clone)]
pub(super) struct Mode {
    pub(super) backend: Backend,
    pub(super) key: Words,
    pub(super) flags: u32,
}

impl Mode {
    pub(super) const fn new(backend: Backend, key: Words, flags: u32) -> Self {
        Self { backend, key, flags }
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// A compression that is not done yet: of the root, it gives the hash, else a chaining value.
pub(super) struct Output {
    backend: Backend,
    cv: Words,
    block: Block,
    tweak: Tweak,
}

impl Output {
    pub(super) fn cv(&self) -> Cv {
        let (data, tweak) = (&self.block[..self.tweak.bytes as usize], self.tweak);
        on_lanes!(self.backend, V => one::input::<V>(&self.cv, data, tweak, 0, 0))
    }

    pub(super) fn hash(mut self) -> Cv {
        (self.tweak.counter, self.tweak.flags) = (0, self.tweak.flags | ROOT);
        self.cv()
    }

    /// The extended output (section 2.6).
    pub(super) fn fill(mut self, out: &mut [u8]) {
        self.tweak.flags |= ROOT;
        for (counter, out) in (0..).zip(out.chunks_mut(BLOCK_BYTES)) {
            self.tweak.counter = counter;
            let mut bytes = [0; BLOCK_BYTES];
            on_lanes!(self.backend, V => one::output::<V>(&self.cv, &self.block, self.tweak, &mut bytes));
            out.copy_from_slice(&bytes[..out.len()]);
            wipe_block(&mut bytes);
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.cv.zeroize();
        wipe_block(&mut self.block);
    }
}

/// A chunk so far: its last block, whole or not, is kept back.
#[derive(Clone)]
pub(super) struct Chunk {
    cv: Words,
    counter: u64,
    block: Block,
    block_bytes: usize,
    bytes: usize,
}

impl Chunk {
    pub(super) fn new(mode: &Mode, counter: u64) -> Self {
        Self { cv: mode.key, counter, block: [0; BLOCK_BYTES], block_bytes: 0, bytes: 0 }
    }

    fn chain(&mut self, mode: &Mode, blocks: &[Block]) {
        let first = if self.bytes == 0 { CHUNK_START } else { 0 };
        let tweak = Tweak { counter: self.counter, bytes: WHOLE, flags: mode.flags };
        on_lanes!(mode.backend, V => one::chain::<V>(&mut self.cv, blocks, tweak, first));
        self.bytes += blocks.len() * BLOCK_BYTES;
    }

    /// Takes in data with which the chunk is no longer than 1024 bytes.
    pub(super) fn update(&mut self, mode: &Mode, mut data: &[u8]) {
        while !data.is_empty() {
            if self.block_bytes == BLOCK_BYTES {
                let block = self.block;
                self.chain(mode, &[block]);
                self.block_bytes = 0;
            }
            if self.block_bytes == 0 && data.len() > BLOCK_BYTES {
                let (blocks, _) = data.as_chunks();
                let blocks = &blocks[..(data.len() - 1) / BLOCK_BYTES];
                self.chain(mode, blocks);
                data = &data[blocks.len() * BLOCK_BYTES..];
            }
            let (now, later) = data.split_at(data.len().min(BLOCK_BYTES - self.block_bytes));
            self.block[self.block_bytes..self.block_bytes + now.len()].copy_from_slice(now);
            self.block_bytes += now.len();
            data = later;
        }
    }

    const fn len(&self) -> usize {
        self.bytes + self.block_bytes
    }

    pub(super) fn output(&self, mode: &Mode) -> Output {
        let first = if self.bytes == 0 { CHUNK_START } else { 0 };
        let mut block = [0; BLOCK_BYTES];
        block[..self.block_bytes].copy_from_slice(&self.block[..self.block_bytes]);
        #[expect(clippy::cast_possible_truncation, reason = "at most a block")]
        let bytes = self.block_bytes as u32;
        let flags = mode.flags | first | CHUNK_END;
        Output {
            backend: mode.backend,
            cv: self.cv,
            block,
            tweak: Tweak { counter: self.counter, bytes, flags },
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.cv.zeroize();
        wipe_block(&mut self.block);
    }
}

fn parent(mode: &Mode, left: &Cv, right: &Cv) -> Output {
    let mut block = [0; BLOCK_BYTES];
    block[..CV_BYTES].copy_from_slice(left);
    block[CV_BYTES..].copy_from_slice(right);
    let tweak = Tweak { counter: 0, bytes: WHOLE, flags: mode.flags | PARENT };
    Output { backend: mode.backend, cv: mode.key, block, tweak }
}

/// The chaining value over two, or the hash if `root` is [`ROOT`].
pub(super) fn joined(mode: &Mode, cvs: &[Cv; 2], root: u32) -> Cv {
    let tweak = Tweak { counter: 0, bytes: WHOLE, flags: mode.flags | PARENT | root };
    on_lanes!(mode.backend, V => one::input::<V>(&mode.key, cvs.as_flattened(), tweak, 0, 0))
}

/// The chaining value of the chunk of number `counter`, or the hash if `root` is [`ROOT`] and the number 0.
fn chunk(mode: &Mode, data: &[u8], counter: u64, root: u32) -> Cv {
    #[expect(clippy::cast_possible_truncation, reason = "at most a chunk")]
    let bytes = match data.len() as u32 {
        0 => 0,
        bytes => (bytes - 1) % WHOLE + 1,
    };
    let tweak = Tweak { counter, bytes, flags: mode.flags };
    on_lanes!(mode.backend, V => one::input::<V>(&mode.key, data, tweak, CHUNK_START, CHUNK_END | root))
}

/// A row of the tree that fits into vectors.
type Row = [Cv; INPUTS];

/// The level above a row of `count`: a parent for every two, and the last one itself if it has no other.
fn parents(mode: &Mode, cvs: &[Cv], out: &mut Row) -> usize {
    let (pairs, rest) = cvs.as_chunks::<2>();
    if let [_, _, _, ..] = pairs {
        let inputs =
            core::array::from_fn(|input| pairs[input.min(pairs.len() - 1)].as_flattened().as_chunks().0);
        let flags = Flags { first: 0, all: mode.flags | PARENT, last: 0 };
        *out = on_lanes!(mode.backend, V => four::chain::<V>(&mode.key, inputs, [0; INPUTS], flags));
    } else {
        out.iter_mut().zip(pairs).for_each(|(out, pair)| *out = joined(mode, pair, 0));
    }
    out.iter_mut().skip(pairs.len()).zip(rest).for_each(|(out, cv)| *out = *cv);
    pairs.len() + rest.len()
}

/// The chaining values of up to four chunks, of which the first has the number `counter`.
fn chunks(mode: &Mode, data: &[u8], counter: u64, out: &mut Row) -> usize {
    let (whole, rest) = data.as_chunks::<CHUNK_BYTES>();
    if let [_, _, _, ..] = whole {
        // Three together take less time than one by one.
        let inputs = core::array::from_fn(|input| whole[input.min(whole.len() - 1)].as_chunks().0);
        let flags = Flags { first: CHUNK_START, all: mode.flags, last: CHUNK_END };
        let counters = [0, 1, 2, 3].map(|input| counter + input);
        *out = on_lanes!(mode.backend, V => four::chain::<V>(&mode.key, inputs, counters, flags));
    } else {
        let single = |(out, (data, counter)): (&mut Cv, (&[u8; CHUNK_BYTES], u64))| {
            *out = chunk(mode, data, counter, 0)
        };
        out.iter_mut().zip(whole.iter().zip(counter..)).for_each(single);
    }
    if !rest.is_empty() {
        out[whole.len()] = chunk(mode, rest, counter + whole.len() as u64, 0);
    }
    data.len().div_ceil(CHUNK_BYTES)
}

/// The chaining values of the widest row that fits of the tree over `data`, whose first chunk has the number `counter`.
fn wide(mode: &Mode, data: &[u8], counter: u64, out: &mut Row) -> usize {
    if data.len() <= INPUTS * CHUNK_BYTES {
        return chunks(mode, data, counter, out);
    }
    // The left part is of the most chunks that are a power of two and not all.
    let (left, right) = data.split_at(CHUNK_BYTES << ((data.len() - 1) / CHUNK_BYTES).ilog2());
    // The left one fills its row.
    let mut rows = [[[0; CV_BYTES]; INPUTS]; 2];
    wide(mode, left, counter, &mut rows[0]);
    let count = wide(mode, right, counter + (left.len() / CHUNK_BYTES) as u64, &mut rows[1]);
    let count = parents(mode, &rows.as_flattened()[..INPUTS + count], out);
    wipe(rows.as_flattened_mut().as_flattened_mut());
    count
}

/// The two chaining values under the root of a tree over more than one chunk.
fn two(mode: &Mode, data: &[u8], counter: u64) -> [Cv; 2] {
    let mut row = [[0; CV_BYTES]; INPUTS];
    let count = wide(mode, data, counter, &mut row);
    if count > 2 {
        let below = row;
        parents(mode, &below[..count], &mut row);
    }
    [row[0], row[1]]
}

/// The hash of a message if `root` is [`ROOT`], else the chaining value of a part of it that is a tree of its own and
/// whose first chunk has the number `counter`.
pub(super) fn top(mode: &Mode, data: &[u8], counter: u64, root: u32) -> Cv {
    if data.len() <= CHUNK_BYTES {
        return chunk(mode, data, counter, root);
    }
    joined(mode, &two(mode, data, counter), root)
}

/// A message so far.
#[derive(Clone)]
pub(super) struct Hasher {
    mode: Mode,
    chunk: Chunk,
    /// Roots of whole trees, the largest first; those of equal sizes are joined as late as possible, since the last
    /// two may be under the root.
    stack: [Cv; LEVELS_MAX + 1],
    height: usize,
    /// The greatest height that there was: nothing is above it.
    height_max: usize,
}

impl Hasher {
    pub(super) fn new(mode: Mode) -> Self {
        let chunk = Chunk::new(&mode, 0);
        Self { mode, chunk, stack: [[0; CV_BYTES]; LEVELS_MAX + 1], height: 0, height_max: 0 }
    }

    /// Joins trees, as far as they are known not to be under the root when there are `chunks` and more follow.
    fn join(&mut self, chunks: u64) {
        while self.height > chunks.count_ones() as usize {
            let two = [self.stack[self.height - 2], self.stack[self.height - 1]];
            self.stack[self.height - 2] = joined(&self.mode, &two, 0);
            self.height -= 1;
        }
    }

    /// Appends the root of a tree that begins with the chunk `counter`.
    fn push(&mut self, cv: Cv, counter: u64) {
        self.join(counter);
        self.stack[self.height] = cv;
        self.height += 1;
        self.height_max = self.height_max.max(self.height);
    }

    pub(super) fn update(&mut self, mut data: &[u8]) {
        if self.chunk.len() > 0 {
            let (now, later) = data.split_at(data.len().min(CHUNK_BYTES - self.chunk.len()));
            self.chunk.update(&self.mode, now);
            if later.is_empty() {
                return;
            }
            let counter = self.chunk.counter;
            let cv = self.chunk.output(&self.mode).cv();
            self.push(cv, counter);
            self.chunk = Chunk::new(&self.mode, counter + 1);
            data = later;
        }
        while data.len() > CHUNK_BYTES {
            let counter = self.chunk.counter;
            // A whole tree that stands at its place in the tree of all.
            let mut bytes = CHUNK_BYTES << (data.len() / CHUNK_BYTES).ilog2();
            while (bytes / CHUNK_BYTES - 1) as u64 & counter != 0 {
                bytes /= 2;
            }
            let (now, later) = data.split_at(bytes);
            let chunks = (bytes / CHUNK_BYTES) as u64;
            if chunks == 1 {
                self.push(chunk(&self.mode, now, counter, 0), counter);
            } else {
                let [left, right] = two(&self.mode, now, counter);
                self.push(left, counter);
                self.push(right, counter + chunks / 2);
            }
            self.chunk.counter += chunks;
            data = later;
        }
        self.chunk.update(&self.mode, data);
        if !data.is_empty() {
            self.join(self.chunk.counter);
        }
    }

    pub(super) fn output(&self) -> Output {
        let mut stack = &self.stack[..self.height];
        let mut top = match stack {
            [rest @ .., left, right] if self.chunk.len() == 0 => {
                stack = rest;
                parent(&self.mode, left, right)
            }
            _ => self.chunk.output(&self.mode),
        };
        while let [rest @ .., left] = stack {
            top = parent(&self.mode, left, &top.cv());
            stack = rest;
        }
        top
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        wipe(self.stack[..self.height_max].as_flattened_mut());
    }
}

/// The top of the tree over concatenated pieces.
pub(super) fn of_pieces(mode: Mode, pieces: &[&[u8]]) -> Output {
    if pieces.iter().map(|piece| piece.len()).sum::<usize>() <= CHUNK_BYTES {
        let mut chunk = Chunk::new(&mode, 0);
        pieces.iter().for_each(|piece| chunk.update(&mode, piece));
        return chunk.output(&mode);
    }
    let mut hasher = Hasher::new(mode);
    pieces.iter().for_each(|piece| hasher.update(piece));
    hasher.output()
}
