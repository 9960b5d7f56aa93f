//! Index files against the plain table.

use super::format::hash;
use super::index::{Index, IndexFile, encode};
use super::table::{Entry, Table};
use crate::disk::{Disk, Open, SimDisk};
use dagvault_core::ids::Cid;

const STORE: [u8; 16] = [1; 16];
const SEGMENT: [u8; 16] = [2; 16];
const SEGMENT_BYTES: u64 = 1 << 30;

/// Entries of which some blocks have several records, and some digests share their key.
fn entries(count: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    for number in 0..count {
        let mut digest = hash(&(number / 3 * 2).to_le_bytes());
        if number % 5 == 0 {
            digest[..8].copy_from_slice(&[7; 8]);
        }
        entries.push(Entry {
            digest,
            offset: 96 + 64 * number,
            len: 1 + u32::try_from(number % 9).unwrap_or(0),
        });
    }
    entries.sort_unstable();
    entries
}

fn open(bytes: &[u8]) -> Option<Index> {
    let disk = SimDisk::new(1);
    disk.plant("index", bytes);
    let file = disk.open("index", Open::Read).expect("there");
    IndexFile::open(file, &STORE, &SEGMENT, SEGMENT_BYTES).expect("a healthy disk").map(Index::File)
}

fn find_all(index: &Index, id: &Cid) -> std::io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    index.search(id, |entry| {
        found.push(entry);
        false
    })?;
    Ok(found)
}

#[test]
fn lookups_answer_as_the_table_does() {
    for count in [0, 1, 22, 23, 24, 46, 1000, 5000] {
        let entries = entries(count);
        let bytes = encode(&STORE, &SEGMENT, &entries, SEGMENT_BYTES, &[96, 4096]);
        let index = open(&bytes).expect("whole");
        let table = Table::new(entries.clone());
        assert_eq!((index.len(), index.check().is_ok()), (entries.len(), true));
        assert_eq!(index.block_bytes(), entries.iter().map(|entry| u64::from(entry.len)).sum::<u64>());
        assert_eq!(index.range(0, usize::MAX).expect("whole"), entries);
        assert_eq!(
            index.range(3, 30).expect("whole"),
            entries.get(3..entries.len().min(30)).unwrap_or_default()
        );
        for entry in &entries {
            let id = Cid(entry.digest);
            assert_eq!(find_all(&index, &id).expect("whole"), table.find(&id));
        }
        for number in 0..1000_u64 {
            let mut absent = hash(&(number * 2 + 1).to_le_bytes());
            assert_eq!(find_all(&index, &Cid(absent)).expect("whole"), []);
            absent[..8].copy_from_slice(&[7; 8]);
            assert_eq!(find_all(&index, &Cid(absent)).expect("whole"), []);
        }
    }
}

#[test]
fn the_filter_keeps_most_lookups_off_the_disk() {
    let count = 20_000_u64;
    let mut entries: Vec<Entry> = (0..count)
        .map(|number| Entry { digest: hash(&number.to_le_bytes()), offset: 96 + 64 * number, len: 1 })
        .collect();
    entries.sort_unstable();
    let mut bytes = encode(&STORE, &SEGMENT, &entries, SEGMENT_BYTES, &[]);
    // Every page is damaged, so a lookup that reads one fails.
    bytes[..entries.len().div_ceil(23) * 1024].fill(0);
    let index = open(&bytes).expect("tail and foot are whole");
    let absent = |number: &u64| find_all(&index, &Cid(hash(&(count + number).to_le_bytes()))).is_err();
    let passed = (0..count).filter(absent).count();
    assert!(passed < 200, "{passed} of {count}");
    assert!(find_all(&index, &Cid(entries[0].digest)).is_err(), "a damaged page is never an absent block");
}

#[test]
fn every_changed_byte_is_refused_or_met() {
    let entries = entries(60);
    let whole = encode(&STORE, &SEGMENT, &entries, SEGMENT_BYTES, &[96]);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let Some(index) = open(&bytes) else { continue };
        assert!(at < 3 * 1024, "tail and foot are covered by the hash: byte {at}");
        assert!(index.check().is_err(), "byte {at}");
        for entry in &entries {
            if let Ok(found) = find_all(&index, &Cid(entry.digest)) {
                assert_eq!(found, Table::new(entries.clone()).find(&Cid(entry.digest)));
            }
        }
    }
    for len in [0, 1, 127, 128, whole.len() - 1] {
        assert!(open(&whole[..len]).is_none());
    }
}

#[test]
fn an_index_can_not_claim_more_than_its_segment_holds() {
    let entries = entries(60);
    let bytes = encode(&STORE, &SEGMENT, &entries, 4096, &[96]);
    let disk = SimDisk::new(1);
    disk.plant("index", &bytes);
    for (segment_bytes, fits) in [(4096, true), (4095, false), (60 * 64 - 1, false)] {
        let file = disk.open("index", Open::Read).expect("there");
        let found = IndexFile::open(file, &STORE, &SEGMENT, segment_bytes).expect("a healthy disk");
        assert_eq!(found.is_some(), fits);
    }
}
