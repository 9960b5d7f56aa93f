//! GHASH of long messages: sixteen sums side by side, each of every sixteenth block.
//!
//! Vector `p` holds byte `p` of sixteen blocks, a row, so that a lookup serves sixteen blocks and moving by bytes is a
//! matter of names. Products of 128 bits are nine of 32 bits (A. Karatsuba, twice). Up to [`ROWS`] rows, each times its
//! own power of H^16, are added before what they came to is put together and reduced.

use super::aes::permute::nibbles;
use super::ghash::{CARRIED, REDUCED, Tables, multiply, products, square};
use crate::lanes::Vector;
use dagvault_core::wipe::wipe;

/// Blocks of a row.
pub(super) const ROW_BLOCKS: usize = 16;
/// Rows that are reduced together.
const ROWS: usize = 4;
/// Parts of 32 bits, or sums of them, of a factor of 128 bits.
const PARTS: usize = 9;

pub(super) type Row = [[u8; 16]; ROW_BLOCKS];

/// Tables by part, row and nibble, and byte.
type Constants = [[[[u8; 16]; 5]; 2 * ROWS]; PARTS];
/// Nibbles by part, row and nibble, and byte.
type Nibbles = [[[[u8; 16]; 4]; 2 * ROWS]; PARTS];

/// Bytes of the products of parts.
type Products = [[[u8; 16]; 8]; PARTS];

/// Memory of the sums; wiped when dropped. Aligned, because what lies across cache lines costs time.
#[repr(align(64))]
struct Work {
    /// H^(16 * ROWS) to H^16.
    constants: Constants,
    /// The sums, by place.
    sums: Row,
    /// Bytes of a row, by place.
    bytes: Row,
    /// The parts of each row.
    nibbles: Nibbles,
    /// The bytes of the products of the parts.
    products: Products,
}

impl Drop for Work {
    fn drop(&mut self) {
        wipe(self.constants.as_flattened_mut().as_flattened_mut().as_flattened_mut());
        wipe(self.sums.as_flattened_mut());
        wipe(self.bytes.as_flattened_mut());
        wipe(self.nibbles.as_flattened_mut().as_flattened_mut().as_flattened_mut());
        wipe(self.products.as_flattened_mut().as_flattened_mut());
    }
}

/// The parts of a factor that products are made of: its quarters, sums of two, the sum of all.
#[inline(always)]
fn parts<T: Copy>(q: [T; 4], add: impl Fn(T, T) -> T) -> [T; PARTS] {
    let (even, odd) = (add(q[0], q[2]), add(q[1], q[3]));
    [q[0], q[1], add(q[0], q[1]), q[2], q[3], add(q[2], q[3]), even, odd, add(even, odd)]
}

/// The sums of `rows`, multiplied up to the row that comes next. The first block is added to `first`.
pub(super) fn sums<V: Vector>(key: &[u8; 16], tables: &[Tables; 17], first: &[u8; 16], rows: &[Row]) -> Row {
    let zero = [0; 16];
    let mut work = Work {
        constants: [[[zero; 5]; 2 * ROWS]; PARTS],
        sums: [zero; ROW_BLOCKS],
        bytes: [zero; ROW_BLOCKS],
        nibbles: [[[zero; 4]; 2 * ROWS]; PARTS],
        products: [[zero; 8]; PARTS],
    };
    V::call(|| constants::<V>(key, tables, rows.len(), &mut work.constants));
    for (at, sum) in work.sums.iter_mut().enumerate() {
        sum[0] = first[at];
    }
    // The first rows are those that do not fill a number of `ROWS`: then all the others do.
    let (some, others) = rows.split_at(rows.len() % ROWS);
    let (others, _) = others.as_chunks::<ROWS>();
    for rows in core::iter::once(some).chain(others.iter().map(<[Row; ROWS]>::as_slice)) {
        if rows.is_empty() {
            continue;
        }
        for (number, row) in rows.iter().enumerate() {
            V::call(|| transpose::<V>(row, &mut work.bytes));
            if number == 0 {
                let sums = work.sums.as_flattened();
                work.bytes.as_flattened_mut().iter_mut().zip(sums).for_each(|(byte, sum)| *byte ^= sum);
            }
            V::call(|| split_row::<V>(&work.bytes, number, &mut work.nibbles));
        }
        V::call(|| multiply_parts::<V>(rows.len(), &work.nibbles, &work.constants, &mut work.products));
        V::call(|| reduce_products::<V>(&work.products, &mut work.sums));
    }
    V::call(|| transpose::<V>(&work.sums, &mut work.bytes));
    work.bytes
}

/// Bytes of the same place together, or back.
#[inline(always)]
fn transpose<V: Vector>(row: &Row, out: &mut Row) {
    let rows = V::transpose_u8(core::array::from_fn(|at| V::load(&row[at])));
    rows.into_iter().zip(out).for_each(|(row, out)| row.store(out));
}

/// The tables of H^(16 * ROWS) to H^16, as far as so many rows need them.
#[inline(always)]
fn constants<V: Vector>(key: &[u8; 16], tables: &[Tables; 17], rows: usize, out: &mut Constants) {
    let times16 = |mut power: V| {
        for _ in 0..4 {
            power = square(power);
        }
        power
    };
    let h1 = V::load(key);
    let h2 = square(h1);
    let h16 = times16(h1);
    let h32 = square(h16);
    let powers = [square(h32), times16(multiply(h2, tables)), h32, h16];
    let mut tables = [[[[0; 16]; 2]; 5]; 4];
    for (row, power) in powers.into_iter().enumerate().skip(ROWS.saturating_sub(rows)) {
        for (quarter, tables) in power.to_u32().into_iter().zip(&mut tables) {
            products::<V, 4>(quarter.to_le_bytes(), tables);
        }
        for at in 0..5 {
            for nibble in 0..2 {
                // The tables of sums are the sums of tables.
                let quarters = [0, 1, 2, 3].map(|quarter| V::load(&tables[quarter][at][nibble]));
                for (part, out) in parts(quarters, V::xor).into_iter().zip(&mut *out) {
                    part.store(&mut out[2 * row + nibble][at]);
                }
            }
        }
    }
    wipe(tables.as_flattened_mut().as_flattened_mut().as_flattened_mut());
}

/// The nibbles of the parts of a row.
#[inline(always)]
fn split_row<V: Vector>(bytes: &Row, row: usize, out: &mut Nibbles) {
    for byte in 0..4 {
        let quarters = [0, 4, 8, 12].map(|quarter| nibbles(V::load(&bytes[quarter + byte])));
        let parts = parts(quarters, |[a, b], [c, d]: [V; 2]| [a.xor(c), b.xor(d)]);
        for (part, out) in parts.into_iter().zip(&mut *out) {
            part[0].store(&mut out[2 * row][byte]);
            part[1].store(&mut out[2 * row + 1][byte]);
        }
    }
}

/// Products of parts, added over the rows.
#[inline(always)]
fn multiply_parts<V: Vector>(rows: usize, nibbles: &Nibbles, constants: &Constants, out: &mut Products) {
    for ((nibbles, constants), out) in nibbles.iter().zip(constants).zip(out) {
        let mut sums = [V::splat_u8(0); 8];
        // A step for each nibble of a row keeps all in registers.
        for (nibbles, tables) in nibbles[..2 * rows].iter().zip(&constants[2 * (ROWS - rows)..]) {
            let indices: [V; 4] = core::array::from_fn(|at| V::load(&nibbles[at]));
            for (to, table) in tables.iter().enumerate() {
                let table = V::load(table);
                for at in 0..4 {
                    sums[at + to] = sums[at + to].xor(table.lookup(indices[at]));
                }
            }
        }
        sums.into_iter().zip(out).for_each(|(sum, out)| sum.store(out));
    }
}

/// The bytes of a product of two-part factors, from the products of the first parts, the second ones and the sums.
#[inline(always)]
fn join<V: Vector, const BYTES: usize>(products: [&[V]; 3]) -> [V; BYTES] {
    let half = BYTES / 2;
    let [first, second, sums] = products;
    let mut joined = core::array::from_fn(|at| if at < half { first[at] } else { second[at - half] });
    for at in 0..half {
        let between = sums[at].xor(first[at]).xor(second[at]);
        joined[half / 2 + at] = joined[half / 2 + at].xor(between);
    }
    joined
}

/// Puts the products of parts together, and reduces that.
#[inline(always)]
fn reduce_products<V: Vector>(products: &Products, sums: &mut Row) {
    let loaded = |part: usize| -> [V; 8] { core::array::from_fn(|at| V::load(&products[part][at])) };
    let halves = |part: usize| -> [V; 16] { join([&loaded(part), &loaded(part + 1), &loaded(part + 2)]) };
    let mut whole: [V; 32] = join([&halves(0), &halves(3), &halves(6)]);
    for at in (0..16).rev() {
        let [low, high] = nibbles(whole[16 + at]);
        let both = |tables: &Tables| V::load(&tables[0]).lookup(low).xor(V::load(&tables[1]).lookup(high));
        whole[at] = whole[at].xor(both(&REDUCED));
        // The carry of the last byte goes to the first of those that are still to be reduced.
        whole[at + 1] = whole[at + 1].xor(both(&CARRIED));
    }
    sums.iter_mut().zip(whole).for_each(|(sum, byte)| byte.store(sum));
}
