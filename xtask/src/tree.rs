//! Folders of files: counting them, comparing two, and making small and large ones from a seed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// What is compared of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Entry {
    File { bytes: u64, mode: u32, mtime_s: i64, mtime_ns: i64 },
    Link { target: PathBuf },
}

/// The files and symlinks below a folder.
#[derive(Debug)]
pub(crate) struct Listing {
    root: PathBuf,
    entries: BTreeMap<PathBuf, Entry>,
}

impl Listing {
    /// Walks `root`, following no symlink.
    pub(crate) fn of(root: &Path) -> Result<Self> {
        let mut entries = BTreeMap::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let listed = fs::read_dir(root.join(&folder));
            for entry in listed.with_context(|| format!("cannot list {}", root.join(&folder).display()))? {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                let data = entry.metadata()?;
                if data.is_dir() {
                    folders.push(path);
                } else if data.is_symlink() {
                    entries.insert(path, Entry::Link { target: fs::read_link(entry.path())? });
                } else {
                    let mode = data.mode() & 0o7777;
                    let (mtime_s, mtime_ns) = (data.mtime(), data.mtime_nsec());
                    entries.insert(path, Entry::File { bytes: data.len(), mode, mtime_s, mtime_ns });
                }
            }
        }
        Ok(Self { root: root.to_owned(), entries })
    }

    /// How many files and symlinks.
    pub(crate) fn count(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Bytes of the files.
    pub(crate) fn bytes(&self) -> u64 {
        let sizes = self.entries.values().map(|entry| match entry {
            Entry::File { bytes, .. } => *bytes,
            Entry::Link { .. } => 0,
        });
        sizes.sum()
    }

    /// In what `other` differs: names, contents byte for byte, modes, times, targets of symlinks.
    pub(crate) fn differences(&self, other: &Self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (path, entry) in &self.entries {
            match other.entries.get(path) {
                None => found.push(format!("{} is missing", path.display())),
                Some(theirs) if theirs != entry => {
                    found.push(format!("{}: {entry:?} became {theirs:?}", path.display()));
                }
                Some(_) if matches!(entry, Entry::File { .. }) && !same(self, other, path)? => {
                    found.push(format!("{}: other bytes", path.display()));
                }
                Some(_) => {}
            }
        }
        let strangers = other.entries.keys().filter(|path| !self.entries.contains_key(*path));
        found.extend(strangers.map(|path| format!("{} is new", path.display())));
        Ok(found)
    }
}

fn same(ours: &Listing, theirs: &Listing, path: &Path) -> Result<bool> {
    let open = |root: &Path| File::open(root.join(path)).with_context(|| path.display().to_string());
    let (mut ours, mut theirs) = (open(&ours.root)?, open(&theirs.root)?);
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let count = ours.read(&mut left)?;
        if count == 0 {
            return Ok(theirs.read(&mut right)? == 0);
        }
        if theirs.read_exact(&mut right[..count]).is_err() || left[..count] != right[..count] {
            return Ok(false);
        }
    }
}

/// Bytes on disk below a folder, as the lengths of its files and as the blocks that they take.
pub(crate) fn disk_use(root: &Path) -> Result<(u64, u64)> {
    let (mut lengths, mut blocks) = (0, 0);
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let data = entry.metadata()?;
            if data.is_dir() {
                folders.push(entry.path());
            } else {
                lengths += data.len();
                blocks += data.blocks() * 512;
            }
        }
    }
    Ok((lengths, blocks))
}

/// A small generator of numbers that look random (SplitMix64): for test data only.
#[derive(Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    /// The sequence of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Fills `out`.
    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for part in out.chunks_mut(8) {
            part.copy_from_slice(&self.draw().to_le_bytes()[..part.len()]);
        }
    }
}

/// Writes `count` small secrets, one file each, in folders of 100; the same for the same seed.
pub(crate) fn write_secrets(folder: &Path, count: u32, seed: u64) -> Result<()> {
    let mut numbers = Numbers::new(seed);
    for index in 0..count {
        let group = folder.join(format!("team-{:02}", index / 100));
        fs::create_dir_all(&group)?;
        let mut value = [0; 96];
        numbers.fill(&mut value);
        let length = 16 + usize::try_from(numbers.draw() % 80)?;
        let text: String = value[..length].iter().map(|byte| char::from(b'!' + byte % 94)).collect();
        let path = group.join(format!("token-{index:04}"));
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Writes a file of `bytes` bytes that no codec makes smaller; the same for the same seed.
pub(crate) fn write_large(path: &Path, bytes: u64, seed: u64) -> Result<()> {
    let mut file = File::create(path).with_context(|| path.display().to_string())?;
    let mut numbers = Numbers::new(seed);
    let mut part = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let count = usize::try_from(left.min(1 << 20))?;
        numbers.fill(&mut part[..count]);
        file.write_all(&part[..count])?;
        left -= count as u64;
    }
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_copy_is_told_from_a_true_one() {
        let base = std::env::temp_dir().join(format!("dagvault-tree-{}", std::process::id()));
        let (left, right) = (base.join("left"), base.join("right"));
        write_secrets(&left, 20, 7).unwrap();
        write_secrets(&right, 20, 7).unwrap();
        let list = |folder: &Path| {
            let mut listing = Listing::of(folder).unwrap();
            for entry in listing.entries.values_mut() {
                if let Entry::File { mtime_s, mtime_ns, .. } = entry {
                    (*mtime_s, *mtime_ns) = (0, 0);
                }
            }
            listing
        };
        assert_eq!(list(&left).count(), 20);
        assert!(list(&left).differences(&list(&right)).unwrap().is_empty());
        let file = right.join("team-00/token-0003");
        let mut value = fs::read(&file).unwrap();
        value[5] ^= 1;
        fs::write(&file, value).unwrap();
        fs::set_permissions(right.join("team-00/token-0004"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::remove_file(right.join("team-00/token-0005")).unwrap();
        fs::write(right.join("more"), "").unwrap();
        assert_eq!(list(&left).differences(&list(&right)).unwrap().len(), 4);
        fs::remove_dir_all(base).unwrap();
    }
}
