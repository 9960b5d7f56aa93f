//! The node table: by one and by two workers in both engines, beside concurrent maps, and beside petgraph.

use std::process::Command;

use anyhow::{Result, ensure};

use super::Bench;
use super::rows::head;
use crate::run::output;

/// What a program of the target folder prints.
fn printed(bench: &Bench, program: &str, arguments: &[&str]) -> Result<String> {
    output(Command::new(bench.workspace.target.join("release").join(program)).args(arguments))
}

/// Work on the table and verification, in both engines.
pub(super) fn scaling(bench: &Bench) -> Result<Vec<String>> {
    let folder = bench.scratch.join("graph");
    std::fs::create_dir_all(&folder)?;
    let rounds = (2 * bench.rounds).to_string();
    let said = printed(bench, "graph_scaling", &[&rounds, &folder.display().to_string()])?;
    let rows: Vec<String> =
        said.lines().filter_map(|line| line.strip_prefix("graph/")).map(|row| format!("| {row} |")).collect();
    ensure!(rows.len() > 10, "the program printed no figures:\n{said}");
    let mut table = vec![
        "Milliseconds by the clock on the wall, the best of all rounds; the last column is the speed by that of the \
         native engine with one worker, and for verification of plain blocks by that of reading and hashing them, \
         both with two."
            .to_owned(),
        String::new(),
    ];
    table.extend(head(&["", "engine", "one worker", "two workers", "×", "÷"].map(str::to_owned)));
    table.extend(rows);
    Ok(table)
}

/// Insertion and lookup beside maps of other crates.
pub(super) fn maps(bench: &Bench) -> Result<Vec<String>> {
    table(&printed(bench, "node_table", &[&bench.rounds.to_string()])?)
}

/// Order and reachability beside petgraph.
pub(super) fn petgraph(bench: &Bench) -> Result<Vec<String>> {
    table(&printed(bench, "graph", &[&(2 * bench.rounds).to_string()])?)
}

/// The lines of a program that prints tables.
fn table(said: &str) -> Result<Vec<String>> {
    ensure!(said.lines().filter(|line| line.starts_with('|')).count() > 10, "there are no figures:\n{said}");
    Ok(said.trim().lines().map(str::to_owned).collect())
}
