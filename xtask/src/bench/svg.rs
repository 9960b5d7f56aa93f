//! Drawings: small, with their own light and dark colours, lines named where they end.

use std::fmt::Write as _;

/// Colours of light pages; in dark ones the style sheet has others.
const STYLE: &str = "\
text{font:12px system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif;fill:#24292f}\
.card{fill:#fff}.title{font-size:17px;font-weight:600}.sub{fill:#59636e}.panel{font-size:13px;font-weight:600}\
.tick{fill:#59636e;font-size:11px}.grid{stroke:#d8dee4;stroke-width:1}.axis{stroke:#818b98;stroke-width:1}\
.name{font-size:11px;font-weight:600}path{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\
.s0{stroke:#0969da}.s1{stroke:#1a7f37}.s2{stroke:#bc4c00}.s3{stroke:#8250df}.s4{stroke:#59636e}.s5{stroke:#bf3989}\
.f0{fill:#0969da}.f1{fill:#1a7f37}.f2{fill:#bc4c00}.f3{fill:#8250df}.f4{fill:#59636e}.f5{fill:#bf3989}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.card{fill:#0d1117}.sub,.tick{fill:#9198a1}.grid{stroke:#2a313c}\
.axis{stroke:#656c76}.s0{stroke:#58a6ff}.s1{stroke:#3fb950}.s2{stroke:#f0883e}.s3{stroke:#bc8cff}.s4{stroke:#9198a1}\
.s5{stroke:#f778ba}.f0{fill:#58a6ff}.f1{fill:#3fb950}.f2{fill:#f0883e}.f3{fill:#bc8cff}.f4{fill:#9198a1}\
.f5{fill:#f778ba}}";

/// A drawing under way.
pub(super) struct Drawing {
    body: String,
    width: f64,
    height: f64,
}

/// From values to places.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
    logarithmic: bool,
}

impl Scale {
    /// Equal differences are equally long.
    pub(super) const fn linear((from, to): (f64, f64), (start, end): (f64, f64)) -> Self {
        Self { from, to, start, end, logarithmic: false }
    }

    /// Equal ratios are equally long.
    pub(super) const fn logarithmic((from, to): (f64, f64), (start, end): (f64, f64)) -> Self {
        Self { from, to, start, end, logarithmic: true }
    }

    /// The place of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        let part = if self.logarithmic {
            (value / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        self.start + part * (self.end - self.start)
    }
}

impl Drawing {
    /// An empty card with a title.
    pub(super) fn new(width: f64, height: f64, title: &str, below: &str) -> Self {
        let mut drawing = Self { body: String::new(), width, height };
        drawing.text(24.0, 32.0, "title", "start", title);
        drawing.text(24.0, 52.0, "sub", "start", below);
        drawing
    }

    /// Words; `anchor` is `start`, `middle` or `end`.
    pub(super) fn text(&mut self, x: f64, y: f64, class: &str, anchor: &str, words: &str) {
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\" text-anchor=\"{anchor}\">{words}</text>"
        );
    }

    /// A straight line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let _ = writeln!(
            self.body,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" class=\"{class}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    /// A line through points, with a dot on each.
    pub(super) fn curve(&mut self, points: &[(f64, f64)], colour: usize) {
        let mut path = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { "M" } else { "L" });
        }
        let _ = writeln!(self.body, "<path d=\"{path}\" class=\"s{colour}\"/>");
        for point in points {
            self.dot(*point, 2.6, colour);
        }
    }

    /// A dot.
    pub(super) fn dot(&mut self, (x, y): (f64, f64), radius: f64, colour: usize) {
        let _ =
            writeln!(self.body, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" class=\"f{colour}\"/>");
    }

    /// A legend in one row: names in their colours.
    pub(super) fn legend(&mut self, mut x: f64, y: f64, names: &[String]) {
        for (colour, name) in names.iter().enumerate() {
            self.dot((x, y - 4.0), 4.5, colour);
            self.text(x + 10.0, y, "", "start", name);
            #[expect(clippy::cast_precision_loss, reason = "a few letters")]
            let letters = name.chars().count() as f64;
            x += 30.0 + 6.6 * letters;
        }
    }

    /// The file.
    pub(super) fn finished(self) -> String {
        let (width, height) = (self.width, self.height);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<style>{STYLE}</style>\n\
             <rect class=\"card\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// Moves names apart that would lie on each other: answers a place for each, in the given order.
pub(super) fn apart(wanted: &[f64], distance: f64, (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|left, right| wanted[*left].total_cmp(&wanted[*right]));
    let mut places = wanted.to_vec();
    let mut least = top;
    for index in &order {
        places[*index] = places[*index].max(least);
        least = places[*index] + distance;
    }
    let mut most = bottom;
    for index in order.iter().rev() {
        places[*index] = places[*index].min(most);
        most = places[*index] - distance;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_reach_from_end_to_end() {
        let scale = Scale::logarithmic((1.0, 100.0), (0.0, 10.0));
        assert!((scale.at(10.0) - 5.0).abs() < 1e-9);
        assert!((Scale::linear((0.0, 4.0), (10.0, 0.0)).at(1.0) - 7.5).abs() < 1e-9);
    }

    #[test]
    fn names_do_not_lie_on_each_other() {
        let places = apart(&[50.0, 51.0, 10.0, 99.0], 12.0, (0.0, 100.0));
        let mut sorted = places.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 12.0 - 1e-9));
        assert!(places[2] < places[0] && places[0] < places[1] && places[1] < places[3]);
    }
}
