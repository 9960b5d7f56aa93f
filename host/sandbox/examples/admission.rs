//! How long a module takes to be admitted and compiled in a process of its own, and to be found afterwards.
//! `admission COMPILER MODULE...`: the program that compiles, and files.

#![allow(clippy::unwrap_used, reason = "a measurement that fails says so")]

use std::sync::Arc;
use std::time::Instant;

use dagvault_crypto::sha256;
use dagvault_meter::profile::Profile;
use dagvault_meter::schedule::Schedule;
use dagvault_sandbox::{Capacity, Compiler, Library, Sandbox};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let library = || {
        let sandbox = Arc::new(Sandbox::new(Schedule::first(), Capacity::default()).unwrap());
        let compiler = Compiler::new(program.clone().into(), Vec::new());
        Library::new(sandbox, compiler, Some(folder.path()), 256 << 20).unwrap()
    };
    let profile = Profile::named("sealed").unwrap();
    for file in arguments {
        let bytes = std::fs::read(&file).unwrap();
        let sha256 = sha256::digest(&bytes);
        let find = |library: &Library| {
            let begin = Instant::now();
            let module = library.module(&sha256, profile, || bytes.clone()).unwrap();
            (begin.elapsed(), module)
        };
        let (compiled, module) = find(&library());
        let disk = (0..20).map(|_| library()).map(|library| find(&library).0).min().unwrap();
        let library = library();
        find(&library);
        let memory = (0..1_000).map(|_| find(&library).0).min().unwrap();
        let (length, code) = (bytes.len(), module.code_bytes());
        println!("{file}: {length} bytes, {code} of code");
        println!("admitted in {compiled:?}, from disk {disk:?}, from memory {memory:?}");
    }
}
