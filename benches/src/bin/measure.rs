//! Times cases on demand: a driver keeps several such programs (and Node) running and gives them turns, so that all
//! of them are measured in the same minute. `cargo xtask bench` is that driver.
//!
//! `measure SCRATCH LABEL=MODULE.wasm …` prints `{"cases": […]}`, then answers each line of its input by
//! a line: `open I` (or `close I`) by `{}`, `run I N` by `{"seconds": …}`; `{"error": …}` where that failed.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use dagvault_benches::case::{Case, Run};
use dagvault_benches::{crypto, dag, vault};
use serde_json::{Value, json};

fn cases(arguments: &[String]) -> Result<Vec<Case>> {
    let (scratch, modules) = arguments.split_first().context("usage: measure SCRATCH LABEL=MODULE.wasm …")?;
    let mut cases = crypto::native();
    for module in modules {
        let (label, path) = module.split_once('=').context("a module is LABEL=PATH")?;
        cases.extend(crypto::wasm(&crypto::Guest::new(label, path)?)?);
    }
    cases.extend(dag::cases(&PathBuf::from(scratch)));
    cases.extend(vault::cases());
    Ok(cases)
}

fn described(case: &Case) -> Value {
    json!({
        "group": case.group, "what": case.what, "engine": case.engine, "who": case.who, "bytes": case.bytes,
        "workers": case.workers, "amount": case.amount,
    })
}

/// Answers one line.
fn answered(line: &str, cases: &[Case], opened: &mut BTreeMap<usize, Run>) -> Result<Value> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [verb, index, rest @ ..] = words.as_slice() else { bail!("not understood") };
    let index: usize = index.parse()?;
    let case = cases.get(index).context("there is no such case")?;
    match (*verb, rest) {
        ("open", []) => {
            opened.insert(index, (case.open)()?);
            Ok(json!({}))
        }
        ("close", []) => {
            opened.remove(&index);
            Ok(json!({}))
        }
        ("run", [times]) => {
            let run = opened.get_mut(&index).context("it is not open")?;
            Ok(json!({ "seconds": run(times.parse()?)?.as_secs_f64() }))
        }
        _ => bail!("not understood"),
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let cases = cases(&arguments)?;
    let mut out = std::io::stdout().lock();
    let list: Vec<Value> = cases.iter().map(described).collect();
    writeln!(out, "{}", json!({ "cases": list }))?;
    let mut opened = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let answer = answered(&line?, &cases, &mut opened);
        let answer = answer.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}
