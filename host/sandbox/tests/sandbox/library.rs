//! Compilation in a process of its own, and what is kept of it: in memory and in files.

use std::cell::Cell;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dagvault_crypto::sha256;
use dagvault_meter::profile::Profile;
use dagvault_meter::schedule::{FIRST, Schedule};
use dagvault_sandbox::{Capacity, Compiler, Library, LoadError, Module, Outcome, Sandbox};

use crate::support::{YES, abi1, assemble, full};

fn compiler() -> Compiler {
    Compiler::new(PathBuf::from(env!("CARGO_BIN_EXE_dagvault-compile")), Vec::new())
}

fn validator() -> &'static Profile {
    Profile::named("validator").unwrap()
}

fn library_of(schedule: &str, compiler: Compiler, folder: Option<&Path>, bytes_max: usize) -> Library {
    let schedule = Schedule::read(schedule).unwrap();
    let sandbox = Arc::new(Sandbox::new(schedule, Capacity::default()).unwrap());
    Library::new(sandbox, compiler, folder, bytes_max).unwrap()
}

fn library(folder: Option<&Path>) -> Library {
    library_of(FIRST, compiler(), folder, 64 << 20)
}

/// The module, and whether its bytes were asked for.
fn module(library: &Library, bytes: &[u8]) -> (Result<Module, LoadError>, bool) {
    let asked = Cell::new(false);
    let module = library.module(&sha256::digest(bytes), validator(), || {
        asked.set(true);
        bytes.to_vec()
    });
    (module, asked.get())
}

fn runs(library: &Library, module: &Module) {
    let input = crate::support::seven();
    let call = dagvault_sandbox::Call::new(dagvault_sandbox::Function::Op(0), &input);
    assert_eq!(library.sandbox().execute(module, &call).unwrap().outcome, Outcome::Ok);
}

/// The only file of a folder.
fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn a_module_is_compiled_once_then_found() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = assemble(&abi1(YES, ""));
    let first = library(Some(folder.path()));
    let (compiled, asked) = module(&first, &bytes);
    runs(&first, &compiled.unwrap());
    assert!(asked);
    assert!(!module(&first, &bytes).1, "it is in memory");
    // Another process finds the file.
    let second = library(Some(folder.path()));
    let (found, asked) = module(&second, &bytes);
    assert!(!asked, "it is in a file");
    runs(&second, &found.unwrap());
    // Another schedule is another key.
    let dearer = FIRST.replace("\"entry\": 4", "\"entry\": 5");
    assert!(module(&library_of(&dearer, compiler(), Some(folder.path()), 1 << 20), &bytes).1);
}

#[test]
fn files_that_are_not_whole_and_ours_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = assemble(&abi1(YES, ""));
    let asked = || module(&library(Some(folder.path())), &bytes).1;
    assert!(asked());
    let file = only_file(folder.path());
    let whole = std::fs::read(&file).unwrap();
    assert!(!asked());
    for at in [0, 20, 60, 90, 120, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(&file, &changed).unwrap();
        assert!(asked(), "a flipped bit at {at}");
        assert!(!asked(), "and it is written anew");
    }
    std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert!(asked(), "cut off");
    let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    mode(&file, 0o620);
    assert!(asked(), "others could have written it");
    mode(folder.path(), 0o770);
    let sandbox = Arc::new(Sandbox::new(Schedule::first(), Capacity::default()).unwrap());
    assert!(Library::new(sandbox, compiler(), Some(folder.path()), 0).is_err());
    mode(folder.path(), 0o700);
    // A link is not followed.
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("moved");
    std::fs::rename(only_file(folder.path()), &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &file).unwrap();
    assert!(asked());
}

#[test]
fn what_is_not_asked_for_is_let_go_of_unless_it_is_pinned() {
    let of = |number: u32| assemble(&abi1(YES, &format!("(global i32 (i32.const {number}))")));
    let one = library(None);
    module(&one, &of(0)).0.unwrap();
    let (count, bytes) = one.in_memory();
    assert_eq!(count, 1);
    // Room for three.
    let library = library_of(FIRST, compiler(), None, bytes * 3 + bytes / 2);
    for number in 0..3 {
        assert!(module(&library, &of(number)).1);
    }
    assert!(library.pin(&sha256::digest(&of(0)), validator()));
    assert!(!library.pin(&sha256::digest(&of(7)), validator()));
    assert!(!module(&library, &of(1)).1);
    assert!(module(&library, &of(3)).1);
    assert_eq!(library.in_memory().0, 3);
    // The third was asked for longest ago, for the first is pinned.
    assert!(!module(&library, &of(0)).1);
    assert!(!module(&library, &of(1)).1);
    assert!(module(&library, &of(2)).1);
    assert!(library.unpin(&sha256::digest(&of(0)), validator()));
    for number in 4..7 {
        module(&library, &of(number)).0.unwrap();
    }
    assert!(module(&library, &of(0)).1);
}

#[test]
fn refusals_come_back_in_words() {
    let library = library(None);
    let (refused, _) = module(&library, b"nothing");
    assert!(matches!(&refused, Err(LoadError::Told { detail }) if detail.contains("byte 0")), "{refused:?}");
    let (refused, _) = module(&library, &assemble("(module (import \"env\" \"steal\" (func)))"));
    assert!(refused.unwrap_err().to_string().contains("steal"));
    let other = library.module(&[0; 32], validator(), || assemble("(module)"));
    assert!(matches!(other, Err(LoadError::Sha256)));
    let (refused, _) = module(&library, &vec![0; (8 << 20) + 1]);
    assert!(refused.unwrap_err().to_string().contains("bytes of module"));
}

/// Functions that take the compiler long: many values that live at once.
fn bomb(functions: usize) -> Vec<u8> {
    let body: String = (0..3_000)
        .map(|at| {
            let (to, one, two) = (at % 200, at * 7 % 200, at * 13 % 200);
            let value = format!("(i64.xor (local.get {two}) (i64.load (i32.const {at})))");
            format!("(local.set {to} (i64.mul (local.get {one}) {value}))")
        })
        .collect();
    let function = format!("(func (local {}) {body})", "i64 ".repeat(200));
    assemble(&abi1(YES, &function.repeat(functions)))
}

#[test]
fn a_bomb_costs_the_process_that_compiles_it() {
    let bytes = bomb(if full() { 60 } else { 25 });
    let slow = Compiler { wall: Duration::from_millis(300), ..compiler() };
    let library = library_of(FIRST, slow, None, 1 << 20);
    let begin = Instant::now();
    let (ended, _) = module(&library, &bytes);
    assert!(matches!(&ended, Err(LoadError::Compiler { detail }) if detail.contains("longer")), "{ended:?}");
    assert!(begin.elapsed() < Duration::from_millis(1_300), "{:?}", begin.elapsed());
    let narrow = Compiler { memory_bytes: 40 << 20, ..compiler() };
    let (ended, _) = module(&library_of(FIRST, narrow, None, 1 << 20), &bytes);
    assert!(matches!(&ended, Err(LoadError::Compiler { .. })), "{ended:?}");
    let missing = Compiler::new(PathBuf::from("/nowhere/compile"), Vec::new());
    let (ended, _) = module(&library_of(FIRST, missing, None, 1 << 20), &assemble(&abi1(YES, "")));
    assert!(matches!(&ended, Err(LoadError::Compiler { .. })), "{ended:?}");
    let other = Compiler::new(PathBuf::from("/bin/cat"), Vec::new());
    let (ended, _) = module(&library_of(FIRST, other, None, 1 << 20), &assemble(&abi1(YES, "")));
    assert!(matches!(&ended, Err(LoadError::Compiler { .. })), "{ended:?}");
}

#[test]
fn what_the_process_is_asked_is_distrusted() {
    let mut answer = Vec::new();
    for question in
        [&b""[..], b"dagvault compile", &[0xff; 100], &[b"dagvault compile".as_slice(), &[0xff; 64]].concat()]
    {
        assert_eq!(dagvault_sandbox::child_main(question, &mut answer), 2);
        assert!(answer.is_empty());
    }
}
