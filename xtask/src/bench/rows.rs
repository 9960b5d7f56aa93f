//! Finding rows, and writing numbers for people.

use super::turns::Row;

/// The size at which contenders are compared, in bytes.
pub(super) const COMPARED_BYTES: u64 = 16 * 1024;
/// The module that is the reference: our kernels over strict SIMD and the crates over the same.
pub(super) const CRATES: &str = "strict rustcrypto";

/// What was measured in one section.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a>(pub(super) &'a [Row]);

impl<'a> Rows<'a> {
    /// Names of what was done in a group, in the order of the list.
    pub(super) fn whats(self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for row in self.0 {
            if !names.contains(&row.case.what.as_str()) {
                names.push(&row.case.what);
            }
        }
        names
    }

    /// Lengths at which something was done, from short to long.
    pub(super) fn sizes(self, what: &str) -> Vec<u64> {
        let mut sizes: Vec<u64> =
            self.0.iter().filter(|row| row.case.what == what).map(|row| row.case.bytes).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// Who did something, as engine and name, in the order of the list.
    pub(super) fn contenders(self, what: &str) -> Vec<(&'a str, &'a str)> {
        let mut names: Vec<(&str, &str)> = Vec::new();
        for case in self.0.iter().map(|row| &row.case).filter(|case| case.what == what) {
            let name = (case.engine.as_str(), case.who.as_str());
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The row of a case.
    pub(super) fn find(
        self,
        what: &str,
        (engine, who): (&str, &str),
        bytes: u64,
        workers: u64,
    ) -> Option<&'a Row> {
        self.0.iter().find(|row| {
            let case = &row.case;
            case.what == what
                && case.engine == engine
                && case.who == who
                && case.bytes == bytes
                && case.workers == workers
        })
    }

    /// Megabytes a second by one thread.
    pub(super) fn speed(self, what: &str, who: (&str, &str), bytes: u64) -> Option<f64> {
        self.find(what, who, bytes, 1).map(Row::megabytes_s)
    }

    /// Whether any row is of this engine.
    pub(super) fn engine(self, name: &str) -> bool {
        self.0.iter().any(|row| row.case.engine == name)
    }

    /// The Nodes that took part, the older one first.
    pub(super) fn nodes(self) -> Vec<&'a str> {
        let engines = self.0.iter().map(|row| row.case.engine.as_str());
        let mut nodes: Vec<&str> = engines.filter(|engine| engine.starts_with("Node")).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

impl Row {
    /// Megabytes a second in the best window.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub(super) fn megabytes_s(&self) -> f64 {
        self.case.amount as f64 / self.best_s / 1e6
    }
}

/// Our kernel in a module: the backend of the module's own instructions.
pub(super) fn is_ours(who: &str) -> bool {
    who == "strict simd128" || who == "relaxed relaxed-simd"
}

/// Whether a case of the kernels is worth its time: in wasm each backend only where it is chosen.
pub(super) fn takes_part(engine: &str, who: &str, workers: u64) -> bool {
    let plain = who.trim_end_matches(" + copies");
    let ours = is_ours(plain);
    let peer = !who.contains(' ');
    match engine {
        "native" => workers == 1 || who == "rustcrypto",
        _ if workers > 1 => ours,
        _ => ours || who == CRATES || who == "scalar rustcrypto" || peer,
    }
}

/// A contender in words.
pub(super) fn called(engine: &str, who: &str) -> String {
    let engine = engine.replace("wasmtime", "Wasmtime");
    let who = match who {
        "rustcrypto" => "RustCrypto",
        "scalar rustcrypto" => "RustCrypto, no SIMD",
        CRATES => "RustCrypto, simd128",
        "strict simd128" => "dagvault, strict",
        "relaxed relaxed-simd" => "dagvault, relaxed",
        "strict simd128 + copies" => "dagvault, strict, with copies",
        "relaxed relaxed-simd + copies" => "dagvault, relaxed, with copies",
        "portable" => "dagvault, portable",
        "ssse3" => "dagvault, SSSE3",
        other => other,
    };
    format!("{engine}: {who}")
}

/// A length in bytes.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// A number with three digits that count.
pub(super) fn three(number: f64) -> String {
    match number {
        _ if number >= 100.0 => format!("{number:.0}"),
        _ if number >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// A cell of a table that may have nothing to say.
pub(super) fn cell(number: Option<f64>) -> String {
    number.map_or_else(|| "–".to_owned(), three)
}

/// A time.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds < 1e-3 => format!("{} µs", three(seconds * 1e6)),
        _ if seconds < 1.0 => format!("{} ms", three(seconds * 1e3)),
        _ => format!("{} s", three(seconds)),
    }
}

/// The head of a table.
pub(super) fn head(columns: &[String]) -> Vec<String> {
    vec![format!("| {} |", columns.join(" | ")), format!("|{}", "-|".repeat(columns.len()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(three(1234.4), "1234");
        assert_eq!(three(12.34), "12.3");
        assert_eq!(three(1.234), "1.23");
        assert_eq!(time(0.000_012), "12.0 µs");
        assert_eq!(size(16 * 1024), "16 KiB");
    }

    #[test]
    fn a_backend_takes_part_where_it_is_chosen() {
        assert!(takes_part("wasmtime", "relaxed relaxed-simd", 2));
        assert!(takes_part("Node 20", "hash-wasm", 1));
        assert!(takes_part("Node 20", "strict simd128 + copies", 1));
        assert!(!takes_part("wasmtime", "relaxed simd128", 1));
        assert!(!takes_part("wasmtime", "scalar portable", 1));
        assert!(!takes_part("Node 20", "scalar portable + copies", 1));
    }
}
