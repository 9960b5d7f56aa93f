//! Several processes, interruptions and full disks.
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test ends with what it did not expect")]

mod common;

use common::{DAGVAULT, ENGINES, Folder, Run, Vault, assert_same_tree, files, noise};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn twenty_processes_put_at_once() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        let value = vault.folder.write("value", b"shared");
        let children: Vec<Child> = (0..20)
            .map(|index| {
                let path = format!("p/{index}");
                let mut put = vault.command(&["put", &path, "-i", value.to_str().unwrap()]);
                put.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let mut stored = 0;
        for child in children {
            let run = Run::from(child.wait_with_output().unwrap());
            assert!([0, 7].contains(&run.code), "{run:?}");
            stored += usize::from(run.code == 0);
        }
        assert_eq!(vault.run(&["ls", "p"]).ok().text().lines().count(), stored);
        assert!(stored > 0);
        // One path: each acknowledged put is a version.
        let children: Vec<Child> = (0..20)
            .map(|_| {
                let mut put = vault.command(&["put", "one", "-i", value.to_str().unwrap()]);
                put.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let codes: Vec<Run> =
            children.into_iter().map(|child| child.wait_with_output().unwrap().into()).collect();
        let stored = codes.iter().filter(|run| run.code == 0).count();
        assert!(codes.iter().all(|run| [0, 7].contains(&run.code)), "{codes:?}");
        assert_eq!(vault.run(&["history", "one"]).ok().text().lines().count(), stored);
        vault.run(&["verify"]).ok();
    }
}

#[test]
fn collections_among_many_puts_lose_nothing() {
    let rounds = if std::env::var_os("DAGVAULT_FULL").is_some() { 60 } else { 8 };
    for engine in ENGINES {
        let vault = Vault::new(engine);
        // One in two goes into a pack of its own.
        let values = [b"small".to_vec(), noise(1_200_000, 3)];
        let inputs: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(at, value)| vault.folder.write(&format!("v{at}"), value))
            .collect();
        std::thread::scope(|scope| {
            let (vault, inputs) = (&vault, &inputs);
            let putting: Vec<_> = (0..3)
                .map(|writer| {
                    scope.spawn(move || {
                        for round in 0..rounds {
                            let input = inputs[round % 2].to_str().unwrap();
                            vault.run(&["put", &format!("w{writer}/{}", round % 5), "-i", input]).ok();
                        }
                    })
                })
                .collect();
            while !putting.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                vault.run(&["gc", "-q"]).ok();
            }
        });
        for writer in 0..3 {
            for path in 0..rounds.min(5) {
                let last = (0..rounds).filter(|round| round % 5 == path).max().unwrap();
                assert_eq!(vault.get(&format!("w{writer}/{path}")), values[last % 2]);
            }
        }
        vault.run(&["verify"]).ok();
        let repair: Run = vault.bare().args(["repair", "--dry-run"]).output().unwrap().into();
        assert!(repair.ok().text().contains("nothing is lost"));
    }
}

/// A tree that takes several commits.
fn tree() -> Folder {
    let tree = Folder::new();
    for index in 0..480_u32 {
        tree.write(&format!("{}/{index}", index % 7), &noise(150_000, u64::from(index)));
    }
    std::thread::sleep(Duration::from_millis(50));
    tree
}

/// Starts an import and ends it by a signal as soon as it has begun to write.
fn cut(vault: &Vault, tree: &Folder, signal: &str) -> Run {
    let mut import = Command::new(DAGVAULT);
    import.args(["--engine", vault.engine, "--vault"]).arg(vault.path()).arg("--key-file").arg(vault.key());
    import.args(["import", tree.0.to_str().unwrap(), "--into", "t"]);
    let child = import.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while files(&vault.path().join("packs")).is_empty() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn imports_go_on_after_an_interruption() {
    for engine in ENGINES {
        for (signal, expected) in [("-INT", 130), ("-TERM", 130), ("-KILL", -1)] {
            let (vault, tree) = (Vault::new(engine), tree());
            vault.put("before", b"kept");
            let run = cut(&vault, &tree, signal);
            if run.code == 0 {
                println!("{engine} {signal}: the import was faster than the signal");
            } else {
                assert_eq!(run.code, expected, "{run:?}");
            }
            if run.code == 130 {
                assert!(run.err.contains("run the same command again"), "{}", run.err);
            }
            assert_eq!(vault.get("before"), b"kept");
            vault.run(&["verify"]).ok();
            let rest = vault.run(&["import", tree.0.to_str().unwrap(), "--into", "t", "--json"]).ok().json();
            assert_eq!(rest["files"], 480);
            let out = vault.folder.at("out");
            vault.run(&["export", "t", out.to_str().unwrap()]).ok();
            assert_same_tree(&tree.0, &out);
            vault.run(&["verify"]).ok();
        }
    }
}

#[test]
fn full_disks_lose_nothing() {
    for engine in ENGINES {
        let place = Folder::new();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"]).arg(&place.0).status();
        if !mounted.is_ok_and(|status| status.success()) {
            println!("skipped: a small tmpfs can't be mounted here");
            return;
        }
        let unmount = Unmount(&place);
        let key = Folder::new();
        let run = |arguments: &[&str]| -> Run {
            let mut command = Command::new(DAGVAULT);
            command.args(["--engine", engine, "--vault"]).arg(place.at("vault")).args(arguments);
            command.stdin(Stdio::null()).output().unwrap().into()
        };
        let key_file = key.at("key");
        let key_file = key_file.to_str().unwrap();
        run(&["init", "--new-key-file", key_file]).ok();
        let small = key.write("small", b"kept");
        let big = key.write("tree/big", &noise(20 << 20, 1));
        for index in 0..40 {
            key.write(&format!("tree/many/{index}"), &noise(400_000, index));
        }
        run(&["--key-file", key_file, "put", "small", "-i", small.to_str().unwrap()]).ok();
        let full = run(&["--key-file", key_file, "put", "big", "-i", big.to_str().unwrap()]).code(8);
        assert!(full.err.contains("free some space"), "{}", full.err);
        let full =
            run(&["--key-file", key_file, "import", key.at("tree").to_str().unwrap(), "--into", "t"]).code(8);
        assert!(full.err.contains("run the same command again"), "{}", full.err);
        assert_eq!(run(&["--key-file", key_file, "get", "small"]).ok().out, b"kept");
        run(&["--key-file", key_file, "verify"]).ok();
        let grown = Command::new("mount").args(["-o", "remount,size=200m"]).arg(&place.0).status().unwrap();
        assert!(grown.success());
        run(&["--key-file", key_file, "import", key.at("tree").to_str().unwrap(), "--into", "t"]).ok();
        run(&["--key-file", key_file, "export", "t", key.at("out").to_str().unwrap()]).ok();
        assert_same_tree(&key.at("tree"), &key.at("out"));
        run(&["--key-file", key_file, "verify"]).ok();
        drop(unmount);
    }
}

/// Takes the small disk away again.
struct Unmount<'a>(&'a Folder);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0.0).status();
    }
}

#[test]
fn limits_on_files_are_a_full_disk() {
    let vault = Vault::new("native");
    vault.put("small", b"kept");
    let big = vault.folder.write("big", &noise(8 << 20, 1));
    let script = format!(
        "ulimit -f 4096; exec {DAGVAULT} --engine native --vault {} --key-file {} put big -i {}",
        vault.path().display(),
        vault.key().display(),
        big.display()
    );
    let run: Run = Command::new("sh").args(["-c", &script]).output().unwrap().into();
    run.code(8);
    assert_eq!(vault.get("small"), b"kept");
    vault.run(&["put", "big", "-i", big.to_str().unwrap()]).ok();
    vault.run(&["verify"]).ok();
}
