//! `dagvault`: the command line of an encrypted, content-addressed DAG vault.
//!
//! Every command turns its arguments into requests to a `dyn Engine`; `engine.rs` is the only file that
//! knows which engine that is. docs/cli.md is the reference for users.
#![forbid(unsafe_code)]

mod args;
mod attrs;
mod commands;
mod engine;
mod export;
mod failure;
mod glob;
mod graph;
mod harden;
mod import;
mod input;
mod names;
mod output;
mod progress;
mod secret;
mod show;
mod signal;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use failure::{Failure, Kind};
use output::Out;

fn main() -> ExitCode {
    harden::process();
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let mut out = Out::new(cli.global.json, cli.global.quiet);
    let done = commands::run(cli, &mut out).and_then(|()| out.flush());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // What was printed before the failure belongs before it; a pipe that broke again says nothing new.
            let _ = out.flush();
            out.failure(&failure);
            ExitCode::from(failure.kind.code())
        }
    }
}

/// Answers a command line that makes no sense, or a call for help.
fn refuse(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A pipe closed before the end of the help is nobody's failure.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let json = std::env::args_os().skip(1).any(|argument| argument == "--json");
    let out = Out::new(json, false);
    // clap repeats the arguments that it doesn't know; one of them may be a value given by mistake.
    let stray = matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::TooManyValues);
    let message = if stray {
        let usage = error.get(clap::error::ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
        format!("an argument is not expected here (not repeated: it may be a secret)\n\n{}", usage.trim())
    } else {
        let text = error.render().to_string();
        text.strip_prefix("error: ").unwrap_or(&text).trim().to_owned()
    };
    let hint = if stray {
        "values and passphrases are never arguments: use stdin, -i FILE or the prompt; see --help"
    } else {
        "see --help, or docs/cli.md"
    };
    out.failure(&Failure::new(Kind::Usage, message).hint(hint));
    ExitCode::from(Kind::Usage.code())
}
