//! The plots of the kernels: speed against size, wasm beside native, and what a second thread brings.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::rows::{COMPARED_BYTES, CRATES, Rows, called, size, three};
use super::svg::{Drawing, Scale, apart};

/// A contender of a plot.
type Who = (String, String);

const PANEL: (f64, f64) = (430.0, 250.0);
/// Beside a panel's plot: left for the numbers, right for the names of lines.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 142.0;
const TOP: f64 = 84.0;

/// Writes the plots into a folder.
pub(super) fn write(folder: &Path, rows: Rows<'_>, origin: &str) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let plots = [
        ("throughput.svg", throughput(rows, origin)),
        ("wasm-by-native.svg", by_native(rows, origin)),
        ("workers.svg", workers(rows, origin)),
    ];
    for (name, text) in plots {
        std::fs::write(folder.join(name), text).with_context(|| name.to_owned())?;
    }
    Ok(())
}

/// The lines of the first plot with their short names.
fn lines(rows: Rows<'_>) -> Vec<(Who, String)> {
    let who = |engine: &str, who: &str| (engine.to_owned(), who.to_owned());
    let mut lines = vec![
        (who("wasmtime", "relaxed relaxed-simd"), "Wasmtime relaxed".to_owned()),
        (who("wasmtime", "strict simd128"), "Wasmtime strict".to_owned()),
        (who("wasmtime", CRATES), "Wasmtime RustCrypto".to_owned()),
    ];
    if let Some(node) = rows.nodes().last() {
        lines.push((who(node, "relaxed relaxed-simd"), format!("{node} relaxed")));
    }
    lines.push((who("native", "rustcrypto"), "native".to_owned()));
    lines.push((who("native", "portable"), "native portable".to_owned()));
    lines
}

#[expect(clippy::cast_precision_loss, reason = "places in a drawing")]
fn throughput(rows: Rows<'_>, origin: &str) -> String {
    let kernels = rows.whats();
    let columns = kernels.len().clamp(1, 2);
    let height = TOP + PANEL.1 * kernels.len().div_ceil(columns) as f64 + 16.0;
    let width = PANEL.0 * columns as f64 + 48.0;
    let title = "Throughput against size of the message, MB/s";
    let mut drawing = Drawing::new(width, height, title, origin);
    for (index, kernel) in kernels.iter().enumerate() {
        let x = 24.0 + PANEL.0 * (index % columns) as f64;
        let y = TOP + PANEL.1 * (index / columns) as f64;
        panel(&mut drawing, rows, kernel, (x, y));
    }
    drawing.finished()
}

#[expect(clippy::cast_precision_loss, reason = "places in a drawing")]
fn panel(drawing: &mut Drawing, rows: Rows<'_>, kernel: &str, (x, y): (f64, f64)) {
    drawing.text(x, y + 12.0, "panel", "start", kernel);
    let sizes = rows.sizes(kernel);
    let mut curves = Vec::new();
    for (colour, (who, name)) in lines(rows).into_iter().enumerate() {
        let points: Vec<(f64, f64)> = sizes
            .iter()
            .filter_map(|bytes| Some((*bytes as f64, rows.speed(kernel, (&who.0, &who.1), *bytes)?)))
            .collect();
        if !points.is_empty() {
            curves.push((colour, name, points));
        }
    }
    let speeds = || curves.iter().flat_map(|(_, _, points)| points.iter().map(|point| point.1));
    let (least, most) = (speeds().fold(f64::MAX, f64::min), speeds().fold(0.0, f64::max));
    let (Some(first), Some(last), true) = (sizes.first(), sizes.last(), most > 0.0) else { return };
    let (top, bottom) = (y + 26.0, y + PANEL.1 - 40.0);
    let across = Scale::logarithmic(
        (*first as f64, (*last as f64).max(*first as f64 * 2.0)),
        (x + LEFT, x + PANEL.0 - RIGHT),
    );
    let up = Scale::logarithmic((least * 0.8, most * 1.25), (bottom, top));
    for speed in steps(least * 0.8, most * 1.25) {
        drawing.line((x + LEFT, up.at(speed)), (x + PANEL.0 - RIGHT, up.at(speed)), "grid");
        drawing.text(x + LEFT - 6.0, up.at(speed) + 4.0, "tick", "end", &three(speed).replace(".00", ""));
    }
    for bytes in sizes.iter().filter(|bytes| **bytes != 16 << 20) {
        let place = across.at(*bytes as f64);
        drawing.line((place, bottom), (place, bottom + 4.0), "axis");
        drawing.text(place, bottom + 18.0, "tick", "middle", &size(*bytes));
    }
    drawing.line((x + LEFT, bottom), (x + PANEL.0 - RIGHT, bottom), "axis");
    let ends: Vec<f64> =
        curves.iter().map(|(_, _, points)| up.at(points[points.len() - 1].1) + 4.0).collect();
    let places = apart(&ends, 13.0, (top + 6.0, bottom + 4.0));
    for ((colour, name, points), place) in curves.iter().zip(places) {
        let line: Vec<(f64, f64)> =
            points.iter().map(|(bytes, speed)| (across.at(*bytes), up.at(*speed))).collect();
        drawing.curve(&line, *colour);
        drawing.text(x + PANEL.0 - RIGHT + 9.0, place, &format!("name f{colour}"), "start", name);
    }
}

/// Round numbers between two, for the lines of a grid.
fn steps(from: f64, to: f64) -> Vec<f64> {
    let digits: &[f64] = match to / from {
        ratio if ratio > 300.0 => &[1.0],
        ratio if ratio > 15.0 => &[1.0, 3.0],
        _ => &[1.0, 2.0, 5.0],
    };
    let mut steps = Vec::new();
    let mut power = 10_f64.powf(from.log10().floor());
    while power <= to {
        for digit in digits {
            steps.push(power * digit);
        }
        power *= 10.0;
    }
    steps.retain(|step| (from..=to).contains(step));
    steps
}

/// One dot for each contender in the row of each kernel.
struct Dots {
    title: &'static str,
    names: Vec<String>,
    /// A kernel with a value for each name.
    rows: Vec<(String, Vec<Option<f64>>)>,
    /// Lines across, with what is written at them.
    marks: Vec<(f64, String)>,
    range: (f64, f64),
    logarithmic: bool,
}

#[expect(clippy::cast_precision_loss, reason = "places in a drawing")]
fn dots(plot: &Dots, origin: &str) -> String {
    let (left, right, step) = (190.0, 40.0, 34.0);
    let (width, top) = (908.0, TOP + 34.0);
    let height = top + step * plot.rows.len() as f64 + 48.0;
    let mut drawing = Drawing::new(width, height, plot.title, origin);
    drawing.legend(32.0, TOP, &plot.names);
    let ends = (left, width - right);
    let scale =
        if plot.logarithmic { Scale::logarithmic(plot.range, ends) } else { Scale::linear(plot.range, ends) };
    let bottom = top + step * plot.rows.len() as f64;
    for (value, words) in &plot.marks {
        let place = scale.at(*value);
        let class = if (*value - 1.0).abs() < 1e-9 { "axis" } else { "grid" };
        drawing.line((place, top - 10.0), (place, bottom), class);
        drawing.text(place, bottom + 20.0, "tick", "middle", words);
    }
    for (index, (kernel, values)) in plot.rows.iter().enumerate() {
        let y = top + step * (index as f64 + 0.5);
        drawing.text(left - 16.0, y + 4.0, "", "end", kernel);
        let there: Vec<f64> = values.iter().flatten().map(|value| scale.at(*value)).collect();
        let (from, to) =
            (there.iter().fold(f64::MAX, |a, b| a.min(*b)), there.iter().fold(0.0_f64, |a, b| a.max(*b)));
        if from < to {
            drawing.line((from, y), (to, y), "axis");
        }
        for (colour, value) in values.iter().enumerate() {
            if let Some(value) = value {
                drawing.dot((scale.at(*value), y), 5.5, colour);
            }
        }
    }
    drawing.finished()
}

fn by_native(rows: Rows<'_>, origin: &str) -> String {
    let nodes = rows.nodes();
    let mut who: Vec<Who> = Vec::new();
    // Relaxed where there is a Node that knows it, strict in the oldest.
    for (engine, ours) in [
        (Some("wasmtime"), "relaxed relaxed-simd"),
        (Some("wasmtime"), "strict simd128"),
        (nodes.last().copied(), "relaxed relaxed-simd"),
        (nodes.first().copied(), "strict simd128"),
    ] {
        who.extend(engine.map(|engine| (engine.to_owned(), ours.to_owned())));
    }
    let ratios = |kernel: &str| -> Vec<Option<f64>> {
        let native = rows.speed(kernel, ("native", "rustcrypto"), COMPARED_BYTES);
        let own = who.iter().map(|who| rows.speed(kernel, (&who.0, &who.1), COMPARED_BYTES));
        own.map(|own| own.zip(native).map(|(own, native)| own / native)).collect()
    };
    let table: Vec<(String, Vec<Option<f64>>)> =
        rows.whats().into_iter().map(|kernel| (kernel.to_owned(), ratios(kernel))).collect();
    let values = || table.iter().flat_map(|(_, values)| values.iter().flatten());
    let least = values().fold(0.1_f64, |a, b| a.min(*b)) * 0.85;
    let most = values().fold(1.2_f64, |a, b| a.max(*b)) * 1.1;
    let marks =
        [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0].into_iter().filter(|mark| (least..=most).contains(mark));
    let plot = Dots {
        title: "Our kernels in wasm by the crates natively, with all that the processor has; 16 KiB",
        names: who.iter().map(|who| called(&who.0, &who.1).replace("dagvault, ", "")).collect(),
        rows: table,
        marks: marks.map(|mark| (mark, format!("{mark}"))).collect(),
        range: (least, most),
        logarithmic: true,
    };
    dots(&plot, origin)
}

fn workers(rows: Rows<'_>, origin: &str) -> String {
    let who = [
        ("native", "rustcrypto", "native"),
        ("wasmtime", "strict simd128", "Wasmtime strict"),
        ("wasmtime", "relaxed relaxed-simd", "Wasmtime relaxed"),
    ];
    let bytes = 1 << 20;
    let multiples = |kernel: &str| -> Vec<Option<f64>> {
        who.iter()
            .map(|(engine, who, _)| {
                let both = rows.find(kernel, (engine, who), bytes, 2)?.megabytes_s();
                Some(both / rows.speed(kernel, (engine, who), bytes)?)
            })
            .collect()
    };
    let table: Vec<(String, Vec<Option<f64>>)> =
        rows.whats().into_iter().map(|kernel| (kernel.to_owned(), multiples(kernel))).collect();
    let values = || table.iter().flat_map(|(_, values)| values.iter().flatten());
    let (least, most) = (values().fold(0.9_f64, |a, b| a.min(*b)), values().fold(2.1_f64, |a, b| a.max(*b)));
    let marks = [0.5, 1.0, 1.5, 2.0].into_iter().filter(|mark| (least..=most).contains(mark));
    let plot = Dots {
        title: "Two threads, a message of 1 MiB each, as a multiple of one thread",
        names: who.iter().map(|(_, _, name)| (*name).to_owned()).collect(),
        rows: table,
        marks: marks.map(|mark| (mark, format!("{mark} ×"))).collect(),
        range: (least, most),
        logarithmic: false,
    };
    dots(&plot, origin)
}
