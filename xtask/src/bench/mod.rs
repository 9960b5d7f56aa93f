//! `cargo xtask bench`: everything that is measured, in turns in one run, written into docs/benchmarks.md.

mod accelerators;
mod against;
mod child;
mod crypto;
mod engines;
mod gas;
mod graph;
mod growth;
mod latency;
mod memory;
mod peers;
mod plots;
mod puts;
mod report;
mod requests;
mod rows;
mod store;
mod svg;
mod targets;
mod turns;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use self::child::{Case, Server};
use self::rows::Rows;
use self::turns::{Effort, Field, Row};
use crate::commands::Arguments;
use crate::run::Workspace;
use crate::{guest, setup, vault};

/// What every section needs.
struct Bench {
    workspace: Workspace,
    /// The command, optimised.
    binary: PathBuf,
    /// The Rust library's sources.
    library: PathBuf,
    /// Where the vaults and repositories go.
    scratch: PathBuf,
    /// How often each contender runs where whole processes are compared.
    rounds: u32,
    /// How much of everything else.
    effort: Effort,
    /// Of which cases the name has this in it.
    filter: Option<String>,
    /// Whether a section was asked for by its name: it may take longer then.
    named: bool,
    /// What would have to be typed again.
    typed: String,
}

/// Measures one section, or all, or compares with another revision.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let quick = arguments.flag("--quick");
    let filter = arguments.text("--filter").map(str::to_owned);
    let wanted = arguments.word.unwrap_or("all");
    let mut bench = Bench {
        library: setup::nightly()?,
        binary: vault::build(workspace)?,
        scratch: workspace.fresh_dir("bench/scratch")?,
        rounds: arguments.number("--rounds", if quick { 1 } else { 5 })?,
        effort: if quick { Effort::QUICK } else { Effort::FULL },
        filter,
        named: wanted != "all" && !quick,
        typed: String::new(),
        workspace: workspace.clone(),
    };
    if let Some(revision) = arguments.text("--against") {
        let done = against::run(&bench, revision, wanted);
        std::fs::remove_dir_all(&bench.scratch)?;
        return done;
    }
    // A part of the figures would push the whole ones out of the document.
    let keep = !(quick || bench.filter.is_some() || arguments.flag("--dry-run"));
    let mut field = None;
    for name in SECTIONS.into_iter().filter(|name| ["all", name].contains(&wanted)) {
        println!("measuring: {name}");
        bench.typed = format!("cargo xtask bench {name} --rounds {}", bench.rounds);
        for (mark, lines) in bench.section(name, &mut field, keep)? {
            lines.iter().for_each(|line| println!("{line}"));
            if keep {
                report::write(workspace, mark, &lines)?;
            }
        }
    }
    drop(field);
    std::fs::remove_dir_all(&bench.scratch)?;
    Ok(())
}

const SECTIONS: [&str; 13] = [
    "crypto",
    "accelerators",
    "dag",
    "graph",
    "vault",
    "growth",
    "store",
    "memory",
    "puts",
    "engines",
    "latency",
    "peers",
    "gas",
];

/// A table and the name of its marks in the document.
type Marked = (&'static str, Vec<String>);

impl Bench {
    /// Measures a section; answers its tables.
    fn section(&self, name: &'static str, field: &mut Option<Field>, keep: bool) -> Result<Vec<Marked>> {
        let table = match name {
            "accelerators" => {
                let tables = [(name, accelerators::measure(self)?), ("wide", accelerators::wide(self)?)];
                return tables
                    .into_iter()
                    .map(|(mark, table)| Ok((mark, report::with_origin(self, table)?)))
                    .collect();
            }
            "graph" => {
                return [
                    ("scaling", graph::scaling(self)?),
                    ("maps", graph::maps(self)?),
                    ("petgraph", graph::petgraph(self)?),
                ]
                .into_iter()
                .map(|(mark, table)| Ok((mark, report::with_origin(self, table)?)))
                .collect();
            }
            "growth" => growth::measure(self)?,
            "gas" => gas::measure(self)?,
            "store" => {
                let [some, many] = store::BLOCKS;
                let mut tables = vec![("store", report::with_origin(self, store::measure(self, some)?)?)];
                if self.named {
                    tables.push(("store-many", report::with_origin(self, store::measure(self, many)?)?));
                }
                return Ok(tables);
            }
            "memory" => memory::measure(self)?,
            "puts" => puts::measure(self)?,
            "engines" => engines::measure(self)?,
            "latency" => latency::measure(self)?,
            "peers" => peers::measure(self)?,
            group => {
                let field = match field {
                    Some(field) => field,
                    None => field.insert(self.field()?),
                };
                let rows = field.measure(self.effort, &|case| self.wants(group, case))?;
                return self.tables(name, &rows, keep);
            }
        };
        Ok(vec![(name, report::with_origin(self, table)?)])
    }

    fn wants(&self, group: &str, case: &Case) -> bool {
        let named = self.filter.as_ref().is_none_or(|text| case.name().contains(text));
        let part = case.group != "crypto" || rows::takes_part(&case.engine, &case.who, case.workers);
        // To open takes what it takes to seal: asked for by name only.
        let double = case.what.ends_with("-both") && self.filter.is_none();
        case.group == group && named && part && !double
    }

    fn tables(&self, name: &'static str, rows: &[Row], keep: bool) -> Result<Vec<Marked>> {
        let rows = Rows(rows);
        if name != "crypto" {
            return Ok(vec![(name, report::with_origin(self, requests::tables(rows))?)]);
        }
        if keep {
            plots::write(&self.workspace.root.join("docs/plots"), rows, &report::origin(self)?)?;
        }
        let mut targets = targets::tables(rows);
        targets.push(String::new());
        targets.push(report::versions(self)?);
        Ok(vec![
            ("targets", report::with_origin(self, targets)?),
            ("crypto", report::with_origin(self, crypto::tables(rows))?),
            ("workers", report::with_origin(self, crypto::scaling(rows))?),
        ])
    }

    /// Everybody who is given turns: the program for native code and Wasmtime, and Nodes where there are some.
    fn field(&self) -> Result<Field> {
        let out = self.workspace.target.join("bench/modules");
        let modules = guest::kernels(&self.workspace, &self.workspace.root, &out)?;
        let program = self.workspace.target.join("release/measure");
        let mut servers = vec![measure(&program, &self.scratch, &modules)?];
        for node in nodes(&self.workspace)? {
            let mut command = Command::new(&node);
            command.arg(node_folder(&self.workspace).join("kernels.mjs")).args(named(&modules));
            servers.push(Server::start(&mut command)?);
        }
        Ok(Field { servers })
    }
}

type Modules = [(&'static str, PathBuf)];

/// Modules as arguments.
fn named(modules: &Modules) -> Vec<String> {
    modules.iter().map(|(name, path)| format!("{name}={}", path.display())).collect()
}

fn measure(program: &Path, scratch: &Path, modules: &Modules) -> Result<Server> {
    Server::start(Command::new(program).arg(scratch).args(named(modules)))
}

fn node_folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("bench/node")
}

/// The Node of this machine and the newer one among the packages; none where there is no npm.
fn nodes(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = node_folder(workspace);
    if !setup::npm(&workspace.root.join("benches/node"), &folder)? {
        println!("there is no node with npm here: V8 and its peers are left out");
        return Ok(Vec::new());
    }
    Ok(vec![PathBuf::from("node"), folder.join("node_modules/.bin/node")])
}
