//! Values as they are stored: cut into chunks, hashed, compressed each for itself, sealed on all workers.

use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use dagvault_api::{Codec, Error};
use dagvault_core::arena::Regions;
use dagvault_core::cbor;
use dagvault_core::limits::{
    BATCH_BLOCKS_MAX, CHUNK_BYTES, COMPRESS_BYTES_MIN, COMPRESS_FILE_BYTES_MIN, INLINE_BYTES_MAX,
};
use dagvault_core::parallel;
use dagvault_core::wipe::wipe;
use dagvault_crypto::secret::SecretVec;
use dagvault_dag::envelope::Kind;
use dagvault_dag::link::Link;
use dagvault_dag::store::Block;

use crate::entry::{DIRECT_LINKS_MAX, Data, Value};
use crate::lz4;
use crate::node::{INDEX_LINKS_MAX, Index, SpaceKeys};
use crate::nodes::{Nodes, Seed, open, seal};

/// Codec numbers, as stored.
const CODEC_RAW: u32 = 0;
const CODEC_LZ4: u32 = 1;
/// Bytes before a chunk's data: codec 1, plain length 4 (little-endian).
const CHUNK_HEADER_BYTES: usize = 5;

/// Whether a value of this size stays inside its tree node.
pub(crate) fn is_inline(size: usize) -> bool {
    size <= INLINE_BYTES_MAX
}

/// Compresses into a worker's arena; answers codec and data. Data that would not shrink stays as it is.
fn compress<T>(
    regions: &Regions,
    codec: Codec,
    size: usize,
    plain: &[u8],
    use_it: impl FnOnce(u32, &[u8]) -> T,
) -> T {
    let wanted = match codec {
        Codec::Raw {} => false,
        Codec::Lz4 {} => size > COMPRESS_BYTES_MIN,
        Codec::Lz4File {} => size > COMPRESS_FILE_BYTES_MIN,
    };
    let scratch = if wanted { regions.scratch() } else { None };
    if let Some(scratch) = &scratch
        && let Some(table) = scratch.take(lz4::TABLE_BYTES)
        && let Some(room) = scratch.take(plain.len().saturating_sub(1))
        && let Some(bytes) = lz4::compress(plain, table, room)
    {
        scratch.untouched(room.len().saturating_sub(bytes + lz4::OVERSHOOT_BYTES));
        return use_it(CODEC_LZ4, &room[..bytes]);
    }
    use_it(CODEC_RAW, plain)
}

/// Undoes [`compress`]; `size` bytes must come out.
fn decompress(codec: u32, data: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let written = match codec {
        CODEC_RAW if data.len() == out.len() => {
            out.copy_from_slice(data);
            Some(out.len())
        }
        CODEC_LZ4 => lz4_flex::block::decompress_into(data, out).ok(),
        _ => None,
    };
    if written == Some(out.len()) { Ok(()) } else { Err(Error::corrupt("compressed data of another length")) }
}

/// What a worker makes of one piece of a value.
pub(crate) enum Piece {
    Inline { codec: u32, data: SecretVec, digest: [u8; 32] },
    Chunk { block: Block, link: Link, stored: u64 },
}

/// One piece of a value to be stored.
pub(crate) struct Cut<'v> {
    pub(crate) plain: &'v [u8],
    /// Size of the whole value, which decides about compression.
    pub(crate) size: usize,
    pub(crate) codec: Codec,
    pub(crate) inline: bool,
}

/// The pieces of a value whose size is known.
pub(crate) fn cut(value: &[u8], codec: Codec) -> Vec<Cut<'_>> {
    let size = value.len();
    if is_inline(size) {
        return vec![Cut { plain: value, size, codec, inline: true }];
    }
    value.chunks(CHUNK_BYTES).map(|plain| Cut { plain, size, codec, inline: false }).collect()
}

/// Stores pieces, on all workers.
pub(crate) fn store(
    nodes: &Nodes,
    regions: &Regions,
    keys: &SpaceKeys,
    cuts: &[Cut<'_>],
) -> Result<Vec<Piece>, Error> {
    // What stays inline is sealed with its node.
    let mut seeds = nodes.seeds(cuts.iter().filter(|cut| !cut.inline).count())?;
    let mut unused = seeds.iter();
    let seed_of: Vec<_> = cuts.iter().map(|cut| if cut.inline { None } else { unused.next() }).collect();
    let paranoid = nodes.paranoid();
    let pieces = parallel::try_map(cuts.len(), |index| {
        store_one(regions, keys, &cuts[index], seed_of[index], paranoid)
    });
    wipe(seeds.as_flattened_mut());
    pieces
}

fn store_one(
    regions: &Regions,
    keys: &SpaceKeys,
    cut: &Cut<'_>,
    seed: Option<&Seed>,
    paranoid: bool,
) -> Result<Piece, Error> {
    let digest = keys.chunk(cut.plain);
    compress(regions, cut.codec, cut.size, cut.plain, |codec, data| {
        let Some(seed) = seed else {
            return Ok(Piece::Inline { codec, data: SecretVec::from_slice(data), digest });
        };
        let mut header = [0; CHUNK_HEADER_BYTES];
        header[0] = if codec == CODEC_LZ4 { 1 } else { 0 };
        let length = u32::try_from(cut.plain.len()).map_err(|_| Error::limit("chunk"))?;
        header[1..].copy_from_slice(&length.to_le_bytes());
        let (block, link) = seal(Kind::Chunk, seed, &[&header, data], digest, paranoid)?;
        Ok(Piece::Chunk { block, link, stored: data.len() as u64 })
    })
}

/// Opens a chunk and checks its digest.
pub(crate) fn open_chunk(keys: &SpaceKeys, link: &Link, block: Vec<u8>) -> Result<SecretVec, Error> {
    let opened = open(Kind::Chunk, link, block)?;
    let plain = read_chunk(opened.payload()).filter(|plain| keys.chunk(plain.expose()) == link.digest);
    plain.ok_or_else(|| Error::corrupt(alloc::format!("block {}: not a chunk", link.cid)))
}

/// The plain bytes of a chunk's payload.
pub(crate) fn read_chunk(payload: &[u8]) -> Option<SecretVec> {
    let (header, data) = payload.split_first_chunk::<CHUNK_HEADER_BYTES>()?;
    let [codec, length @ ..] = *header;
    let length = u32::from_le_bytes(length) as usize;
    if length == 0 || length > CHUNK_BYTES {
        return None;
    }
    let mut plain = SecretVec::new(vec![0; length]);
    decompress(u32::from(codec), data, plain.expose_mut()).ok()?;
    Some(plain)
}

/// The plain bytes of an inline value, as long as it says.
pub(crate) fn plain_inline(codec: u32, data: &Data, size: u64) -> Result<SecretVec, Error> {
    let length = usize::try_from(size).ok().filter(|size| is_inline(*size));
    let length = length.ok_or_else(|| Error::corrupt("an inline value is too large"))?;
    let mut plain = SecretVec::new(vec![0; length]);
    decompress(codec, data.0.expose(), plain.expose_mut())?;
    Ok(plain)
}

/// The plain bytes of an inline value, checked against its content hash.
pub(crate) fn open_inline(
    keys: &SpaceKeys,
    codec: u32,
    data: &Data,
    size: u64,
    content: Option<[u8; 32]>,
) -> Result<SecretVec, Error> {
    let plain = plain_inline(codec, data, size)?;
    let found = keys.content(size, &[keys.chunk(plain.expose())]);
    if Some(found) == content { Ok(plain) } else { Err(Error::corrupt("a value has another content hash")) }
}

/// The content hash of a value from the digests of its chunks, in order.
#[derive(Default)]
pub(crate) struct ContentHasher {
    levels: Vec<Vec<[u8; 32]>>,
    chunks: u64,
}

impl ContentHasher {
    pub(crate) fn push(&mut self, keys: &SpaceKeys, digest: [u8; 32]) {
        self.chunks += 1;
        self.push_at(keys, 0, digest);
    }

    fn push_at(&mut self, keys: &SpaceKeys, level: usize, digest: [u8; 32]) {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(digest);
        if self.levels[level].len() == INDEX_LINKS_MAX {
            let full = mem::take(&mut self.levels[level]);
            self.push_at(keys, level + 1, index_digest(keys, level, &full));
        }
    }

    pub(crate) fn finish(mut self, keys: &SpaceKeys, size: u64) -> [u8; 32] {
        if self.chunks <= DIRECT_LINKS_MAX as u64 {
            return keys.content(size, self.levels.first().map_or(&[], Vec::as_slice));
        }
        let mut level = 0;
        loop {
            let top = level + 1 >= self.levels.len();
            let digests = mem::take(&mut self.levels[level]);
            match *digests {
                [only] if top && level > 0 => return keys.content(size, &[only]),
                [] => {}
                _ => {
                    let digest = index_digest(keys, level, &digests);
                    self.push_at(keys, level + 1, digest);
                }
            }
            level += 1;
        }
    }
}

fn index_digest(keys: &SpaceKeys, level: usize, digests: &[[u8; 32]]) -> [u8; 32] {
    keys.index(u32::try_from(level).unwrap_or(u32::MAX), digests)
}

/// Collects the chunk links of a value, in order; index nodes are sealed as they fill.
#[derive(Default)]
pub(crate) struct ValueBuilder {
    levels: Vec<Vec<Link>>,
    content: ContentHasher,
    pub(crate) size: u64,
    pub(crate) stored: u64,
    chunks: u64,
}

impl ValueBuilder {
    pub(crate) fn push(
        &mut self,
        nodes: &Nodes,
        keys: &SpaceKeys,
        link: Link,
        blocks: &mut Vec<Block>,
    ) -> Result<(), Error> {
        self.content.push(keys, link.digest);
        self.chunks += 1;
        self.push_at(nodes, keys, 0, link, blocks)
    }

    fn push_at(
        &mut self,
        nodes: &Nodes,
        keys: &SpaceKeys,
        level: usize,
        link: Link,
        blocks: &mut Vec<Block>,
    ) -> Result<(), Error> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(link);
        if self.levels[level].len() == INDEX_LINKS_MAX {
            let full = mem::take(&mut self.levels[level]);
            let link = seal_index(nodes, keys, level, full, blocks)?;
            self.push_at(nodes, keys, level + 1, link, blocks)?;
        }
        Ok(())
    }

    /// The links so far: to chunks (`None`) and to index nodes of a depth.
    pub(crate) fn held(&self) -> Vec<(Option<u32>, Link)> {
        let depth = |level: usize| level.checked_sub(1).and_then(|depth| u32::try_from(depth).ok());
        let levels = self.levels.iter().enumerate();
        levels.flat_map(|(level, links)| links.iter().map(move |link| (depth(level), link.clone()))).collect()
    }

    /// The value and its content hash.
    pub(crate) fn finish(
        mut self,
        nodes: &Nodes,
        keys: &SpaceKeys,
        blocks: &mut Vec<Block>,
    ) -> Result<(Value, [u8; 32]), Error> {
        let content = mem::take(&mut self.content).finish(keys, self.size);
        if self.chunks <= DIRECT_LINKS_MAX as u64 {
            let links = self.levels.pop().unwrap_or_default();
            return Ok((Value::Chunks { links }, content));
        }
        let mut level = 0;
        loop {
            let top = level + 1 >= self.levels.len();
            let mut links = mem::take(&mut self.levels[level]);
            if top && level > 0 && links.len() == 1 {
                let link = links.pop().ok_or_else(|| Error::corrupt("index"))?;
                let depth = u32::try_from(level - 1).map_err(|_| Error::limit("value"))?;
                return Ok((Value::Index { depth, link }, content));
            }
            if !links.is_empty() {
                let link = seal_index(nodes, keys, level, links, blocks)?;
                self.push_at(nodes, keys, level + 1, link, blocks)?;
            }
            level += 1;
        }
    }
}

fn seal_index(
    nodes: &Nodes,
    keys: &SpaceKeys,
    level: usize,
    links: Vec<Link>,
    blocks: &mut Vec<Block>,
) -> Result<Link, Error> {
    let depth = u32::try_from(level).map_err(|_| Error::limit("value"))?;
    let index = Index { depth, links };
    let digest = index.digest(keys);
    nodes.seal_one(Kind::Index, cbor::to_vec(&index), digest, blocks)
}

/// Goes through the chunk links of a value, in order.
#[derive(Default)]
pub(crate) struct LinkCursor {
    /// What is still ahead: the next is last. Depth 0 is an index node of chunks; `None` a chunk.
    stack: Vec<(Option<u32>, Link)>,
}

impl LinkCursor {
    pub(crate) fn new(value: &Value) -> Self {
        let stack = match value {
            Value::Gone {} | Value::Inline { .. } => Vec::new(),
            Value::Chunks { links } => links.iter().rev().map(|link| (None, link.clone())).collect(),
            Value::Index { depth, link } => vec![(Some(*depth), link.clone())],
        };
        Self { stack }
    }

    /// The next link.
    pub(crate) fn next(&mut self, nodes: &Nodes) -> Result<Option<Link>, Error> {
        loop {
            match self.stack.pop() {
                None => return Ok(None),
                Some((None, link)) => return Ok(Some(link)),
                Some((Some(depth), link)) => {
                    let index = nodes.load_index(depth, &link)?;
                    let below = depth.checked_sub(1);
                    self.stack.extend(index.links.into_iter().rev().map(|link| (below, link)));
                }
            }
        }
    }
}

/// Reads a value in parts.
pub(crate) struct ValueReader {
    links: LinkCursor,
    /// Bytes read and not yet handed out.
    left: SecretVec,
    from: usize,
}

impl ValueReader {
    pub(crate) fn new(
        keys: &SpaceKeys,
        value: &Value,
        size: u64,
        content: Option<[u8; 32]>,
    ) -> Result<Self, Error> {
        let left = match value {
            Value::Inline { codec, data } => open_inline(keys, *codec, data, size, content)?,
            _ => SecretVec::new(Vec::new()),
        };
        Ok(Self { links: LinkCursor::new(value), left, from: 0 })
    }

    /// The next bytes, at most `most`; none at the end.
    pub(crate) fn next(&mut self, nodes: &Nodes, keys: &SpaceKeys, most: usize) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        loop {
            let left = &self.left.expose()[self.from..];
            let taken = left.len().min(most - out.len());
            out.extend_from_slice(&left[..taken]);
            self.from += taken;
            let room = most - out.len();
            if room == 0 || !self.fill(nodes, keys, &mut out, room)? {
                return Ok(out);
            }
        }
    }

    /// Reads whole chunks into `out` as long as they fit, else one to hand out in parts; `false` at the end.
    fn fill(
        &mut self,
        nodes: &Nodes,
        keys: &SpaceKeys,
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<bool, Error> {
        let count = (room / CHUNK_BYTES).clamp(1, BATCH_BLOCKS_MAX);
        let mut links = Vec::new();
        while links.len() < count {
            let Some(link) = self.links.next(nodes)? else { break };
            links.push(link);
        }
        let wanted: Vec<&Link> = links.iter().collect();
        let mut work: Vec<_> = wanted.iter().zip(nodes.blocks(&wanted)?).map(Some).collect();
        let mut chunks = parallel::map_take(&mut work, |(link, block)| open_chunk(keys, link, block))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        if room < CHUNK_BYTES {
            (self.left, self.from) = (chunks.pop().unwrap_or_else(|| SecretVec::new(Vec::new())), 0);
            return Ok(!self.left.expose().is_empty());
        }
        out.reserve(chunks.iter().map(|chunk| chunk.expose().len()).sum());
        chunks.iter().for_each(|chunk| out.extend_from_slice(chunk.expose()));
        Ok(!chunks.is_empty())
    }
}
