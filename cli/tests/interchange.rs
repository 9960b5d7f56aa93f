//! Blocks, CAR files, the graph and proofs, as a user would run the commands.
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test ends with what it did not expect")]

mod common;

use std::collections::BTreeSet;
use std::process::Command;

use common::{DAGVAULT, ENGINES, Folder, Run, Vault, feed, files, noise};
use serde_json::Value;

fn lines(run: &Run) -> Vec<Value> {
    run.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A vault with values of every size, a copy that shares blocks, and a few changes.
fn filled(engine: &'static str) -> Vault {
    let vault = Vault::new(engine);
    for round in ["one", "two", "three"] {
        vault.put("notes/a", round.as_bytes());
    }
    vault.put("notes/b", b"beside");
    vault.put("chunks", &noise(700_000, 1));
    vault.put("index", &noise(3_000_000, 2));
    vault.run(&["cp", "index", "copy", "-q"]).ok();
    vault
}

fn log(vault: &Vault) -> Vec<Value> {
    lines(&vault.run(&["dag", "log", "--json"]).ok())
}

fn head(vault: &Vault) -> String {
    log(vault)[0]["commit"].as_str().unwrap().to_owned()
}

/// A command that needs no vault.
fn alone(words: &[&str]) -> Run {
    Command::new(DAGVAULT).args(words).env_remove("DAGVAULT").output().unwrap().into()
}

#[test]
fn what_is_exported_brings_back_what_is_lost() {
    for engine in ENGINES {
        let vault = filled("native");
        let vault = Vault { folder: vault.folder, engine };
        vault.run(&["gc", "-q"]).ok();
        let car = vault.folder.at("head.car");
        let done = vault.run(&["dag", "export", "-o", car.to_str().unwrap(), "--json"]).ok().json();
        assert_eq!(done["roots"][0], head(&vault));
        let all: BTreeSet<String> =
            vault.run(&["block", "ls"]).ok().text().lines().map(ToOwned::to_owned).collect();
        assert_eq!(done["blocks"], all.len());
        // Into a pipe: the same bytes.
        let piped = vault.run(&["dag", "export", "HEAD", "-q"]).ok().out;
        assert!(piped == std::fs::read(&car).unwrap());
        vault.run(&["dag", "export", "-o", car.to_str().unwrap()]).code(6);
        vault.run(&["dag", "export", "-f", "-o", car.to_str().unwrap()]).ok();
        let again = vault.run(&["dag", "import", car.to_str().unwrap(), "--json"]).ok().json();
        assert_eq!((&again["blocks"], &again["fresh"]), (&all.len().into(), &0.into()));
        // Without its packs the vault has lost its large values; the file has them, and needs no key.
        let packs = files(&vault.path().join("packs"));
        assert!(!packs.is_empty());
        packs.iter().for_each(|pack| std::fs::remove_file(pack).unwrap());
        vault.run(&["verify"]).code(5);
        vault.run(&["dag", "export", "-o", vault.folder.at("lost.car").to_str().unwrap()]).code(5);
        assert!(!vault.folder.at("lost.car").exists(), "a part of an export");
        let mut keyless = vault.bare();
        keyless.args(["dag", "import", "--json", car.to_str().unwrap()]);
        let back = Run::from(keyless.output().unwrap()).ok().json();
        assert!(back["fresh"].as_u64().unwrap() >= 10, "{back}");
        assert_eq!(back["roots"][0]["there"], true);
        vault.run(&["verify"]).ok();
        assert!(vault.get("copy") == noise(3_000_000, 2));
        // A block that is there and damaged is replaced.
        let pack =
            files(&vault.path().join("packs")).into_iter().max_by_key(|pack| pack.metadata().unwrap().len());
        let mut bytes = std::fs::read(pack.as_ref().unwrap()).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8].copy_from_slice(&[0xa5; 8]);
        std::fs::write(pack.unwrap(), bytes).unwrap();
        vault.run(&["verify"]).code(5);
        vault.run(&["dag", "import", car.to_str().unwrap()]).ok();
        vault.run(&["verify"]).ok();
        assert!(vault.get("copy") == noise(3_000_000, 2));
    }
}

#[test]
fn blocks_are_read_and_stored_as_they_are() {
    for engine in ENGINES {
        let vault = filled(engine);
        let listed = lines(&vault.run(&["block", "ls", "--json"]).ok());
        let one = listed.iter().max_by_key(|block| block["bytes"].as_u64()).unwrap();
        let cid = one["cid"].as_str().unwrap();
        let block = vault.run(&["block", "get", cid]).ok().out;
        assert_eq!(one["bytes"], block.len());
        let stat = vault.run(&["block", "stat", cid]).ok();
        assert!(stat.text().starts_with(cid) && stat.text().trim_end().ends_with(&block.len().to_string()));
        // Another vault has it under the same name, until its next collection.
        let other = Vault::new(engine);
        assert_eq!(other.feed(&["block", "put"], &block).ok().text(), format!("{cid}\n"));
        let file = other.folder.write("block", &block);
        let again = other.run(&["block", "put", "--json", file.to_str().unwrap()]).ok().json();
        assert_eq!((&again["written"], &again["cid"]), (&false.into(), &cid.into()));
        let out = other.folder.at("out");
        other.run(&["block", "get", cid, "-o", out.to_str().unwrap()]).ok();
        assert!(std::fs::read(&out).unwrap() == block);
        other.run(&["gc", "-q"]).ok();
        other.run(&["block", "get", cid]).code(3);
        other.run(&["block", "stat", cid]).code(3);
        other.feed(&["block", "put"], b"").code(2);
        other.feed(&["block", "put"], &noise(262_145, 1)).code(2);
        for wrong in ["", "bafy", &cid[1..], &cid.to_uppercase(), "bafkqabtjnzzwszdf"] {
            other.run(&["block", "get", wrong]).code(2);
        }
        let foreign = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
        assert!(
            other.run(&["block", "get", foreign]).code(2).err.contains("dag-pb; blocks of a vault are raw")
        );
    }
}

#[test]
fn the_log_reads_like_that_of_git() {
    for engine in ENGINES {
        let vault = filled(engine);
        vault.run(&["destroy", "notes/a", "--version", "1", "--yes", "-q"]).ok();
        let key = vault.folder.write("second", &noise(32, 5));
        vault.run(&["passwd", "--add-key-file", key.to_str().unwrap(), "-q"]).ok();
        let all = log(&vault);
        assert_eq!(all.len(), 10);
        let summaries: Vec<_> = all.iter().map(|commit| commit["summary"].as_str().unwrap()).collect();
        assert_eq!(summaries[0], "change 10: key slots");
        assert_eq!(summaries[1], "change 9: versions were destroyed");
        assert_eq!(summaries[2], "change 8: paths");
        assert_eq!(summaries[9], "change 1: the vault was made");
        assert!(all.windows(2).all(|pair| pair[0]["parents"][0] == pair[1]["commit"]));
        let text = vault.run(&["dag", "log", "-n", "2"]).ok();
        let begin = format!("commit {}\nAuthor: ", all[0]["commit"].as_str().unwrap());
        assert!(
            text.text().starts_with(&begin) && text.text().contains("\n\n    change 9: versions"),
            "{text:?}"
        );
        let short = vault.run(&["dag", "log", "--oneline", "-n", "3"]).ok();
        assert_eq!(short.text().lines().count(), 3);
        assert!(short.text().lines().nth(2).unwrap().ends_with("change 8: paths"), "{}", short.text());
        let from = all[7]["commit"].as_str().unwrap();
        assert_eq!(vault.run(&["dag", "log", from, "--oneline"]).ok().text().lines().count(), 3);
        assert_eq!(vault.run(&["dag", "log", "--since", "2999", "--oneline"]).ok().text(), "");
        assert_eq!(vault.run(&["dag", "log", "--until", "1999-12-31", "--oneline"]).ok().text(), "");
        let day = &all[0]["time"].as_str().unwrap()[..4];
        assert_eq!(vault.run(&["dag", "log", "--until", day, "--oneline"]).ok().text().lines().count(), 10);
        let base = vault.run(&["dag", "merge-base", "HEAD", from]).ok();
        assert_eq!(base.text().trim(), from, "the older of a line is the base of both");
        vault.run(&["dag", "merge-base"]).code(2);
        vault.run(&["dag", "log", "--since", "yesterday"]).code(2);
        vault.run(&["dag", "log", "-n", "0"]).code(2);
        let tree = all[2]["spaces"][0]["root"].as_str().unwrap();
        vault.run(&["dag", "log", tree]).code(3);
        vault.run(&["dag", "merge-base", "HEAD", tree]).code(3);
        let tree = all[0]["spaces"][0]["root"].as_str().unwrap();
        assert!(vault.run(&["dag", "log", tree]).code(2).err.contains("is not a commit"));
    }
}

#[test]
fn differences_are_told_as_far_as_keys_reach() {
    let vault = Vault::new("native");
    let made = head(&vault);
    vault.put("a", b"1");
    vault.put("b", b"1");
    // Versions and commits are told apart by milliseconds.
    std::thread::sleep(std::time::Duration::from_millis(5));
    vault.put("x", b"1");
    let middle = head(&vault);
    std::thread::sleep(std::time::Duration::from_millis(5));
    vault.put("b", b"2");
    vault.put("c", b"1");
    let all = vault.run(&["dag", "diff", &made]).ok();
    assert_eq!((all.text(), all.err.as_str()), ("A\ta\nA\tb\nA\tc\nA\tx\n", ""));
    assert_eq!(vault.run(&["dag", "diff", "HEAD", &made]).ok().text(), "D\ta\nD\tb\nD\tc\nD\tx\n");
    assert_eq!(vault.run(&["dag", "diff", "HEAD", "HEAD"]).ok().text(), "");
    let some = vault.run(&["dag", "diff", &middle]).ok();
    assert_eq!(some.text(), "M\tb\nA\tc\n");
    assert!(some.err.contains("keys of older trees are not kept"), "{}", some.err);
    let back = lines(&vault.run(&["dag", "diff", "HEAD", &middle, "--json"]).ok());
    assert_eq!(back[0]["change"], "changed");
    assert_eq!(
        (&back[1]["path"], &back[1]["change"], &back[1]["exact"]),
        (&"c".into(), &"removed".into(), &false.into())
    );
    assert_eq!(vault.run(&["dag", "diff", &made, &middle]).ok().text(), "A\ta\nA\tb\nA\tx\n");
    let slots = vault.folder.write("second", &noise(32, 5));
    let before = head(&vault);
    vault.run(&["passwd", "--add-key-file", slots.to_str().unwrap(), "-q"]).ok();
    let same = vault.run(&["dag", "diff", &before]).ok();
    assert_eq!((same.text(), same.err.as_str()), ("", ""), "the tree is the same");
}

#[test]
fn the_graph_is_counted_and_drawn() {
    for engine in ENGINES {
        let vault = filled(engine);
        vault.run(&["gc", "-q"]).ok();
        let stat = vault.run(&["dag", "stat", "--json"]).ok().json();
        assert_eq!(stat["blocks"], vault.run(&["block", "ls"]).ok().text().lines().count());
        assert_eq!((&stat["kinds"]["commit"]["blocks"], &stat["shared_links"]), (&8.into(), &1.into()));
        assert_eq!(stat["kinds"]["chunk"]["blocks"], 3 + 13);
        // Commit → leaf → index → chunk, and branches where boundaries, which are random, split the few paths.
        assert!((3..=6).contains(&stat["depth"].as_u64().unwrap()), "{stat}");
        let text = vault.run(&["dag", "stat"]).ok();
        assert!(text.text().contains("width ") && text.text().contains("1 of them to shared blocks"));
        let older = log(&vault)[3]["commit"].as_str().unwrap().to_owned();
        let partial = vault.run(&["dag", "stat", &older, "--json"]).ok();
        assert!(
            partial.err.contains("keys are not kept") && partial.json()["kinds"]["commit"]["blocks"] == 5
        );
        let car = vault.folder.at("older.car");
        vault.run(&["dag", "export", &older, "-o", car.to_str().unwrap()]).code(9);
        let dot = vault.run(&["dag", "graph"]).ok();
        assert_eq!((dot.text().matches("label=").count(), dot.text().matches(" -> ").count()), (8, 7));
        let svg = vault.folder.at("graph.svg");
        vault.run(&["dag", "graph", "-n", "5", "-o", svg.to_str().unwrap()]).ok();
        let picture = std::fs::read_to_string(&svg).unwrap();
        assert!(picture.starts_with("<svg") && picture.matches("<circle").count() == 5);
        assert_eq!(vault.run(&["dag", "graph", "--format", "svg"]).ok().text().matches("<circle").count(), 8);
    }
}

#[test]
fn several_roots_are_exported_each_block_once() {
    let vault = filled("native");
    let steps = vault.run(&["dag", "export", "-q"]).ok().out;
    let tree = log(&vault)[0]["spaces"][0]["root"].as_str().unwrap().to_owned();
    let both = vault.run(&["dag", "export", "HEAD", &tree, "HEAD", "-q"]).ok().out;
    // One root more in the header, and no block more.
    assert_eq!(both.len(), steps.len() + 41);
    assert!(
        vault.run(&["dag", "export", &head(&vault), "HEAD", "-q"]).ok().out == steps,
        "one root by two names"
    );
    let below = vault.run(&["dag", "export", &tree, "-q"]).ok().out;
    assert!(below.len() < steps.len());
    vault.run(&["dag", "export", "bafkr4ibnhlpn74i3mhyuzcdogwx2anttnxgypj2ne624cuicexiplexccm"]).code(3);
    vault.run(&["dag", "export", "nothing"]).code(2);
}

#[test]
fn bad_car_files_are_refused_and_good_blocks_before_stay() {
    let vault = filled("native");
    let car = vault.run(&["dag", "export", "-q"]).ok().out;
    let other = Vault::new("native");
    for cut in [0, 1, 30, 58, 61, 500, car.len() / 2, car.len() - 1] {
        let refused = other.feed(&["dag", "import"], &car[..cut]).code(2);
        assert!(refused.err.contains("at byte "), "{}", refused.err);
    }
    let refused = other.feed(&["dag", "import"], &car[..car.len() - 1]).code(2);
    assert!(refused.err.contains("before it came in whole and stay"), "{}", refused.err);
    // All but the last, and the other vault's own first commit.
    let count = other.run(&["block", "ls"]).ok().text().lines().count();
    assert_eq!(vault.run(&["dag", "stat", "--json"]).ok().json()["blocks"], count);
    let mut flipped = car.clone();
    let at = flipped.len() - 5;
    flipped[at] ^= 1;
    assert!(other.feed(&["dag", "import"], &flipped).code(2).err.contains("do not hash to it"));
    assert!(other.feed(&["dag", "import"], &[0xff; 1000]).code(2).err.contains("63 bits"));
    // Blocks of others: whole, and none of a vault's.
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../dag/tests/fixtures");
    for (name, wanted) in
        [("basic", "sha2-256; blocks of a vault"), ("dag-cbor", "dag-cbor; blocks of a vault are raw")]
    {
        let refused = other.run(&["dag", "import", &format!("{fixtures}/{name}.car")]).code(2);
        assert!(refused.err.contains(wanted), "{}", refused.err);
    }
    let fine = other.run(&["dag", "import", "--json", &format!("{fixtures}/blake3.car")]).code(2);
    assert!(
        fine.err.contains("1 to 262144 bytes, not 0"),
        "an empty block is none of a vault's: {}",
        fine.err
    );
    let rootless = other.run(&["dag", "import", &format!("{fixtures}/no-blocks.car")]).ok();
    assert!(rootless.err.contains("neither in the file nor in the vault"), "{}", rootless.err);
    other.run(&["dag", "import", "nowhere.car"]).code(1);
    other.run(&["dag", "import", other.folder.0.to_str().unwrap()]).code(2);
}

#[test]
fn proofs_are_checked_without_a_vault() {
    for engine in ENGINES {
        let vault = filled(engine);
        let commit = head(&vault);
        let file = vault.folder.at("proof");
        let file = file.to_str().unwrap();
        let made = vault.run(&["proof", "make", "notes/a", "-o", file, "--json"]).ok();
        assert_eq!(made.json()["commit"], commit);
        assert!(made.err.contains("docs/security.md"), "{}", made.err);
        let check = |more: &[&str]| alone(&[&["proof", "check", "--engine", *engine, file], more].concat());
        let proven = check(&["--commit", &commit, "--json"]).ok().json();
        assert_eq!(
            (&proven["holds"], &proven["path"], &proven["value"]),
            (&true.into(), &"notes/a".into(), &"three".into())
        );
        assert_eq!((&proven["number"], &proven["sequence"]), (&3.into(), &8.into()));
        let value = vault.folder.at("value");
        let told = check(&["--commit", &commit, "-o", value.to_str().unwrap()]).ok();
        assert!(told.text().starts_with("holds          notes/a\n"), "{}", told.text());
        assert_eq!(std::fs::read(&value).unwrap(), b"three");
        check(&["--commit", &commit, "-o", value.to_str().unwrap()]).code(6);
        // Another commit, another proof, another file.
        let older = log(&vault)[1]["commit"].as_str().unwrap().to_owned();
        assert!(check(&["--commit", &older]).code(5).err.contains("the proof does not hold"));
        check(&["--commit", "HEAD"]).code(2);
        check(&[]).code(2);
        let bytes = std::fs::read(file).unwrap();
        let mut changed = bytes.clone();
        let at = changed.len() - 40;
        changed[at] ^= 1;
        vault.folder.write("changed", &changed);
        let words = ["proof", "check", "--commit", &commit];
        let on = |name: &str| alone(&[&words[..], &[vault.folder.at(name).to_str().unwrap()]].concat());
        on("changed").code(5);
        vault.folder.write("cut", &bytes[..bytes.len() - 1]);
        on("cut").code(2);
        vault.folder.write("huge", &vec![0; 9 << 20]);
        on("huge").code(2);
        on("nowhere").code(1);
        let mut piped = Command::new(DAGVAULT);
        piped.args(words).arg("-");
        feed(piped, &vault.run(&["proof", "make", "notes/b", "-q"]).ok().out).ok();
        // A large value is named by its blocks.
        vault.run(&["proof", "make", "index", "-o", vault.folder.at("large").to_str().unwrap(), "-q"]).ok();
        let large = on("large").ok();
        let part = large.text().lines().find_map(|line| line.strip_prefix("value in ")).unwrap().trim();
        vault.run(&["block", "stat", part]).ok();
        vault.run(&["proof", "make", "nothing"]).code(3);
        vault.run(&["proof", "make", "a//b"]).code(2);
    }
}

#[test]
fn a_vault_without_a_key_gives_no_graph() {
    let vault = filled("native");
    let folder = Folder::new();
    let wrong = folder.write("wrong", &noise(32, 77));
    for words in [
        &["dag", "log"][..],
        &["dag", "stat"],
        &["dag", "export"],
        &["dag", "graph"],
        &["proof", "make", "chunks"],
    ] {
        let mut command = vault.bare();
        command.arg("--key-file").arg(&wrong).args(words);
        Run::from(command.output().unwrap()).code(4);
    }
}
