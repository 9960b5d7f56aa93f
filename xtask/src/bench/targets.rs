//! What the kernels must show, and whether they do.

use super::rows::{COMPARED_BYTES, CRATES, Rows, called, head, is_ours, size};
use super::turns::Row;

/// The same code measured twice differs by so much: who is at least equal may look this much slower.
const EQUAL: f64 = 0.97;

const STRICT: &str = "strict simd128";
const RELAXED: &str = "relaxed relaxed-simd";
const STRICT_COPIES: &str = "strict simd128 + copies";

/// Where it is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Wasmtime,
    /// The older Node, which knows strict SIMD only.
    OldNode,
    /// The newer one.
    NewNode,
}

/// Somebody's speed at something: the kernel, the contender and the threads.
type Speed = (&'static str, &'static str, u64);

struct Target {
    engine: Engine,
    ours: Speed,
    theirs: Speed,
    bytes: u64,
    at_least: f64,
}

const fn target(engine: Engine, ours: Speed, theirs: Speed, at_least: f64) -> Target {
    Target { engine, ours, theirs, bytes: COMPARED_BYTES, at_least }
}

const CTR: &str = "aes-256-ctr";
const GCM: &str = "aes-256-gcm";
const CHACHA: &str = "xchacha20-poly1305";
const SHA: &str = "sha256";

/// Each line of the promise.
const TARGETS: [Target; 18] = {
    use Engine::{NewNode, OldNode, Wasmtime};
    [
        target(Wasmtime, (CTR, RELAXED, 1), (CTR, CRATES, 1), 3.3),
        target(NewNode, (CTR, RELAXED, 1), (CTR, CRATES, 1), 2.8),
        target(Wasmtime, (CTR, STRICT, 1), (CTR, CRATES, 1), 2.1),
        target(OldNode, (CTR, STRICT, 1), (CTR, CRATES, 1), 1.9),
        target(Wasmtime, (GCM, RELAXED, 1), (GCM, CRATES, 1), 3.5),
        target(NewNode, (GCM, RELAXED, 1), (GCM, CRATES, 1), 3.5),
        target(Wasmtime, (CHACHA, STRICT, 1), (CHACHA, CRATES, 1), 2.2),
        target(OldNode, (CHACHA, STRICT, 1), (CHACHA, CRATES, 1), 1.6),
        target(OldNode, (CHACHA, STRICT_COPIES, 1), (CHACHA, "libsodium", 1), 1.7),
        target(Wasmtime, ("sha256-x4", STRICT, 1), (SHA, CRATES, 1), 1.8),
        target(OldNode, ("sha256-x4", STRICT, 1), (SHA, CRATES, 1), 1.9),
        target(Wasmtime, (SHA, STRICT, 1), (SHA, CRATES, 1), 1.0),
        target(OldNode, (SHA, STRICT, 1), (SHA, CRATES, 1), 1.0),
        target(OldNode, (SHA, STRICT_COPIES, 1), (SHA, "hash-wasm", 1), 1.3),
        target(Wasmtime, ("blake3", STRICT, 1), ("blake3", CRATES, 1), 1.0),
        target(OldNode, ("blake3", STRICT, 1), ("blake3", CRATES, 1), 1.0),
        target(OldNode, ("blake3", STRICT_COPIES, 1), ("blake3", "hash-wasm", 1), 2.0),
        Target {
            engine: Wasmtime,
            ours: ("blake3", STRICT, 2),
            theirs: ("blake3", STRICT, 1),
            bytes: 16 << 20,
            at_least: 1.8,
        },
    ]
};

impl Engine {
    fn name(self, rows: Rows<'_>) -> Option<String> {
        match self {
            Self::Wasmtime => rows.engine("wasmtime").then(|| "wasmtime".to_owned()),
            Self::OldNode => rows.nodes().first().map(|name| (*name).to_owned()),
            Self::NewNode => rows.nodes().last().map(|name| (*name).to_owned()),
        }
    }
}

fn verdict(ratio: f64, at_least: f64) -> &'static str {
    let least = if at_least > 1.0 { at_least } else { at_least * EQUAL };
    if ratio >= least { "reached" } else { "**not reached**" }
}

impl Target {
    fn line(&self, rows: Rows<'_>) -> String {
        let engine = self.engine.name(rows);
        let of = |(what, who, workers): Speed| {
            let row = rows.find(what, (engine.as_deref()?, who), self.bytes, workers);
            row.map(Row::megabytes_s)
        };
        let words = |(what, who, workers): Speed, other: Speed| {
            let engine = engine.as_deref().unwrap_or("Node");
            let kernel = if what == other.0 { String::new() } else { format!(" at {what}") };
            let threads = match workers {
                _ if workers == other.2 => "",
                1 => ", one thread",
                _ => ", two threads",
            };
            format!("{}{kernel}{threads}", called(engine, who))
        };
        let (ours, theirs) = (self.ours, self.theirs);
        let ratio = of(ours).zip(of(theirs)).map(|(ours, theirs)| ours / theirs);
        let (ratio, verdict) = match ratio {
            Some(ratio) => (format!("{ratio:.2}"), verdict(ratio, self.at_least)),
            None => ("–".to_owned(), "not measured"),
        };
        format!(
            "| {} | {} | {} | {} | {} | {ratio} | {verdict} |",
            ours.0,
            size(self.bytes),
            words(ours, theirs),
            words(theirs, ours),
            self.at_least,
        )
    }
}

/// The section's tables.
pub(super) fn tables(rows: Rows<'_>) -> Vec<String> {
    let columns = ["kernel", "size", "who", "than", "at least", "measured", ""].map(str::to_owned);
    let mut lines = head(&columns);
    lines.extend(TARGETS.iter().map(|target| target.line(rows)));
    lines.extend([64, 1024].map(|bytes| short(rows, bytes)));
    lines.push(String::new());
    lines.extend(over_scalar(rows));
    lines
}

/// No kernel is slower than the crates at short messages: the one that comes nearest to it.
fn short(rows: Rows<'_>, bytes: u64) -> String {
    let mut least: Option<(f64, String)> = None;
    for what in rows.whats() {
        for (engine, who) in rows.contenders(what).into_iter().filter(|(_, who)| is_ours(who)) {
            let ours = rows.speed(what, (engine, who), bytes);
            let Some((ours, crates)) = ours.zip(rows.speed(what, (engine, CRATES), bytes)) else { continue };
            let ratio = ours / crates;
            if least.as_ref().is_none_or(|(known, _)| ratio < *known) {
                least = Some((ratio, format!("{what} by {}", called(engine, who))));
            }
        }
    }
    let (ratio, who, verdict) = match least {
        Some((ratio, who)) => (format!("{ratio:.2}"), format!("slowest: {who}"), verdict(ratio, 1.0)),
        None => ("–".to_owned(), "–".to_owned(), "not measured"),
    };
    format!("| every kernel | {} | {who} | RustCrypto, simd128 | 1 | {ratio} | {verdict} |", size(bytes))
}

/// How much vectors bring over builds that use none, which is what others' figures speak of.
fn over_scalar(rows: Rows<'_>) -> Vec<String> {
    const CLAIMS: [(&str, &str); 3] = [("sha256", "2.5 to 3"), (CTR, "4 to 5"), (GCM, "4 to 5")];
    let mut lines = vec![
        "Over scalar wasm builds (RustCrypto without SIMD, same engine, 16 KiB), beside what QuDAG claims for SIMD; \
         for SHA-256 the kernel of four messages counts, which is where its vectors work."
            .to_owned(),
        String::new(),
    ];
    let mut engines = vec!["wasmtime"];
    engines.extend(rows.nodes());
    let mut columns = vec!["kernel".to_owned()];
    let mut who = Vec::new();
    for engine in engines {
        for ours in [STRICT, RELAXED] {
            if rows.0.iter().any(|row| row.case.engine == engine && row.case.who == ours) {
                columns.push(called(engine, ours));
                who.push((engine, ours));
            }
        }
    }
    columns.push("QuDAG".to_owned());
    lines.extend(head(&columns));
    for what in rows.whats() {
        let base = what.trim_end_matches("-x4");
        let claim = CLAIMS.iter().find(|(kernel, _)| *kernel == base).map_or("–", |(_, claim)| *claim);
        let cells: Vec<String> = who
            .iter()
            .map(|(engine, ours)| {
                let own = rows.speed(what, (engine, ours), COMPARED_BYTES);
                let scalar = rows.speed(base, (engine, "scalar rustcrypto"), COMPARED_BYTES);
                super::rows::cell(own.zip(scalar).map(|(own, scalar)| own / scalar))
            })
            .collect();
        lines.push(format!("| {what} | {} | {claim} |", cells.join(" | ")));
    }
    lines
}
