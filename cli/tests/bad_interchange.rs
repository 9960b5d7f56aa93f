//! Bytes from outside that are not what they should be: CAR files, proofs, CIDs. Every run ends with its exit code and
//! says what is wrong and where, in bounded memory.
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test ends with what it did not expect")]

mod common;

use common::{DAGVAULT, ENGINES, Run, Vault, feed, noise};
use dagvault_core::cid::{AnyCid, push_varint};
use dagvault_core::ids::Cid;
use dagvault_dag::car::{SECTION_BYTES_MAX, Writer};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

fn cid(bytes: &[u8]) -> Cid {
    Cid(*blake3::hash(bytes).as_bytes())
}

/// A CAR file of these blocks, the first of them its root; and where each section begins and the file ends.
fn car(blocks: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
    let mut file = Vec::new();
    let roots = [AnyCid::from(cid(&blocks[0]))];
    let mut places = Vec::new();
    for count in 0..=blocks.len() {
        file.clear();
        let mut writer = Writer::new(&mut file, &roots).unwrap();
        for block in &blocks[..count] {
            writer.block(&AnyCid::from(cid(block)), block).unwrap();
        }
        writer.finish().unwrap();
        places.push(file.len());
    }
    (file, places)
}

fn varint(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_varint(value, &mut bytes);
    bytes
}

/// A part of a CAR file behind its length.
fn part(bytes: &[u8]) -> Vec<u8> {
    [&varint(bytes.len() as u64), bytes].concat()
}

/// The header of a file without roots.
fn rootless() -> Vec<u8> {
    part(b"\xa2\x65roots\x80\x67version\x01")
}

/// A section: a CID of version 1 from its numbers and digest, and its block.
fn section(codec: u64, hash: u64, digest: &[u8], block: &[u8]) -> Vec<u8> {
    let (codec, hash, length) = (varint(codec), varint(hash), varint(digest.len() as u64));
    part(&[&[1][..], &codec, &hash, &length, digest, block].concat())
}

/// The command under a limit on the memory that it can write to: an allocation beyond it fails.
fn limited(vault: &Vault, mib: u64, words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -d {} && exec \"$@\"", mib << 10), "sh", DAGVAULT, "--engine"]);
    command.arg(vault.engine).arg("--vault").arg(vault.path()).arg("--key-file").arg(vault.key()).args(words);
    command.env_remove("DAGVAULT_ACCEL");
    command
}

/// Enough for an engine, far too little for what an input claims or brings.
const MEMORY_MIB: u64 = 192;

#[test]
fn a_car_file_cut_anywhere_is_refused_or_has_fewer_blocks() {
    // Lengths of sections in one, two and three bytes.
    let blocks = [noise(60, 1), noise(500, 2), noise(70_000, 3), noise(90, 4)];
    let (file, places) = car(&blocks);
    let cuts: Vec<usize> = (0..places[0])
        .step_by(7)
        .chain(places.windows(2).flat_map(|pair| {
            let inside = [0, 1, 2, 3, 10, 36, 37, 38, 39, 40, 55, (pair[1] - pair[0]) / 2];
            inside.map(|at| pair[0] + at).into_iter().chain([pair[1] - 1])
        }))
        .collect();
    for engine in ENGINES {
        let vault = Vault::new(engine);
        for &cut in &cuts {
            let run = vault.feed(&["dag", "import", "--json"], &file[..cut]);
            // Nothing tells a file without its last sections from a whole one: CAR files have no end mark.
            if let Some(count) = places.iter().position(|place| *place == cut) {
                let done = run.ok().json();
                assert_eq!(
                    (&done["blocks"], &done["roots"][0]["there"]),
                    (&count.into(), &(count > 0).into())
                );
                continue;
            }
            let begun = places.iter().filter(|place| **place < cut).max().unwrap_or(&0);
            let text = format!("standard input: at byte {begun}: the CAR file ends too early");
            assert!(run.code(2).err.contains(&text), "cut {cut}");
        }
        assert_eq!(vault.feed(&["dag", "import", "--json"], &file).ok().json()["fresh"], 1);
        vault.run(&["verify"]).ok();
    }
}

#[test]
fn huge_lengths_are_refused_before_anything_is_read() {
    let header = rootless();
    let good = |block: &[u8]| section(0x55, 0x1e, &cid(block).0, block);
    let over = |length: u64| varint(length);
    // Nine and ten bytes: 2^63 - 1 fits, 2^63 and 2^64 - 1 do not.
    let (too_long, longest) = ([&[0x80; 9][..], &[1]].concat(), [&[0xff; 9][..], &[1]].concat());
    for engine in ENGINES {
        let vault = Vault::new(engine);
        for (length, wanted) in [
            (over(SECTION_BYTES_MAX as u64 + 1), "is over"),
            (over(u64::from(u32::MAX)), "a part of 4294967295 bytes is over"),
            (over((1 << 32) + 100), "a part of 4294967396 bytes is over"),
            (over(u64::MAX >> 1), "a part of 9223372036854775807 bytes is over"),
            (too_long.clone(), "a length has more than 63 bits"),
            (longest.clone(), "a length has more than 63 bits"),
            (vec![0x81, 0], "a length is not in its shortest form"),
        ] {
            let first = [&length[..], &[0; 100_000]].concat();
            let later = [&header[..], &good(b"kept"), &length, &[0; 100_000]].concat();
            for (file, at) in [(first, 0), (later, header.len() + good(b"kept").len())] {
                let run = feed(limited(&vault, MEMORY_MIB, &["dag", "import"]), &file).code(2);
                assert!(
                    run.err.contains(&format!("at byte {at}: ")) && run.err.contains(wanted),
                    "{}",
                    run.err
                );
            }
        }
        vault.run(&["block", "stat", &AnyCid::from(cid(b"kept")).to_string()]).ok();
        // The largest block fits.
        let (largest, _) = car(&[noise(262_144, 1)]);
        feed(limited(&vault, MEMORY_MIB, &["dag", "import"]), &largest).ok();
        let (larger, _) = car(&[noise(262_145, 1)]);
        assert!(vault.feed(&["dag", "import"], &larger).code(2).err.contains("not 262145"));
    }
}

#[test]
fn unknown_names_and_wrong_hashes_are_refused() {
    let digest = cid(b"block").0;
    let mut flipped = digest;
    flipped[31] ^= 1;
    let sections: [(Vec<u8>, &str); 16] = [
        (section(0x55, 0x1e, &flipped, b"block"), "do not hash to it"),
        (section(0x55, 0x1e, &digest, b"blocks"), "do not hash to it"),
        (section(0x55, 0x1e, &digest, b""), "do not hash to it"),
        (section(0x55, 0x12, &digest, b"block"), "do not hash to it"),
        (section(0x55, 0x00, b"clock", b"block"), "do not hash to it"),
        (section(0x55, 0x00, b"block", b"block"), "identity; blocks of a vault are named by blake3"),
        (section(0x71, 0x1e, &digest, b"block"), "dag-cbor; blocks of a vault are raw"),
        (section(0x70, 0x1e, &digest, b"block"), "dag-pb; blocks of a vault are raw"),
        (section(0x0300_7e57, 0x1e, &digest, b"block"), "0x3007e57; blocks of a vault are raw"),
        (section(0x55, 0xb220, &digest, b"block"), "hash function"),
        (section(0x55, u64::MAX >> 1, &digest, b"block"), "(0x7fffffffffffffff) is not known"),
        (section(0x55, 0x1e, &digest[..31], b"block"), "wrong length"),
        (section(0x55, 0x1e, &[7; 65], b"block"), "wrong length"),
        (part(&[&[2, 0x55, 0x1e, 32][..], &digest, b"block"].concat()), "a CID of version 2 is not known"),
        (part(&[&[0x12, 0x20][..], &digest, b"block"].concat()), "do not hash to it"),
        (part(b""), "the CID ends too early"),
    ];
    for engine in ENGINES {
        let vault = Vault::new(engine);
        let before = vault.run(&["block", "ls"]).ok().out;
        for (section, wanted) in &sections {
            let file = [&rootless()[..], section].concat();
            let run = vault.feed(&["dag", "import"], &file).code(2);
            let place = format!("standard input: at byte {}: ", rootless().len());
            assert!(run.err.contains(&place) && run.err.contains(wanted), "{wanted}: {}", run.err);
            let json = vault.feed(&["dag", "import", "--json"], &file).code(2).err;
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(json["error"]["kind"], "usage");
        }
        assert_eq!(vault.run(&["block", "ls"]).ok().out, before, "nothing came in");
    }
}

#[test]
fn odd_headers_are_refused() {
    let thousand: Vec<AnyCid> = (0..1000_u64).map(|at| AnyCid::from(cid(&at.to_le_bytes()))).collect();
    let mut roots = b"\xa2\x65roots\x99\x03\xe8".to_vec();
    for root in &thousand {
        roots.extend([&[0xd8, 0x2a, 0x58, 37, 0][..], &root.to_bytes()].concat());
    }
    roots.extend(b"\x67version\x01");
    let claimed = b"\xa2\x65roots\x9b\x7f\xff\xff\xff\xff\xff\xff\xff";
    let headers: [(Vec<u8>, &str); 10] = [
        (part(&roots), "1000 roots are more than 256"),
        (part(b"\xa2\x65roots\x99\x03\xe8"), "not the header of a CAR file"),
        (part(claimed), "not the header of a CAR file"),
        (part(b"\xa1\x67version\x02"), "a CAR file of version 2; only version 1 is read"),
        (part(b"\xa1\x67version\x01"), "not the header of a CAR file"),
        (part(b"\xa2\x65roots\x80\x67version\x03"), "a CAR file of version 3"),
        (part(b"\xa2\x67version\x01\x65roots\x80"), "not the header of a CAR file"),
        (part(b"\xa2\x65roots\x80\x67version\x01\x00"), "not the header of a CAR file"),
        (part(b""), "not the header of a CAR file"),
        (vec![], "the CAR file ends too early"),
    ];
    for engine in ENGINES {
        let vault = Vault::new(engine);
        for (header, wanted) in &headers {
            let run = vault.feed(&["dag", "import"], header).code(2);
            assert!(run.err.contains("at byte 0: ") && run.err.contains(wanted), "{wanted}: {}", run.err);
        }
        // The first bytes of every file of version 2, as its specification gives them.
        let two = b"\x0a\xa1\x67version\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        assert!(vault.feed(&["dag", "import"], two).code(2).err.contains("only version 1 is read"));
        let some: Vec<String> = thousand[..257].iter().map(ToString::to_string).collect();
        let words: Vec<&str> = ["dag", "export"].into_iter().chain(some.iter().map(String::as_str)).collect();
        assert!(vault.run(&words).code(2).err.contains("at most 256 roots"));
        // As many roots as a file may have; none of them is there.
        let mut file = Vec::new();
        Writer::new(&mut file, &thousand[..256]).unwrap().finish().unwrap();
        let run = vault.feed(&["dag", "import"], &file).ok();
        assert_eq!(run.err.matches("neither in the file nor in the vault").count(), 256);
    }
}

/// Feeds a command without an end until it goes away, or until so many bytes are taken; then interrupts it.
fn flood(mut command: Command, start: &[u8], mut more: impl FnMut() -> Vec<u8>, most: usize) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut taken = 0;
    let mut part = start.to_vec();
    while taken < most && input.write_all(&part).is_ok() {
        taken += part.len();
        part = more();
    }
    if taken >= most {
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        // It looks up between two batches.
        while input.write_all(&part).is_ok() {
            part = more();
        }
    }
    drop(input);
    child.wait_with_output().unwrap().into()
}

#[test]
fn endless_input_is_refused_or_goes_on_in_bounded_memory() {
    let endless = 1 << 30;
    for engine in ENGINES {
        let vault = Vault::new(engine);
        let import = || limited(&vault, MEMORY_MIB, &["dag", "import"]);
        for (start, byte) in [(&[][..], 0), (&[], 0xff), (&[], 0x80), (&[], 0xa2), (&rootless(), 0)] {
            let run = flood(import(), start, || vec![byte; 65_536], endless).code(2);
            assert!(run.err.contains("at byte "), "{}", run.err);
        }
        let commit = AnyCid::from(cid(b"no commit")).to_string();
        for words in
            [&["proof", "check", "-", "--commit", &commit][..], &["block", "put"], &["block", "put", "-"]]
        {
            let run = flood(limited(&vault, MEMORY_MIB, words), &[], || vec![7; 65_536], endless).code(2);
            assert!(run.err.contains("standard input: ") && run.err.contains("has at most"), "{}", run.err);
        }
        // A sound file that never ends: the same block over and over, and always another one; twice the memory of it.
        let mut number = 0_u64;
        let same = section(0x55, 0x1e, &cid(b"again").0, b"again").repeat(1000);
        let run = flood(import(), &rootless(), || same.clone(), 24 << 20);
        assert!(run.code(130).err.contains("what came in is kept; run the command again"));
        let run = flood(
            import(),
            &rootless(),
            || {
                number += 1;
                let mut block = vec![0x5a; 262_144];
                block[..8].copy_from_slice(&number.to_le_bytes());
                section(0x55, 0x1e, &cid(&block).0, &block)
            },
            384 << 20,
        );
        run.code(130);
        let there = vault.run(&["block", "ls"]).ok().text().lines().count() as u64;
        assert!((384 * 4 - 300..=number + 2).contains(&there), "{there} of {number}");
        vault.run(&["verify"]).ok();
        vault.run(&["gc", "-q"]).ok();
        assert_eq!(vault.run(&["block", "ls"]).ok().text().lines().count(), 1);
    }
}

fn head(vault: &Vault) -> String {
    let log = vault.run(&["dag", "log", "-n", "1", "--json"]).ok();
    log.json()["commit"].as_str().unwrap().to_owned()
}

#[test]
fn proofs_that_are_cut_changed_or_of_another_vault_do_not_hold() {
    for engine in ENGINES {
        let made = || {
            let vault = Vault::new(engine);
            vault.put("a/path", b"value");
            let proof = vault.run(&["proof", "make", "a/path", "-q"]).ok().out;
            (head(&vault), proof, vault)
        };
        let ((commit, proof, vault), (other, foreign, _kept)) = (made(), made());
        // Without a vault, as who gets a proof checks it.
        let check = |proof: &[u8], commit: &str| {
            let mut command = Command::new(DAGVAULT);
            command.args(["proof", "check", "--engine", engine, "-", "--commit", commit]);
            command.env_remove("DAGVAULT");
            feed(command, proof)
        };
        assert!(check(&proof, &commit).ok().text().starts_with("holds          a/path\n"));
        check(&foreign, &other).ok();
        let malformed = |run: Run| {
            let run = run.code(2);
            assert!(run.err.contains("proof"), "{}", run.err);
        };
        for cut in (0..proof.len()).step_by(proof.len() / 40).chain([1, proof.len() - 1]) {
            malformed(check(&proof[..cut], &commit));
        }
        malformed(check(&[&proof[..], &[0]].concat(), &commit));
        malformed(check(b"not a proof", &commit));
        malformed(check(&car(&[vec![1]]).0, &commit));
        for at in (0..proof.len()).step_by(proof.len() / 60) {
            let mut flipped = proof.clone();
            flipped[at] ^= 1 << (at % 8);
            let run = check(&flipped, &commit);
            assert!([2, 5].contains(&run.code), "byte {at}: {run:?}");
            let code = run.code;
            assert!(run.code(code).err.contains("proof"), "byte {at}");
        }
        for (proof, commit) in [(&foreign, &commit), (&proof, &other)] {
            let run = check(proof, commit).code(5);
            assert!(run.err.contains("the proof does not hold"), "{}", run.err);
        }
        // Another block of the same vault is no commit that the proof is of.
        let before = vault.run(&["dag", "log", "--json"]).ok();
        let first = before.text().lines().last().unwrap();
        let first: serde_json::Value = serde_json::from_str(first).unwrap();
        check(&proof, first["commit"].as_str().unwrap()).code(5);
    }
}

#[test]
fn malformed_cids_are_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let ours = AnyCid::from(cid(b"absent")).to_string();
    let long = "b".to_owned() + &"a".repeat(100_000);
    let longer = ours.clone() + "aa";
    let mut spelled = String::new();
    for byte in cid(b"absent").0 {
        write!(spelled, "{byte:02x}").unwrap();
    }
    let wrong = [
        "",
        " ",
        "b",
        "bafkr4",
        &ours[1..],
        &ours[..ours.len() - 1],
        &ours.to_uppercase(),
        &longer,
        &format!(" {ours}"),
        &format!("{ours}\n"),
        &format!("z{}", &ours[1..]),
        &format!("/ipfs/{ours}"),
        "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
        "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
        "bafkqabtjnzzwszdf",
        &spelled,
        &long,
        "--",
        "HEAD",
    ];
    for engine in ENGINES {
        let vault = Vault::new(engine);
        for text in wrong {
            for words in [
                &["block", "get", text][..],
                &["block", "stat", text],
                &["proof", "check", "x", "--commit", text],
            ] {
                let run = vault.run(words).code(2);
                assert!(!run.err.contains("not found"), "{text:?}: {}", run.err);
            }
        }
        let odd = std::ffi::OsStr::from_bytes(b"bafkr4\xff");
        Run::from(vault.command(&["block", "get"]).arg(odd).output().unwrap()).code(2);
        assert!(vault.run(&["block", "get", &ours]).code(3).err.contains(&ours));
        assert!(vault.run(&["block", "stat", &head(&vault), &ours]).code(3).err.contains(&ours));
    }
}
