//! Runs the kernels' modules in an interpreter that follows secrets, and reports what depends on them.
//!
//! Usage: `constant-time-wasm NAME=MODULE …`, with modules of `guest/kernels` built with its feature `constant-time`.
//! `cargo xtask constant-time` does it.
#![forbid(unsafe_code)]

mod machine;
mod module;
mod scalar;
mod step;
#[cfg(test)]
mod tests;
mod value;
mod vector;

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use dagvault_constant_time::{MESSAGE_BYTES, Report, Row, judge};
use dagvault_crypto::backend::Backend;
use dagvault_crypto::kernels::differential;

use machine::Machine;
use module::Module;

/// Random cases whose results must be those of the processor: the interpreter is checked, too.
const CASES: u32 = 12;
const SEED: u64 = 2;

fn main() -> ExitCode {
    let mut good = true;
    for argument in std::env::args().skip(1) {
        let (name, path) = argument.split_once('=').unwrap_or((&argument, &argument));
        match check(name, path).with_context(|| format!("{name}: {path}")) {
            Ok(clean) => good &= clean,
            Err(error) => {
                eprintln!("{error:#}");
                good = false;
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn check(name: &str, path: &str) -> Result<bool> {
    let module = Module::parse(&std::fs::read(path)?)?;
    let mut machine = Machine::new(&module)?;
    let kernels = names(&mut machine, "kernel")?;
    let backends = names(&mut machine, "backend")?;
    let wanted = differential::digest(Backend::RustCrypto, SEED, 0, CASES);
    for (index, backend) in backends.iter().enumerate() {
        let mut machine = Machine::new(&module)?;
        let arguments = [index as u64, SEED, 0, CASES.into()];
        let bytes = machine.call("differential_run", &arguments)?;
        let text = machine.call("text", &[])?;
        ensure!(machine.bytes(text, bytes)? == wanted, "{backend}: not the processor's results");
    }
    let mut rows = Vec::new();
    let mut selects = 0;
    for (kernel, kernel_name) in kernels.iter().enumerate() {
        for (backend, backend_name) in backends.iter().enumerate() {
            let mut machine = Machine::new(&module)?;
            run(&mut machine, kernel as u64, backend as u64)
                .with_context(|| format!("{kernel_name} on {backend_name}"))?;
            selects += machine.selects;
            rows.push(Row {
                kernel: kernel_name.clone(),
                backend: backend_name.clone(),
                count: machine.leaks.values().sum(),
                reports: reports(&module, &machine),
            });
        }
    }
    println!("{name}: {selects} choices by a secret that are no branches in WebAssembly");
    Ok(judge(&format!("wasm {name}"), &rows))
}

fn run(machine: &mut Machine<'_>, kernel: u64, backend: u64) -> Result<()> {
    for length in MESSAGE_BYTES {
        let length = u32::try_from(length)?;
        let start = machine.call("buffer", &[length.into()])?;
        for (index, byte) in machine.bytes(start, length)?.iter_mut().enumerate() {
            *byte = index.to_le_bytes()[0];
        }
        machine.mark(start, length, true)?;
        machine.call("kernel_run", &[kernel, backend, 1])?;
    }
    Ok(())
}

/// The names of all kernels or backends.
fn names(machine: &mut Machine<'_>, what: &str) -> Result<Vec<String>> {
    let count = machine.call(&format!("{what}_count"), &[])?;
    let name = |index: u32| {
        let bytes = machine.call(&format!("{what}_name"), &[index.into()])?;
        let text = machine.call("text", &[])?;
        Ok(String::from_utf8(machine.bytes(text, bytes)?.to_vec())?)
    };
    (0..count).map(name).collect()
}

fn reports(module: &Module, machine: &Machine<'_>) -> Vec<Report> {
    let report = |(&(function, place, leak), count): (&(u32, usize, machine::Leak), &u64)| {
        let name = module.names.get(&function).map_or("?", String::as_str).to_owned();
        Report {
            kind: format!("{leak:?} by a secret, {count} times"),
            function: name.clone(),
            place: format!("{place:#x}"),
            stack: vec![name],
        }
    };
    machine.leaks.iter().map(report).collect()
}
