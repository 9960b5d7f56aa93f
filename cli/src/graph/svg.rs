//! The graph of commits as a picture: newest first, a row for each commit, and its data beside it.

use std::fmt::Write as _;

use super::lanes::{Layout, Line, Place, layout};
use super::{Shown, escaped, short};
use crate::show;

const ROW: usize = 26;
const LANE: usize = 18;
const LEFT: usize = 20;
const TOP: usize = 52;
const DOT: usize = 5;
/// Where the columns of text begin, from the end of the lanes on.
const COLUMNS: [usize; 4] = [0, 150, 320, 420];
const TEXT: usize = 640;
/// Colours of lanes, told apart on light and on dark paper, and by those who don't see red and green alike.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#7a5195"];

fn x(lane: usize) -> usize {
    LEFT + lane * LANE
}

fn y(row: usize) -> usize {
    TOP + row * ROW + ROW / 2
}

fn colour(lane: usize) -> &'static str {
    COLOURS[lane % COLOURS.len()]
}

/// Draws commits, children before parents.
pub(crate) fn svg(commits: &[Shown]) -> String {
    let layout = layout(commits.iter().map(|(commit, _)| commit));
    let text = x(layout.lanes.max(1)) + 10;
    let (width, height) = (text + TEXT, y(commits.len()) + ROW / 2);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans, Verdana, sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
    );
    head(commits, text, &mut out);
    lines(&layout, commits.len(), &mut out);
    for ((commit, summary), place) in commits.iter().zip(&layout.places) {
        row(commit, summary, *place, text, &mut out);
    }
    out.push_str("</svg>\n");
    out
}

/// Title and names of the columns.
fn head(commits: &[Shown], text: usize, out: &mut String) {
    let count = show::count(commits.len() as u64, "commit", "commits");
    let merges = commits.iter().any(|(commit, _)| commit.parents.len() > 1);
    let rings = if merges { "; a ring is a merge" } else { "" };
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"22\" font-size=\"14\" font-weight=\"bold\" fill=\"#222222\">\
         {count}, newest first{rings}</text>"
    );
    let names = ["change", "time (UTC)", "author", "commit ends in"];
    for (name, column) in names.iter().zip([COLUMNS[0], COLUMNS[1] + 40, COLUMNS[2] + 40, COLUMNS[3] + 20]) {
        let _ = writeln!(out, "<text x=\"{}\" y=\"44\" fill=\"#777777\">{name}</text>", text + column);
    }
}

fn lines(layout: &Layout, rows: usize, out: &mut String) {
    for Line { from, lane, to } in &layout.lines {
        let (end, dashes) = match to {
            Some(to) => (*to, ""),
            None => (rows, " stroke-dasharray=\"3 3\""),
        };
        let mut path = format!("M{} {}", x(from.lane), y(from.row));
        // To its lane within the first row, then down.
        if from.lane != *lane {
            bend(&mut path, from.lane, from.row, *lane);
        }
        let _ = writeln!(
            out,
            "<path d=\"{path} V{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{dashes}/>",
            y(end),
            colour(*lane)
        );
    }
}

/// A curve from one lane to another within a row.
fn bend(path: &mut String, from: usize, row: usize, to: usize) {
    let (top, bottom) = (y(row), y(row + 1));
    let middle = usize::midpoint(top, bottom);
    let _ = write!(path, " C{} {middle} {} {middle} {} {bottom}", x(from), x(to), x(to));
}

fn row(commit: &dagvault_api::CommitInfo, summary: &str, place: Place, text: usize, out: &mut String) {
    let (fill, colour) =
        (if commit.parents.len() > 1 { "#ffffff" } else { colour(place.lane) }, colour(place.lane));
    let (cx, cy, base) = (x(place.lane), y(place.row), y(place.row) + 4);
    let author = &show::hex(&commit.author)[..8];
    let time = show::time(commit.time_ms);
    let time = time[..16].replace('T', " ");
    let columns = [
        (0, escaped(summary), "#222222"),
        (COLUMNS[1] + 40, time, "#555555"),
        (COLUMNS[2] + 40, author.to_owned(), "#555555"),
        (COLUMNS[3] + 20, format!("…{}", short(commit)), "#999999"),
    ];
    let _ = writeln!(out, "<g><title>{}</title>", commit.cid);
    let _ = writeln!(
        out,
        "<circle cx=\"{cx}\" cy=\"{cy}\" r=\"{DOT}\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"2\"/>"
    );
    for (column, words, ink) in columns {
        let _ = writeln!(out, "<text x=\"{}\" y=\"{base}\" fill=\"{ink}\">{words}</text>", text + column);
    }
    out.push_str("</g>\n");
}
