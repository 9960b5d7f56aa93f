//! The vault: serves requests one at a time.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec::Vec;

use dagvault_api::{
    Answer, BatchAnswer, Error, HeapStats, KeySlotInfo, MemoryStats, Protect, PutItem, RegionUse, Request,
    Response,
};
use dagvault_core::arena::{RegionStats, Regions};
use dagvault_core::cbor::Bytes;
use dagvault_core::layout::REGIONS;
use dagvault_core::limits::{HANDLES_MAX, KEY_SLOTS_MAX, MESSAGE_BYTES_MAX};
use dagvault_crypto::{accel, selftest};
use dagvault_dag::store::Store;
use dagvault_dag::system::System;
use dagvault_dag::table::case::{Case, Work};

use crate::blocks;
use crate::change::{Change, Prepared};
use crate::check::Verify;
use crate::graph::Crawl;
use crate::head::Settings;
use crate::history;
use crate::keys::{KeySlot, SlotKind};
use crate::nodes::Nodes;
use crate::proof;
use crate::read;
use crate::session::{Next, Outcome, Session};
use crate::stream::{Reading, Writer};

/// How long a change is tried again while other writers are faster.
const CONFLICT_MS_MAX: u64 = 30_000;

/// Something that goes on over several requests.
enum Handle {
    Read(Reading),
    Write(Writer),
    Verify(Verify),
    Walk(Crawl),
}

/// A vault over a store: serves one request at a time.
pub struct Vault {
    nodes: Nodes,
    session: Option<Session>,
    handles: BTreeMap<u64, Handle>,
    next_handle: u64,
    case: Option<Case>,
}

impl core::fmt::Debug for Vault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Vault").field("unlocked", &self.session.is_some()).finish_non_exhaustive()
    }
}

impl Vault {
    /// A locked vault.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, system: Arc<dyn System>, regions: Arc<Regions>) -> Self {
        Self {
            nodes: Nodes::new(store, system, regions),
            session: None,
            handles: BTreeMap::new(),
            next_handle: 1,
            case: None,
        }
    }

    /// Serves one request.
    ///
    /// # Errors
    /// As the request says.
    pub fn call(&mut self, request: &Request<'_>) -> Answer {
        match request {
            Request::Create { protect, paranoid } => self.create(protect, *paranoid),
            Request::Open { unlock } => {
                self.lock();
                self.session = Some(Session::open(&self.nodes, &self.nodes.regions, unlock)?);
                Ok(Response::Done {})
            }
            Request::Lock {} => {
                self.lock();
                Ok(Response::Done {})
            }
            Request::Memory {} => Ok(Response::Memory { stats: self.memory() }),
            Request::Version {} => Ok(Response::Text { text: read::version() }),
            Request::SelfTest {} => match selftest::run() {
                Ok(report) => {
                    let mut text = alloc::format!("{} known answers agree", report.total());
                    for (index, algorithm) in accel::used().enumerate() {
                        text.push_str(if index == 0 { "; the host computes " } else { ", " });
                        text.push_str(algorithm.name());
                    }
                    Ok(Response::Text { text })
                }
                Err(failure) => Err(Error::GuestMisbehaved { detail: failure.to_string() }),
            },
            Request::CryptoCase { operation, input } => {
                let operation = u8::try_from(*operation).unwrap_or(u8::MAX);
                Ok(Response::Bytes { bytes: Bytes(selftest::case(operation, input)) })
            }
            Request::TableCase { work, nodes, workers } => self.table_case(*work, *nodes, *workers),
            Request::BlockGet { cids } => blocks::get(&*self.nodes.store, cids),
            Request::BlockPut { blocks, commit } => {
                blocks::put(&*self.nodes.store, blocks, *commit, self.streams())
            }
            Request::BlockList { cursor } => blocks::list(&*self.nodes.store, *cursor),
            Request::ProofCheck { proof, commit } => {
                Ok(Response::Proven { proven: Box::new(proof::check(proof, *commit)?) })
            }
            other => self.unlocked(other),
        }
    }

    fn create(&mut self, protect: &Protect<'_>, paranoid: bool) -> Answer {
        self.lock();
        self.session =
            Some(Session::create(&self.nodes, &self.nodes.regions, protect, Settings { paranoid })?);
        Ok(Response::Done {})
    }

    fn table_case(&mut self, work: u32, count: u32, workers: u32) -> Answer {
        let (nodes, work) = (&self.nodes, Work::try_from(work)?);
        let case = match &mut self.case {
            Some(case) => case,
            none => none.insert(Case::new(&nodes.regions, u64::from_le_bytes(nodes.random()?), count)?),
        };
        let count = case.run(&nodes.regions, work, workers as usize)?;
        nodes.note(case.table());
        Ok(Response::Count { count })
    }

    fn lock(&mut self) {
        self.case = None;
        self.handles.clear();
        self.session = None;
        self.nodes.forget();
    }

    fn unlocked(&mut self, request: &Request<'_>) -> Answer {
        let session = self.session.as_mut().ok_or(Error::Locked {})?;
        // What goes on with a handle, or ends in a commit that finds out by itself, needs no look at the head.
        let looks = !matches!(
            request,
            Request::WriteChunk { .. }
                | Request::ReadNext { .. }
                | Request::VerifyNext { .. }
                | Request::WalkNext { .. }
                | Request::Close { .. }
                | Request::WriteEnd { .. }
                | Request::Batch { .. }
                | Request::Destroy { .. }
        ) && !request.joins_batch();
        if looks {
            session.refresh(&self.nodes)?;
        }
        match request {
            Request::Batch { requests } => self.batch(requests),
            Request::Destroy { .. } => self.destroy(request),
            Request::Gc { dry_run } => self.collect(*dry_run),
            request if request.joins_batch() => self.change(request),
            Request::WriteBegin { .. }
            | Request::WriteChunk { .. }
            | Request::WriteEnd { .. }
            | Request::ReadBegin { .. }
            | Request::ReadNext { .. }
            | Request::VerifyBegin {}
            | Request::VerifyNext { .. }
            | Request::Close { .. } => self.stream(request),
            Request::WalkBegin { .. } | Request::WalkNext { .. } => self.walk(request),
            Request::SlotAdd { .. } | Request::SlotRemove { .. } | Request::Slots {} => self.slots(request),
            other => Self::read(&self.nodes, session, other),
        }
    }

    fn read(nodes: &Nodes, session: &mut Session, request: &Request<'_>) -> Answer {
        match request {
            Request::Get { path, select } => read::get(nodes, session, path, *select),
            Request::GetMany { paths } => read::get_many(nodes, session, paths),
            Request::List { prefix, after, limit, meta, deleted } => {
                read::list(nodes, session, prefix, after.as_deref(), *limit, *meta, *deleted)
            }
            Request::Info { path } => read::info(nodes, session, path),
            Request::History { path, before, limit } => read::history(nodes, session, path, *before, *limit),
            Request::Stat {} => read::stat(nodes, session),
            Request::Log { from, limit } => history::log(nodes, session, from, *limit),
            Request::MergeBases { commits } => history::merge_bases(nodes, session, commits),
            Request::SignReceipt { receipt } => session.sign_receipt(receipt),
            Request::ProofMake { path } => {
                Ok(Response::Bytes { bytes: Bytes(proof::make(nodes, session, path)?) })
            }
            _ => Err(Error::bad_request("unknown request")),
        }
    }

    /// Collects what neither the head nor a value being written reaches.
    fn collect(&mut self, dry_run: bool) -> Answer {
        let session = self.session.as_mut().ok_or(Error::Locked {})?;
        let held = self.handles.values().flat_map(|handle| match handle {
            Handle::Write(writer) => writer.held(),
            Handle::Read(_) | Handle::Verify(_) | Handle::Walk(_) => Vec::new(),
        });
        let done = crate::gc::collect(&self.nodes, session, held.collect(), dry_run)?;
        Ok(Response::Gc { done })
    }

    /// Whether values are being written whose blocks no head names yet.
    fn streams(&self) -> bool {
        self.handles.values().any(|handle| matches!(handle, Handle::Write(_)))
    }

    /// Serves changes in one commit, each for itself; tries again when another writer was first.
    ///
    /// It begins at the head as last seen. A commit succeeds over the newest head only, so what remains to be
    /// looked at again is a refusal, which an older head may have caused.
    fn commit(
        &mut self,
        mut next: impl FnMut() -> Next,
        serve: impl Fn(&mut Change<'_>) -> bool,
    ) -> Result<(), Error> {
        let streams = self.streams();
        let session = self.session.as_mut().ok_or(Error::Locked {})?;
        let until = self.nodes.system.now_ms().saturating_add(CONFLICT_MS_MAX);
        let mut is_newest = false;
        loop {
            let mut change = Change::new(session, &self.nodes, &self.nodes.regions);
            if !serve(&mut change) || change.entries.is_empty() {
                if is_newest || !session.refresh(&self.nodes)? {
                    return Ok(());
                }
                is_newest = true;
                continue;
            }
            let (entries, mut blocks) = (change.entries, change.blocks);
            let root = match session.tree(&self.nodes).apply(entries, &mut blocks) {
                // Nodes of an older head may have been collected.
                Err(error) if is_newest || !session.refresh(&self.nodes)? => return Err(error),
                Err(_) => {
                    is_newest = true;
                    continue;
                }
                Ok(root) => root,
            };
            let next = Next { root: Some(root), blocks, streams, ..next() };
            match session.commit(&self.nodes, next)? {
                Outcome::Done => return Ok(()),
                Outcome::Conflict if self.nodes.system.now_ms() < until => {}
                Outcome::Conflict => {
                    let detail = "other writers kept changing the vault for 30 seconds".into();
                    return Err(Error::Busy { detail });
                }
            }
        }
    }

    fn change(&mut self, request: &Request<'_>) -> Answer {
        let answer = core::cell::RefCell::new(Err(Error::Locked {}));
        self.commit(Next::default, |change| {
            *answer.borrow_mut() = change.serve(request);
            answer.borrow().is_ok()
        })?;
        answer.into_inner()
    }

    fn batch(&mut self, requests: &[Request<'_>]) -> Answer {
        let answers = core::cell::RefCell::new(Vec::new());
        self.commit(Next::default, |change| {
            *answers.borrow_mut() = requests
                .iter()
                .map(|request| {
                    if !request.joins_batch() {
                        return BatchAnswer::Err {
                            error: Error::bad_request("this request can't join a batch"),
                        };
                    }
                    match change.serve(request) {
                        Ok(response) => BatchAnswer::Ok { response },
                        Err(error) => BatchAnswer::Err { error },
                    }
                })
                .collect();
            true
        })?;
        Ok(Response::Batch { answers: answers.into_inner() })
    }

    fn destroy(&mut self, request: &Request<'_>) -> Answer {
        let answer = core::cell::RefCell::new(Err(Error::Locked {}));
        let next = || Next { rotate: true, erase: true, ..Next::default() };
        self.commit(next, |change| {
            *answer.borrow_mut() = change.serve(request);
            answer.borrow().is_ok()
        })?;
        answer.into_inner()?;
        self.nodes.forget();
        self.collect(false)
    }

    fn open_handle(&mut self, handle: Handle) -> Result<u64, Error> {
        if self.handles.len() >= HANDLES_MAX {
            return Err(Error::limit("64 handles are open"));
        }
        let number = self.next_handle;
        self.next_handle += 1;
        self.handles.insert(number, handle);
        Ok(number)
    }

    fn stream(&mut self, request: &Request<'_>) -> Answer {
        let session = self.session.as_mut().ok_or(Error::Locked {})?;
        let nodes = &self.nodes;
        match request {
            Request::WriteBegin { item } => {
                let writer = Writer::new(nodes, session, item)?;
                let handle = self.open_handle(Handle::Write(writer))?;
                Ok(Response::Handle { handle, version: None })
            }
            Request::ReadBegin { path, select } => {
                let version = read::select(nodes, session, path, *select)?;
                let reading = Reading::new(session, path, &version)?;
                let handle = self.open_handle(Handle::Read(reading))?;
                Ok(Response::Handle { handle, version: Some(version.info) })
            }
            Request::VerifyBegin {} => {
                let verify = Verify::new(nodes, session)?;
                let handle = self.open_handle(Handle::Verify(verify))?;
                Ok(Response::Handle { handle, version: None })
            }
            Request::Close { handle } => {
                self.handles.remove(handle).ok_or_else(no_handle)?;
                Ok(Response::Done {})
            }
            Request::WriteEnd { handle } => self.write_end(*handle),
            Request::WriteChunk { handle, bytes } => {
                let Some(Handle::Write(writer)) = self.handles.get_mut(handle) else {
                    return Err(no_handle());
                };
                if bytes.len() > MESSAGE_BYTES_MAX {
                    return Err(Error::limit("a part has at most 16 MiB"));
                }
                writer.write(nodes, &self.nodes.regions, &session.keys.space, bytes)?;
                Ok(Response::Done {})
            }
            Request::ReadNext { handle, bytes_max } => {
                let Some(Handle::Read(reading)) = self.handles.get_mut(handle) else {
                    return Err(no_handle());
                };
                let most = usize::try_from(*bytes_max)
                    .map_or(MESSAGE_BYTES_MAX, |most| most.clamp(1, MESSAGE_BYTES_MAX));
                let bytes = reading.next(nodes, session, most)?;
                if bytes.is_empty() {
                    self.handles.remove(handle);
                }
                Ok(Response::Bytes { bytes: Bytes(bytes) })
            }
            Request::VerifyNext { handle } => {
                let Some(Handle::Verify(verify)) = self.handles.get_mut(handle) else {
                    return Err(no_handle());
                };
                let step = verify.next(nodes, session)?;
                if step.done {
                    self.handles.remove(handle);
                }
                Ok(Response::Verify { step })
            }
            _ => Err(Error::bad_request("unknown request")),
        }
    }

    fn walk(&mut self, request: &Request<'_>) -> Answer {
        let session = self.session.as_ref().ok_or(Error::Locked {})?;
        let handle = match request {
            Request::WalkBegin { root, sizes } => {
                let crawl = Crawl::new(&self.nodes, session, *root, *sizes)?;
                let handle = self.open_handle(Handle::Walk(crawl))?;
                return Ok(Response::Handle { handle, version: None });
            }
            Request::WalkNext { handle } => handle,
            _ => return Err(Error::bad_request("unknown request")),
        };
        let Some(Handle::Walk(crawl)) = self.handles.get_mut(handle) else { return Err(no_handle()) };
        let answer = crawl.next(&self.nodes, session)?;
        if matches!(answer, Response::Walk { done: true, .. }) {
            self.handles.remove(handle);
        }
        Ok(answer)
    }

    fn write_end(&mut self, handle: u64) -> Answer {
        if !matches!(self.handles.get(&handle), Some(Handle::Write(_))) {
            return Err(no_handle());
        }
        let Some(Handle::Write(writer)) = self.handles.remove(&handle) else { return Err(no_handle()) };
        let session = self.session.as_ref().ok_or(Error::Locked {})?;
        let (item, prepared, mut blocks) =
            writer.finish(&self.nodes, &self.nodes.regions, &session.keys.space)?;
        if !blocks.is_empty() {
            self.nodes.store.put_many(core::mem::take(&mut blocks))?;
        }
        let item: PutItem<'_> = item;
        let answer = core::cell::RefCell::new(Err(Error::Locked {}));
        self.commit(Next::default, |change| {
            let prepared = Prepared { value: prepared.value.clone(), ..prepared };
            *answer.borrow_mut() = change.serve_prepared(&item, prepared);
            answer.borrow().is_ok()
        })?;
        answer.into_inner()
    }

    fn slots(&mut self, request: &Request<'_>) -> Answer {
        let nodes = &self.nodes;
        let streams = self.streams();
        let session = self.session.as_mut().ok_or(Error::Locked {})?;
        loop {
            let mut slots = session.head.slots.clone();
            let mut next_slot = session.head.next_slot;
            let remove = match request {
                Request::SlotAdd { protect, remove } => {
                    let slot = KeySlot::seal(
                        next_slot,
                        session.vault(),
                        &session.keys.root,
                        protect,
                        &nodes.random()?,
                    )?;
                    slots.push(slot);
                    next_slot += 1;
                    *remove
                }
                Request::SlotRemove { id } => Some(*id),
                _ => return Ok(slots_of(session)),
            };
            if let Some(id) = remove {
                let at = slots.iter().position(|slot| slot.id == id);
                slots.remove(at.ok_or_else(|| Error::bad_request("there is no such key slot"))?);
            }
            if slots.is_empty() {
                return Err(Error::bad_request("the last key slot can't be removed"));
            }
            if slots.len() > KEY_SLOTS_MAX {
                return Err(Error::limit("a vault has at most eight key slots; remove one first"));
            }
            let next =
                Next { slots: Some((slots, next_slot)), erase: remove.is_some(), streams, ..Next::default() };
            if let Outcome::Done = session.commit(nodes, next)? {
                if remove == Some(session.slot) && matches!(request, Request::SlotAdd { .. }) {
                    session.slot = next_slot - 1;
                }
                return Ok(slots_of(session));
            }
        }
    }

    fn memory(&self) -> MemoryStats {
        let (cache_bytes, cache_nodes) = self.nodes.cached();
        let [core, crypto, dag, vault] = REGIONS.map(|region| RegionUse {
            name: region.name.to_string(),
            bytes: region.bytes as u64,
            slots: 0,
            used: 0,
            peak: 0,
            bytes_peak: 0,
            resets: 0,
        });
        let tables = self.nodes.tables();
        let dag = region_use(dag, self.nodes.regions.dag_stats());
        let crypto = region_use(crypto, self.nodes.regions.scratch_stats());
        let vault = region_use(vault, self.nodes.regions.keyring_stats());
        let regions = Vec::from([core, crypto, dag, vault]);
        MemoryStats { regions, heap: HeapStats::default(), cache_bytes, cache_nodes, tables }
    }
}

fn region_use(region: RegionUse, stats: RegionStats) -> RegionUse {
    RegionUse {
        slots: region.bytes / stats.slot_bytes as u64,
        used: u64::from(stats.slots.used),
        peak: u64::from(stats.slots.peak),
        bytes_peak: stats.bytes_peak as u64,
        resets: u64::from(stats.slots.resets),
        ..region
    }
}

fn slots_of(session: &Session) -> Response {
    let slots = session.head.slots.iter().map(|slot| {
        let (kind, kdf) = match slot.kind {
            SlotKind::Passphrase { kdf } => ("passphrase", Some(kdf)),
            SlotKind::KeyFile {} => ("key-file", None),
        };
        KeySlotInfo { id: slot.id, kind: kind.into(), kdf, current: slot.id == session.slot }
    });
    Response::KeySlots { slots: slots.collect() }
}

fn no_handle() -> Error {
    Error::bad_request("there is no such handle")
}

/// An item that owns its parts, with an empty value.
pub(crate) fn owned(item: &PutItem<'_>) -> PutItem<'static> {
    PutItem {
        path: Cow::Owned(item.path.clone().into_owned()),
        value: Cow::Borrowed(&[]),
        meta: item.meta.clone(),
        expected: item.expected,
        skip_equal: item.skip_equal,
        codec: item.codec,
    }
}
