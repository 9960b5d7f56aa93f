//! One line of progress on a terminal: how far, how fast, how much longer.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use crate::show;

const EVERY: Duration = Duration::from_millis(100);

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Files, by their bytes.
    Files,
    /// Blocks, by their number.
    Blocks,
    /// Bytes gone through.
    Bytes,
}

/// A progress line on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    unit: Unit,
    begun: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    /// A line that is drawn with the first update after a moment.
    pub(crate) fn new(unit: Unit) -> Self {
        Self { unit, begun: Instant::now(), drawn: None }
    }

    /// Draws the line anew, ten times a second at most.
    pub(crate) fn update(&mut self, items: u64, done: u64, total: Option<u64>) {
        let now = Instant::now();
        if now.duration_since(self.drawn.unwrap_or(self.begun)) < EVERY {
            return;
        }
        self.drawn = Some(now);
        let line = self.text(items, done, total, now.duration_since(self.begun));
        // A terminal that went away shows nothing.
        let _ = io::stderr().write_all(format!("\r\x1b[K{line}").as_bytes());
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if self.drawn.is_some() {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }

    fn text(&self, items: u64, done: u64, total: Option<u64>, elapsed: Duration) -> String {
        let ms = elapsed.as_millis().max(1);
        let rate = u64::try_from(u128::from(done) * 1000 / ms).unwrap_or(u64::MAX);
        let (head, speed) = match self.unit {
            Unit::Files => (
                format!("{}, {}", show::count(items, "file", "files"), show::bytes(done)),
                format!("{}/s", show::bytes(rate)),
            ),
            Unit::Bytes => (show::bytes(done), format!("{}/s", show::bytes(rate))),
            Unit::Blocks => (show::count(items, "block", "blocks"), format!("{rate} blocks/s")),
        };
        let Some(total) = total.filter(|total| *total >= done && *total > 0) else {
            return format!("{head}, {speed}");
        };
        let percent = u128::from(done) * 100 / u128::from(total);
        let left = (total - done)
            .checked_div(rate)
            .map_or_else(String::new, |left| format!(", {} left", clock(left)));
        format!("{percent:3} %  {head}, {speed}{left}")
    }
}

fn clock(seconds: u64) -> String {
    if seconds >= 3600 {
        format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    } else {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_rate_and_time_left() {
        let progress = Progress::new(Unit::Files);
        let line = progress.text(3, 5_000_000, Some(20_000_000), Duration::from_secs(1));
        assert_eq!(line, " 25 %  3 files, 5.0 MB, 5.0 MB/s, 0:03 left");
        assert_eq!(progress.text(1, 0, None, Duration::ZERO), "1 file, 0 B, 0 B/s");
    }
}
