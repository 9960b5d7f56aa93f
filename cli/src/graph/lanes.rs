//! The layout: a row for each commit, and lanes in which links go down to parents, as `git log --graph` has them.

use dagvault_api::CommitInfo;
use dagvault_core::ids::Cid;

/// Where a commit stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// From the newest on.
    pub(super) row: usize,
    /// From the left on.
    pub(super) lane: usize,
}

/// A link from a commit to its parent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// The commit.
    pub(super) from: Place,
    /// The lane in which it goes down, which is its parent's.
    pub(super) lane: usize,
    /// The parent's row; none if it is not drawn.
    pub(super) to: Option<usize>,
}

/// Places and lines of a drawing.
pub(super) struct Layout {
    /// In the order of the commits.
    pub(super) places: Vec<Place>,
    pub(super) lines: Vec<Line>,
    /// How many lanes there are.
    pub(super) lanes: usize,
}

/// Lays out commits, children before parents.
pub(super) fn layout<'c>(commits: impl Iterator<Item = &'c CommitInfo>) -> Layout {
    // What each lane leads to.
    let mut lanes: Vec<Option<Cid>> = Vec::new();
    let mut open: Vec<(Cid, Line)> = Vec::new();
    let mut out = Layout { places: Vec::new(), lines: Vec::new(), lanes: 0 };
    for (row, commit) in commits.enumerate() {
        let awaited = lanes.iter().position(|lane| *lane == Some(commit.cid));
        let lane = awaited.unwrap_or_else(|| free(&mut lanes));
        let place = Place { row, lane };
        lanes[lane] = None;
        out.places.push(place);
        open.retain(|(wanted, line)| {
            let arrived = *wanted == commit.cid;
            if arrived {
                out.lines.push(Line { to: Some(row), ..*line });
            }
            !arrived
        });
        for (index, parent) in commit.parents.iter().enumerate() {
            let shared = lanes.iter().position(|lane| *lane == Some(*parent));
            // The first parent goes straight down if nobody else waits for it.
            let down = shared.unwrap_or_else(|| if index == 0 { lane } else { free(&mut lanes) });
            lanes[down] = Some(*parent);
            open.push((*parent, Line { from: place, lane: down, to: None }));
        }
        while lanes.last() == Some(&None) {
            lanes.pop();
        }
        out.lanes = out.lanes.max(lanes.len()).max(lane + 1);
    }
    out.lines.extend(open.into_iter().map(|(_, line)| line));
    out
}

/// A lane that leads nowhere.
fn free(lanes: &mut Vec<Option<Cid>>) -> usize {
    if let Some(lane) = lanes.iter().position(Option::is_none) {
        return lane;
    }
    lanes.push(None);
    lanes.len() - 1
}

#[cfg(test)]
mod tests {
    use super::super::tests::{braid, commit};
    use super::*;

    fn of(shown: &[super::super::Shown]) -> Layout {
        layout(shown.iter().map(|(commit, _)| commit))
    }

    #[test]
    fn a_line_of_commits_takes_one_lane() {
        let shown: Vec<_> = (1..=200_u8)
            .rev()
            .map(|number| commit(number, if number == 1 { &[] } else { &[0] }, 1))
            .collect();
        let shown: Vec<_> = shown
            .iter()
            .enumerate()
            .map(|(at, one)| {
                let mut one = one.clone();
                one.0.parents = shown.get(at + 1).map(|next| next.0.cid).into_iter().collect();
                one
            })
            .collect();
        let layout = of(&shown);
        assert_eq!(layout.lanes, 1);
        assert!(layout.lines.iter().all(|line| line.lane == 0 && line.to == Some(line.from.row + 1)));
        assert_eq!(layout.lines.len(), 199);
    }

    #[test]
    fn no_line_crosses_a_commit_and_each_ends_at_its_parent() {
        let shown = braid();
        let layout = of(&shown);
        let links: usize = shown.iter().map(|(commit, _)| commit.parents.len()).sum();
        assert_eq!(layout.lines.len(), links);
        for line in &layout.lines {
            let to = line.to.unwrap();
            let child = &shown[line.from.row].0;
            assert!(child.parents.contains(&shown[to].0.cid));
            assert_eq!(layout.places[to].lane, line.lane);
            // Between its ends the line's lane is its own.
            for place in &layout.places[line.from.row + 1..to] {
                assert_ne!(place.lane, line.lane, "row {}", place.row);
            }
        }
        assert_eq!(layout.lanes, 4);
    }

    #[test]
    fn parents_that_are_not_drawn_leave_open_lines() {
        let shown = [commit(3, &[2], 1), commit(2, &[1, 0], 1)];
        let layout = of(&shown);
        let ends: Vec<_> = layout.lines.iter().map(|line| line.to).collect();
        assert_eq!(ends, [Some(1), None, None]);
    }
}
