//! The log as a repair sees it: whole, or what can still be read of its cells.

use super::base::{Base, Name, corrupt, io_error};
use super::chain::{Deed, Place};
use super::examine::{Examined, examine};
use super::format::{HEADER_BYTES, Header};
use super::load::{newer, read_header};
use super::state::{State, log_numbers};
use super::tip::Tip;
use crate::disk::Open;
use dagvault_core::error::{StoreError, StoreErrorKind};
use std::collections::BTreeMap;
use std::io;

/// What was found of the log.
pub(super) enum LogFound {
    /// It opens; the state knows nothing but the log.
    Whole(Box<State>),
    Broken(Broken),
}

/// A log that does not open.
pub(super) struct Broken {
    pub(super) cells: BTreeMap<u32, Vec<u8>>,
    /// The last link that was found.
    pub(super) chain: [u8; 32],
    /// Whether these are surely the newest cells.
    pub(super) exact: bool,
    /// An erasure that was announced and perhaps not completed.
    pub(super) pending: Vec<Place>,
    /// The number of the segment that goes on.
    pub(super) next: u64,
}

/// Reads the newest log segment as opening does, and where that fails what is whole of it.
///
/// # Errors
/// `Corrupt` if no cell can be read; `Unsupported`; what the system reports.
pub(super) fn look_at_log(base: &Base) -> Result<LogFound, StoreError> {
    let numbers = log_numbers(base)?;
    let newest = *numbers.last().ok_or_else(|| corrupt("log: no segment is there"))?;
    let noted = Tip::read(&*base.probe, &base.store).map_err(|error| io_error("lock", &error))?;
    let next = noted.as_ref().map_or(newest, |noted| noted.number.max(newest)) + 1;
    let mut read = State::before_log(base, newest);
    if let Ok(state) = &mut read
        && state.advance(base, true, true).unwrap_or(false)
    {
        let short = noted.is_some_and(|noted| !Tip::of(state).covers(&noted));
        if !short {
            return read.map(Box::new).map(LogFound::Whole);
        }
        let pending = state.pending.take().map_or_else(Vec::new, |pending| pending.1);
        let cells = std::mem::take(&mut state.cells);
        return Ok(LogFound::Broken(Broken { cells, chain: state.log.chain, exact: false, pending, next }));
    }
    if let Err(error) = read
        && error.kind == StoreErrorKind::Unsupported
    {
        return Err(error);
    }
    let mut found = Vec::new();
    for number in numbers.iter().rev() {
        let (header, examined) = examine_log(base, *number)?;
        let opened = examined.opens();
        found.push((*number, header, examined));
        if opened {
            break;
        }
    }
    fold(found, noted, newest, next)
}

/// The id of the link before the segment, if its header can be read, and its records.
fn examine_log(base: &Base, number: u64) -> Result<(Option<[u8; 32]>, Examined), StoreError> {
    let path = Name::Log(number).path();
    let fail = |error: io::Error| io_error(&path, &error);
    let file = base.disk.open(&path, Open::Read).map_err(fail)?;
    let header = match read_header(&*file).map_err(fail)? {
        Header::Newer(version) => return Err(newer(&path, version)),
        Header::Ours(header) if header.fits(Name::Log(number), &base.store) => Some(header),
        _ => None,
    };
    let tag = header.map(|header| header.tag);
    let found = examine(&*file, Name::Log(number), tag, &mut |_| {}).map_err(fail)?;
    Ok((header.map(|header| header.chain), found))
}

impl Examined {
    /// Whether the segment's first commit is whole, which carries every cell.
    fn opens(&self) -> bool {
        self.links.first().is_some_and(|first| {
            first.offset == HEADER_BYTES && matches!(first.link.deed, Deed::Commit { .. })
        })
    }

    /// Whether no link is missing between the first and the last, and nothing stands behind that.
    fn is_unbroken(&self, chain: [u8; 32]) -> bool {
        let mut previous = chain;
        let chained = self.links.iter().all(|found| {
            let fits = found.link.previous == previous;
            previous = found.id;
            fits
        });
        chained && self.proven.1 == previous && self.used <= self.proven.0
    }
}

/// Puts together what links of the newest segments say, newest first.
fn fold(
    found: Vec<(u64, Option<[u8; 32]>, Examined)>,
    noted: Option<Tip>,
    newest: u64,
    next: u64,
) -> Result<LogFound, StoreError> {
    let exact = match &found[..] {
        [(number, Some(chain), examined)] => {
            let last = examined.links.last().map_or([0; 32], |last| last.id);
            let reached = noted
                .is_none_or(|noted| noted.number < newest || noted.number == newest && noted.link == last);
            *number == newest && examined.opens() && examined.is_unbroken(*chain) && reached
        }
        _ => false,
    };
    let (mut cells, mut chain, mut pending) = (BTreeMap::new(), [0; 32], None);
    for (_, _, examined) in found.into_iter().rev() {
        for link in examined.links {
            chain = link.id;
            match link.link.deed {
                Deed::Commit { cells: set, .. } => cells.extend(set),
                Deed::Erase { places } => pending = Some((link.id, places)),
                Deed::Erased { erase } => {
                    pending = pending.filter(|pending: &([u8; 32], _)| pending.0 != erase)
                }
            }
        }
    }
    if cells.is_empty() {
        return Err(corrupt("log: no cell can be read; bring the folder log back from a copy"));
    }
    let pending = pending.map_or_else(Vec::new, |pending| pending.1);
    Ok(LogFound::Broken(Broken { cells, chain, exact, pending, next }))
}
