//! An unlocked vault: its keys, the head as last seen, and how a change becomes the next head.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use dagvault_api::{Error, Protect, Response, Unlock};
use dagvault_core::arena::{Placed, Regions};
use dagvault_core::cbor;
use dagvault_core::error::StoreErrorKind;
use dagvault_core::ids::{CellId, RECEIPT_DOMAIN, VaultId};
use dagvault_core::limits::{BATCH_BLOCKS_MAX, KEY_SLOTS_MAX, RECEIPT_BYTES_MAX};
use dagvault_crypto::{hash, secret::Secret};
use dagvault_dag::envelope::Kind;
use dagvault_dag::store::{Block, CommitOptions};

use crate::head::{Body, Commit, CommitSpace, Head, Root, Settings, Space};
use crate::keys::{KeySlot, Keyring, check_unlock};
use crate::nodes::{Nodes, seal_block};
use crate::tree::Tree;

/// Blocks that go with a commit itself; more are put before it.
const COMMIT_BLOCKS_MAX: usize = 128;

/// What the next head changes.
#[derive(Default)]
pub(crate) struct Next {
    /// The new root of the tree, where it changes.
    pub(crate) root: Option<Option<Root>>,
    pub(crate) blocks: Vec<Block>,
    /// New key slots, where they change, with the number of the next.
    pub(crate) slots: Option<(Vec<KeySlot>, u32)>,
    /// Whether the space gets a new epoch key.
    pub(crate) rotate: bool,
    /// Whether superseded heads are overwritten on disk before the commit returns.
    pub(crate) erase: bool,
    /// Whether values are being written whose blocks no head names yet.
    pub(crate) streams: bool,
}

/// The randomness of a commit.
struct Drawn {
    root_nonce: [u8; 24],
    commit_salt: [u8; 32],
    head_nonce: [u8; 24],
}

impl Drawn {
    fn draw(nodes: &Nodes) -> Result<Self, Error> {
        let bytes: [u8; 80] = nodes.random()?;
        let mut drawn = Self { root_nonce: [0; 24], commit_salt: [0; 32], head_nonce: [0; 24] };
        drawn.root_nonce.copy_from_slice(&bytes[..24]);
        drawn.commit_salt.copy_from_slice(&bytes[24..56]);
        drawn.head_nonce.copy_from_slice(&bytes[56..]);
        Ok(drawn)
    }
}

/// How a try to commit ended.
pub(crate) enum Outcome {
    Done,
    /// Another writer was first; the session now has that writer's head.
    Conflict,
}

/// An unlocked vault.
pub(crate) struct Session {
    pub(crate) keys: Placed<Keyring>,
    /// The slot that was opened.
    pub(crate) slot: u32,
    pub(crate) head: Head,
    pub(crate) body: Body,
    pub(crate) root: Option<Root>,
    epoch_key: Secret<32>,
    cell_hash: [u8; 32],
}

fn place(regions: &Arc<Regions>, keys: Keyring) -> Result<Placed<Keyring>, Error> {
    regions.place(keys).map_err(|_| Error::limit("too many vaults are open in this process"))
}

impl Session {
    /// Makes a new vault.
    pub(crate) fn create(
        nodes: &Nodes,
        regions: &Arc<Regions>,
        protect: &Protect<'_>,
        settings: Settings,
    ) -> Result<Self, Error> {
        nodes.follow(settings);
        if nodes.store.cell_load(CellId::HEAD)?.is_some() {
            return Err(Error::Exists { detail: "the store has a head".into() });
        }
        check_unlock(&protect.unlock)?;
        let vault = VaultId(nodes.random()?);
        let root_key = Secret::new(nodes.random::<32>()?);
        let slot = KeySlot::seal(0, vault, &root_key, protect, &nodes.random()?)?;
        let keys = place(regions, Keyring::new(root_key, vault)?)?;
        let epoch_key = Secret::new(nodes.random::<32>()?);
        let space = Space::seal(nodes.random()?, 0, vault, &keys, &epoch_key, &nodes.random()?)?;
        let (commit, block) =
            new_commit(nodes, &keys, vault, 1, Vec::new(), (&space, None), &nodes.random()?)?;
        let body = Body { commit, space, settings };
        let head = Head::seal(vault, 1, vec![slot], 1, &body, &keys, &nodes.random()?)?;
        check_head(nodes, &head, &body, &keys)?;
        let cell = head.encode();
        match nodes.store.commit(vec![block], CellId::HEAD, None, &cell, CommitOptions::default()) {
            Err(error) if error.kind == StoreErrorKind::Conflict => {
                return Err(Error::Exists { detail: "another process made it first".into() });
            }
            other => other?,
        }
        let cell_hash = hash::hash(&cell);
        Ok(Self { keys, slot: 0, head, body, root: None, epoch_key, cell_hash })
    }

    /// Signs a receipt: its domain stands before it, so that it can never be a commit.
    pub(crate) fn sign_receipt(&self, receipt: &[u8]) -> Result<Response, Error> {
        if receipt.len() > RECEIPT_BYTES_MAX {
            return Err(Error::limit("a receipt has at most 4096 bytes"));
        }
        let signature = self.keys.signing.sign(&[RECEIPT_DOMAIN, receipt].concat());
        Ok(Response::Signature { signer: self.keys.public, signature })
    }

    /// Opens the vault with whatever slot `unlock` fits.
    pub(crate) fn open(nodes: &Nodes, regions: &Arc<Regions>, unlock: &Unlock<'_>) -> Result<Self, Error> {
        check_unlock(unlock)?;
        let cell = load_head(nodes)?;
        let head = Head::decode(&cell)?;
        for slot in &head.slots {
            let Some(root_key) = slot.open(head.vault, unlock)? else { continue };
            let keys = place(regions, Keyring::new(root_key, head.vault)?)?;
            let (body, epoch_key, root) = open_head(&head, &keys)?;
            nodes.follow(body.settings);
            let (slot, cell_hash) = (slot.id, hash::hash(&cell));
            return Ok(Self { keys, slot, head, body, root, epoch_key, cell_hash });
        }
        Err(Error::WrongKey {})
    }

    pub(crate) fn vault(&self) -> VaultId {
        self.head.vault
    }

    pub(crate) fn tree<'a>(&'a self, nodes: &'a Nodes) -> Tree<'a> {
        Tree { nodes, keys: &self.keys.space, root: self.root.as_ref() }
    }

    /// Takes over the head that other writers may have committed; answers whether there is one.
    pub(crate) fn refresh(&mut self, nodes: &Nodes) -> Result<bool, Error> {
        let cell = load_head(nodes)?;
        let cell_hash = hash::hash(&cell);
        if cell_hash == self.cell_hash {
            return Ok(false);
        }
        let head = Head::decode(&cell)?;
        if head.vault != self.head.vault {
            return Err(Error::corrupt("the head is of another vault"));
        }
        // Every writer counts on from the head before: an equal number is another history.
        if head.sequence <= self.head.sequence {
            return Err(Error::corrupt(format!(
                "the head went back: change {} was seen, and now another change {} is the newest",
                self.head.sequence, head.sequence
            )));
        }
        let (body, epoch_key, root) = open_head(&head, &self.keys)?;
        (self.head, self.body, self.root) = (head, body, root);
        (self.epoch_key, self.cell_hash) = (epoch_key, cell_hash);
        Ok(true)
    }

    /// Makes `next` the head, all or nothing.
    pub(crate) fn commit(&mut self, nodes: &Nodes, mut next: Next) -> Result<Outcome, Error> {
        let vault = self.vault();
        let sequence = self.head.sequence + 1;
        let root = next.root.take().unwrap_or_else(|| self.root.clone());
        let (mut space, mut epoch_key) = (self.body.space.clone(), self.epoch_key.clone());
        if next.rotate {
            epoch_key = Secret::new(nodes.random::<32>()?);
            space = Space::seal(space.id, space.epoch + 1, vault, &self.keys, &epoch_key, &nodes.random()?)?;
        }
        // In one draw: each costs a call of the system.
        let Drawn { root_nonce, commit_salt, head_nonce } = Drawn::draw(nodes)?;
        space.set_root(vault, &epoch_key, root.as_ref(), &root_nonce)?;
        let parents = vec![self.body.commit];
        let named = (&space, root.as_ref());
        let (commit, block) = new_commit(nodes, &self.keys, vault, sequence, parents, named, &commit_salt)?;
        next.blocks.push(block);
        let body = Body { commit, space, settings: self.body.settings };
        let (slots, next_slot) = next.slots.unwrap_or_else(|| (self.head.slots.clone(), self.head.next_slot));
        if slots.is_empty() || slots.len() > KEY_SLOTS_MAX {
            return Err(Error::limit("a vault has one to eight key slots"));
        }
        let head = Head::seal(vault, sequence, slots, next_slot, &body, &self.keys, &head_nonce)?;
        check_head(nodes, &head, &body, &self.keys)?;
        let cell = head.encode();
        while next.blocks.len() > COMMIT_BLOCKS_MAX {
            let rest = next.blocks.split_off(next.blocks.len().min(BATCH_BLOCKS_MAX));
            nodes.store.put_many(core::mem::replace(&mut next.blocks, rest))?;
        }
        let options = CommitOptions { erase_old_cells: next.erase, more_to_come: next.streams };
        match nodes.store.commit(next.blocks, CellId::HEAD, Some(self.cell_hash), &cell, options) {
            Ok(()) => {}
            Err(error) if error.kind == StoreErrorKind::Conflict => {
                self.refresh(nodes)?;
                return Ok(Outcome::Conflict);
            }
            Err(error) => return Err(error.into()),
        }
        self.cell_hash = hash::hash(&cell);
        (self.head, self.body, self.root, self.epoch_key) = (head, body, root, epoch_key);
        Ok(Outcome::Done)
    }
}

fn load_head(nodes: &Nodes) -> Result<Vec<u8>, Error> {
    nodes
        .store
        .cell_load(CellId::HEAD)?
        .ok_or_else(|| Error::Absent { detail: "the store has no head".into() })
}

/// A paranoid vault reads its new head on another backend, too.
fn check_head(nodes: &Nodes, head: &Head, body: &Body, keys: &Keyring) -> Result<(), Error> {
    if nodes.paranoid() && !head.holds(body, keys) {
        return Err(Error::Fault { detail: "the sealed head does not open to what was sealed".into() });
    }
    Ok(())
}

fn open_head(head: &Head, keys: &Keyring) -> Result<(Body, Secret<32>, Option<Root>), Error> {
    let body = head.open(keys)?;
    let epoch_key = body.space.open_epoch(head.vault, keys)?;
    let root = body.space.open_root(head.vault, &epoch_key)?;
    Ok((body, epoch_key, root))
}

pub(crate) fn new_commit(
    nodes: &Nodes,
    keys: &Keyring,
    vault: VaultId,
    sequence: u64,
    parents: Vec<dagvault_core::ids::Cid>,
    (space, root): (&Space, Option<&Root>),
    salt: &[u8; 32],
) -> Result<(dagvault_core::ids::Cid, Block), Error> {
    let space = CommitSpace { id: space.id, epoch: space.epoch, root: root.map(|root| root.link.cid) };
    let mut commit = Commit {
        sequence,
        parents,
        spaces: vec![space],
        author: keys.author,
        time_ms: nodes.system.now_ms(),
        signature: [0; 64],
    };
    commit.sign(vault, keys);
    let payload = cbor::to_vec(&commit);
    let block = seal_block(Kind::Commit, &keys.commit, salt, &[&payload], nodes.paranoid())?;
    Ok((block.cid, block))
}
