//! Every command, as a user would run it, with each engine.
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test ends with what it did not expect")]

mod common;

use common::{DAGVAULT, ENGINES, Folder, Run, Vault, feed, noise};
use std::process::Command;

#[test]
fn values_come_back_exactly() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        for (index, length) in
            [0, 1, 5000, 40_000, 300_000, (8 << 20) - 1, 8 << 20, (8 << 20) + 1, 20 << 20].iter().enumerate()
        {
            let value = noise(*length, 7);
            let path = format!("v/{index}");
            vault.put(&path, &value);
            assert!(vault.get(&path) == value, "{engine} {length}");
            let file = vault.folder.at("out");
            vault.run(&["get", &path, "-o", file.to_str().unwrap(), "--force"]).ok();
            assert!(std::fs::read(&file).unwrap() == value, "{engine} {length} -o");
        }
        vault.run(&["verify"]).ok();
    }
}

#[test]
fn a_paranoid_vault_stays_one() {
    for engine in ENGINES {
        let vault = Vault::made(engine, &["--paranoid"]);
        vault.put("large", &noise(1 << 20, 3));
        let stats: serde_json::Value =
            serde_json::from_str(vault.run(&["stat", "--json"]).ok().text()).unwrap();
        assert_eq!(stats["paranoid"], true, "{engine}");
        vault.run(&["verify"]).ok();
    }
}

#[test]
fn versions_live_die_and_come_back() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        vault.put("a/b", b"one");
        vault.put("a/b", b"two");
        assert_eq!(vault.get("a/b"), b"two");
        assert_eq!(vault.run(&["get", "a/b", "--version", "1"]).ok().out, b"one");
        vault.run(&["get", "a/b", "--version", "3"]).code(3);
        vault.run(&["rm", "a/b"]).ok();
        vault.run(&["get", "a/b"]).code(3);
        assert_eq!(vault.run(&["ls", "-r"]).ok().text(), "");
        assert_eq!(vault.run(&["ls", "-ra"]).ok().text(), "a/b\n");
        vault.run(&["undelete", "a/b"]).ok();
        assert_eq!(vault.get("a/b"), b"two");
        vault.run(&["destroy", "a/b", "--version", "1", "--yes"]).ok();
        vault.run(&["get", "a/b", "--version", "1"]).code(3);
        assert_eq!(vault.get("a/b"), b"two");
        let history = vault.run(&["history", "a/b", "--json"]).ok();
        let states: Vec<serde_json::Value> =
            history.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(states.len(), 2);
        assert_eq!((&states[0]["state"], &states[1]["state"]), (&"live".into(), &"destroyed".into()));
        vault.run(&["destroy", "a/b"]).code(2);
        vault.run(&["destroy", "a/b", "--yes"]).ok();
        vault.run(&["get", "a/b"]).code(3);
        vault.run(&["history", "a/b"]).code(3);
        vault.run(&["verify"]).ok();
    }
}

#[test]
fn paths_move_and_copy() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        vault.put("a/x", b"1");
        vault.put("a/y", b"2");
        vault.put("a/y", b"3");
        vault.run(&["rm", "a/x"]).ok();
        vault.run(&["undelete", "a/x"]).ok();
        vault.run(&["mv", "a", "b"]).ok();
        assert_eq!(vault.run(&["ls", "-r"]).ok().text(), "b/x\nb/y\n");
        vault.run(&["cp", "b", "a"]).ok();
        assert_eq!(vault.run(&["ls", "-r"]).ok().text(), "a/x\na/y\nb/x\nb/y\n");
        assert_eq!(vault.get("a/y"), b"3");
        assert_eq!(vault.get("b/y"), b"3");
        vault.run(&["mv", "a/x", "b/x"]).code(6);
        vault.run(&["mv", "nope", "c"]).code(3);
        vault.run(&["rm", "-r", "b"]).ok();
        assert_eq!(vault.run(&["ls", "-r"]).ok().text(), "a/x\na/y\n");
        vault.run(&["rm", "-r", "b"]).code(3);
    }
}

#[test]
fn listings_show_one_level() {
    let vault = Vault::new("native");
    for path in ["top", "d", "d.x", "d/one", "d/two/three", "d/two/four", "e/f/g", "d/\u{10ffff}z/q"] {
        vault.put(path, path.as_bytes());
    }
    assert_eq!(vault.run(&["ls"]).ok().text(), "d\nd.x\nd/\ne/\ntop\n");
    assert_eq!(vault.run(&["ls", "d"]).ok().text(), "d\none\ntwo/\n\u{10ffff}z/\n");
    assert_eq!(vault.run(&["ls", "d/two/"]).ok().text(), "four\nthree\n");
    vault.run(&["ls", "nothing"]).code(3);
    assert_eq!(vault.run(&["ls", "-r", "d/two"]).ok().text(), "d/two/four\nd/two/three\n");
    let long = vault.run(&["ls", "-l", "top"]).ok();
    assert!(long.text().contains("live") && long.text().contains("3 B"), "{}", long.text());
    let lines = vault.run(&["ls", "--json"]).ok();
    let first: serde_json::Value = serde_json::from_str(lines.text().lines().next().unwrap()).unwrap();
    assert_eq!((&first["path"], &first["type"], &first["size"]), (&"d".into(), &"value".into(), &1.into()));
}

#[test]
fn listings_of_one_level_skip_large_folders() {
    let vault = Vault::new("native");
    let tree = Folder::new();
    for folder in ["a", "b", "c"] {
        for index in 0..300 {
            tree.write(&format!("{folder}/{index}"), b"");
        }
    }
    vault.run(&["import", tree.0.to_str().unwrap(), "--into", "t", "-q"]).ok();
    assert_eq!(vault.run(&["ls", "t"]).ok().text(), "a/\nb/\nc/\n");
    assert_eq!(vault.run(&["ls", "-r", "t"]).ok().text().lines().count(), 904);
}

#[test]
fn metadata_is_kept_beside_values() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        vault.put("a", b"v");
        vault.feed(&["meta", "set", "a", "owner", "-n"], b"web team\n").ok();
        vault.feed(&["meta", "set", "a", "raw"], b"\xff\n").ok();
        assert_eq!(vault.run(&["meta", "get", "a", "owner"]).ok().out, b"web team");
        assert_eq!(vault.run(&["meta", "get", "a"]).ok().text(), "owner: web team\nraw: (binary, 2 B)\n");
        let json = vault.run(&["meta", "get", "a", "--json"]).ok().json();
        assert_eq!(json["meta"]["raw"]["value_base64"], "/wo=");
        vault.run(&["meta", "get", "a", "nope"]).code(3);
        vault.run(&["meta", "rm", "a", "owner"]).ok();
        vault.run(&["meta", "get", "a", "owner"]).code(3);
        vault.feed(&["meta", "set", "a", "big"], &noise(17_000, 1)).code(2);
        vault.feed(&["meta", "set", "missing", "k"], b"v").code(3);
        assert_eq!(vault.get("a"), b"v");
    }
}

#[test]
fn puts_check_what_is_there() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        vault.feed(&["put", "a", "--cas", "0"], b"1").ok();
        vault.feed(&["put", "a", "--cas", "0"], b"2").code(6);
        vault.feed(&["put", "a", "--cas", "1"], b"2").ok();
        let again = vault.feed(&["put", "a", "--skip-equal", "--json"], b"2").ok().json();
        assert_eq!((&again["number"], &again["written"]), (&2.into(), &false.into()));
        let text = "secret text ".repeat(2000);
        let small = vault.feed(&["put", "z", "--compress", "--json"], text.as_bytes()).ok().json();
        assert!(small["stored"].as_u64().unwrap() < 2000, "{small}");
        let plain = vault.feed(&["put", "y", "--json"], text.as_bytes()).ok().json();
        assert!(plain["stored"].as_u64().unwrap() >= 24_000, "{plain}");
        assert_eq!(vault.get("z"), text.as_bytes());
    }
}

#[test]
fn figures_and_checks_answer() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        vault.put("a", b"1");
        vault.put("a", b"2");
        let verified = vault.run(&["verify", "--json"]).ok().json();
        assert_eq!(
            (&verified["ok"], &verified["paths"], &verified["versions"]),
            (&true.into(), &1.into(), &2.into())
        );
        assert_eq!(vault.run(&["gc", "--dry-run", "--json"]).ok().json()["dry_run"], true);
        assert!(vault.run(&["gc", "--dry-run", "--json"]).ok().json()["compacted"]["files"].is_u64());
        vault.run(&["gc"]).ok();
        assert_eq!(vault.run(&["gc", "--json"]).ok().json()["dead_blocks"], 0);
        let stat = vault.run(&["stat", "--memory", "--json"]).ok().json();
        assert_eq!((&stat["paths"], &stat["versions"]), (&1.into(), &2.into()));
        assert!(stat["memory"]["regions"].as_array().unwrap().len() >= 4);
        assert!(vault.run(&["stat", "--memory"]).ok().text().contains("heap"));
        for accel in ["on", "off", "auto"] {
            let told = vault.run(&["selftest", "--accel", accel]).ok();
            assert!(accel == "auto" || told.text().contains("host") == (*engine == "wasm" && accel == "on"));
        }
        let off = vault.command(&["selftest"]).env("DAGVAULT_ACCEL", "OFF").output().unwrap();
        assert!(!String::from_utf8_lossy(&off.stdout).contains("host"));
        assert!(vault.run(&["version"]).ok().text().starts_with("dagvault "));
        assert_eq!(vault.get("a"), b"2");
    }
}

#[test]
fn slots_change() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        vault.put("a", b"v");
        let cheap = ["--kdf-memory", "64K", "--kdf-passes", "1", "--kdf-lanes", "1"];
        let phrase = vault.folder.write("phrase", b"correct horse\n");
        std::fs::set_permissions(&phrase, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let phrase = phrase.to_str().unwrap();
        let add = [&["passwd", "--add", "--new-passphrase-file", phrase][..], &cheap].concat();
        vault.run(&add).ok();
        let by_phrase = |arguments: &[&str]| -> Run {
            let mut command = vault.bare();
            command.args(["--passphrase-file", phrase]).args(arguments).output().unwrap().into()
        };
        assert_eq!(by_phrase(&["get", "a"]).ok().out, b"v");
        assert_eq!(by_phrase(&["passwd", "--list"]).ok().text().lines().count(), 2);
        let key2 = vault.folder.at("key2");
        by_phrase(&["passwd", "--new-key-file", key2.to_str().unwrap()]).ok();
        by_phrase(&["get", "a"]).code(4);
        assert_eq!(std::fs::metadata(&key2).unwrap().len(), 32);
        let slots = vault.run(&["passwd", "--list", "--json"]).ok().json();
        let ids: Vec<u64> =
            slots["slots"].as_array().unwrap().iter().map(|slot| slot["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), 2);
        let other = slots["slots"].as_array().unwrap().iter().find(|slot| slot["current"] == false).unwrap()
            ["id"]
            .to_string();
        vault.run(&["passwd", "--remove", &other]).ok();
        let last =
            slots["slots"].as_array().unwrap().iter().find(|slot| slot["current"] == true).unwrap()["id"]
                .to_string();
        let refused = vault.run(&["passwd", "--remove", &last]);
        assert_ne!(refused.code, 0, "the last slot stays");
        assert_eq!(vault.get("a"), b"v");
    }
}

#[test]
fn passphrases_come_from_every_source() {
    let folder = Folder::new();
    let place = folder.at("v");
    let cheap = ["--kdf-memory", "64K", "--kdf-passes", "1", "--kdf-lanes", "1"];
    let run = |shell: &str| -> Run {
        let script = format!("exec {DAGVAULT} --engine native --vault {} {shell}", place.display());
        let mut command = Command::new("setsid");
        command.args(["-w", "sh", "-c", &script]).current_dir(&folder.0).env_remove("DAGVAULT_PASSPHRASE");
        feed(command, b"typed\n")
    };
    folder.write("p", b"typed\r\n");
    let wide = run(&format!("init {} --passphrase-file p", cheap.join(" "))).ok();
    assert!(wide.err.contains("can be read by others"), "{}", wide.err);
    for source in
        ["--passphrase-fd 0", "--passphrase-fd 3 3<p", "--passphrase-fd 7 7<p", "--passphrase-file p"]
    {
        run(&format!("stat {source}")).ok();
    }
    run("stat --passphrase-fd 9").code(1);
    run("stat").code(2);
    run("stat --passphrase-fd 0 --passphrase-file p").code(2);
    run("put x --passphrase-fd 0").code(2);
    let env = |phrase: &str, arguments: &[&str]| -> Run {
        let mut command = Command::new(DAGVAULT);
        command
            .args(["--engine", "native"])
            .args(arguments)
            .env("DAGVAULT", &place)
            .env("DAGVAULT_PASSPHRASE", phrase);
        command.output().unwrap().into()
    };
    env("typed", &["stat"]).ok();
    env("typed\n", &["stat"]).code(4);
    env("wrong", &["stat"]).code(4);
    // What stands on the command line goes before the environment.
    let file = folder.at("p");
    env("wrong", &["stat", "--passphrase-file", file.to_str().unwrap()]).ok();
}

#[test]
fn completions_and_help_need_no_vault() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run: Run = Command::new(DAGVAULT).args(["completions", shell]).output().unwrap().into();
        assert!(run.ok().text().contains("dagvault"));
    }
    for arguments in [&["--help"][..], &["help", "put"], &["--version"], &["get", "--help"]] {
        let run: Run = Command::new(DAGVAULT).args(arguments).output().unwrap().into();
        run.ok();
    }
}

#[test]
fn a_closed_pipe_is_no_noise() {
    let vault = Vault::new("native");
    vault.put("big", &noise(4 << 20, 3));
    let script = format!(
        "{DAGVAULT} --engine native --vault {} --key-file {} get big | head -c 1 >/dev/null",
        vault.path().display(),
        vault.key().display()
    );
    let run: Run = Command::new("sh").args(["-c", &script]).output().unwrap().into();
    assert_eq!((run.code, run.err.as_str()), (0, ""));
}

#[test]
fn output_files_are_private_and_whole() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let vault = Vault::new("native");
    vault.put("a", b"secret");
    let out = vault.folder.at("out");
    let name = out.to_str().unwrap();
    vault.run(&["get", "a", "-o", name]).ok();
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    vault.run(&["get", "a", "-o", name]).code(6);
    vault.run(&["get", "a", "-o", name, "--force"]).ok();
    // What is there to be written into is not replaced.
    vault.run(&["get", "a", "-o", "/dev/null"]).ok();
    vault.run(&["get", "a", "-o", "/dev/null", "--force"]).ok();
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    let elsewhere = vault.folder.write("elsewhere", b"keep");
    let link = vault.folder.at("link");
    symlink(&elsewhere, &link).unwrap();
    vault.run(&["get", "a", "-o", link.to_str().unwrap()]).code(6);
    vault.run(&["get", "a", "-o", link.to_str().unwrap(), "--force"]).ok();
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"keep");
    assert_eq!(std::fs::read(&link).unwrap(), b"secret");
    vault.run(&["get", "nope", "-o", vault.folder.at("new").to_str().unwrap()]).code(3);
    assert!(!vault.folder.at("new").exists());
    assert!(!common::files(&vault.folder.0).iter().any(|file| file.to_string_lossy().contains(".dagvault-")));
}

#[test]
fn a_bench_needs_no_vault_and_leaves_nothing() {
    let folder = Folder::new();
    let temporary = folder.at("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = Command::new(DAGVAULT);
    command.args(["bench", "--json"]).env("TMPDIR", &temporary).env("DAGVAULT", folder.at("none"));
    let answer = Run::from(command.output().unwrap()).ok().json();
    let kernels = answer["kernels"].as_array().unwrap();
    assert!(
        kernels
            .iter()
            .any(|kernel| kernel["name"] == "xchacha20-poly1305" && kernel["backend"] == "portable")
    );
    assert!(kernels.iter().all(|kernel| kernel["mb_s"].as_f64().unwrap() > 0.0));
    let engines = answer["engines"].as_array().unwrap();
    let names: Vec<_> = engines.iter().map(|engine| engine["engine"].as_str().unwrap()).collect();
    assert_eq!(names, ["wasm", "wasm-relaxed", "native"]);
    for engine in engines {
        for figure in ["small_put_us", "small_get_us", "put_mb_s", "get_mb_s", "import_mb_s"] {
            assert!(engine[figure].as_f64().unwrap() > 0.0, "{figure}");
        }
    }
    assert!(std::fs::read_dir(&temporary).unwrap().next().is_none());
    assert!(!folder.at("none").exists());
}
