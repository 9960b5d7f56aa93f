//! The keystream of AES-256-CTR, 128 blocks at a time, by logic alone.
//!
//! Bit-slicing (E. Biham, "A fast new DES implementation in software", FSE 1997; for AES M. Matsui and J. Nakajima,
//! CHES 2007): a plane is a vector with one bit of each of the blocks, namely bit `b` of byte `p` of 128 blocks. The
//! S-box is a circuit over eight planes (`sbox`), ShiftRows is a matter of names, MixColumns some XORs, and a bit of a
//! round key is a plane of zeros or ones. At the end bits are brought back to blocks.
//!
//! The blocks are those of 128 counters of which the first is a multiple of 128, so that only one byte differs when the
//! cipher begins: the first round needs one S-box, the second four, and what does not differ is computed for one block.
//! Block `16 * m + l` is bit `8 * l + m` of a plane, which spares bringing bits back a step.

use super::permute::{self, shifted};
use super::{ROUNDS, sbox::sub};
use crate::lanes::Vector;
use dagvault_core::wipe::wipe;

/// Blocks of a group.
pub(super) const BLOCKS: usize = 128;
/// Bytes of a group.
pub(super) const BYTES: usize = 16 * BLOCKS;

type Plane = [u8; 16];
/// Planes by byte and bit.
type State = [[Plane; 8]; 16];
/// Masks of a round key by column, bit and row: all ones, where the bit is 1.
type Masks = [ColumnMasks; 4];
type ColumnMasks = [[[u8; 4]; 4]; 8];

/// The planes of the counter's seven lowest bits.
const COUNTERS: [Plane; 7] = {
    let mut planes = [[0; 16]; 7];
    let mut lane = 0;
    while lane < 16 {
        let mut bit = 0;
        while bit < 4 {
            planes[bit][lane] = if lane >> bit & 1 != 0 { 0xff } else { 0 };
            bit += 1;
        }
        planes[4][lane] = 0xaa;
        planes[5][lane] = 0xcc;
        planes[6][lane] = 0xf0;
        lane += 1;
    }
    planes
};

/// What the rounds work on; wiped when dropped. Aligned, because planes that lie across cache lines cost time.
#[repr(align(64))]
pub(super) struct Bitsliced {
    /// Those that come after MixColumns of the third round, and later.
    keys: [Masks; ROUNDS - 2],
    /// Masks of the bytes that do not differ when the second round, and the third, begins.
    masks: [Masks; 2],
    /// Those that go through an S-box in the first two rounds.
    planes: [Plane; 8],
    one: State,
    two: State,
}

impl Drop for Bitsliced {
    fn drop(&mut self) {
        for masks in [&mut self.keys[..], &mut self.masks] {
            wipe(masks.as_flattened_mut().as_flattened_mut().as_flattened_mut().as_flattened_mut());
        }
        wipe(self.planes.as_flattened_mut());
        for state in [&mut self.one, &mut self.two] {
            wipe(state.as_flattened_mut().as_flattened_mut());
        }
    }
}

impl Bitsliced {
    pub(super) const fn new() -> Self {
        let (state, masks) = ([[[0; 16]; 8]; 16], [[[[0; 4]; 4]; 8]; 4]);
        Self { keys: [masks; ROUNDS - 2], masks: [masks; 2], planes: [[0; 16]; 8], one: state, two: state }
    }

    /// To be called first.
    pub(super) fn set_keys<V: Vector>(&mut self, round_keys: &[[u8; 16]; ROUNDS + 1]) {
        V::call(|| {
            for (masks, key) in self.keys.iter_mut().zip(&round_keys[3..]) {
                spread(V::load(key), masks);
            }
        });
    }

    /// XORs the keystream of 128 blocks into `bytes`; the first is that of `counter`, a multiple of 128.
    pub(super) fn xor<V: Vector>(
        &mut self,
        round_keys: &[[u8; 16]; ROUNDS + 1],
        counter: &[u8; 16],
        bytes: &mut [u8; BYTES],
    ) {
        let Self { keys, masks, planes, one, two } = self;
        let (mut state, mut next) = (one, two);
        V::call(|| start::<V>(round_keys, counter, masks, planes, state));
        let [keys @ .., last] = keys;
        for keys in keys {
            V::call(|| sub_bytes::<V>(state));
            V::call(|| mix_columns::<V>(state, keys, next));
            core::mem::swap(&mut state, &mut next);
        }
        V::call(|| sub_bytes::<V>(state));
        V::call(|| add_key_and_gather_bits::<V>(state, last));
        V::call(|| xor_blocks::<V>(state, bytes));
    }
}

/// The masks of sixteen bytes.
#[inline(always)]
fn spread<V: Vector>(bytes: V, masks: &mut Masks) {
    for bit in 0..8 {
        let one = V::splat_u8(1 << bit);
        let set = bytes.and(one).eq_u8(one);
        let (low, high) = (set.zip_low_u8(set), set.zip_high_u8(set));
        let columns =
            [low.zip_low_u16(low), low.zip_high_u16(low), high.zip_low_u16(high), high.zip_high_u16(high)];
        for (column, masks) in columns.into_iter().zip(&mut *masks) {
            if let Some(masks) = masks[bit].as_flattened_mut().first_chunk_mut() {
                column.store(masks);
            }
        }
    }
}

#[inline(always)]
fn masked<V: Vector>(plane: V, mask: &[u8; 4]) -> V {
    plane.xor(V::load_splat_u32(mask))
}

/// The planes of twice the bytes.
#[inline(always)]
fn doubled<V: Vector>(a: [V; 8]) -> [V; 8] {
    [a[7], a[0].xor(a[7]), a[1], a[2].xor(a[7]), a[3].xor(a[7]), a[4], a[5], a[6]]
}

/// What rows get from one row of a column: the column of MixColumns' matrix, from that row on.
#[inline(always)]
fn multiples<V: Vector>(a: [V; 8]) -> [[V; 8]; 4] {
    let twice = doubled(a);
    let thrice = core::array::from_fn(|bit| a[bit].xor(twice[bit]));
    [twice, a, a, thrice]
}

/// The bytes of a state that do not differ, one round on; those that differ count as zero after the S-box.
#[inline(always)]
fn same_round<V: Vector>(state: V, same: [u8; 16], key: &[u8; 16]) -> V {
    const SHIFT_ROWS: [u8; 16] = [0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11];
    let [once, twice] = permute::sub(state).map(|sub| sub.and(V::load(&same)).lookup(V::load(&SHIFT_ROWS)));
    let thrice = once.xor(twice);
    // Row r of a column is made from the rows r, r + 1, r + 2 and r + 3.
    let rest = thrice.rotate_left_u32::<24>().xor(once.rotate_left_u32::<16>());
    twice.xor(rest).xor(once.rotate_left_u32::<8>()).xor(V::load(key))
}

/// All before the S-boxes of the third round.
#[inline(always)]
fn start<V: Vector>(
    round_keys: &[[u8; 16]; ROUNDS + 1],
    counter: &[u8; 16],
    [second_masks, third_masks]: &mut [Masks; 2],
    planes: &mut [Plane; 8],
    state: &mut State,
) {
    const ALL_BUT_LAST: [u8; 16] = [!0, !0, !0, !0, !0, !0, !0, !0, !0, !0, !0, !0, !0, !0, !0, 0];
    const ALL_BUT_FIRST_COLUMN: [u8; 16] = [0, 0, 0, 0, !0, !0, !0, !0, !0, !0, !0, !0, !0, !0, !0, !0];
    let first = V::load(counter).xor(V::load(&round_keys[0]));
    let second = same_round(first, ALL_BUT_LAST, &round_keys[1]);
    let third = same_round(second, ALL_BUT_FIRST_COLUMN, &round_keys[2]);

    let byte = counter[15] ^ round_keys[0][15];
    let last = sub_of(planes, |bit| {
        let key = V::splat_u8(0_u8.wrapping_sub(byte >> bit & 1));
        COUNTERS.get(bit).map_or(key, |plane| key.xor(V::load(plane)))
    });
    spread(second, second_masks);
    spread(third, third_masks);
    // ShiftRows brings the byte to the last row of the first column.
    let column = multiples(last);
    for row in 0..4 {
        let share = column[(row + 1) % 4];
        let shares = multiples(sub_of(planes, |bit| masked(share[bit], &second_masks[0][bit][row])));
        let to = (4 - row) % 4;
        for other in 0..4 {
            let (share, at) = (shares[(other + 4 - row) % 4], 4 * to + other);
            for bit in 0..8 {
                masked(share[bit], &third_masks[to][bit][other]).store(&mut state[at][bit]);
            }
        }
    }
}

/// The S-box of planes that are not yet in memory.
#[inline(always)]
fn sub_of<V: Vector>(planes: &mut [Plane; 8], plane: impl Fn(usize) -> V) -> [V; 8] {
    for (bit, out) in planes.iter_mut().enumerate() {
        plane(bit).store(out);
    }
    sub::<V>(planes);
    core::array::from_fn(|bit| V::load(&planes[bit]))
}

/// Where ShiftRows takes the byte `at` to.
const fn unshifted(at: usize) -> usize {
    (at + 16 - 4 * (at % 4)) % 16
}

/// The S-boxes.
#[inline(always)]
fn sub_bytes<V: Vector>(state: &mut State) {
    for step in 0..16 {
        // An order that compilers don't take for a straight one: they would compute an address for each plane.
        sub::<V>(&mut state[3 * step % 16]);
    }
}

/// ShiftRows, MixColumns and a key.
#[inline(always)]
fn mix_columns<V: Vector>(state: &State, keys: &Masks, out: &mut State) {
    for step in 0..4 {
        // An order as in `sub_bytes`.
        let column = 3 * step % 4;
        let keys = &keys[column];
        let Some(out) = out[4 * column..].first_chunk_mut() else { return };
        let rows = [
            &state[shifted(column, 0)],
            &state[shifted(column, 1)],
            &state[shifted(column, 2)],
            &state[shifted(column, 3)],
        ];
        let seven = planes::<V>(rows, 7);
        let top = pairs(seven);
        let below = mix_bit::<V, 0>(planes(rows, 0), top, top, keys, out);
        let below = mix_bit::<V, 1>(planes(rows, 1), below, top, keys, out);
        let below = mix_bit::<V, 2>(planes(rows, 2), below, top, keys, out);
        let below = mix_bit::<V, 3>(planes(rows, 3), below, top, keys, out);
        let below = mix_bit::<V, 4>(planes(rows, 4), below, top, keys, out);
        let below = mix_bit::<V, 5>(planes(rows, 5), below, top, keys, out);
        let below = mix_bit::<V, 6>(planes(rows, 6), below, top, keys, out);
        mix_bit::<V, 7>(seven, below, top, keys, out);
    }
}

/// The planes of a bit of four bytes. (Not by `map`, after which compilers compute each address.)
#[inline(always)]
fn planes<V: Vector>(rows: [&[Plane; 8]; 4], bit: usize) -> [V; 4] {
    [V::load(&rows[0][bit]), V::load(&rows[1][bit]), V::load(&rows[2][bit]), V::load(&rows[3][bit])]
}

/// The sums of each row and the next one.
#[inline(always)]
fn pairs<V: Vector>(rows: [V; 4]) -> [V; 4] {
    core::array::from_fn(|row| rows[row].xor(rows[(row + 1) % 4]))
}

/// One bit of MixColumns: row `r` becomes `2 * (r + (r + 1)) + (r + 1) + ((r + 2) + (r + 3))`, rows counted on. Takes
/// the pairs of the bit below and of the highest one; answers those of this bit.
#[inline(always)]
fn mix_bit<V: Vector, const BIT: usize>(
    rows: [V; 4],
    below: [V; 4],
    top: [V; 4],
    keys: &ColumnMasks,
    out: &mut [[Plane; 8]; 4],
) -> [V; 4] {
    let here = pairs(rows);
    for row in 0..4 {
        let mut sum = masked(rows[(row + 1) % 4], &keys[BIT][row]);
        sum = sum.xor(here[(row + 2) % 4]).xor(below[row]);
        if matches!(BIT, 1 | 3 | 4) {
            sum = sum.xor(top[row]);
        }
        sum.store(&mut out[row][BIT]);
    }
    here
}

/// Swaps the bits of `a` above `mask` by `SHIFT` with those of `b` in it.
#[inline(always)]
fn swap<V: Vector, const SHIFT: u32>(planes: &mut [V; 8], a: usize, b: usize, mask: V) {
    let differing = planes[a].shr_u16::<SHIFT>().xor(planes[b]).and(mask);
    planes[b] = planes[b].xor(differing);
    planes[a] = planes[a].xor(differing.shl_u16::<SHIFT>());
}

/// The last key, without ShiftRows, then eight planes of a byte become eight vectors with that byte of sixteen blocks.
#[inline(always)]
fn add_key_and_gather_bits<V: Vector>(state: &mut State, keys: &Masks) {
    let [mask1, mask2, mask4] = [0x55, 0x33, 0x0f].map(V::splat_u8);
    for (at, planes) in state.iter_mut().enumerate() {
        let to = unshifted(at);
        let keys = &keys[to / 4];
        let mut v: [V; 8] = core::array::from_fn(|bit| masked(V::load(&planes[bit]), &keys[bit][to % 4]));
        for a in [0, 2, 4, 6] {
            swap::<V, 1>(&mut v, a, a + 1, mask1);
        }
        for a in [0, 1, 4, 5] {
            swap::<V, 2>(&mut v, a, a + 2, mask2);
        }
        for a in [0, 1, 2, 3] {
            swap::<V, 4>(&mut v, a, a + 4, mask4);
        }
        for (plane, v) in planes.iter_mut().zip(v) {
            v.store(plane);
        }
    }
}

/// XORs what [`add_key_and_gather_bits`] left, by ShiftRows, into the message.
#[inline(always)]
fn xor_blocks<V: Vector>(state: &State, bytes: &mut [u8; BYTES]) {
    let (blocks, _) = bytes.as_chunks_mut::<16>();
    let (groups, _) = blocks.as_chunks_mut::<16>();
    for (number, group) in groups.iter_mut().enumerate() {
        let keystream =
            V::transpose_u8(core::array::from_fn(|at| V::load(&state[shifted(at / 4, at % 4)][number])));
        for (block, key) in group.iter_mut().zip(keystream) {
            key.xor(V::load(block)).store(block);
        }
    }
}
