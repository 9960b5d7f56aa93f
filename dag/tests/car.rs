//! CAR files: what is written is read again, and every malformed one is refused.
#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

use std::io::{self, Read};
use std::path::Path;

use dagvault_core::cbor::{CborError, Encoder};
use dagvault_core::cid::{AnyCid, CidError, push_varint};
use dagvault_core::ids::Cid;
use dagvault_core::limits::BLOCK_BYTES_MAX;
use dagvault_dag::car::{CarError, Fault, ROOTS_MAX, Reader, SECTION_BYTES_MAX, Section, Writer};

fn block(bytes: &[u8]) -> (AnyCid, Vec<u8>) {
    (Cid(*blake3::hash(bytes).as_bytes()).into(), bytes.to_vec())
}

fn written(roots: &[AnyCid], blocks: &[(AnyCid, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), roots).unwrap();
    blocks.iter().for_each(|(cid, bytes)| writer.block(cid, bytes).unwrap());
    writer.finish().unwrap()
}

/// All roots and sections, or the first error.
fn read(input: impl Read) -> Result<(Vec<AnyCid>, Vec<Section>), CarError> {
    let mut reader = Reader::new(input)?;
    let mut sections = Vec::new();
    while let Some(section) = reader.section()? {
        sections.push(section);
    }
    Ok((reader.roots().to_vec(), sections))
}

/// Where the file is refused, and why.
#[track_caller]
fn refused(input: &[u8]) -> (u64, Fault) {
    let error = read(input).unwrap_err();
    assert!(!error.to_string().is_empty());
    (error.at, error.fault)
}

fn header(write: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut to = Encoder::default();
    write(&mut to);
    let body = to.finish();
    let mut out = Vec::new();
    push_varint(body.len() as u64, &mut out);
    out.extend(body);
    out
}

/// Roots, blocks, and the file of both.
type Sample = (Vec<AnyCid>, Vec<(AnyCid, Vec<u8>)>, Vec<u8>);

fn sample() -> Sample {
    let blocks = vec![block(b"one"), block(&[7; 300]), block(b""), block(&[1; 20_000])];
    let roots = vec![blocks[0].0, blocks[3].0];
    let file = written(&roots, &blocks);
    (roots, blocks, file)
}

/// One byte at a time, as a slow pipe gives them.
struct Drops<'b>(&'b [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = out.len().min(1).min(self.0.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn what_is_written_is_read_again() {
    let (roots, blocks, file) = sample();
    for (found, sections) in [read(&file[..]).unwrap(), read(Drops(&file)).unwrap()] {
        assert_eq!(found, roots);
        let same = sections.iter().map(|section| (section.cid, section.bytes.clone()));
        assert_eq!(same.collect::<Vec<_>>(), blocks);
    }
    let largest = [block(&vec![3; BLOCK_BYTES_MAX])];
    assert_eq!(read(&written(&[], &largest)[..]).unwrap().1[0].bytes.len(), BLOCK_BYTES_MAX);
    assert_eq!(read(&written(&[], &[])[..]).unwrap(), (vec![], vec![]));
}

/// The fixtures are written by the npm packages @ipld/car, @ipld/dag-cbor, @ipld/dag-pb and multiformats; `basic.car`
/// is the public carv1-basic (`cargo xtask interchange` makes them anew and compares).
#[test]
fn files_of_other_writers_are_read_and_written_alike() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "car") {
            continue;
        }
        let file = std::fs::read(&path).unwrap();
        let (roots, sections) = read(&file[..]).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let blocks: Vec<_> = sections.into_iter().map(|section| (section.cid, section.bytes)).collect();
        assert_eq!(written(&roots, &blocks), file, "{}", path.display());
        let names = std::fs::read_to_string(path.with_extension("cids")).unwrap();
        let all = roots.iter().chain(blocks.iter().map(|(cid, _)| cid));
        assert_eq!(names.lines().collect::<Vec<_>>(), all.map(ToString::to_string).collect::<Vec<_>>());
        files += 1;
    }
    assert!(files >= 8, "{files}");
}

#[test]
fn a_file_cut_anywhere_is_refused_or_has_fewer_sections() {
    let (_, blocks, file) = sample();
    let mut whole = vec![];
    let mut reader = Reader::new(&file[..]).unwrap();
    let mut ends = vec![];
    while let Some(section) = reader.section().unwrap() {
        ends.push(section.at);
        whole.push(section);
    }
    ends.push(file.len() as u64);
    for cut in 0..file.len() {
        match read(&file[..cut]) {
            Ok((_, sections)) => {
                assert!(ends.contains(&(cut as u64)), "cut at {cut}");
                assert_eq!(sections[..], whole[..sections.len()]);
                assert!(sections.len() < blocks.len());
            }
            Err(error) => assert!(matches!(error.fault, Fault::Truncated), "cut at {cut}: {error}"),
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_or_changes_a_name() {
    let blocks = [block(b"one"), block(&[7; 300])];
    let root = [blocks[0].0];
    let file = written(&root, &blocks);
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // A codec stands under no hash; a root is not compared with what is in the file.
        if let Ok((roots, sections)) = read(&flipped[..]) {
            let names: Vec<_> = sections.iter().map(|section| section.cid).collect();
            assert!(roots != root || names != [blocks[0].0, blocks[1].0], "bit {bit}");
            assert!(
                sections.iter().zip(&blocks).all(|(section, block)| section.bytes == block.1),
                "bit {bit}"
            );
        }
    }
}

#[test]
fn huge_lengths_cost_nothing() {
    let (roots, _, file) = sample();
    let start = written(&roots, &[]);
    for claimed in [SECTION_BYTES_MAX as u64 + 1, 1 << 32, u64::MAX >> 1] {
        let mut bad = start.clone();
        push_varint(claimed, &mut bad);
        bad.extend_from_slice(&file[start.len()..]);
        let (at, fault) = refused(&bad);
        assert!(
            matches!(fault, Fault::TooLarge { claimed: said, most: SECTION_BYTES_MAX } if said == claimed)
        );
        assert_eq!(at, start.len() as u64);
        let mut bad = Vec::new();
        push_varint(claimed, &mut bad);
        assert!(matches!(refused(&bad), (0, Fault::TooLarge { most: SECTION_BYTES_MAX, .. })));
    }
    let over_long = [&start[..], &[0xff; 20]].concat();
    assert!(matches!(refused(&over_long), (_, Fault::Length(CidError::TooLong))));
    assert!(matches!(refused(&[&start[..], &[0x80, 0]].concat()), (_, Fault::Length(CidError::NotMinimal))));
    assert!(matches!(refused(&[&start[..], &[0]].concat()), (_, Fault::Cid(CidError::Truncated))));
    assert!(matches!(refused(&[0]), (0, Fault::Header(CborError::Truncated))));
    assert!(matches!(refused(&[]), (0, Fault::Truncated)));
}

#[test]
fn an_endless_file_ends_at_its_first_bad_section() {
    assert!(matches!(read(io::repeat(0xff)).unwrap_err().fault, Fault::Length(CidError::TooLong)));
    let (roots, _, _) = sample();
    let start = written(&roots, &[]);
    let error = read((&start[..]).chain(io::repeat(0x44))).unwrap_err();
    assert!(matches!(error.fault, Fault::Cid(_)), "{error}");
    // Endless and valid: read section by section, in the memory of one.
    let (cid, bytes) = block(&[5; 1000]);
    let one = written(&[], &[(cid, bytes)]);
    let section = &one[written(&[], &[]).len()..];
    let endless = section.repeat(20_000);
    let mut reader = Reader::new((&start[..]).chain(&endless[..])).unwrap();
    let mut count = 0;
    while reader.section().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 20_000);
}

#[test]
fn headers_have_one_form() {
    let root = block(b"r").0;
    let roots = |to: &mut Encoder<'_>, count: usize| {
        to.text("roots");
        to.array(count);
        (0..count).for_each(|_| to.link_bytes(&root.to_bytes()));
    };
    let version = |to: &mut Encoder<'_>, number| {
        to.text("version");
        to.uint(number);
    };
    let good = header(|to| (to.map(2), roots(to, 1), version(to, 1)).2);
    assert_eq!(good, written(&[root], &[]));
    let many = header(|to| (to.map(2), roots(to, ROOTS_MAX), version(to, 1)).2);
    assert_eq!(read(&many[..]).unwrap().0.len(), ROOTS_MAX);
    for (bad, wanted) in [
        (header(|to| (to.map(1), version(to, 2)).1), "a CAR file of version 2; only version 1 is read"),
        (header(|to| (to.map(2), roots(to, 1), version(to, 3)).2), "a CAR file of version 3; only"),
        (header(|to| (to.map(1), version(to, 1)).1), "not the header"),
        (header(|to| (to.map(2), version(to, 1), roots(to, 1)).2), "not the header"),
        (header(|to| (to.map(3), roots(to, 1), version(to, 1), version(to, 1)).3), "not the header"),
        (header(|to| (to.map(2), roots(to, 1), version(to, 1), to.null()).3), "not the header"),
        (header(|to| (to.array(2), roots(to, 1)).1), "not the header"),
        (header(|to| (to.map(2), roots(to, 300), version(to, 1)).2), "300 roots are more than 256"),
    ] {
        let (at, fault) = refused(&bad);
        assert!(at == 0 && fault.to_string().contains(wanted), "{fault}");
    }
    // A thousand roots are more than a header may hold; they are not even read.
    let thousand = header(|to| (to.map(2), roots(to, 1000), version(to, 1)).2);
    assert!(matches!(refused(&thousand), (0, Fault::TooLarge { .. } | Fault::Roots(1000))));
    assert!(Writer::new(Vec::new(), &vec![root; ROOTS_MAX + 1]).is_err());
    let foreign = header(|to| {
        to.map(2);
        to.text("roots");
        to.array(1);
        to.link_bytes(&[9, 9, 9]);
        to.text("version");
        to.uint(1);
    });
    assert!(matches!(refused(&foreign), (0, Fault::Cid(CidError::Version(9)))));
}

#[test]
fn wrong_and_unknown_hashes_are_refused() {
    let (cid, bytes) = block(b"bytes");
    let start = written(&[cid], &[]).len() as u64;
    let wrong = written(&[cid], &[(cid, b"other".to_vec())]);
    assert!(matches!(refused(&wrong), (at, Fault::Mismatch(named)) if named == cid && at == start));
    // SHA2-512, and BLAKE3 under a codec that nobody knows, whose bytes are checked all the same.
    let sha512 = AnyCid::from_bytes(&[&[1, 0x55, 0x13, 64][..], &[0; 64]].concat()).unwrap();
    assert!(matches!(refused(&written(&[], &[(sha512, bytes.clone())])), (_, Fault::Hash(_))));
    let odd = AnyCid::from_bytes(&[&[1, 0xfe, 0x7f, 0x1e, 32][..], cid.digest()].concat()).unwrap();
    let (_, sections) = read(&written(&[], &[(odd, bytes.clone())])[..]).unwrap();
    assert_eq!(sections[0].cid.block(), Err(CidError::Codec(0x3ffe)));
    assert!(matches!(refused(&written(&[], &[(odd, b"other".to_vec())])), (_, Fault::Mismatch(_))));
    let identity = AnyCid::from_bytes(&[1, 0x55, 0, 2, b'h', b'i']).unwrap();
    assert_eq!(read(&written(&[], &[(identity, b"hi".to_vec())])[..]).unwrap().1[0].bytes, b"hi");
    assert!(matches!(refused(&written(&[], &[(identity, b"ho".to_vec())])), (_, Fault::Mismatch(_))));
    assert!(Writer::new(Vec::new(), &[]).unwrap().block(&cid, &vec![0; SECTION_BYTES_MAX]).is_err());
}

/// A stream that fails.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("unplugged"))
    }
}

#[test]
fn failures_of_the_system_are_told() {
    let (roots, _, _) = sample();
    let start = written(&roots, &[]);
    let error = read((&start[..]).chain(Broken)).unwrap_err();
    assert!(matches!(&error.fault, Fault::Io(_)) && error.to_string().contains("unplugged"), "{error}");
}
