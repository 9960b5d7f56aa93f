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
/// Literals are copied so many at once.
const SHORT: usize = 16;
/// Bytes of the longest sequence that is written without looking at each byte's room: a token, literals and their
/// length, an offset, the length of a match.
const MODERATE: usize = 1 + 1 + 2 * SHORT + 2 + 1;
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
type Table = [[u8; 4]; SLOTS];

/// Puts `at` in, and takes out what was there: 0 at first.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "chunks are far shorter")]
fn exchange(table: &mut Table, hash: usize, at: usize) -> usize {
    u32::from_le_bytes(core::mem::replace(&mut table[hash % SLOTS], (at as u32).to_le_bytes())) as usize
}

/// How many bytes at the starts of both are the same.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = size_of::<u64>();
    let mut length = 0;
    for (a, b) in a.as_chunks::<STEP>().0.iter().zip(b.as_chunks::<STEP>().0) {
        let difference = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if difference != 0 {
            return length + difference.trailing_zeros() as usize / 8;
        }
        length += STEP;
    }
    let rest = a[length..].iter().zip(&b[length..]);
    length + rest.take_while(|(one, other)| one == other).count()
}

/// How many bytes at the ends of both are the same.
#[inline(always)]
fn same_backwards(a: &[u8], b: &[u8]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take_while(|(one, other)| one == other).count()
}

/// Literals, and the match behind them.
struct Sequence {
    literals: usize,
    offset: u16,
    /// Without the shortest match's.
    match_length: usize,
}

/// Where the compression is.
#[derive(Clone, Copy, Default)]
struct Place {
    /// Where the next search begins.
    at: usize,
    /// Where the literals begin that are not written yet.
    literals: usize,
    /// Bytes written.
    len: usize,
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

    /// Literals, and the start of a sequence: its match follows.
    #[expect(clippy::cast_possible_truncation, reason = "below 16")]
    fn literals(&mut self, literals: &[u8], match_length: usize) -> Option<()> {
        self.push(((literals.len().min(15) << 4) | match_length.min(15)) as u8)?;
        self.length(literals.len())?;
        let end = self.len + literals.len();
        self.bytes.get_mut(self.len..end)?.copy_from_slice(literals);
        self.len = end;
        Some(())
    }

    fn sequence(&mut self, from: &[u8], sequence: &Sequence) -> Option<()> {
        self.literals(&from[..sequence.literals], sequence.match_length)?;
        let [low, high] = sequence.offset.to_le_bytes();
        self.push(low)?;
        self.push(high)?;
        self.length(sequence.match_length)
    }
}

/// Writes a sequence of moderate lengths, which most have, where there is room for the longest of them; answers its
/// bytes.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "below 16 and below 256")]
fn moderate(out: &mut [u8], from: &[u8], sequence: &Sequence) -> Option<usize> {
    let &Sequence { literals, offset, match_length } = sequence;
    let room = out.first_chunk_mut::<MODERATE>()?;
    let from = from.first_chunk::<{ 2 * SHORT }>()?;
    if literals > 2 * SHORT || match_length >= 15 + 255 {
        return None;
    }
    room[0] = ((literals.min(15) << 4) | match_length.min(15)) as u8;
    let mut start = 1;
    if literals >= 15 {
        room[1] = (literals - 15) as u8;
        start = 2;
        *room[2 + SHORT..].first_chunk_mut::<SHORT>()? = *from[SHORT..].first_chunk()?;
    }
    *room[start..].first_chunk_mut::<SHORT>()? = *from.first_chunk()?;
    let end = start + literals;
    *room[end..].first_chunk_mut()? = offset.to_le_bytes();
    room[end + 2] = match_length.wrapping_sub(15) as u8;
    Some(end + 2 + usize::from(match_length >= 15))
}

/// Goes on to the first sequence that is not [`moderate`], which is not written yet, or to the end.
///
/// Nothing in the loop is called: what lives across calls is kept in memory by engines, and there is much.
#[inline(never)]
#[expect(clippy::cast_possible_truncation, reason = "compares four bytes; offsets have 16 bits")]
fn moderates(input: &[u8], table: &mut Table, out: &mut [u8], place: Place) -> (Place, Option<Sequence>) {
    let Place { mut at, mut literals, mut len } = place;
    let mut misses = 1 << PATIENCE_BITS;
    while let Some(searched) = input.get(..at + MATCH_START_MARGIN + 1) {
        let here = word(searched, at);
        // Never behind `at`, which spares a look at the bounds.
        let before = exchange(table, hash(here), at).min(at);
        if before + OFFSET_MAX < at || word(searched, before) as u32 != here as u32 {
            at += misses >> PATIENCE_BITS;
            misses += 1;
            continue;
        }
        misses = 1 << PATIENCE_BITS;
        let back = same_backwards(&input[literals..at], &input[..before]);
        let end = input.len() - LITERALS_LAST;
        let forth = same(&input[before + MATCH_BYTES_MIN..end], &input[at + MATCH_BYTES_MIN..end]);
        let sequence = Sequence {
            literals: at - back - literals,
            offset: (at - before) as u16,
            match_length: back + forth,
        };
        at += MATCH_BYTES_MIN + forth;
        if at + MATCH_START_MARGIN < input.len() {
            exchange(table, hash(word(input, at - 2)), at - 2);
        }
        let Some(bytes) = moderate(&mut out[len..], &input[literals..], &sequence) else {
            return (Place { at, literals, len }, Some(sequence));
        };
        len += bytes;
        literals = at;
    }
    (Place { at, literals, len }, None)
}

/// Compresses into `out`; answers the length, or `None` if it does not fit. `table` is all zero before, and has
/// [`TABLE_BYTES`] bytes or more.
pub(crate) fn compress(input: &[u8], table: &mut [u8], out: &mut [u8]) -> Option<usize> {
    let table: &mut Table = table.as_chunks_mut().0.first_chunk_mut()?;
    let mut place = Place { at: 1, ..Place::default() };
    loop {
        let (Place { at, literals, len }, sequence) = moderates(input, table, out, place);
        let mut out = Output { bytes: out, len };
        let Some(sequence) = sequence else {
            out.literals(&input[literals..], 0)?;
            return Some(out.len);
        };
        out.sequence(&input[literals..], &sequence)?;
        place = Place { at, literals: at, len: out.len };
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "any bytes will do")]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn compressed(input: &[u8], most: usize) -> Option<Vec<u8>> {
        let mut out = vec![0xee; most];
        let len = compress(input, &mut [0; TABLE_BYTES], &mut out)?;
        // What is behind is not wiped by the caller.
        assert!(out.iter().skip(len + OVERSHOOT_BYTES).all(|byte| *byte == 0xee));
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
