//! Builds, tests, demonstrates and measures dagvault: `cargo xtask` lists the commands.
//!
//! Each command does its own set-up on a machine that has only rustup and a C compiler, and says in one line
//! what it installs.
#![forbid(unsafe_code)]

mod bench;
mod ci;
mod commands;
mod constant_time;
mod demo;
mod differential;
mod executor;
mod fuzz;
mod guest;
mod interchange;
mod measure;
mod miri;
mod parity;
mod run;
mod setup;
mod test;
mod tidy;
mod tree;
mod tsan;
mod vault;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::commands::{Arguments, COMMANDS};
use crate::run::Workspace;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // Not a command for people: `bench` runs itself once more for each process that it weighs.
    if words.first().is_some_and(|word| word == measure::SUBCOMMAND) {
        return measure::child(&words[1..]);
    }
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[String]) -> Result<()> {
    let Some((name, rest)) = words.split_first() else {
        commands::print_list();
        return Ok(());
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        commands::print_list();
        bail!("there is no command '{name}'");
    };
    let arguments = Arguments::parse(command, rest)?;
    let workspace = Workspace::find()?;
    match command.name {
        "build" => vault::build(&workspace).map(|binary| println!("{}", binary.display())),
        "guest" => {
            for module in [guest::build, guest::validators, guest::meter] {
                println!("{}", module(&workspace)?.display());
            }
            Ok(())
        }
        "demo" => demo::run(&workspace, &arguments),
        "test" => test::run(&workspace, arguments.flag("--full")),
        "constant-time" => constant_time::run(&workspace, &arguments),
        "differential" => differential::run(&workspace, arguments.number("--cases", 100_000)?),
        "interchange" => interchange::run(&workspace),
        "executor" => executor::run(&workspace, arguments.number("--requests", executor::REQUESTS)?),
        "parity" => parity::run(&workspace, arguments.number("--modules", parity::MODULES)?),
        "miri" => miri::run(&workspace),
        "tsan" => tsan::run(&workspace),
        "tidy" => tidy::run(&workspace),
        "ci" => ci::run(&workspace),
        "bench" => bench::run(&workspace, &arguments),
        "fuzz" => fuzz::run(&workspace, &arguments),
        other => bail!("the command '{other}' is listed but not written"),
    }
}
