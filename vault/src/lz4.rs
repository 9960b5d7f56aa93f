//! Compression into LZ4 blocks ([the format](https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md)).
//!
//! The encoder is our own because its choices are in what we store: both engines must make the same of the same
//! bytes, and the encoders at hand hash four bytes on machines of 32 bits and five on others. Decoding is
//! `lz4_flex`'s.

/// Bytes that the table needs.
pub(crate) const TABLE_BYTES: usize = 4 * SLOTS;

const SLOTS: usize = 1 << HASH_BITS;

const HASH_BITS: u32 = 12;
/// Shortest match.
const MATCH_BYTES_MIN: usize = 4;
/// The last match begins this far before the end, and the last bytes are literals.
const MATCH_START_MARGIN: usize = 12;
const LITERALS_LAST: usize = 5;
const OFFSET_MAX: usize = u16::MAX as usize;
/// After so many misses (a power of two) the search takes longer steps.
const PATIENCE_BITS: u32 = 6;
/// Literals up to this many bytes are copied as so many at once where there is room.
const SHORT: usize = 16;
/// Behind the answered length the output may be written to for so many bytes.
pub(crate) const OVERSHOOT_BYTES: usize = SHORT;

fn word(input: &[u8], at: usize) -> u64 {
    input[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// A hash of the first five bytes.
fn hash(word: u64) -> usize {
    const PRIME: u64 = 889_523_592_379;
    ((word << 24).wrapping_mul(PRIME) >> (64 - HASH_BITS)) as usize
}

/// Where the last place of a hash was found.
struct Table<'t>(&'t mut [[u8; 4]; SLOTS]);

impl Table<'_> {
    /// Puts `at` in, and takes out what was there: 0 at first.
    fn exchange(&mut self, hash: usize, at: u32) -> usize {
        let slot = &mut self.0[hash % SLOTS];
        u32::from_le_bytes(core::mem::replace(slot, at.to_le_bytes())) as usize
    }
}

/// What was written so far.
struct Output<'o> {
    bytes: &'o mut [u8],
    len: usize,
}

impl Output<'_> {
    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.len)? = byte;
        self.len += 1;
        Some(())
    }

    /// The rest of a length whose first 15 are in the token.
    #[expect(clippy::cast_possible_truncation, reason = "the rest is below 255")]
    fn length(&mut self, length: usize) -> Option<()> {
        let Some(mut rest) = length.checked_sub(15) else { return Some(()) };
        while rest >= 255 {
            self.push(255)?;
            rest -= 255;
        }
        self.push(rest as u8)
    }

    fn literals(&mut self, input: &[u8], from: usize, to: usize) -> Option<()> {
        let end = self.len + (to - from);
        if to - from <= SHORT
            && let Some(short) = input[from..].first_chunk::<SHORT>()
            && let Some(room) = self.bytes[self.len..].first_chunk_mut()
        {
            *room = *short;
        } else {
            self.bytes.get_mut(self.len..end)?.copy_from_slice(&input[from..to]);
        }
        self.len = end;
        Some(())
    }

    /// Literals and the match behind them, or the last literals alone.
    #[expect(clippy::cast_possible_truncation, reason = "below 16, and offsets have 16 bits")]
    fn sequence(&mut self, input: &[u8], from: usize, to: usize, found: Option<(u16, usize)>) -> Option<()> {
        let match_length = found.map_or(0, |(_, length)| length - MATCH_BYTES_MIN);
        self.push((((to - from).min(15) << 4) | match_length.min(15)) as u8)?;
        self.length(to - from)?;
        self.literals(input, from, to)?;
        let Some((offset, _)) = found else { return Some(()) };
        let [low, high] = offset.to_le_bytes();
        self.push(low)?;
        self.push(high)?;
        self.length(match_length)
    }
}

/// How many bytes at `a` and `b`, which is behind it, are the same, looking no further than `end`.
fn same(input: &[u8], a: usize, b: usize, end: usize) -> usize {
    let mut length = 0;
    while b + length + 8 <= end {
        let difference = word(input, a + length) ^ word(input, b + length);
        if difference != 0 {
            return length + difference.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = input[b + length..end].iter().zip(&input[a + length..]);
    length + rest.take_while(|(one, other)| one == other).count()
}

/// Compresses into `out`; answers the length, or `None` if it does not fit. `table` is all zero before, and has
/// [`TABLE_BYTES`] bytes or more.
#[expect(clippy::cast_possible_truncation, reason = "chunks and offsets are far shorter")]
pub(crate) fn compress(input: &[u8], table: &mut [u8], out: &mut [u8]) -> Option<usize> {
    let mut table = Table(table.as_chunks_mut().0.first_chunk_mut()?);
    let mut out = Output { bytes: out, len: 0 };
    let (mut literals, mut at) = (0, 1);
    let last_start = input.len().saturating_sub(MATCH_START_MARGIN);
    while let Some((mut from, mut to)) = find(input, &mut table, at, last_start) {
        let found = to + MATCH_BYTES_MIN;
        while to > literals && from > 0 && input[to - 1] == input[from - 1] {
            (from, to) = (from - 1, to - 1);
        }
        let known = found - to;
        let length = known + same(input, from + known, to + known, input.len() - LITERALS_LAST);
        out.sequence(input, literals, to, Some(((to - from) as u16, length)))?;
        (literals, at) = (to + length, to + length);
        if at < last_start {
            table.exchange(hash(word(input, at - 2)), (at - 2) as u32);
        }
    }
    out.sequence(input, literals, input.len(), None)?;
    Some(out.len)
}

/// The next place, from `at` on, whose first four bytes stood earlier: that place, and this one.
#[expect(clippy::cast_possible_truncation, reason = "compares four bytes; chunks are far shorter")]
fn find(input: &[u8], table: &mut Table<'_>, mut at: usize, last_start: usize) -> Option<(usize, usize)> {
    let mut misses = 1 << PATIENCE_BITS;
    while at < last_start {
        let here = word(input, at);
        let before = table.exchange(hash(here), at as u32);
        if at - before <= OFFSET_MAX && word(input, before) as u32 == here as u32 {
            return Some((before, at));
        }
        at += misses >> PATIENCE_BITS;
        misses += 1;
    }
    None
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "any bytes will do")]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn compressed(input: &[u8], most: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; most];
        let len = compress(input, &mut [0; TABLE_BYTES], &mut out)?;
        out.truncate(len);
        Some(out)
    }

    fn round_trip(input: &[u8]) -> usize {
        let packed = compressed(input, input.len() + input.len() / 255 + 16).unwrap();
        let mut out = vec![0; input.len()];
        assert_eq!(lz4_flex::block::decompress_into(&packed, &mut out).ok(), Some(input.len()));
        assert!(out == input);
        // One byte less room: an answer, never a panic.
        assert_eq!(compressed(input, packed.len()).map(|same| same == packed), Some(true));
        assert_eq!(compressed(input, packed.len() - 1), None);
        packed.len()
    }

    #[test]
    fn texts_shrink_as_with_others() {
        let text = [include_str!("lz4.rs"), include_str!("vault.rs"), include_str!("value.rs")].concat();
        let text = text.repeat(3);
        for end in [text.len(), 70_000, 20_000, 1000] {
            let theirs = lz4_flex::block::compress(&text.as_bytes()[..end]).len();
            let ours = round_trip(&text.as_bytes()[..end]);
            assert!(ours * 100 <= theirs * 104, "{end}: {ours}, others {theirs}");
        }
    }

    #[test]
    fn every_short_length_comes_back() {
        for bytes in 0..300 {
            round_trip(&vec![7; bytes]);
            round_trip(&(0..bytes).map(|at| (at * at / 7) as u8).collect::<Vec<_>>());
        }
        assert!(round_trip(&vec![0; 237_568]) < 1000);
    }

    proptest! {
        #[test]
        fn anything_comes_back(parts in prop::collection::vec((0..6_usize, 0..3000_usize, any::<u64>()), 0..30)) {
            let mut input: Vec<u8> = Vec::new();
            for (kind, bytes, seed) in parts {
                let start = (seed as usize) % (input.len() + 1);
                match kind {
                    0 | 1 => input.extend((0..bytes).map(|at| (seed.wrapping_mul(at as u64 | 1) >> 32) as u8)),
                    2 => input.extend(core::iter::repeat_n(seed as u8, bytes)),
                    _ => input.extend_from_within(start..(start + bytes).min(input.len())),
                }
            }
            round_trip(&input);
        }
    }
}
