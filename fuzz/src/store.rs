//! The files of a store, changed behind its back: segments of the log with their records, packs, indexes, `format`.
//!
//! Whatever stands in them, opening and reading end in an error or in blocks that hash to their names and cells that
//! were once committed; and a commit that succeeds is there after opening again.

use std::sync::{Arc, OnceLock};

use dagvault_core::ids::{CellId, Cid};
use dagvault_crypto::hash;
use dagvault_dag::disk::{Disk, SimDisk};
use dagvault_dag::files::{FileStore, OpenOptions, RepairOptions, Sizes, repair as repair_store};
use dagvault_dag::store::{Block, BlockStore as _, CommitOptions, Cursor, Store as _};

use crate::numbers::Numbers;

const CELL: CellId = CellId::HEAD;
/// Where records begin in a segment, the length of their headers, and what they are aligned to.
const SEGMENT_HEADER: usize = 96;
const RECORD_HEADER: usize = 48;
const ALIGN: usize = 16;

/// The intact store, made once.
struct Base {
    disk: SimDisk,
    paths: Vec<String>,
    names: Vec<Cid>,
    cells: Vec<Vec<u8>>,
}

fn options() -> OpenOptions {
    let mut numbers = Numbers::new(9);
    let mut options = OpenOptions::new(move |out| out.fill_with(|| numbers.byte()));
    options.lock_wait_ms = 0;
    options.sizes = Sizes {
        log_segment_bytes: 4096,
        pack_bytes: 4096,
        inline_bytes: 1500,
        log_step_bytes_min: 1024,
        log_step_bytes_max: 2048,
    };
    options
}

fn block(number: u8, bytes: usize) -> Block {
    let bytes = vec![number; bytes];
    Block { cid: Cid(hash::hash(&bytes)), bytes }
}

fn disk_of(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn base() -> &'static Base {
    static BASE: OnceLock<Base> = OnceLock::new();
    BASE.get_or_init(|| {
        let disk = SimDisk::new(1);
        let store = FileStore::create(disk_of(&disk), options()).expect("an empty disk");
        let (mut names, mut cells): (Vec<Cid>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        for number in 0..12_u8 {
            // Small commits go into the log, every fourth into a pack.
            let bytes = if number % 4 == 3 { 1600 } else { 100 };
            let blocks = vec![block(number, bytes), block(100 + number, 50)];
            names.extend(blocks.iter().map(|block| block.cid));
            let expected = cells.last().map(|cell| hash::hash(cell));
            let cell = vec![number; 40];
            store.commit(blocks, CELL, expected, &cell, CommitOptions::default()).expect("room");
            cells.push(cell);
        }
        store.delete_many(&names[..2]).expect("room");
        store.sync().expect("a healthy disk");
        drop(store);
        let mut paths = disk.paths();
        paths.sort();
        Base { disk, paths, names, cells }
    })
}

/// Lengths in an index file: pages, the foot and its part in front of the hash.
const PAGE: usize = 1024;
const FOOT: usize = 128;
const FOOT_HEAD: usize = 96;

/// Makes the checks of an index file right again.
fn repair_index(contents: &mut [u8]) {
    let Some(foot) = contents.len().checked_sub(FOOT) else { return };
    let segment = contents[foot + 32..foot + 48].to_vec();
    let blocks = u64::from_le_bytes(contents[foot + 56..foot + 64].try_into().expect("eight"));
    let pages = usize::try_from(blocks.div_ceil(23)).unwrap_or(usize::MAX).min(foot / PAGE);
    for (number, page) in contents[..pages * PAGE].chunks_exact_mut(PAGE).enumerate() {
        let number = (number as u64).to_le_bytes();
        let material = [&segment[..], &number, &page[..PAGE - 8]].concat();
        page[PAGE - 8..].copy_from_slice(&hash::hash(&material)[..8]);
    }
    let check = hash::hash(&contents[pages * PAGE..foot + FOOT_HEAD]);
    contents[foot + FOOT_HEAD..].copy_from_slice(&check);
}

/// The oracle for index files whose checks are right whatever stands in them. Byte 0 chooses a file, bytes 1 and 2
/// where it is changed, the lowest bit of byte 3 whether the foot is changed instead; the rest is written there.
///
/// # Panics
/// If the store answers what it never held, or loses what it acknowledges.
pub fn check_index(input: &[u8]) {
    let [file, low, high, how, bytes @ ..] = input else { return };
    let base = base();
    let disk = base.disk.fork(7);
    let indexes: Vec<&String> = base.paths.iter().filter(|path| path.starts_with("index/")).collect();
    let path = indexes[usize::from(*file) % indexes.len()];
    let mut contents = disk.read(path).expect("the file is there");
    let at = usize::from(u16::from_le_bytes([*low, *high]));
    let at = if how & 1 == 1 { contents.len() - FOOT + at % FOOT_HEAD } else { at % contents.len() };
    let end = (at + bytes.len()).min(contents.len());
    contents[at..end].copy_from_slice(&bytes[..end - at]);
    repair_index(&mut contents);
    disk.plant(path, &contents);
    look(base, &disk, true);
    // Whatever the index says, its segment says the truth.
    let how = RepairOptions::default();
    let report =
        repair_store(disk_of(&disk), options(), &how, &mut |_, _| true).expect("the segments are whole");
    assert!(report.opens);
    let store = FileStore::open(disk_of(&disk), options()).expect("repaired");
    for name in &base.names[2..] {
        assert!(store.get_many(&[*name]).expect("readable")[0].is_some(), "a repair has lost a block");
    }
}

/// Changes to each index: in its first page, in its keys and filter, and in each field of the foot.
#[must_use]
pub fn index_seeds() -> Vec<Vec<u8>> {
    let files =
        u8::try_from(base().paths.iter().filter(|path| path.starts_with("index/")).count()).unwrap_or(1);
    let places = [[0, 0, 0], [32, 0, 0], [40, 0, 0], [0, 4, 0], [8, 4, 0], [16, 4, 0]];
    let fields = [[0, 0, 1], [8, 0, 1], [48, 0, 1], [56, 0, 1], [64, 0, 1], [72, 0, 1]];
    let all = places.into_iter().chain(fields);
    (0..files)
        .flat_map(|file| {
            all.clone().map(move |[low, high, how]| vec![file, low, high, how, 0xff, 0xff, 1, 0])
        })
        .collect()
}

/// The oracle. Byte 0 chooses a file, byte 1 what happens to it, bytes 2 and 3 where; the rest is written there.
///
/// # Panics
/// If the store answers what it never held.
pub fn check(input: &[u8]) {
    let [file, how, low, high, bytes @ ..] = input else { return };
    let base = base();
    let disk = base.disk.fork(7);
    let path = &base.paths[usize::from(*file) % base.paths.len()];
    let mut contents = disk.read(path).expect("the file is there");
    let at = usize::from(u16::from_le_bytes([*low, *high])) % (contents.len() + 1);
    let end = (at + bytes.len()).min(contents.len());
    contents[at..end].copy_from_slice(&bytes[..end - at]);
    if how & 2 != 0 {
        contents.truncate(end);
    }
    let forged = how & 1 != 0;
    if forged {
        repair(&mut contents);
    }
    if how & 4 != 0 {
        disk.uproot(path);
    } else {
        disk.plant(path, &contents);
    }
    look(base, &disk, forged);
}

/// Makes the checksums of a segment's records right again: who may write the files can do so, too.
fn repair(contents: &mut [u8]) {
    let Some(ids) = contents.get(16..48).map(<[u8]>::to_vec) else { return };
    let mut at = SEGMENT_HEADER;
    while at + RECORD_HEADER <= contents.len() {
        let head = contents[at..at + 40].to_vec();
        let material = [&ids[..], &(at as u64).to_le_bytes(), &head].concat();
        contents[at + 40..at + RECORD_HEADER].copy_from_slice(&hash::hash(&material)[..8]);
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        at = (at + RECORD_HEADER).saturating_add(length).next_multiple_of(ALIGN);
    }
}

fn look(base: &Base, disk: &SimDisk, forged: bool) {
    let Ok(store) = FileStore::open(disk_of(disk), options()) else { return };
    for name in &base.names {
        if let Ok(found) = store.get_many(&[*name])
            && let Some(bytes) = &found[0]
        {
            assert_eq!(hash::hash(bytes), name.0, "a block that is not what its name says");
        }
    }
    let mut cursor = Some(Cursor::START);
    let mut pages = 0;
    while let Some(at) = cursor {
        let Ok((_, next)) = store.iterate(at) else { break };
        cursor = next;
        pages += 1;
        assert!(pages < 10_000, "an iteration without an end");
    }
    let Ok(cell) = store.cell_load(CELL) else { return };
    if let Some(cell) = &cell {
        assert!(forged || base.cells.contains(cell), "a cell that was never committed");
    }
    let new = b"after the damage";
    let expected = cell.as_deref().map(hash::hash);
    if store.commit(vec![block(200, 60)], CELL, expected, new, CommitOptions::default()).is_ok() {
        drop(store);
        let again = FileStore::open(disk_of(disk), options()).expect("a store that took a commit opens");
        assert_eq!(
            again.cell_load(CELL).expect("readable").as_deref(),
            Some(&new[..]),
            "an acknowledged write is lost"
        );
        let found = again.get_many(&[block(200, 60).cid]).expect("readable");
        assert!(found[0].is_some(), "an acknowledged block is lost");
    }
}

/// Changes to each file: at its beginning, in the middle, cut off, removed.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let files = u8::try_from(base().paths.len()).unwrap_or(u8::MAX);
    (0..files)
        .flat_map(|file| {
            [0, 1, 2, 3, 4].into_iter().flat_map(move |how| {
                [[0, 0], [40, 0], [96, 0], [140, 0], [0, 1], [60, 2], [0, 8]]
                    .map(|[low, high]| vec![file, how, low, high, 0, 0xff, 1, 7])
            })
        })
        .collect()
}
