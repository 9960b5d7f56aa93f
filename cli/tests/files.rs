//! Import and export: what comes back, what is skipped, what is refused.
#![allow(clippy::unwrap_used, clippy::too_many_lines, reason = "a test ends with what it did not expect")]

mod common;

use common::{ENGINES, Folder, Run, Vault, assert_same_tree, noise};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

fn touch(path: &Path, time: &str) {
    assert!(Command::new("touch").args(["-h", "-d", time]).arg(path).status().unwrap().success());
}

/// A tree with a little of everything.
fn tree() -> Folder {
    let tree = Folder::new();
    tree.write("a.txt", b"text");
    tree.write("empty", b"");
    tree.write("d/inner/file", &noise(50_000, 1));
    tree.write("d.x", b"sorts between d and what is in it");
    tree.write("large", &noise(9 << 20, 2));
    tree.write("text", "the same words again ".repeat(5000).as_bytes());
    std::fs::create_dir_all(tree.at("hollow/inner")).unwrap();
    symlink("a.txt", tree.at("link")).unwrap();
    symlink("/no/where", tree.at("dangling")).unwrap();
    symlink("loop", tree.at("loop")).unwrap();
    symlink("..", tree.at("d/up")).unwrap();
    std::fs::set_permissions(tree.at("a.txt"), PermissionsExt::from_mode(0o741)).unwrap();
    std::fs::set_permissions(tree.at("hollow"), PermissionsExt::from_mode(0o500)).unwrap();
    for (name, time) in [
        ("a.txt", "1901-02-03T04:05:06.789"),
        ("empty", "2033-01-01T00:00:00.000000001"),
        ("link", "1969-12-31T23:59:59.5"),
        ("d/inner", "2001-01-01"),
        ("hollow", "1999-01-01"),
        (".", "2002-02-02"),
    ] {
        touch(&tree.at(name), time);
    }
    // Times of change younger than a tick of the clock are not trusted.
    std::thread::sleep(std::time::Duration::from_millis(50));
    tree
}

fn attributes(root: &Path, name: &str) -> (u32, i64, i64) {
    let found = root.join(name).symlink_metadata().unwrap();
    (found.mode(), found.mtime(), found.mtime_nsec())
}

fn import(vault: &Vault, tree: &Path, more: &[&str]) -> Run {
    vault.run(&[&["import", tree.to_str().unwrap(), "--into", "t", "--json"][..], more].concat())
}

fn export(vault: &Vault, to: &Path, more: &[&str]) -> Run {
    vault.run(&[&["export", "t", to.to_str().unwrap(), "--json"][..], more].concat())
}

#[test]
fn trees_come_back_whole() {
    for engine in ENGINES {
        let (vault, tree) = (Vault::new(engine), tree());
        let first = import(&vault, &tree.0, &[]).ok().json();
        assert_eq!((&first["files"], &first["symlinks"], &first["dirs"]), (&6.into(), &4.into(), &5.into()));
        assert_eq!((&first["written"], &first["problems"]), (&15.into(), &0.into()));
        let again = import(&vault, &tree.0, &[]).ok().json();
        assert_eq!(
            (&again["unchanged"], &again["bytes_read"], &again["written"]),
            (&15.into(), &0.into(), &0.into())
        );
        let out = vault.folder.at("out");
        let exported = export(&vault, &out, &[]).ok().json();
        assert_eq!((&exported["files"], &exported["symlinks"]), (&6.into(), &4.into()));
        assert_same_tree(&tree.0, &out);
        for name in [
            "",
            "a.txt",
            "empty",
            "link",
            "loop",
            "d",
            "d/inner",
            "d/inner/file",
            "hollow",
            "hollow/inner",
            "large",
            "d/up",
        ] {
            assert_eq!(attributes(&tree.0, name), attributes(&out, name), "{engine} {name}");
        }
        let second = export(&vault, &out, &[]).ok().json();
        assert_eq!(
            (&second["files"], &second["symlinks"], &second["unchanged"]),
            (&0.into(), &0.into(), &10.into())
        );
        vault.run(&["verify"]).ok();
    }
}

#[test]
fn changes_are_found_by_the_rule() {
    let (vault, tree) = (Vault::new("native"), tree());
    import(&vault, &tree.0, &[]).ok();
    // Same size and time put back: the time of change tells.
    let file = tree.at("a.txt");
    let time = tree.at("reference");
    Command::new("touch").arg("-r").arg(&file).arg(&time).status().unwrap();
    std::fs::write(&file, b"TEXT").unwrap();
    Command::new("touch").arg("-r").arg(&time).arg(&file).status().unwrap();
    std::fs::remove_file(&time).unwrap();
    let run = import(&vault, &tree.0, &[]).ok().json();
    assert_eq!(run["written"], 1, "{run}");
    assert_eq!(vault.get("t/a.txt"), b"TEXT");
    // Only attributes: no new version.
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let run = import(&vault, &tree.0, &[]).ok().json();
    assert_eq!((&run["written"], &run["equal"]), (&0.into(), &1.into()), "{run}");
    std::thread::sleep(std::time::Duration::from_millis(50));
    import(&vault, &tree.0, &[]).ok();
    let run = import(&vault, &tree.0, &["--rehash"]).ok().json();
    assert_eq!((&run["written"], &run["unchanged"]), (&0.into(), &5.into()), "{run}");
    assert!(run["bytes_read"].as_u64().unwrap() > 9 << 20);
    // A file becomes a folder, and a folder a file.
    std::fs::remove_file(tree.at("empty")).unwrap();
    std::fs::create_dir(tree.at("empty")).unwrap();
    std::fs::remove_dir_all(tree.at("d")).unwrap();
    std::fs::write(tree.at("d"), b"file now").unwrap();
    let run = import(&vault, &tree.0, &["--delete"]).ok().json();
    assert_eq!(run["deleted"], 3, "{run}");
    let out = vault.folder.at("out");
    export(&vault, &out, &[]).ok();
    assert_same_tree(&tree.0, &out);
}

#[test]
fn options_of_import_leave_out_and_delete() {
    let (vault, tree) = (Vault::new("native"), tree());
    let run = import(
        &vault,
        &tree.0,
        &[
            "--exclude",
            "*.x",
            "--exclude",
            "/large",
            "--exclude",
            "d/inner",
            "--exclude",
            "hollow/**",
            "--dry-run",
        ],
    )
    .ok();
    assert!(!run.text().contains("t/large") && run.text().contains("t/text"), "{}", run.text());
    vault.run(&["ls", "t"]).code(3);
    import(
        &vault,
        &tree.0,
        &["--exclude", "*.x", "--exclude", "/large", "--exclude", "d/inner", "--exclude", "hollow/**"],
    )
    .ok();
    let listed = vault.run(&["ls", "-r", "t"]).ok();
    assert_eq!(
        listed.text(),
        "t/\nt/a.txt\nt/d/\nt/d/up\nt/dangling\nt/empty\nt/hollow/\nt/link\nt/loop\nt/text\n"
    );
    std::fs::remove_file(tree.at("text")).unwrap();
    std::fs::remove_file(tree.at("link")).unwrap();
    import(&vault, &tree.0, &["--exclude", "large"]).ok();
    assert_eq!(vault.run(&["get", "t/text"]).ok().out.len(), 105_000);
    let run = import(&vault, &tree.0, &["--exclude", "large", "--exclude", "link", "--delete"]).ok().json();
    assert_eq!(run["deleted"], 1);
    vault.run(&["get", "t/text"]).code(3);
    vault.run(&["get", "t/link"]).ok();
}

#[test]
fn names_that_are_not_text_come_back() {
    for engine in ENGINES {
        let (vault, tree) = (Vault::new(engine), Folder::new());
        let raw = |bytes: &[u8]| tree.0.join(OsStr::from_bytes(bytes));
        std::fs::create_dir(raw(b"dir\xff")).unwrap();
        std::fs::write(raw(b"dir\xff/in\xfe"), b"inside").unwrap();
        std::fs::write(raw(b"dir\xff.x"), b"between").unwrap();
        std::fs::write(raw(b"percent%20"), b"literal").unwrap();
        std::fs::write(raw(b"new\nline \x1b[31m"), b"control").unwrap();
        import(&vault, &tree.0, &[]).ok();
        assert_eq!(vault.get("t/dir%FF/in%FE"), b"inside");
        let out = vault.folder.at("out");
        export(&vault, &out, &[]).ok();
        assert_same_tree(&tree.0, &out);
        // The literal name of an escaped one.
        std::fs::write(tree.at("dir%FF.x"), b"literal twin").unwrap();
        let run = import(&vault, &tree.0, &[]).code(9);
        assert!(run.err.contains("not UTF-8"), "{}", run.err);
        assert_eq!(vault.get("t/dir%FF.x"), b"literal twin");
    }
}

#[test]
fn what_is_no_file_is_skipped() {
    let (vault, tree) = (Vault::new("native"), tree());
    assert!(Command::new("mkfifo").arg(tree.at("pipe")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(tree.at("socket")).unwrap();
    let run = import(&vault, &tree.0, &[]).ok();
    assert_eq!(run.json()["skipped"], 2);
    assert!(run.err.contains("it is a pipe") && run.err.contains("it is a socket"), "{}", run.err);
    // The vault is not imported into itself.
    let run = vault.run(&["import", vault.folder.0.to_str().unwrap(), "--into", "self", "--json"]).ok();
    assert_eq!(run.json()["skipped"], 1);
    assert_eq!(vault.run(&["ls", "self"]).ok().text(), "key\n");
}

#[test]
fn ten_thousand_levels_are_survived() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let (vault, tree) = (Vault::new("native"), Folder::new());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut at = openat(CWD, &tree.0, flags, Mode::empty()).unwrap();
    for _ in 0..10_000 {
        mkdirat(&at, "d", Mode::RWXU).unwrap();
        at = openat(&at, "d", flags, Mode::empty()).unwrap();
    }
    tree.write("z", b"last");
    let run = import(&vault, &tree.0, &[]).code(9);
    assert_eq!(run.json()["problems"], 1);
    assert_eq!(run.json()["dirs"], 2048);
    assert!(run.err.len() < 1000, "{}", run.err);
    assert_eq!(vault.get("t/z"), b"last");
    let out = vault.folder.at("out");
    export(&vault, &out, &[]).ok();
    assert_eq!(std::fs::read(out.join("z")).unwrap(), b"last");
}

#[test]
fn unreadable_files_do_not_stop_the_rest() {
    let (vault, tree) = (Vault::new("native"), tree());
    let secret = tree.write("secret", b"for root only");
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o000)).unwrap();
    std::fs::create_dir(tree.at("closed")).unwrap();
    std::fs::set_permissions(tree.at("closed"), PermissionsExt::from_mode(0o000)).unwrap();
    let command = vault.folder.at("dagvault");
    std::fs::copy(common::DAGVAULT, &command).unwrap();
    Command::new("chown").args(["-R", "65534:65534"]).arg(&vault.folder.0).status().unwrap();
    Command::new("chown").args(["-R", "65534:65534"]).arg(&tree.0).status().unwrap();
    let run = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&command)
        .args(["--engine", "native", "--json", "import", tree.0.to_str().unwrap(), "--into", "t", "--vault"])
        .arg(vault.path())
        .arg("--key-file")
        .arg(vault.key())
        .output();
    let run = match run {
        Ok(output) if output.status.code() != Some(127) => Run::from(output).code(9),
        other => return println!("skipped: can't run as nobody: {other:?}"),
    };
    assert_eq!(run.json()["problems"], 2, "{}", run.err);
    assert_eq!(vault.get("t/a.txt"), b"text");
    vault.run(&["get", "t/secret"]).code(3);
}

#[test]
fn exports_stay_inside_and_replace_nothing() {
    for engine in ENGINES {
        let (vault, tree) = (Vault::new(engine), Folder::new());
        tree.write("a/file", b"inside");
        tree.write("b", b"two");
        import(&vault, &tree.0, &[]).ok();
        let outside = Folder::new();
        let out = vault.folder.at("out");
        std::fs::create_dir(&out).unwrap();
        symlink(&outside.0, out.join("a")).unwrap();
        let run = export(&vault, &out, &[]).code(9);
        assert!(run.err.contains("never write through links"), "{}", run.err);
        assert!(common::files(&outside.0).is_empty());
        assert_eq!(std::fs::read(out.join("b")).unwrap(), b"two");
        export(&vault, &out, &["--overwrite"]).code(9);
        assert!(common::files(&outside.0).is_empty());
        // A link in the place of a file is replaced, not followed.
        std::fs::remove_file(out.join("a")).unwrap();
        let precious = outside.write("precious", b"keep");
        std::fs::remove_file(out.join("b")).unwrap();
        symlink(&precious, out.join("b")).unwrap();
        export(&vault, &out, &[]).code(9);
        export(&vault, &out, &["--overwrite"]).ok();
        assert_eq!(std::fs::read(&precious).unwrap(), b"keep");
        assert_same_tree(&tree.0, &out);
        // Another file is there.
        std::fs::write(out.join("b"), b"mine").unwrap();
        export(&vault, &out, &[]).code(9);
        assert_eq!(std::fs::read(out.join("b")).unwrap(), b"mine");
        export(&vault, &out, &["--overwrite"]).ok();
        assert_eq!(std::fs::read(out.join("b")).unwrap(), b"two");
        // A folder is there.
        std::fs::remove_file(out.join("b")).unwrap();
        std::fs::create_dir(out.join("b")).unwrap();
        export(&vault, &out, &["--overwrite"]).code(9);
        vault.run(&["export", "nothing", out.to_str().unwrap()]).code(3);
    }
}

#[test]
fn secrets_are_exported_as_private_files() {
    let vault = Vault::new("native");
    vault.put("web/key", b"k");
    vault.put("web", b"both value and folder");
    vault.put("alone", b"1");
    let out = vault.folder.at("out");
    vault.run(&["export", "web", out.to_str().unwrap()]).ok();
    assert_eq!(std::fs::read(out.join("key")).unwrap(), b"k");
    assert_eq!(std::fs::read(out.join("web")).unwrap(), b"both value and folder");
    assert_eq!(std::fs::metadata(out.join("key")).unwrap().mode() & 0o777, 0o600);
    let all = vault.folder.at("all");
    let run = vault.run(&["export", "", all.to_str().unwrap()]).code(9);
    assert!(run.err.contains("web"), "{}", run.err);
    assert_eq!(std::fs::read(all.join("alone")).unwrap(), b"1");
}

#[test]
fn files_that_change_or_vanish_are_reported() {
    let (vault, tree) = (Vault::new("native"), Folder::new());
    tree.write("grows", b"");
    tree.write("steady", b"steady");
    let path = tree.at("grows");
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = over.clone();
    let writer = std::thread::spawn(move || {
        use std::io::Write as _;
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        while !seen.load(std::sync::atomic::Ordering::Relaxed) {
            file.write_all(b"x").unwrap();
        }
    });
    let run = import(&vault, &tree.0, &[]);
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    // The file may hold still for a moment, and is whole then.
    assert!([0, 9].contains(&run.code), "{run:?}");
    if run.code == 9 {
        assert!(run.err.contains("it changed while it was read"), "{}", run.err);
    }
    assert_eq!(vault.get("t/steady"), b"steady");
    import(&vault, &tree.0, &[]).ok();
    assert_eq!(vault.get("t/grows"), std::fs::read(tree.at("grows")).unwrap());
}
