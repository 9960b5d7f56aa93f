//! What both checkers of constant time share: which messages are tried, and which reports are leaks.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Lengths of messages in bytes: around the steps of the kernels, and long enough for every one of their loops (some
/// take 256 blocks of 16 bytes at once, from a multiple of 256 on).
pub const MESSAGE_BYTES: [usize; 9] = [0, 1, 16, 64, 65, 600, 1024, 4200, 9000];

/// The functions of the crates that branch by whether a tag was right, which the caller is told: natively, and as
/// mangled in wasm. One place of each may do so. Our own kernels tell the checker (`dagvault_crypto::secrecy`) instead.
const ACCEPTED: [&str; 2] = ["decrypt_inout_detached", "10rustcrypto4open"];

/// Begins the names of kernels that leak on purpose.
const PLANTED: &str = "planted-";

/// A planted leak that valgrind doesn't look for: a division may take longer for some operands.
const ONLY_IN_WASM: &str = "planted-division";

/// Something that depends on a secret.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What does.
    pub kind: String,
    /// The innermost function.
    pub function: String,
    /// The place in the code.
    pub place: String,
    /// That function and its callers, as far as they are known.
    pub stack: Vec<String>,
}

/// What was reported about one kernel on one backend.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name in `dagvault_crypto::kernels`.
    pub kernel: String,
    /// The backend's name.
    pub backend: String,
    /// How many reports there were.
    pub count: u64,
    /// Those that were described. Valgrind describes the same place once, when it first meets it.
    pub reports: Vec<Report>,
}

impl Report {
    fn accepted(&self) -> Option<&'static str> {
        let branch = self.kind.starts_with("Conditional jump") || self.kind.starts_with("Branch");
        ACCEPTED.into_iter().find(|function| branch && self.function.contains(function))
    }
}

impl Row {
    fn is_planted(&self) -> bool {
        self.kernel.starts_with(PLANTED)
    }

    fn leaks(&self) -> impl Iterator<Item = &Report> {
        let mut places = BTreeMap::new();
        self.reports.iter().filter(move |report| match report.accepted() {
            None => true,
            Some(function) => *places.entry(function).or_insert(&report.place) != &report.place,
        })
    }
}

/// Prints a table and every leak; answers whether there is none but the planted ones, and all of these were found.
#[must_use]
pub fn judge(title: &str, rows: &[Row]) -> bool {
    let wrong = wrong(title, rows);
    print!("{}", table(title, rows));
    wrong.iter().for_each(|text| println!("LEAK {text}"));
    let planted = rows.iter().filter(|row| row.is_planted()).count();
    let count = rows.len() - planted;
    println!("{title}: {count} runs of kernels, {planted} of planted leaks, {} failures", wrong.len());
    wrong.is_empty()
}

fn wrong(title: &str, rows: &[Row]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut described = false;
    for row in rows {
        let name = format!("{} on {}", row.kernel, row.backend);
        if row.is_planted() {
            let expected = !title.starts_with("native") || row.kernel != ONLY_IN_WASM;
            if expected && row.count == 0 {
                wrong.push(format!("{name}: the planted leak was not found"));
            }
            continue;
        }
        wrong.extend(row.leaks().map(|leak| {
            format!("{name}: {} at {}\n  in {}", leak.kind, leak.place, leak.stack.join("\n  by "))
        }));
        // What is not described was so before, and then judged: what is accepted depends on the place only.
        described |= !row.reports.is_empty();
        if row.count > 0 && !described {
            wrong.push(format!("{name}: {} reports without a description", row.count));
        }
    }
    if !rows.iter().any(Row::is_planted) {
        wrong.push("there is no planted leak".to_owned());
    }
    wrong
}

/// Reports by kernel and backend; a star where all of them are accepted.
fn table(title: &str, rows: &[Row]) -> String {
    let mut out = format!("{title}: reports\n");
    let mut stars = false;
    for kernel in rows.chunk_by(|a, b| a.kernel == b.kernel) {
        let _ = write!(out, "  {:<32}", kernel[0].kernel);
        for row in kernel {
            let accepted = row.count > 0 && !row.is_planted() && row.leaks().next().is_none();
            stars |= accepted;
            let _ = write!(
                out,
                "{:>13} {:<6}",
                row.backend,
                format!("{}{}", row.count, if accepted { "*" } else { "" })
            );
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    if stars {
        out.push_str("  * a crate's branch by whether a tag was right, which its caller is told\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kernel: &str, count: u64, reports: &[(&str, &str, &str)]) -> Row {
        let report = |&(kind, function, place): &(&str, &str, &str)| Report {
            kind: kind.to_owned(),
            function: function.to_owned(),
            place: place.to_owned(),
            stack: vec![function.to_owned()],
        };
        let reports = reports.iter().map(report).collect();
        Row { kernel: kernel.to_owned(), backend: "portable".to_owned(), count, reports }
    }

    #[test]
    fn leaks_fail_and_planted_ones_must_be_found() {
        let planted = row("planted-branch", 1, &[("Branch", "f", "1")]);
        let with = |row: Row| wrong("wasm", &[row, planted.clone()]).len();
        assert_eq!(with(row("a", 0, &[])), 0);
        assert_eq!(with(row("a", 1, &[("Branch", "f", "1")])), 1);
        assert_eq!(with(row("a", 1, &[])), 1);
        let accepted = row("a", 1, &[("Branch", "x10rustcrypto4open", "1")]);
        assert_eq!(wrong("native", &[accepted, row("b", 1, &[]), planted.clone()]).len(), 0);
        assert_eq!(with(row("planted-table", 0, &[])), 1);
        assert_eq!(wrong("native", &[row("planted-division", 0, &[]), planted.clone()]).len(), 0);
        assert_eq!(wrong("wasm", &[row("a", 0, &[])]).len(), 1);
    }

    #[test]
    fn one_branch_by_the_verdict_is_accepted() {
        let planted = row("planted-branch", 1, &[("Branch", "f", "1")]);
        let with = |reports| wrong("wasm", &[row("a", 2, reports), planted.clone()]).len();
        assert_eq!(with(&[("Branch", "x10rustcrypto4open", "1"), ("Branch", "x10rustcrypto4open", "1")]), 0);
        assert_eq!(with(&[("Branch", "x10rustcrypto4open", "1"), ("Branch", "x10rustcrypto4open", "2")]), 1);
        assert_eq!(with(&[("Address", "x10rustcrypto4open", "1")]), 1);
    }
}
