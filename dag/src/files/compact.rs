//! Compaction: what is alive in sparse and in small segments moves into new packs, then the old ones are removed.
//!
//! One group of segments at a time, of no more blocks than one pack takes, under the vault's lock, which is given back
//! between groups. The new pack is durable and has its index before the old segments are announced as erased, so a cut
//! at any point leaves every block in the old place, the new one, or both.

use super::FileStore;
use super::base::{Name, io_error};
use super::chain::{Place, WHOLE};
use super::format::HEADER_BYTES;
use super::pack::Writer;
use super::segment::{Owner, Segment};
use super::state::State;
use dagvault_core::error::{StoreError, StoreErrorKind};
use std::collections::BTreeSet;

/// A record takes at most so much besides its payload: its header, and zeros up to the next multiple of 16.
const AROUND_BYTES: u64 = 63;
/// Segments from this size on are rewritten when less than one part in [`SPARSE`] of them is alive.
const SPARSE_BYTES_MIN: u64 = 4096;
const SPARSE: u64 = 2;
/// Segments with more than one part in so many of a pack's size are not small.
const SMALL: u64 = 2;

/// What a compaction has done, or would do.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Compacted {
    /// Segments rewritten.
    pub segments: u64,
    /// Their bytes on disk.
    pub bytes_before: u64,
    /// Bytes of what replaces them.
    pub bytes_after: u64,
}

/// A segment that may be rewritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Candidate {
    name: Name,
    size: u64,
    /// At most so much is needed for what is alive.
    live: u64,
}

/// Chooses the segments to be rewritten next: sparse ones as many as fit into a pack, else small ones, as long as those
/// before are together no smaller than half of the next; so each block is moved a number of times that grows with the
/// logarithm of a pack's size only.
fn choose(mut candidates: Vec<Candidate>, pack_bytes: u64) -> Vec<Candidate> {
    candidates.sort_unstable_by_key(|candidate| (candidate.live, candidate.name));
    let mut sum = 0;
    let mut fits = |candidate: &Candidate| {
        let first = sum == 0;
        sum += HEADER_BYTES + candidate.live;
        first || sum <= pack_bytes
    };
    let sparse = |candidate: &&Candidate| {
        candidate.size >= SPARSE_BYTES_MIN && candidate.live * SPARSE <= candidate.size
    };
    let chosen: Vec<Candidate> =
        candidates.iter().filter(sparse).take_while(|candidate| fits(candidate)).copied().collect();
    if !chosen.is_empty() {
        return chosen;
    }
    let (mut before, mut count) = (0, 0);
    for (number, candidate) in candidates.iter().enumerate() {
        if candidate.live * SMALL > pack_bytes || HEADER_BYTES + before + candidate.live > pack_bytes {
            break;
        }
        if number > 0 && before * SMALL >= candidate.live {
            count = number + 1;
        }
        before += candidate.live;
    }
    candidates.truncate(count);
    candidates
}

/// Chooses as [`choose`], but of the log only what is oldest: of `all` segments that there are, none in the log may be
/// older than one of the group and not in it, see `State::refresh`.
fn choose_in_order(mut candidates: Vec<Candidate>, all: &[Name], pack_bytes: u64) -> Vec<Candidate> {
    loop {
        let group = choose(candidates.clone(), pack_bytes);
        let chosen = |name: &Name| group.iter().any(|one| one.name == *name);
        let stays = all.iter().filter(|name| matches!(name, Name::Log(_)) && !chosen(name)).min();
        let too_new = |one: &Candidate| {
            stays.is_some_and(|stays| matches!(one.name, Name::Log(_)) && one.name > *stays)
        };
        if !group.iter().any(too_new) {
            return group;
        }
        candidates.retain(|one| !(too_new(one) && chosen(&one.name)));
    }
}

impl FileStore {
    /// Rewrites segments of which little is alive, and puts small ones together. `progress` is told bytes of files
    /// gone through and how many there were at first, and answers whether to go on. With `dry_run` nothing is changed.
    ///
    /// Other handles may read and write meanwhile; one that commits waits for at most one pack to be written.
    /// Segments with damaged blocks stay as they are.
    ///
    /// # Errors
    /// `NoSpace` if there is no room for a new pack: what was compacted before stays so, nothing is lost; what the
    /// system reports.
    pub fn compact(
        &self,
        dry_run: bool,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<Compacted, StoreError> {
        let mut done = Compacted::default();
        if dry_run {
            self.check_usable()?;
            self.state().refresh(&self.base, false)?;
            let mut skipped = BTreeSet::new();
            loop {
                let group = self.next_group(&skipped)?;
                if group.is_empty() {
                    return Ok(done);
                }
                done.add(&group);
                skipped.extend(group.iter().map(|candidate| candidate.name));
            }
        }
        self.check_writable()?;
        let mut skipped = BTreeSet::new();
        let mut total = 0;
        loop {
            let _writer = self.writer();
            let _held = self.hold()?;
            self.prepare()?;
            let group = self.next_group(&skipped)?;
            if group.is_empty() {
                break;
            }
            total =
                if total == 0 { self.candidates(&skipped)?.iter().map(|one| one.size).sum() } else { total };
            match self.rewrite_group(&group) {
                Ok(()) => done.add(&group),
                // Found one by one, which of them it is.
                Err((name, error)) if error.kind == StoreErrorKind::Corrupt => drop(skipped.insert(name)),
                Err((_, error)) => return Err(error),
            }
            if !progress(done.bytes_before.min(total), total) {
                break;
            }
        }
        self.reindex()?;
        Ok(done)
    }

    fn candidates(&self, skipped: &BTreeSet<Name>) -> Result<Vec<Candidate>, StoreError> {
        let mut state = self.state();
        state.refresh_packs(&self.base)?;
        let active = Name::Log(state.log.number);
        let mut candidates = Vec::new();
        for at in 0..state.segments.len() {
            let segment = &state.segments[at];
            let name = segment.name;
            if segment.owner == Owner::Shared && name != active && !skipped.contains(&name) {
                candidates.push(self.candidate(&mut state, at)?);
            }
        }
        Ok(candidates)
    }

    fn candidate(&self, state: &mut State, at: usize) -> Result<Candidate, StoreError> {
        let (blocks, bytes) = state.on_index(&self.base, at, Segment::live)?;
        let segment = &state.segments[at];
        let size = segment.file.size().map_err(|error| io_error(&segment.name.path(), &error))?;
        Ok(Candidate { name: segment.name, size, live: bytes + AROUND_BYTES * blocks })
    }

    fn next_group(&self, skipped: &BTreeSet<Name>) -> Result<Vec<Candidate>, StoreError> {
        let candidates = self.candidates(skipped)?;
        // The newest segment of the log is no candidate and always stays.
        let logs: Vec<Name> = self.state().segments.iter().map(|segment| segment.name).collect();
        Ok(choose_in_order(candidates, &logs, self.base.sizes.pack_bytes))
    }

    /// Moves what is alive in a group and removes it; the lock is held and the log prepared. A failure names the
    /// segment that it comes from.
    fn rewrite_group(&self, group: &[Candidate]) -> Result<(), (Name, StoreError)> {
        let mut writer = Writer::default();
        let mut last = group[0].name;
        let mut copy = || -> Result<(), StoreError> {
            for candidate in group {
                last = candidate.name;
                self.copy_out(&mut writer, candidate.name, &BTreeSet::new())?;
            }
            self.sync_packs(&mut writer)
        };
        if let Err(error) = copy() {
            self.discard(&mut writer);
            return Err((last, error));
        }
        self.seal(&mut writer, true);
        let places: Vec<Place> = {
            let state = self.state();
            let old =
                state.segments.iter().filter(|segment| group.iter().any(|one| one.name == segment.name));
            old.map(|segment| Place { segment: segment.tag.segment, offset: WHOLE }).collect()
        };
        self.erase(&places).map_err(|error| (last, error))
    }
}

impl Compacted {
    fn add(&mut self, group: &[Candidate]) {
        self.segments += group.len() as u64;
        self.bytes_before += group.iter().map(|candidate| candidate.size).sum::<u64>();
        self.bytes_after += group.iter().map(|candidate| candidate.live).sum::<u64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: u64, size: u64, live: u64) -> Candidate {
        Candidate { name: Name::Log(number), size, live }
    }

    fn numbers(chosen: &[Candidate]) -> Vec<u64> {
        let mut numbers: Vec<u64> = chosen.iter().map(|candidate| candidate.size).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn sparse_segments_go_first_and_fit_into_a_pack() {
        let all = vec![candidate(1, 9000, 4000), candidate(2, 9001, 4400), candidate(3, 9002, 9002)];
        assert_eq!(numbers(&choose(all.clone(), 10_000)), [9000, 9001]);
        assert_eq!(numbers(&choose(all, 5000)), [9000]);
    }

    #[test]
    fn small_segments_are_put_together_once_they_are_worth_it() {
        let sizes = |sizes: &[u64]| {
            let all = sizes.iter().enumerate().map(|(at, size)| candidate(at as u64, *size, *size));
            numbers(&choose(all.collect(), 10_000))
        };
        assert_eq!(sizes(&[100]), [0; 0]);
        assert_eq!(sizes(&[100, 200]), [100, 200]);
        assert_eq!(sizes(&[100, 201]), [0; 0]);
        assert_eq!(sizes(&[100, 100, 300, 4000]), [100, 100, 300]);
        assert_eq!(sizes(&[100, 100, 300, 6000]), [100, 100, 300]);
        assert_eq!(sizes(&[4000, 4000, 4000]), [4000, 4000]);
        assert_eq!(sizes(&[9000, 9000]), [0; 0]);
    }

    #[test]
    fn choosing_comes_to_an_end() {
        // As if each group became one pack, whatever sizes there are.
        let mut all: Vec<Candidate> =
            (0..200).map(|at| candidate(at, at * at % 7001 + 96, at * at % 5003)).collect();
        let mut rounds = 0;
        loop {
            let chosen = choose(all.clone(), 10_000);
            if chosen.is_empty() {
                break;
            }
            let live: u64 = chosen.iter().map(|one| one.live).sum();
            all.retain(|one| !chosen.contains(one));
            all.push(candidate(1000 + rounds, HEADER_BYTES + live, live));
            rounds += 1;
            assert!(rounds < 400, "no end");
        }
        assert!(all.len() < 200);
    }
}
