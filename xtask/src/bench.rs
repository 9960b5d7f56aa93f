//! `cargo xtask bench`: the criterion benches.

use anyhow::Result;

use crate::commands::Arguments;
use crate::run::{Workspace, run_shown};
use crate::{guest, setup};

/// Runs the benches.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    setup::nightly()?;
    guest::build(workspace)?;
    let mut command = workspace.cargo();
    command.args(["bench", "--workspace", "--bench", "engines"]);
    if let Some(filter) = arguments.text("--filter") {
        command.args(["--", filter]);
    }
    run_shown(&mut command)
}
