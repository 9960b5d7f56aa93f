//! `repair`: looks at every byte of the files, without any key.

use dagvault_dag::files::{Cells, RepairOptions, RepairReport};
use serde_json::{Value, json};

use crate::args::{Global, Repair};
use crate::engine;
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::progress::Unit;
use crate::show;
use crate::signal::Stop;

/// Repairs, or only looks.
pub(super) fn run(global: &Global, options: &Repair, out: &mut Out) -> Outcome<()> {
    let how = RepairOptions { dry_run: options.dry_run, accept_older: options.accept_older };
    let stop = Stop::watch();
    out.start_progress(Unit::Bytes);
    let report = engine::repair(global, &how, &mut |bytes, total| {
        out.progress(0, bytes, Some(total));
        !stop.asked()
    });
    out.end_progress();
    let report = report?;
    if out.json {
        out.object(&to_json(&report, options.dry_run))?;
    } else {
        for line in lines(&report, options.dry_run) {
            out.line(&line)?;
        }
    }
    stop.check("what was repaired stays so; the same command goes on")?;
    if !report.opens {
        return Err(Failure::new(
            Kind::Corrupt,
            "the newest acknowledged state can't be read; nothing was changed",
        )
        .hint("bring the folder log back from a copy, or go on with an older state by --accept-older"));
    }
    if report.is_whole() {
        return Ok(());
    }
    Err(Failure::new(Kind::Partial, "not everything that was stored is there")
        .hint("see the list above; `dagvault verify` tells which paths miss what is lost"))
}

fn lines(report: &RepairReport, dry_run: bool) -> Vec<String> {
    let would = |done: &str, plan: &str| if dry_run { plan.to_owned() } else { done.to_owned() };
    let mut lines = vec![format!(
        "looked at {} in {} ({})",
        show::count(report.blocks, "block", "blocks"),
        show::count(report.segments, "file", "files"),
        show::bytes(report.bytes),
    )];
    if report.indexes > 0 {
        let what = would("made anew", "would be made anew");
        lines.push(format!("{} {what}", show::count(report.indexes, "index", "indexes")));
    }
    let kept = would(
        "damaged; what is whole was saved, the original is in the folder damaged",
        "damaged; what is whole would be saved, the original kept in the folder damaged",
    );
    lines.extend(report.damaged.iter().map(|path| format!("{path}: {kept}")));
    match report.cells {
        Cells::Whole => {}
        Cells::Saved => lines.push("the log was damaged; the newest state was found in it".into()),
        Cells::Older => {
            lines.push("the log is damaged; newer states than the one found had been acknowledged".into())
        }
    }
    for range in &report.ranges {
        lines.push(format!("{}: nothing can be read from {} to {}", range.path, range.from, range.to));
    }
    lines.extend(report.lost.iter().map(|cid| format!("lost {cid}")));
    lines.extend(report.left.iter().cloned());
    if report.is_whole() {
        lines.push("nothing is lost".into());
    }
    lines
}

fn to_json(report: &RepairReport, dry_run: bool) -> Value {
    let cells = match report.cells {
        Cells::Whole => "whole",
        Cells::Saved => "saved",
        Cells::Older => "older",
    };
    let ranges: Vec<Value> = report
        .ranges
        .iter()
        .map(|range| json!({ "path": range.path, "from": range.from, "to": range.to }))
        .collect();
    json!({
        "dry_run": dry_run, "opens": report.opens, "whole": report.is_whole(), "blocks": report.blocks,
        "files": report.segments, "bytes": report.bytes, "indexes": report.indexes, "state": cells,
        "damaged": report.damaged, "unreadable": ranges, "left": report.left,
        "lost": report.lost.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
