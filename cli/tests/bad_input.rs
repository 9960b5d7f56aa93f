//! Bad input: each must give its exit code, a reason and a hint, and leave the vault as it was.
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test ends with what it did not expect")]

mod common;

use common::{DAGVAULT, ENGINES, Folder, Run, Vault, files, noise};
use std::path::Path;
use std::process::Command;

#[test]
fn bad_paths_are_refused() {
    let vault = Vault::new("native");
    let long = "x".repeat(4097);
    let deep = "d/".repeat(10_000) + "d";
    let longest = "y".repeat(4096);
    for path in ["", "/a", "a/", "a//b", "..", "a/../b", ".", "a/./b", &long, &deep] {
        vault.feed(&["put", path], b"x").code(2);
        vault.run(&["get", path]).code(2);
        vault.run(&["rm", path]).code(2);
        vault.run(&["mv", "a", path]).code(2);
        vault.run(&["history", path]).code(2);
    }
    vault.put(&longest, b"fits");
    assert_eq!(vault.get(&longest), b"fits");
    let levels = vec!["d"; 2048].join("/");
    vault.put(&levels, b"deep");
    assert_eq!(vault.get(&levels), b"deep");
    use std::os::unix::ffi::OsStrExt as _;
    let bad = std::ffi::OsStr::from_bytes(b"a\xff");
    let run: Run = vault.command(&["get"]).arg(bad).output().unwrap().into();
    run.code(2);
    vault.run(&["verify"]).ok();
}

#[test]
fn bad_usage_is_told_without_secrets() {
    let vault = Vault::new("native");
    let stray = vault.run(&["put", "a", "my-secret-value"]).code(2);
    assert!(!stray.err.contains("my-secret-value"), "{}", stray.err);
    let table: &[&[&str]] = &[
        &[],
        &["nonsense"],
        &["get"],
        &["get", "a", "--version", "x"],
        &["put", "a", "--value=secret"],
        &["stat", "--workers", "0"],
        &["stat", "--workers", "17"],
        &["stat", "--max-memory", "lots"],
        &["stat", "--engine", "steam"],
        &["stat", "--accel", "sometimes"],
        &["stat", "--passphrase-fd", "-1"],
        &["import", ".", "--into", "/a"],
        &["import", "."],
        &["meta", "set", "a", ""],
        &["put", "a", "-i", "."],
    ];
    for arguments in table {
        let run = vault.run(arguments).code(2);
        assert!(!run.err.contains("secret\n"), "{}", run.err);
    }
    let run: Run = vault.command(&["stat"]).env("DAGVAULT_ACCEL", "sometimes").output().unwrap().into();
    assert!(run.code(2).err.contains("DAGVAULT_ACCEL"));
    let json = vault.run(&["get", "a", "--json"]).code(3);
    let error: serde_json::Value = serde_json::from_str(&json.err).unwrap();
    assert_eq!((&error["error"]["kind"], &error["error"]["code"]), (&"not-found".into(), &3.into()));
    let json = vault.run(&["--json", "nonsense"]).code(2);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json.err).unwrap()["error"]["kind"], "usage");
    vault.run(&["put", "a", "-i", "/no/such/file"]).code(1);
}

#[test]
fn wrong_keys_open_nothing() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        vault.put("a", b"1");
        let other = vault.folder.write("other", &noise(32, 9));
        let short = vault.folder.write("short", b"short");
        let huge = vault.folder.write("huge", &noise(70_000, 9));
        for (file, code) in [(&other, 4), (&short, 2), (&huge, 2), (&vault.folder.at("absent"), 1)] {
            let run: Run =
                vault.bare().arg("--key-file").arg(file).args(["get", "a"]).output().unwrap().into();
            run.code(code);
        }
        let run: Run =
            vault.bare().env("DAGVAULT_PASSPHRASE", "x").args(["get", "a"]).output().unwrap().into();
        run.code(4);
    }
}

#[test]
fn vaults_are_made_once_and_with_sense() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        let again: Run = vault.bare().args(["init", "--key-file"]).arg(vault.key()).output().unwrap().into();
        again.code(6);
        let again: Run =
            vault.bare().args(["init", "--new-key-file"]).arg(vault.key()).output().unwrap().into();
        again.code(6);
        let fresh = Vault::new(engine);
        std::fs::remove_dir_all(fresh.path()).unwrap();
        fresh.run(&["stat"]).code(11);
        let init = |arguments: &[&str]| -> Run {
            fresh.bare().arg("init").args(arguments).env("DAGVAULT_PASSPHRASE", "p").output().unwrap().into()
        };
        for costs in [
            ["--kdf-memory", "1T"],
            ["--kdf-passes", "0"],
            ["--kdf-lanes", "0"],
            ["--kdf-passes", "4000000000"],
        ] {
            init(&costs).code(2);
        }
        let empty: Run = fresh.bare().arg("init").env("DAGVAULT_PASSPHRASE", "").output().unwrap().into();
        empty.code(2);
        // A failed init does not stand in the way of the next.
        init(&["--kdf-memory", "64K", "--kdf-passes", "1", "--kdf-lanes", "1"]).ok();
        let elsewhere = Folder::new();
        elsewhere.write("file", b"not a vault");
        let taken: Run = Command::new(DAGVAULT)
            .args(["--engine", engine, "init", "--vault"])
            .arg(&elsewhere.0)
            .env("DAGVAULT_PASSPHRASE", "p")
            .output()
            .unwrap()
            .into();
        taken.code(6);
    }
}

#[test]
fn newer_formats_are_refused() {
    let vault = Vault::new("native");
    let file = vault.path().join("format");
    let text = std::fs::read_to_string(&file).unwrap();
    let body = text.split("check ").next().unwrap().replacen("store 1", "store 2", 1);
    let check = blake3::hash(body.as_bytes()).to_hex();
    let newer = format!("{body}check {}\n", &check[..16]);
    assert_ne!(text, newer);
    std::fs::write(&file, newer).unwrap();
    vault.run(&["stat"]).code(12);
    std::fs::write(&file, "not ours").unwrap();
    vault.run(&["stat"]).code(5);
}

#[test]
fn newer_packs_and_logs_are_refused() {
    for folder in ["packs", "log"] {
        let vault = filled("native");
        let file = files(&vault.path().join(folder)).remove(0);
        let whole = std::fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        bytes[8] = 2;
        let check = blake3::hash(&bytes[..88]);
        bytes[88..96].copy_from_slice(&check.as_bytes()[..8]);
        std::fs::write(&file, &bytes).unwrap();
        for command in [&["stat"][..], &["get", "small"], &["gc"], &["repair"], &["repair", "--dry-run"]] {
            let run = vault.run(command).code(12);
            assert!(run.err.contains(file.file_name().unwrap().to_str().unwrap()), "{}", run.err);
        }
        assert_eq!(std::fs::read(&file).unwrap(), bytes, "left alone");
        std::fs::write(&file, &whole).unwrap();
        vault.run(&["verify"]).ok();
    }
}

/// Runs a repair as somebody without the vault's key does.
fn repair(vault: &Vault, arguments: &[&str]) -> Run {
    vault.bare().arg("repair").args(arguments).output().unwrap().into()
}

#[test]
fn a_repair_saves_what_it_can_and_names_the_rest() {
    let vault = filled("native");
    let sound = repair(&vault, &["--json"]).ok().json();
    assert_eq!((&sound["whole"], &sound["indexes"]), (&true.into(), &0.into()));
    // Indexes are derived.
    for index in files(&vault.path().join("index")) {
        std::fs::remove_file(index).unwrap();
    }
    assert!(repair(&vault, &["--dry-run"]).ok().text().contains("would be made anew"));
    assert!(repair(&vault, &[]).ok().text().contains("nothing is lost"));
    vault.run(&["verify"]).ok();
    // A damaged block is named, everything else stays.
    let pack = files(&vault.path().join("packs")).remove(0);
    damage(&pack, std::fs::read(&pack).unwrap().len() / 2);
    let before = std::fs::read(&pack).unwrap();
    let planned = repair(&vault, &["--dry-run", "--json"]).code(9).json();
    assert_eq!(planned["lost"].as_array().unwrap().len(), 1);
    assert_eq!(std::fs::read(&pack).unwrap(), before, "a dry run changes nothing");
    let done = repair(&vault, &["--json"]).code(9).json();
    assert_eq!((&done["lost"], &done["opens"]), (&planned["lost"], &true.into()));
    assert!(!pack.exists() && files(&vault.path().join("damaged")).len() == 1);
    assert_eq!(std::fs::read(files(&vault.path().join("damaged")).remove(0)).unwrap(), before);
    assert_eq!(vault.get("small"), b"value");
    vault.run(&["verify"]).code(5);
    vault.run(&["rm", "big"]).ok();
    repair(&vault, &[]).ok();
}

#[test]
fn a_repair_goes_back_to_an_older_state_only_when_told() {
    let vault = filled("native");
    let log = files(&vault.path().join("log")).remove(0);
    let used = std::fs::read(&log).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    // In the last commit, which is acknowledged: its mark stands behind it.
    damage(&log, used - 200);
    vault.run(&["get", "small"]).code(5);
    let before = std::fs::read(&log).unwrap();
    for arguments in [&[][..], &["--dry-run"], &["--dry-run", "--json"]] {
        let run = repair(&vault, arguments).code(5);
        assert!(run.err.contains("--accept-older"), "{}", run.err);
    }
    assert_eq!(std::fs::read(&log).unwrap(), before);
    vault.run(&["get", "small"]).code(5);
    repair(&vault, &["--accept-older"]).code(9);
    vault.run(&["get", "small"]).code(3);
    vault.run(&["stat"]).ok();
    std::fs::write(vault.path().join("format"), "not ours").unwrap();
    vault.run(&["stat"]).code(5);
    repair(&vault, &[]).ok();
    vault.run(&["verify"]).ok();
}

/// A vault with values in packs and in the log.
fn filled(engine: &'static str) -> Vault {
    let vault = Vault::new(engine);
    vault.put("big", &noise(3 << 20, 5));
    vault.put("small", b"value");
    vault
}

fn damage(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn damaged_blocks_are_found() {
    for engine in ENGINES {
        let vault = filled(engine);
        let pack = files(&vault.path().join("packs")).remove(0);
        let whole = std::fs::read(&pack).unwrap();
        for at in [whole.len() / 3, whole.len() / 2, whole.len() - 100_000] {
            damage(&pack, at);
            vault.run(&["verify"]).code(5);
            let run = vault.run(&["get", "big", "-o", vault.folder.at("o").to_str().unwrap()]);
            assert_eq!(run.code, 5, "{run:?}");
            assert!(!vault.folder.at("o").exists());
            assert_eq!(vault.get("small"), b"value");
            std::fs::write(&pack, &whole).unwrap();
        }
        std::fs::write(&pack, &whole[..whole.len() / 2]).unwrap();
        vault.run(&["get", "big"]).code(5);
        vault.run(&["verify"]).code(5);
        std::fs::remove_file(&pack).unwrap();
        vault.run(&["get", "big"]).code(5);
        vault.run(&["verify"]).code(5);
    }
}

#[test]
fn foreign_parts_are_refused() {
    for engine in ENGINES {
        let (vault, other) = (filled(engine), filled(engine));
        let copy = |part: &str| {
            let (from, to) = (other.path().join(part), vault.path().join(part));
            let run: Run = Command::new("sh")
                .arg("-c")
                .arg(format!("rm -rf {0} && cp -r {1} {0}", to.display(), from.display()))
                .output()
                .unwrap()
                .into();
            run.ok();
        };
        copy("packs");
        copy("index");
        vault.run(&["verify"]).code(5);
        copy("log");
        let run = vault.run(&["get", "small"]);
        assert!([4, 5].contains(&run.code), "{run:?}");
        copy("format");
        // Now it is wholly the other vault, under another key.
        vault.run(&["get", "small"]).code(4);
    }
}

#[test]
fn indexes_are_rebuilt_and_it_is_said() {
    let vault = filled("native");
    let big = noise(3 << 20, 5);
    for file in files(&vault.path().join("index")) {
        let size = std::fs::metadata(&file).unwrap().len();
        damage(&file, usize::try_from(size / 2).unwrap());
        let run = vault.run(&["get", "big"]).ok();
        assert!(run.out == big);
        assert!(run.err.contains("warning: "), "nothing said: {}", run.err);
        vault.feed(&["put", "small"], b"value").ok();
        std::fs::remove_file(&file).ok();
        assert!(vault.run(&["get", "big"]).ok().out == big);
        vault.feed(&["put", "small"], b"value").ok();
    }
    vault.run(&["verify"]).ok();
}

#[test]
fn no_permission_is_told() {
    let vault = filled("native");
    // The user `nobody` must reach the command: it may lie in a folder of root's.
    let command = vault.folder.at("dagvault");
    std::fs::copy(DAGVAULT, &command).unwrap();
    let as_nobody = |arguments: &[&str]| -> Option<Run> {
        let mut run = Command::new("setpriv");
        run.args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&command)
            .args(["--engine", "native", "--vault"]);
        run.arg(vault.path()).arg("--key-file").arg(vault.key()).args(arguments).output().ok().map(Run::from)
    };
    match as_nobody(&["--version"]) {
        Some(run) if run.code == 0 => {}
        other => return println!("skipped: can't run as nobody: {other:?}"),
    }
    as_nobody(&["get", "small"]).unwrap().code(10);
    let everything = |mode: &str| {
        Command::new("chmod").args(["-R", mode]).arg(&vault.folder.0).status().unwrap();
    };
    everything("a+rX");
    as_nobody(&["get", "small"]).unwrap().ok();
    as_nobody(&["put", "small", "-i", "/dev/null"]).unwrap().code(10);
    assert_eq!(vault.get("small"), b"value");
}

#[cfg(feature = "wasm")]
#[test]
fn the_cache_of_compiled_code_may_be_anything() {
    let vault = Vault::new("wasm");
    vault.put("a", b"v");
    let cache = Folder::new();
    let get =
        || -> Run { vault.command(&["get", "a"]).env("XDG_CACHE_HOME", &cache.0).output().unwrap().into() };
    assert_eq!(get().ok().out, b"v");
    let found = Command::new("find").arg(&cache.0).args(["-type", "f"]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    assert!(!found.is_empty(), "nothing is cached");
    for file in found.lines() {
        let size = std::fs::metadata(file).unwrap().len();
        if size > 0 {
            damage(Path::new(file), usize::try_from(size / 2).unwrap());
        }
    }
    assert_eq!(get().ok().out, b"v");
    for file in found.lines() {
        let _ = std::fs::write(file, b"short");
    }
    assert_eq!(get().ok().out, b"v");
    // A file where the folder should be.
    let run: Run = vault.command(&["get", "a"]).env("XDG_CACHE_HOME", vault.key()).output().unwrap().into();
    assert_eq!(run.ok().out, b"v");
}
