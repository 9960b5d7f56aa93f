//! The ChaCha20 keystream ([RFC 8439](https://www.rfc-editor.org/rfc/rfc8439), section 2.3), some blocks at a time, and
//! HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2).
//!
//! A vector holds a row of a block's state, so that a step of the cipher is one instruction for a block, and the rounds
//! of three blocks fill the processor while all of their rows fit its 16 vector registers. (A vector for one word of
//! four blocks needs fewer shuffles but more registers, and compilers of wasm keep what is left over in memory.)

use crate::lanes::Vector;
use core::hint::black_box;
use dagvault_core::wipe::wipe;

/// Bytes of a block of the keystream.
pub(super) const BLOCK_BYTES: usize = 64;
/// Blocks that are computed at once.
pub(super) const STEP_BLOCKS: usize = 3;
const DOUBLE_ROUNDS: usize = 10;

/// The rows of a state: constants, key in two, and the counter with the nonce.
pub(super) type State = [[u8; 16]; 4];

/// The same in vectors.
type Rows<V> = [V; 4];

/// A state whose last row is `last`.
pub(super) fn state(key: &[u8; 32], last: [u8; 16]) -> State {
    let mut state = [*b"expand 32-byte k", [0; 16], [0; 16], last];
    state[1].copy_from_slice(&key[..16]);
    state[2].copy_from_slice(&key[16..]);
    state
}

/// A round of every block, whose steps are written in turns.
#[inline(always)]
fn round<V: Vector, const BLOCKS: usize>(blocks: &mut [Rows<V>; BLOCKS]) {
    blocks.iter_mut().for_each(|[a, b, _, _]| *a = a.add_u32(*b));
    blocks.iter_mut().for_each(|[a, _, _, d]| *d = d.xor(*a).rotate_left_u32::<16>());
    blocks.iter_mut().for_each(|[_, _, c, d]| *c = c.add_u32(*d));
    blocks.iter_mut().for_each(|[_, b, c, _]| *b = b.xor(*c).rotate_left_u32::<12>());
    blocks.iter_mut().for_each(|[a, b, _, _]| *a = a.add_u32(*b));
    blocks.iter_mut().for_each(|[a, _, _, d]| *d = d.xor(*a).rotate_left_u32::<8>());
    blocks.iter_mut().for_each(|[_, _, c, d]| *c = c.add_u32(*d));
    blocks.iter_mut().for_each(|[_, b, c, _]| *b = b.xor(*c).rotate_left_u32::<7>());
}

/// All rounds. One row of each block goes to `trace` half-way through a double round: without a reason to finish a
/// round of all blocks before the next one, Cranelift computes block after block, too far apart for a processor to see.
#[inline(always)]
fn rounds<V: Vector, const BLOCKS: usize>(
    mut blocks: [Rows<V>; BLOCKS],
    trace: &mut [[u8; 16]; BLOCKS],
) -> [Rows<V>; BLOCKS] {
    let mut trace = trace;
    for _ in 0..DOUBLE_ROUNDS {
        round(&mut blocks);
        for ([_, b, c, d], kept) in blocks.iter_mut().zip(trace.iter_mut()) {
            // Diagonals become columns.
            *b = b.rotate_lanes_u32::<1>();
            *c = c.rotate_lanes_u32::<2>();
            *d = d.rotate_lanes_u32::<3>();
            b.store(kept);
        }
        trace = black_box(trace);
        round(&mut blocks);
        for [_, b, c, d] in &mut blocks {
            *b = b.rotate_lanes_u32::<3>();
            *c = c.rotate_lanes_u32::<2>();
            *d = d.rotate_lanes_u32::<1>();
        }
    }
    blocks
}

/// XORs the keystream of the next blocks into `step`, and counts on.
#[inline(always)]
fn xor_step<V: Vector, const BLOCKS: usize>(
    start: &mut Rows<V>,
    trace: &mut [[u8; 16]; BLOCKS],
    step: &mut [[u8; BLOCK_BYTES]; BLOCKS],
) {
    let one = V::from_u32([1, 0, 0, 0]);
    let starts: [Rows<V>; BLOCKS] = core::array::from_fn(|_| {
        let block = *start;
        start[3] = start[3].add_u32(one);
        block
    });
    let blocks = rounds(starts, trace);
    for block in 0..BLOCKS {
        let (out, _) = step[block].as_chunks_mut();
        for row in 0..4 {
            blocks[block][row].add_u32(starts[block][row]).xor(V::load(&out[row])).store(&mut out[row]);
        }
    }
}

fn xor_steps<V: Vector, const BLOCKS: usize>(state: &mut State, steps: &mut [[[u8; BLOCK_BYTES]; BLOCKS]]) {
    if steps.is_empty() {
        return;
    }
    let mut trace = [[0; 16]; BLOCKS];
    V::call(|| {
        let mut start = core::array::from_fn(|row| V::load(&state[row]));
        steps.iter_mut().for_each(|step| xor_step(&mut start, &mut trace, step));
        start[3].store(&mut state[3]);
    });
    wipe(trace.as_flattened_mut());
}

/// XORs the keystream into `blocks`, from the state's counter on. The counter wraps; callers bound the length.
pub(super) fn xor_blocks<V: Vector>(state: &mut State, blocks: &mut [[u8; BLOCK_BYTES]]) {
    if !V::AT_ONCE {
        return xor_steps::<V, 1>(state, blocks.as_chunks_mut().0);
    }
    let (steps, rest) = blocks.as_chunks_mut();
    xor_steps::<V, STEP_BLOCKS>(state, steps);
    let (pairs, rest) = rest.as_chunks_mut();
    xor_steps::<V, 2>(state, pairs);
    xor_steps::<V, 1>(state, rest.as_chunks_mut().0);
}

/// A key from a key and the first 16 bytes of a longer nonce.
pub(super) fn hchacha20<V: Vector>(key: &[u8; 32], nonce: &[u8; 16]) -> [u8; 32] {
    let (mut start, mut trace) = (state(key, *nonce), [[0; 16]]);
    let mut subkey = [0; 32];
    V::call(|| {
        let [[a, _, _, d]] = rounds([start.map(|row| V::load(&row))], &mut trace);
        let (halves, _) = subkey.as_chunks_mut();
        a.store(&mut halves[0]);
        d.store(&mut halves[1]);
    });
    wipe(start.as_flattened_mut());
    wipe(trace.as_flattened_mut());
    subkey
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Backend, on_lanes};

    #[test]
    fn steps_are_blocks_in_order_and_the_counter_wraps() {
        let starting = |counter: u32| {
            let mut last = [0x24; 16];
            last[..4].copy_from_slice(&counter.to_le_bytes());
            state(&[0x42; 32], last)
        };
        for backend in Backend::all() {
            for count in 0..10 {
                let from = u32::MAX - 4;
                let (mut all, mut given) = (starting(from), [[0x11; BLOCK_BYTES]; 10]);
                on_lanes!(backend, V => xor_blocks::<V>(&mut all, &mut given[..count]));
                let mut wanted = [[0x11; BLOCK_BYTES]; 10];
                for (number, block) in (0..).zip(&mut wanted[..count]) {
                    let mut one = starting(from.wrapping_add(number));
                    xor_blocks::<crate::lanes::Portable>(&mut one, core::slice::from_mut(block));
                }
                assert_eq!(given, wanted, "{} {count}", backend.name());
                let next = from.wrapping_add(u32::try_from(count).unwrap());
                assert_eq!(all, starting(next));
            }
        }
    }
}
