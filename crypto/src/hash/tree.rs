//! The tree of BLAKE3 over our own compressions (its paper, section 2.1).

use super::constants::{BLOCK_BYTES, Block, CHUNK_BYTES, CHUNK_END, CHUNK_START, PARENT, ROOT, Words};
use super::four::{self, Flags, INPUTS};
use super::one::{self, Tweak};
use crate::backend::{Backend, on_lanes};
use dagvault_core::wipe::wipe;
use zeroize::Zeroize as _;

/// Bytes of a chaining value.
const CV_BYTES: usize = 32;
/// A chaining value as a parent takes it in.
pub(super) type Cv = [u8; CV_BYTES];
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

pub(super) fn to_bytes(words: &Words) -> Cv {
    let mut bytes = [0; CV_BYTES];
    let (chunks, _) = bytes.as_chunks_mut();
    chunks.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.to_le_bytes());
    bytes
}

pub(super) fn to_words(bytes: &Cv) -> Words {
    let (chunks, _) = bytes.as_chunks();
    core::array::from_fn(|word| u32::from_le_bytes(chunks[word]))
}

/// A compression that is not done yet: of the root, it gives the hash, else a chaining value.
pub(super) struct Output {
    backend: Backend,
    cv: Words,
    block: Block,
    tweak: Tweak,
}

impl Output {
    pub(super) fn cv(mut self) -> Cv {
        let (cv, tweak) = (&mut self.cv, self.tweak);
        on_lanes!(self.backend, V => one::chain::<V>(cv, &[self.block], tweak, 0, 0));
        to_bytes(cv)
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
            wipe(&mut bytes);
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.cv.zeroize();
        wipe(&mut self.block);
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
        let tweak = Tweak { counter: self.counter, bytes: BLOCK_BYTES as u32, flags: mode.flags };
        on_lanes!(mode.backend, V => one::chain::<V>(&mut self.cv, blocks, tweak, first, 0));
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
        wipe(&mut self.block);
    }
}

fn parent(mode: &Mode, left: &Cv, right: &Cv) -> Output {
    let mut block = [0; BLOCK_BYTES];
    block[..CV_BYTES].copy_from_slice(left);
    block[CV_BYTES..].copy_from_slice(right);
    let tweak = Tweak { counter: 0, bytes: BLOCK_BYTES as u32, flags: mode.flags | PARENT };
    Output { backend: mode.backend, cv: mode.key, block, tweak }
}

/// Chaining values side by side.
struct Row {
    cvs: [Cv; 2 * INPUTS],
    count: usize,
}

impl Drop for Row {
    fn drop(&mut self) {
        wipe(self.cvs.as_flattened_mut());
    }
}

impl Row {
    fn push(&mut self, cv: Cv) {
        self.cvs[self.count] = cv;
        self.count += 1;
    }

    fn push_four(&mut self, mode: &Mode, inputs: [&[Block]; INPUTS], counters: [u64; INPUTS], flags: Flags, wanted: usize) {
        let cvs = on_lanes!(mode.backend, V => four::chain::<V>(&mode.key, inputs, counters, flags));
        cvs.iter().take(wanted).for_each(|cv| self.push(to_bytes(cv)));
    }

    /// The level above: a parent for every two, and the last one itself if it has no other.
    fn parents(&self, mode: &Mode) -> Self {
        let mut above = Self { cvs: [[0; CV_BYTES]; 2 * INPUTS], count: 0 };
        let (blocks, rest) = self.cvs[..self.count].as_flattened().as_chunks::<BLOCK_BYTES>();
        match blocks {
            [_, _, _, ..] => {
                let inputs = core::array::from_fn(|input| core::slice::from_ref(&blocks[input.min(blocks.len() - 1)]));
                let flags = Flags { first: 0, all: mode.flags | PARENT, last: 0 };
                above.push_four(mode, inputs, [0; INPUTS], flags, blocks.len());
            }
            few => few.iter().for_each(|block| {
                let mut cv = mode.key;
                let tweak = Tweak { counter: 0, bytes: BLOCK_BYTES as u32, flags: mode.flags | PARENT };
                on_lanes!(mode.backend, V => one::chain::<V>(&mut cv, core::slice::from_ref(block), tweak, 0, 0));
                above.push(to_bytes(&cv));
            }),
        }
        if let Ok(cv) = rest.try_into() {
            above.push(cv);
        }
        above
    }
}

/// The chaining values of up to four chunks.
fn chunks(mode: &Mode, data: &[u8], counter: u64, row: &mut Row) {
    let (whole, rest) = data.as_chunks::<CHUNK_BYTES>();
    match whole {
        // Four cost about what two do one by one.
        [_, _, _, ..] => {
            let inputs = core::array::from_fn(|input| whole[input.min(whole.len() - 1)].as_chunks().0);
            let flags = Flags { first: CHUNK_START, all: mode.flags, last: CHUNK_END };
            row.push_four(mode, inputs, [0, 1, 2, 3].map(|input| counter + input), flags, whole.len());
        }
        few => {
            for (counter, chunk) in (counter..).zip(few) {
                let mut cv = mode.key;
                let tweak = Tweak { counter, bytes: BLOCK_BYTES as u32, flags: mode.flags };
                let blocks = chunk.as_chunks().0;
                on_lanes!(mode.backend, V => one::chain::<V>(&mut cv, blocks, tweak, CHUNK_START, CHUNK_END));
                row.push(to_bytes(&cv));
            }
        }
    }
    if !rest.is_empty() {
        let mut chunk = Chunk::new(mode, counter + whole.len() as u64);
        chunk.update(mode, rest);
        row.push(chunk.output(mode).cv());
    }
}

/// Bytes of the left part of a tree over `bytes`, more than one chunk: the most chunks that are a power of two.
pub(super) const fn left_bytes(bytes: usize) -> usize {
    let chunks = (bytes - 1) / CHUNK_BYTES;
    CHUNK_BYTES << chunks.ilog2()
}

/// The chaining values of the widest row of a tree that has no more than four; its first chunk has the number `counter`.
fn wide(mode: &Mode, data: &[u8], counter: u64) -> Row {
    let mut row = Row { cvs: [[0; CV_BYTES]; 2 * INPUTS], count: 0 };
    if data.len() <= INPUTS * CHUNK_BYTES {
        chunks(mode, data, counter, &mut row);
        return row;
    }
    let (left, right) = data.split_at(left_bytes(data.len()));
    row = wide(mode, left, counter);
    let right = wide(mode, right, counter + (left.len() / CHUNK_BYTES) as u64);
    right.cvs[..right.count].iter().for_each(|cv| row.push(*cv));
    row.parents(mode)
}

/// The two chaining values under the root of a tree over more than one chunk.
fn two(mode: &Mode, data: &[u8], counter: u64) -> [Cv; 2] {
    let mut row = wide(mode, data, counter);
    while row.count > 2 {
        row = row.parents(mode);
    }
    [row.cvs[0], row.cvs[1]]
}

/// The top of the tree over a message, or over a part of one whose first chunk has the number `counter`.
pub(super) fn top(mode: &Mode, data: &[u8], counter: u64) -> Output {
    if data.len() <= CHUNK_BYTES {
        let mut chunk = Chunk::new(mode, counter);
        chunk.update(mode, data);
        return chunk.output(mode);
    }
    let [left, right] = two(mode, data, counter);
    parent(mode, &left, &right)
}

/// The top over the roots of parts, all but the last one of which have the same power of two of chunks.
pub(super) fn top_of_parts(mode: &Mode, mut cvs: &mut [Cv]) -> Output {
    while cvs.len() > 2 {
        let (pairs, rest) = cvs.as_chunks::<2>();
        let (pairs, rest) = (pairs.len(), rest.len());
        for pair in 0..pairs {
            cvs[pair] = parent(mode, &cvs[2 * pair], &cvs[2 * pair + 1]).cv();
        }
        if rest > 0 {
            cvs[pairs] = cvs[2 * pairs];
        }
        cvs = &mut cvs[..pairs + rest];
    }
    parent(mode, &cvs[0], &cvs[1])
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
}

impl Hasher {
    pub(super) fn new(mode: Mode) -> Self {
        let chunk = Chunk::new(&mode, 0);
        Self { mode, chunk, stack: [[0; CV_BYTES]; LEVELS_MAX + 1], height: 0 }
    }

    /// Joins trees, as far as they are known not to be under the root when there are `chunks` and more follow.
    fn join(&mut self, chunks: u64) {
        while self.height > chunks.count_ones() as usize {
            let (left, right) = (self.stack[self.height - 2], self.stack[self.height - 1]);
            self.stack[self.height - 2] = parent(&self.mode, &left, &right).cv();
            self.height -= 1;
        }
    }

    /// Appends the root of a tree that begins with the chunk `counter`.
    fn push(&mut self, cv: Cv, counter: u64) {
        self.join(counter);
        self.stack[self.height] = cv;
        self.height += 1;
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
                self.push(top(&self.mode, now, counter).cv(), counter);
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
        wipe(self.stack.as_flattened_mut());
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
