//! The cache of compiled code: whatever is wrong with it costs a compilation, never a start.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use dagvault_api::Request;
use dagvault_api::group::Serial as _;
use dagvault_host::WasmEngine;

use crate::support::config_of;
use crate::support::guest::Guest;

/// Starts an engine with this cache and calls it; answers what it noticed.
fn start(cache: &Path) -> Vec<String> {
    start_module(cache, Guest::default().build())
}

fn start_module(cache: &Path, module: Vec<u8>) -> Vec<String> {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let mut config = config_of(module);
    config.cache_dir = Some(cache.to_owned());
    let sink = Arc::clone(&notices);
    config.log = Some(Arc::new(move |_, text| sink.lock().unwrap().push(text.to_owned())));
    let mut engine = WasmEngine::new(config).unwrap();
    engine.call(&Request::Version {}).unwrap();
    drop(engine);
    let mut notices = std::mem::take(&mut *notices.lock().unwrap());
    notices.retain(|notice| notice.contains("compiled code"));
    notices
}

fn files(cache: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A cache with the one file that a start has written.
fn filled() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("deep/cache");
    assert!(start(&cache).is_empty());
    let [file] = files(&cache).try_into().unwrap();
    (folder, file)
}

#[test]
fn the_first_start_fills_the_cache_and_the_second_uses_it() {
    let (_folder, file) = filled();
    let cache = file.parent().unwrap();
    assert_eq!(fs::metadata(cache).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    assert!(start(cache).is_empty());
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
}

#[test]
fn damaged_files_are_noticed_and_replaced() {
    let (_folder, file) = filled();
    let cache = file.parent().unwrap();
    let good = fs::read(&file).unwrap();
    let mut cases = vec![Vec::new(), good[..50].to_vec(), good[..good.len() - 1].to_vec(), vec![7; 4096]];
    for at in [0, 20, 60, 80, 81, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        cases.push(flipped);
    }
    // Right by its own hash, but not what Wasmtime has written.
    let mut foreign = good[..80].to_vec();
    foreign.extend_from_slice(b"not an artifact");
    let hash = *blake3::hash(&foreign[80..]).as_bytes();
    foreign[48..80].copy_from_slice(&hash);
    cases.push(foreign);
    for case in cases {
        fs::write(&file, &case).unwrap();
        let notices = start(cache);
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].contains("is not used"), "{notices:?}");
        assert!(start(cache).is_empty(), "the file was replaced");
        assert_eq!(files(cache), std::slice::from_ref(&file));
    }
}

#[test]
fn another_modules_file_under_this_name_is_not_used() {
    let (_folder, file) = filled();
    let cache = file.parent().unwrap();
    let mut guest = Guest::default();
    guest.sections.push(("other".into(), vec![1]));
    assert!(start_module(cache, guest.build()).is_empty());
    let other = files(cache).into_iter().find(|other| *other != file).unwrap();
    fs::copy(&other, &file).unwrap();
    let notices = start(cache);
    assert!(notices[0].contains("another file"), "{notices:?}");
}

#[test]
fn files_that_others_can_write_are_not_used() {
    let (_folder, file) = filled();
    let cache = file.parent().unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o620)).unwrap();
    let notices = start(cache);
    assert!(notices[0].contains("other users can write it"), "{notices:?}");
    // Written anew, under its own name, by nobody else.
    assert!(start(cache).is_empty());
    let target = cache.join("elsewhere");
    fs::rename(&file, &target).unwrap();
    symlink(&target, &file).unwrap();
    let notices = start(cache);
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(start(cache).is_empty());
}

#[test]
fn folders_that_others_can_write_are_not_used() {
    for mode in [0o770, 0o707, 0o777] {
        let (_folder, file) = filled();
        let cache = file.parent().unwrap();
        fs::set_permissions(cache, Permissions::from_mode(mode)).unwrap();
        let notices = start(cache);
        assert!(notices[0].contains("other users can write it"), "{notices:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_or_made_costs_nothing_but_time() {
    let (folder, file) = filled();
    let cache = file.parent().unwrap();
    fs::remove_file(&file).unwrap();
    fs::set_permissions(cache, Permissions::from_mode(0o500)).unwrap();
    let root = fs::write(cache.join("probe"), b"").is_ok();
    let notices = start(cache);
    // Root writes everywhere.
    assert!(root || notices[0].contains("is not kept"), "{notices:?}");
    fs::set_permissions(cache, Permissions::from_mode(0o700)).unwrap();
    let plain = folder.path().join("file");
    fs::write(&plain, b"").unwrap();
    assert!(start(&plain)[0].contains("is not kept"));
    assert!(start(&plain.join("below"))[0].contains("is not kept"));
    assert!(start(Path::new("/proc/dagvault-no-such-folder"))[0].contains("is not kept"));
}

#[test]
fn racing_starts_agree() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert!(start(folder.path()).is_empty());
                    // Another start may have removed it, or not written it yet.
                    for file in files(folder.path()).iter().filter(|file| file.extension().is_some()) {
                        let _ = fs::remove_file(file);
                    }
                }
            });
        }
    });
    assert!(start(folder.path()).is_empty());
    assert_eq!(files(folder.path()).len(), 1);
}

/// Runs this very test in processes of its own, which race for one cache.
#[test]
fn racing_processes_agree() {
    const VARIABLE: &str = "DAGVAULT_TEST_RACE";
    if let Some(cache) = std::env::var_os(VARIABLE) {
        assert!(start(Path::new(&cache)).is_empty());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let process = || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "artifacts::racing_processes_agree"])
            .env(VARIABLE, folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    for _ in 0..3 {
        let children: Vec<_> = (0..3).map(|_| process()).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let [file] = files(folder.path()).try_into().unwrap();
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn old_files_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..20 {
        fs::write(folder.path().join(format!("{index:064}.cwasm")), b"old").unwrap();
    }
    fs::write(folder.path().join("notes.txt"), b"not ours").unwrap();
    assert!(start(folder.path()).is_empty());
    // The new one, the seven newest others, and what is not ours.
    assert_eq!(files(folder.path()).len(), 9);
    assert!(folder.path().join("notes.txt").exists());
}
