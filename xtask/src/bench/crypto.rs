//! The kernels: a table for each, all contenders by all sizes.

use super::rows::{COMPARED_BYTES, CRATES, Rows, called, cell, head, size, three};

/// The section's tables.
pub(super) fn tables(rows: Rows<'_>) -> Vec<String> {
    let mut lines = vec![
        "MB/s of one thread in the best window; the last columns compare at 16 KiB: with RustCrypto (simd128 in wasm) \
         in the same engine, with RustCrypto natively, and the middle window with the best."
            .to_owned(),
    ];
    for what in rows.whats() {
        lines.extend(["".to_owned(), format!("### {what}"), "".to_owned()]);
        lines.extend(table(rows, what));
    }
    lines
}

fn table(rows: Rows<'_>, what: &str) -> Vec<String> {
    let sizes = rows.sizes(what);
    let mut columns = vec![String::new()];
    columns.extend(sizes.iter().map(|bytes| size(*bytes)));
    columns.extend(["÷ RustCrypto", "÷ native", "middle ÷ best"].map(str::to_owned));
    let mut lines = head(&columns);
    let native = rows.speed(what, ("native", "rustcrypto"), COMPARED_BYTES);
    for who in rows.contenders(what) {
        let crates = if who.0 == "native" { "rustcrypto" } else { CRATES };
        let crates = rows.speed(what, (who.0, crates), COMPARED_BYTES);
        let row = rows.find(what, who, COMPARED_BYTES, 1);
        let own = row.map(super::turns::Row::megabytes_s);
        let ratio = |to: Option<f64>| cell(own.zip(to).map(|(own, to)| own / to));
        let steady = row.map(|row| row.best_s / row.median_s);
        let speeds: Vec<String> = sizes.iter().map(|bytes| cell(rows.speed(what, who, *bytes))).collect();
        lines.push(format!(
            "| {} | {} | {} | {} | {} |",
            called(who.0, who.1),
            speeds.join(" | "),
            ratio(crates),
            ratio(native),
            cell(steady),
        ));
    }
    lines
}

/// What two threads do, each with a message of its own, as multiples of one.
pub(super) fn scaling(rows: Rows<'_>) -> Vec<String> {
    let mut lines = vec![
        "Two threads, each with an instance and a message of its own, as a multiple of one thread."
            .to_owned(),
        String::new(),
    ];
    let columns = ["kernel", "who", "16 KiB", "1 MiB", "16 MiB", "64 MiB"].map(str::to_owned);
    lines.extend(head(&columns));
    for what in rows.whats() {
        for who in rows.contenders(what) {
            let multiple = |bytes: u64| {
                let both = rows.find(what, who, bytes, 2)?.megabytes_s();
                Some(both / rows.speed(what, who, bytes)?)
            };
            let sizes = [COMPARED_BYTES, 1 << 20, 16 << 20, 64 << 20];
            if sizes.iter().all(|bytes| multiple(*bytes).is_none()) {
                continue;
            }
            let cells: Vec<String> =
                sizes.iter().map(|bytes| multiple(*bytes).map_or_else(|| "–".to_owned(), three)).collect();
            lines.push(format!("| {what} | {} | {} |", called(who.0, who.1), cells.join(" | ")));
        }
    }
    lines
}
