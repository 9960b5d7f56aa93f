//! Values that come in parts.

use alloc::string::String;
use alloc::vec::Vec;

use dagvault_api::{Error, PutItem, Select, VersionState};
use dagvault_core::arena::Regions;
use dagvault_core::limits::{CHUNK_BYTES, INLINE_BYTES_MAX, VALUE_BYTES_MAX};
use dagvault_core::parallel;
use dagvault_core::wipe::wipe_vec;
use dagvault_crypto::secret::SecretVec;
use dagvault_dag::link::Link;
use dagvault_dag::store::Block;

use crate::change::{Prepared, check_expected, checked};
use crate::entry::{Data, Entry, Value, Version};
use crate::node::SpaceKeys;
use crate::nodes::Nodes;
use crate::read;
use crate::session::Session;
use crate::value::{Cut, LinkCursor, Piece, ValueBuilder, ValueReader, store};
use crate::vault::owned;

/// A value that is being read.
pub(crate) struct Reading {
    reader: ValueReader,
    path: String,
    version: VersionId,
}

impl Reading {
    pub(crate) fn new(session: &Session, path: &str, version: &Version) -> Result<Self, Error> {
        let reader = read::reader(session, version)?;
        Ok(Self { reader, path: path.into(), version: (version.info.id, version.info.number) })
    }

    /// The next bytes, at most `most`; none at the end.
    pub(crate) fn next(
        &mut self,
        nodes: &Nodes,
        session: &mut Session,
        most: usize,
    ) -> Result<Vec<u8>, Error> {
        let error = match self.reader.next(nodes, &session.keys.space, most) {
            Err(error @ Error::Corrupt { .. }) => error,
            other => return other,
        };
        // Perhaps it was destroyed since, here or by another process.
        session.refresh(nodes)?;
        let (id, number) = self.version;
        match read::select(nodes, session, &self.path, Select::Number { number }) {
            Ok(version) if version.info.id == id => Err(error),
            Ok(_) | Err(Error::NotFound { .. } | Error::Destroyed { .. }) => {
                Err(Error::Destroyed { path: self.path.clone() })
            }
            Err(_) => Err(error),
        }
    }
}

/// A value that is being written.
pub(crate) struct Writer {
    item: PutItem<'static>,
    /// Plain bytes that fill no chunk yet.
    rest: Vec<u8>,
    builder: ValueBuilder,
    /// Chunks of the newest version: one with the same digest at the same place is linked to again.
    before: LinkCursor,
    /// That version's id and number.
    base: Option<VersionId>,
    reuses: bool,
}

/// Id and number of a version.
pub(crate) type VersionId = ([u8; 16], u64);

impl Drop for Writer {
    fn drop(&mut self) {
        wipe_vec(&mut self.rest);
    }
}

impl Writer {
    pub(crate) fn new(nodes: &Nodes, session: &Session, item: &PutItem<'_>) -> Result<Self, Error> {
        if !item.value.is_empty() {
            return Err(Error::bad_request("a value that is begun comes in parts"));
        }
        let entry = session.tree(nodes).find(checked(&item.path)?)?;
        check_expected(item, entry.as_ref())?;
        let latest = entry.as_ref().and_then(Entry::latest);
        let live = latest.filter(|latest| item.skip_equal && latest.info.state == VersionState::Live {});
        let before = live.map_or_else(LinkCursor::default, |latest| LinkCursor::new(&latest.value));
        let base = live.map(|latest| (latest.info.id, latest.info.number));
        Ok(Self {
            item: owned(item),
            rest: Vec::new(),
            builder: ValueBuilder::default(),
            before,
            base,
            reuses: false,
        })
    }

    /// Links to what is written already, which nothing else names yet.
    pub(crate) fn held(&self) -> Vec<(Option<u32>, Link)> {
        self.builder.held()
    }

    fn reused(&self) -> Option<VersionId> {
        self.base.filter(|_| self.reuses)
    }

    /// Appends; whole chunks go to the store.
    pub(crate) fn write(
        &mut self,
        nodes: &Nodes,
        regions: &Regions,
        keys: &SpaceKeys,
        bytes: &[u8],
    ) -> Result<(), Error> {
        if self.builder.size + (self.rest.len() + bytes.len()) as u64 > VALUE_BYTES_MAX {
            return Err(Error::limit("a value has at most 64 TiB"));
        }
        let mut input = bytes;
        let mut ready: Vec<&[u8]> = Vec::new();
        let mut first = Vec::new();
        if !self.rest.is_empty() {
            let (now, later) = input.split_at(input.len().min(CHUNK_BYTES - self.rest.len()));
            self.rest.extend_from_slice(now);
            input = later;
            if self.rest.len() == CHUNK_BYTES {
                first = core::mem::take(&mut self.rest);
                ready.push(&first);
            }
        }
        if self.rest.is_empty() {
            let chunks = input.chunks_exact(CHUNK_BYTES);
            self.rest.reserve_exact(CHUNK_BYTES);
            self.rest.extend_from_slice(chunks.remainder());
            ready.extend(chunks);
        }
        let mut blocks = Vec::new();
        let stored = self.chunks(nodes, regions, keys, &ready, &mut blocks);
        wipe_vec(&mut first);
        stored?;
        if blocks.is_empty() { Ok(()) } else { Ok(nodes.store.put_many(blocks)?) }
    }

    fn chunks(
        &mut self,
        nodes: &Nodes,
        regions: &Regions,
        keys: &SpaceKeys,
        chunks: &[&[u8]],
        blocks: &mut Vec<Block>,
    ) -> Result<(), Error> {
        let mut old: Vec<Option<Link>> = Vec::with_capacity(chunks.len());
        for _ in chunks {
            // It only saves writing: where it can't be read, it may have been destroyed since.
            old.push(self.before.next(nodes).unwrap_or_else(|_| {
                self.before = LinkCursor::default();
                None
            }));
        }
        let same = parallel::map(chunks.len(), |index| {
            old[index].as_ref().is_some_and(|link| link.digest == keys.chunk(chunks[index]))
        });
        let codec = self.item.codec;
        let cuts: Vec<_> = chunks
            .iter()
            .zip(&same)
            .filter(|(_, same)| !**same)
            .map(|(plain, _)| Cut { plain, size: usize::MAX, codec, inline: false })
            .collect();
        let mut pieces = store(nodes, regions, keys, &cuts)?.into_iter();
        for ((chunk, same), old) in chunks.iter().zip(same).zip(old) {
            let (link, stored) = match old {
                Some(link) if same => {
                    self.reuses = true;
                    (link, chunk.len() as u64)
                }
                _ => match pieces.next() {
                    Some(Piece::Chunk { block, link, stored }) => {
                        blocks.push(block);
                        (link, stored)
                    }
                    _ => return Err(Error::corrupt("a piece of a value is missing")),
                },
            };
            self.builder.push(nodes, keys, link, blocks)?;
            self.builder.size += chunk.len() as u64;
            self.builder.stored += stored;
        }
        Ok(())
    }

    /// Ends the value: what its path is to name, and blocks still to be put.
    pub(crate) fn finish(
        mut self,
        nodes: &Nodes,
        regions: &Regions,
        keys: &SpaceKeys,
    ) -> Result<(PutItem<'static>, Prepared, Vec<Block>), Error> {
        let rest = SecretVec::new(core::mem::take(&mut self.rest));
        let mut blocks = Vec::new();
        let item = owned(&self.item);
        if self.builder.size == 0 && rest.expose().len() <= INLINE_BYTES_MAX {
            let plain = rest.expose();
            let cut = Cut { plain, size: plain.len(), codec: self.item.codec, inline: true };
            let Some(Piece::Inline { codec, data, digest }) = store(nodes, regions, keys, &[cut])?.pop()
            else {
                return Err(Error::corrupt("a piece of a value is missing"));
            };
            let size = plain.len() as u64;
            let stored = data.expose().len() as u64;
            let value = Value::Inline { codec, data: Data(data) };
            return Ok((
                item,
                Prepared { value, content: keys.content(size, &[digest]), size, stored, reused: None },
                blocks,
            ));
        }
        if !rest.expose().is_empty() {
            self.chunks(nodes, regions, keys, &[rest.expose()], &mut blocks)?;
        }
        let reused = self.reused();
        let builder = core::mem::take(&mut self.builder);
        let (size, stored) = (builder.size, builder.stored);
        let (value, content) = builder.finish(nodes, keys, &mut blocks)?;
        Ok((item, Prepared { value, content, size, stored, reused }, blocks))
    }
}
