//! What an import keeps of a file besides its content, in the metadata key `fs`; docs/cli.md describes it.

use dagvault_api::Meta;
use dagvault_core::cbor::{self, CborError, Decoder, Encoder, Wire};
use rustix::fs::{FileType, Stat};

/// The metadata key.
pub(crate) const KEY: &str = "fs";
/// A time younger than this when the file is read may be given again to a later change.
const TICK_NS: i128 = 20_000_000;
/// The same on file systems that keep whole seconds only.
const COARSE_NS: i128 = 2_000_000_000;

/// What kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link; its target is the value.
    Link,
}

impl Kind {
    /// The name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Dir => "dir",
            Self::Link => "symlink",
        }
    }
}

/// A time as file systems keep it: seconds since 1970 UTC, which may be negative, and nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Time {
    /// Seconds.
    pub(crate) seconds: i64,
    /// Nanoseconds, below 10⁹.
    pub(crate) nanos: u32,
}

impl Time {
    fn total_ns(self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos)
    }

    fn encode(self, to: &mut Encoder<'_>) {
        // Zigzag: the encoder has no negative numbers.
        to.uint((self.seconds.cast_unsigned() << 1) ^ (self.seconds >> 63).cast_unsigned());
        to.uint(u64::from(self.nanos));
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let folded = from.uint()?;
        let seconds = (folded >> 1).cast_signed() ^ -((folded & 1).cast_signed());
        let nanos = u32::try_from(from.uint()?).ok().filter(|nanos| *nanos < 1_000_000_000);
        Ok(Self { seconds, nanos: nanos.ok_or(CborError::Value)? })
    }
}

/// What is kept of a file. For folders, and where a later change could hide, `changed` and `inode` are 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Attrs {
    /// What kind.
    pub(crate) kind: Kind,
    /// Permission bits.
    pub(crate) mode: u32,
    /// Time of the last change of the content.
    pub(crate) modified: Time,
    /// Time of the last change of content or attributes.
    pub(crate) changed: Time,
    /// Number in the file system.
    pub(crate) inode: u64,
    /// Size in bytes.
    pub(crate) size: u64,
    /// The name, where it is not UTF-8.
    pub(crate) raw_name: Option<Vec<u8>>,
}

impl Attrs {
    /// The attributes of a file as the system tells them; `None` for what is neither file, folder nor link.
    #[expect(clippy::useless_conversion, reason = "the types of these fields differ between systems")]
    pub(crate) fn of(stat: &Stat) -> Option<Self> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Dir,
            FileType::Symlink => Kind::Link,
            _ => return None,
        };
        let nanos = |raw: i128| u32::try_from(raw).ok().filter(|nanos| *nanos < 1_000_000_000).unwrap_or(0);
        let is_dir = kind == Kind::Dir;
        let time = |seconds: i64, raw: i128| Time { seconds, nanos: nanos(raw) };
        Some(Self {
            kind,
            mode: u32::from(stat.st_mode) & 0o7777,
            modified: time(i64::try_from(stat.st_mtime).unwrap_or(0), i128::from(stat.st_mtime_nsec)),
            changed: if is_dir {
                Time::default()
            } else {
                time(i64::try_from(stat.st_ctime).unwrap_or(0), i128::from(stat.st_ctime_nsec))
            },
            inode: if is_dir { 0 } else { u64::try_from(stat.st_ino).unwrap_or(0) },
            size: if is_dir { 0 } else { u64::try_from(stat.st_size).unwrap_or(0) },
            raw_name: None,
        })
    }

    /// Forgets the time of change if a later change at `now_ms` could bear the same one: the next import
    /// then reads the file again.
    pub(crate) fn settle(&mut self, now_ms: u64) {
        let window = if self.changed.nanos == 0 { COARSE_NS } else { TICK_NS };
        if self.kind != Kind::Dir && i128::from(now_ms) * 1_000_000 - self.changed.total_ns() < window {
            self.changed = Time::default();
            self.inode = 0;
        }
    }

    /// The bytes of the metadata key.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        cbor::to_vec(self)
    }

    /// The attributes in a path's metadata, if they are there and whole.
    pub(crate) fn from_meta(meta: Option<&Meta>) -> Option<Self> {
        cbor::from_slice(&meta?.get(KEY)?.0).ok()
    }
}

impl<'a> Wire<'a> for Attrs {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.array(9);
        to.uint(match self.kind {
            Kind::File => 0,
            Kind::Dir => 1,
            Kind::Link => 2,
        });
        to.uint(u64::from(self.mode));
        self.modified.encode(to);
        self.changed.encode(to);
        to.uint(self.inode);
        to.uint(self.size);
        match &self.raw_name {
            Some(raw) => to.bytes(raw),
            None => to.null(),
        }
    }

    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.record(9)?;
        let kind = match from.uint()? {
            0 => Kind::File,
            1 => Kind::Dir,
            2 => Kind::Link,
            _ => return Err(CborError::Value),
        };
        let mode = u32::try_from(from.uint()?).ok().filter(|mode| *mode <= 0o7777).ok_or(CborError::Value)?;
        Ok(Self {
            kind,
            mode,
            modified: Time::decode(from)?,
            changed: Time::decode(from)?,
            inode: from.uint()?,
            size: from.uint()?,
            raw_name: if from.null() { None } else { Some(from.bytes()?.to_vec()) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: i64) -> Attrs {
        let time = Time { seconds, nanos: 999_999_999 };
        Attrs {
            kind: Kind::File,
            mode: 0o644,
            modified: time,
            changed: time,
            inode: u64::MAX,
            size: 7,
            raw_name: None,
        }
    }

    #[test]
    fn attributes_come_back() {
        for seconds in [0, 1, -1, 1_700_000_000, -2_208_988_800, i64::MAX, i64::MIN] {
            let attrs = Attrs { raw_name: Some(vec![0xff]), ..sample(seconds) };
            assert_eq!(cbor::from_slice::<Attrs>(&attrs.to_bytes()), Ok(attrs));
        }
    }

    #[test]
    fn damaged_attributes_are_no_attributes() {
        let bytes = sample(5).to_bytes();
        for length in 0..bytes.len() {
            assert!(cbor::from_slice::<Attrs>(&bytes[..length]).is_err());
        }
        assert!(cbor::from_slice::<Attrs>(b"\x80").is_err());
    }

    #[test]
    fn fresh_changes_are_not_trusted() {
        let mut fresh = sample(1000);
        fresh.settle(1_001_010);
        assert_eq!(fresh.changed, Time::default());
        let mut old = sample(1000);
        old.settle(1_001_030);
        assert_eq!(old.inode, u64::MAX);
        let mut coarse = sample(1000);
        coarse.changed.nanos = 0;
        coarse.settle(1_001_500);
        assert_eq!(coarse.inode, 0);
    }
}
