//! What valgrind and the program under it write.

use anyhow::{Context as _, Result, bail, ensure};
use dagvault_constant_time::{Report, Row};

use super::{END, ROW};

/// Most functions of a report that are shown: those of inlined calls come one by one.
const FRAMES_MAX: usize = 12;

/// Reads the log.
pub(crate) fn rows(text: &str) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix(ROW) {
            let (kernel, backend) = rest.trim().split_once(' ').context("a kernel without its backend")?;
            let (kernel, backend) = (kernel.to_owned(), backend.to_owned());
            rows.push(Row { kernel, backend, count: 0, reports: Vec::new() });
            is_open = true;
            continue;
        }
        let row = rows.last_mut().with_context(|| format!("before the first kernel: {line}"))?;
        if let Some(count) = line.strip_prefix(END) {
            row.count = count.trim().parse()?;
            is_open = false;
        } else {
            ensure!(is_open, "between two kernels: {line}");
            add(row, line)?;
        }
    }
    ensure!(!rows.is_empty() && !is_open, "the program ended early");
    Ok(rows)
}

/// Adds a line of valgrind's: a title, a function, or nothing.
fn add(row: &mut Row, line: &str) -> Result<()> {
    let said = line.strip_prefix("==").and_then(|rest| rest.split_once("== "));
    let Some((_, said)) = said else {
        ensure!(line.starts_with("=="), "{line}");
        return Ok(());
    };
    let is_frame = said.starts_with("   at ") || said.starts_with("   by ");
    let frame = said.trim();
    if !is_frame {
        if !frame.is_empty() {
            row.reports.push(Report { kind: frame.to_owned(), ..Report::default() });
        }
        return Ok(());
    }
    let Some(report) = row.reports.last_mut() else { bail!("a function before its report: {line}") };
    let address = frame.get(3..).and_then(|rest| rest.split_once(": "));
    let (address, function) = address.with_context(|| format!("no function: {line}"))?;
    if report.function.is_empty() {
        report.function = function.to_owned();
        report.place = address.to_owned();
    }
    if report.stack.len() < FRAMES_MAX {
        report.stack.push(shortened(function));
    }
    Ok(())
}

/// A function without the types that it is generic over.
fn shortened(function: &str) -> String {
    let mut depth = 0_u32;
    let keep = |letter: &char| {
        depth += u32::from(*letter == '<');
        let kept = depth == 0;
        depth = depth.saturating_sub(u32::from(*letter == '>'));
        kept
    };
    function.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "@kernel a portable\n==7== Conditional jump or move depends on uninitialised value(s)\n\
        ==7==    at 0x12C849: inner<a::B<c>, d> (lib.rs:301)\n==7==    by 0x12C849: outer (lib.rs:27)\n==7== \n\
        @reports 3\n@kernel b ssse3\n@reports 0\n";

    #[test]
    fn reports_belong_to_their_kernel() {
        let rows = rows(LOG).unwrap();
        assert_eq!((rows.len(), rows[0].count, rows[1].count), (2, 3, 0));
        assert_eq!((rows[0].reports.len(), rows[1].reports.len()), (1, 0));
        let report = &rows[0].reports[0];
        assert_eq!((report.place.as_str(), report.stack.len()), ("0x12C849", 2));
        assert_eq!(report.stack[0], "inner (lib.rs:301)");
    }

    #[test]
    fn a_log_that_ends_early_is_refused() {
        assert!(rows("").is_err());
        assert!(rows(LOG.rsplit_once("@reports").unwrap().0).is_err());
        assert!(rows(&format!("{LOG}==7== Invalid read\n")).is_err());
    }
}
