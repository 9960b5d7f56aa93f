//! Turns: whoever does the same thing is timed in short windows, one after the other, again and again. A neighbour who
//! takes the processor then hits all of them, and the best window of each has seen none.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::child::{Case, Server};
use crate::measure::median;

/// How long a window lasts, in seconds.
const WINDOW_S: f64 = 0.000_5;
/// A window of several threads is longer, for they have to wake up.
const SHARED_WINDOW_S: f64 = 0.001;
/// Who takes longer than this gets so few windows at least.
const SLOW_S: f64 = 0.1;
const SLOW_WINDOWS: usize = 2;
/// Threads must find as many processors free at the same time: they get so much more time.
const SHARED_TIMES: f64 = 3.0;

/// What was measured of a case.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Which.
    pub(super) case: Case,
    /// Which server it ran in; two of them may have the same case.
    pub(super) server: usize,
    /// Seconds of one run, in the best window and in the middle one.
    pub(super) best_s: f64,
    /// See above.
    pub(super) median_s: f64,
}

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Seconds for each case.
    pub(super) case_s: f64,
    /// Windows that each gets at least, unless one takes long.
    pub(super) windows_min: usize,
    /// Messages above this are left out.
    pub(super) bytes_max: u64,
}

impl Effort {
    /// For the document.
    pub(super) const FULL: Self = Self { case_s: 0.05, windows_min: 8, bytes_max: 64 << 20 };
    /// For a first look.
    pub(super) const QUICK: Self = Self { case_s: 0.01, windows_min: 3, bytes_max: 1 << 20 };
}

/// Somebody's part of a heat.
struct Lane {
    server: usize,
    index: usize,
    times: u64,
    /// Seconds of one run, by window.
    samples: Vec<f64>,
    spent_s: f64,
}

/// Several programs that are given turns.
pub(super) struct Field {
    /// They.
    pub(super) servers: Vec<Server>,
}

impl Field {
    /// Measures every case that `wanted` wants, heat by heat.
    pub(super) fn measure(&mut self, effort: Effort, wanted: &dyn Fn(&Case) -> bool) -> Result<Vec<Row>> {
        let mut heats: Vec<Vec<(usize, usize)>> = Vec::new();
        let mut places = BTreeMap::new();
        for (number, server) in self.servers.iter().enumerate() {
            for (index, case) in server.cases.iter().enumerate() {
                if case.bytes > effort.bytes_max || !wanted(case) {
                    continue;
                }
                let key = (case.group.clone(), case.what.clone(), case.bytes, case.workers);
                let place = *places.entry(key).or_insert_with(|| {
                    heats.push(Vec::new());
                    heats.len() - 1
                });
                heats[place].push((number, index));
            }
        }
        let mut rows = Vec::new();
        for heat in &heats {
            rows.extend(self.heat(heat, effort)?);
        }
        Ok(rows)
    }

    fn heat(&mut self, who: &[(usize, usize)], effort: Effort) -> Result<Vec<Row>> {
        let mut lanes = Vec::new();
        for &(server, index) in who {
            match self.opened(server, index) {
                Ok(lane) => lanes.push(lane),
                Err(error) => println!("left out: {}: {error:#}", self.servers[server].cases[index].name()),
            }
        }
        let workers = who.first().map_or(1, |(server, index)| self.servers[*server].cases[*index].workers);
        let case_s = if workers > 1 { effort.case_s * SHARED_TIMES } else { effort.case_s };
        let enough = |lane: &Lane| {
            let slow = lane.samples.iter().any(|took| *took > SLOW_S);
            let windows = if slow { SLOW_WINDOWS } else { effort.windows_min };
            lane.spent_s >= case_s && lane.samples.len() >= windows
        };
        // Threads and sleeping neighbours make a run longer than what it answers, so that turns are limited by time.
        let limit_s = (case_s * 8.0).max(2.0) * lanes.len() as f64;
        let began = Instant::now();
        while began.elapsed().as_secs_f64() < limit_s && !lanes.iter().all(enough) {
            for lane in lanes.iter_mut().filter(|lane| !enough(lane)) {
                let took = self.servers[lane.server].run(lane.index, lane.times)?;
                lane.spent_s += took;
                lane.samples.push(took / lane.times as f64);
            }
        }
        lanes.into_iter().map(|lane| self.closed(lane)).collect()
    }

    /// Opens a case and finds out how many runs fill a window.
    fn opened(&mut self, server: usize, index: usize) -> Result<Lane> {
        let program = self.servers.get_mut(server).context("no such program")?;
        program.open(index)?;
        let window_s = if program.cases[index].workers > 1 { SHARED_WINDOW_S } else { WINDOW_S };
        let mut lane = Lane { server, index, times: 1, samples: Vec::new(), spent_s: 0.0 };
        loop {
            let took = program.run(index, lane.times)?;
            if took >= window_s / 2.0 {
                if took > SLOW_S {
                    // The first of a slow one counts, for it will get few.
                    lane.samples.push(took);
                    lane.spent_s = took;
                }
                return Ok(lane);
            }
            let factor = (window_s / took.max(1e-7)).clamp(2.0, 64.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 2 and 64")]
            let factor = factor as u64;
            lane.times *= factor;
        }
    }

    fn closed(&mut self, mut lane: Lane) -> Result<Row> {
        let server = &mut self.servers[lane.server];
        server.close(lane.index)?;
        lane.samples.sort_by(f64::total_cmp);
        Ok(Row {
            case: server.cases[lane.index].clone(),
            server: lane.server,
            best_s: *lane.samples.first().context("no window")?,
            median_s: median(&lane.samples),
        })
    }
}
