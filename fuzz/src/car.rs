//! CAR files: whatever is read is written again as the same bytes, in bounded memory.

use dagvault_core::cid::{AnyCid, push_varint};
use dagvault_core::ids::Cid;
use dagvault_core::limits::BLOCK_BYTES_MAX;
use dagvault_crypto::hash;
use dagvault_dag::car::{ROOTS_MAX, Reader, SECTION_BYTES_MAX, Writer};

/// The oracle.
///
/// # Panics
/// If a file has a second form, or a limit does not hold.
pub fn check(input: &[u8]) {
    let Ok(mut reader) = Reader::new(input) else { return };
    assert!(reader.roots().len() <= ROOTS_MAX);
    let mut writer = Writer::new(Vec::new(), reader.roots()).expect("as many roots as were read");
    let mut end = None;
    loop {
        match reader.section() {
            Ok(Some(section)) => {
                assert!(section.bytes.len() <= SECTION_BYTES_MAX);
                if let Ok(cid) = section.cid.block() {
                    assert_eq!(cid, Cid(hash::hash(&section.bytes)), "bytes under another name");
                }
                writer.block(&section.cid, &section.bytes).expect("a section that was read");
            }
            Ok(None) => break,
            Err(error) => {
                end = Some(error.at);
                assert!(matches!(reader.section(), Ok(None)), "it goes on behind an error");
                break;
            }
        }
    }
    let written = writer.finish().expect("memory takes all");
    let end = end.map_or(input.len(), |at| usize::try_from(at).expect("inside of the input"));
    assert_eq!(written, input[..end], "a second form");
}

/// Whole files with blocks of several kinds, and such as end or claim wrongly.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let block = |bytes: &[u8]| (AnyCid::from(Cid(hash::hash(bytes))), bytes.to_vec());
    let identity = AnyCid::from_bytes(&[1, 0x55, 0, 2, b'h', b'i']).expect("an identity CID");
    let sha = [&[0x12, 0x20][..], &dagvault_crypto::sha256::digest(b"old")].concat();
    let old = AnyCid::from_bytes(&sha).expect("a CIDv0");
    let blocks =
        [block(b""), block(b"one"), block(&[7; 700]), (identity, b"hi".to_vec()), (old, b"old".to_vec())];
    let car = |roots: &[AnyCid], blocks: &[(AnyCid, Vec<u8>)]| {
        let mut writer = Writer::new(Vec::new(), roots).expect("few roots");
        blocks.iter().for_each(|(cid, bytes)| writer.block(cid, bytes).expect("small blocks"));
        writer.finish().expect("memory takes all")
    };
    let whole = car(&[blocks[1].0, blocks[4].0], &blocks);
    let mut huge = car(&[], &[]);
    push_varint(BLOCK_BYTES_MAX as u64 * 9, &mut huge);
    let cut = whole[..whole.len() - 3].to_vec();
    vec![whole, cut, huge, car(&[], &[]), car(&[blocks[2].0; 20], &blocks[..1])]
}
