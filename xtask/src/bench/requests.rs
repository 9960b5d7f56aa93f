//! The graph and the vault: what was done, by whom, at which size.

use super::rows::{Rows, called, cell, head, size, time};

/// The section's tables: a time or a speed for each size, and how much two workers bring.
pub(super) fn tables(rows: Rows<'_>) -> Vec<String> {
    let mut lines = vec![
        "Best windows of one worker: the time of one, and MB/s where there are 16 KiB or more. The last columns are at \
         the largest size: the speed by that of the native engine, and two workers by one."
            .to_owned(),
    ];
    for what in rows.whats() {
        let sizes = rows.sizes(what);
        lines.extend([String::new(), format!("### {what}"), String::new()]);
        let mut columns = vec![String::new()];
        columns.extend(sizes.iter().map(|bytes| size(*bytes)));
        columns.extend(["÷ native", "2 workers ÷ 1"].map(str::to_owned));
        lines.extend(head(&columns));
        let largest = sizes.last().copied().unwrap_or_default();
        for who in rows.contenders(what) {
            let cells: Vec<String> = sizes.iter().map(|bytes| speed(rows, what, who, *bytes)).collect();
            let own = rows.speed(what, who, largest);
            let native = rows.speed(what, ("native", "native"), largest);
            let ratio = own.zip(native).map(|(own, native)| own / native);
            let both = rows.find(what, who, largest, 2).map(super::turns::Row::megabytes_s);
            let multiple = own.zip(both).map(|(one, both)| both / one);
            let name = if who.1.starts_with(who.0) || who.1.starts_with("wasm") {
                who.1.to_owned()
            } else {
                called(who.0, who.1)
            };
            lines.push(format!("| {name} | {} | {} | {} |", cells.join(" | "), cell(ratio), cell(multiple)));
        }
    }
    lines
}

fn speed(rows: Rows<'_>, what: &str, who: (&str, &str), bytes: u64) -> String {
    let Some(row) = rows.find(what, who, bytes, 1) else { return "–".to_owned() };
    let took = time(row.best_s);
    if row.case.amount < 16 * 1024 { took } else { format!("{took}, {:.0} MB/s", row.megabytes_s()) }
}
