//! What a repair does to single segments of an open store.

use super::FileStore;
use super::base::{Name, corrupt, io_error};
use super::examine::Examined;
use super::segment::Segment;
use super::walk::Window;
use dagvault_core::error::StoreError;
use dagvault_core::ids::Cid;
use std::io::{self, ErrorKind};

/// Where originals go.
const KEPT: &str = "damaged";

impl FileStore {
    /// Moves a segment into the folder of damaged files.
    pub(super) fn put_aside(&self, name: Name) -> Result<(), StoreError> {
        let (disk, path) = (&self.base.disk, name.path());
        let target = format!("{KEPT}/{}", path.replace('/', "-"));
        let work = || -> io::Result<()> {
            disk.create_dir(KEPT)?;
            disk.sync_dir("")?;
            match disk.remove(&name.index_path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            disk.sync_dir("index")?;
            disk.rename(&path, &target)?;
            disk.sync_dir(KEPT)?;
            disk.sync_dir(name.folder())
        };
        work().map_err(|error| io_error(&path, &error))?;
        self.state().segments.retain(|segment| segment.name != name);
        Ok(())
    }

    /// Writes a segment's index anew unless it says what was found; answers whether it did.
    pub(super) fn check_index(&self, name: Name, found: Examined) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(segment) = state.segments.iter_mut().find(|segment| segment.name == name) else {
            return Err(corrupt(name.path()));
        };
        let mut good = found.good;
        good.sort_unstable();
        if segment.indexed && segment.has_index_of(&self.base, &good, &found.commits).unwrap_or(false) {
            return Ok(false);
        }
        segment.take_scan(good, found.commits, found.end);
        segment.freeze(&self.base).map_err(|error| io_error(&name.index_path(), &error))?;
        Ok(true)
    }

    /// Whether a block can be read whole from somewhere.
    pub(super) fn has_whole(&self, id: &Cid) -> Result<bool, StoreError> {
        let mut state = self.state();
        for at in 0..state.segments.len() {
            for entry in state.on_index(&self.base, at, |segment: &mut Segment| segment.find_all(id))? {
                let segment = &state.segments[at];
                let mut window = Window::new(&*segment.file, segment.tag);
                let whole = window.block(&entry).map_err(|error| io_error(&segment.name.path(), &error))?;
                if whole.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
