//! The head: the one mutable value of a vault, and the commits that it names.

use alloc::format;
use alloc::vec::Vec;

use dagvault_api::Error;
use dagvault_core::cbor::{self, Bytes, CborError, Decoder, Encoder, Wire};
use dagvault_core::ids::{Cid, VaultId};
use dagvault_core::limits::{HEAD_BYTES_MAX, KEY_SLOTS_MAX, TREE_DEPTH_MAX};
use dagvault_core::wire_struct;
use dagvault_crypto::backend::Backend;
use dagvault_crypto::{secret::Secret, sign};
use dagvault_dag::link::Link;

use crate::keys::{KeySlot, Keyring, unwrap, unwrap_on, wrap};

/// Version of the head's form.
pub(crate) const FORMAT: u32 = 1;

/// The head as it stands in its cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Which vault.
    pub vault: VaultId,
    /// One more with each commit.
    pub sequence: u64,
    /// Who can open it.
    pub slots: Vec<KeySlot>,
    /// The number that the next slot gets.
    pub next_slot: u32,
    /// The sealed [`Body`].
    body: Bytes,
}

/// What only an unlocked vault reads of its head.
#[derive(Clone)]
pub(crate) struct Body {
    /// The newest commit.
    pub(crate) commit: Cid,
    pub(crate) space: Space,
    pub(crate) settings: Settings,
}
wire_struct!(Body { commit, space, settings });

/// How a vault wants to be treated; set when it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// Whether every sealed block is opened again on another backend before it is acknowledged.
    pub(crate) paranoid: bool,
}
wire_struct!(Settings { paranoid });

/// A space's keys and root.
#[derive(Clone)]
pub(crate) struct Space {
    pub(crate) id: [u8; 16],
    pub(crate) epoch: u64,
    /// The epoch key, sealed to the owner.
    pub(crate) epoch_key: Bytes,
    /// The [`Root`] of the tree, sealed under the epoch key; none for an empty tree.
    pub(crate) root: Option<Bytes>,
}
wire_struct!(Space { id, epoch, epoch_key, root });

/// The root of a state tree.
#[derive(Clone)]
pub(crate) struct Root {
    pub(crate) level: u32,
    pub(crate) paths: u64,
    pub(crate) link: Link,
}
wire_struct!(Root { level, paths, link });

impl Head {
    /// Reads a head from its cell, still sealed.
    ///
    /// # Errors
    /// `Unsupported` for a newer form, `Corrupt` for anything that no version wrote.
    pub fn decode(cell: &[u8]) -> Result<Self, Error> {
        if cell.len() > HEAD_BYTES_MAX {
            return Err(Error::corrupt("the head is too large"));
        }
        let bad = |error: CborError| Error::corrupt(format!("head: {error}"));
        let mut from = Decoder::new(cell);
        let fields = from.array().map_err(bad)?;
        let format = u32::decode(&mut from).map_err(bad)?;
        if format > FORMAT {
            return Err(Error::Unsupported { detail: format!("the head has format {format}") });
        }
        if format != FORMAT || fields != 6 {
            return Err(bad(CborError::Value));
        }
        let mut read = || {
            let head = Self {
                vault: VaultId(from.fixed()?),
                sequence: from.uint()?,
                slots: Wire::decode(&mut from)?,
                next_slot: Wire::decode(&mut from)?,
                body: Wire::decode(&mut from)?,
            };
            from.end().map(|()| head)
        };
        let head = read().map_err(bad)?;
        let rising = head.slots.is_sorted_by(|a, b| a.id < b.id);
        let last = head.slots.last().map(|slot| slot.id);
        if !rising || head.slots.len() > KEY_SLOTS_MAX || last.is_none_or(|last| last >= head.next_slot) {
            return Err(bad(CborError::Value));
        }
        Ok(head)
    }

    /// The head as it goes into its cell.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.array(6);
        self.encode_public(&mut to);
        self.body.encode(&mut to);
        to.finish()
    }

    fn encode_public(&self, to: &mut Encoder<'_>) {
        FORMAT.encode(to);
        to.bytes(&self.vault.0);
        to.uint(self.sequence);
        self.slots.encode(to);
        self.next_slot.encode(to);
    }

    /// Everything but the body, which the body's seal binds.
    fn associated_data(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.array(6);
        to.text("dagvault head");
        self.encode_public(&mut to);
        to.finish()
    }

    /// A head with its body sealed.
    pub(crate) fn seal(
        vault: VaultId,
        sequence: u64,
        slots: Vec<KeySlot>,
        next_slot: u32,
        body: &Body,
        keys: &Keyring,
        nonce: &[u8; 24],
    ) -> Result<Self, Error> {
        let mut head = Self { vault, sequence, slots, next_slot, body: Bytes::default() };
        head.body = Bytes(wrap(&keys.head, nonce, &head.associated_data(), &cbor::to_vec(body))?);
        Ok(head)
    }

    /// Whether another backend reads this body.
    pub(crate) fn holds(&self, body: &Body, keys: &Keyring) -> bool {
        let other = Backend::chosen().other();
        unwrap_on(other, &keys.head, &self.associated_data(), &self.body.0)
            .is_some_and(|plain| plain.expose() == cbor::to_vec(body))
    }

    /// The body.
    pub(crate) fn open(&self, keys: &Keyring) -> Result<Body, Error> {
        let plain = unwrap(&keys.head, &self.associated_data(), &self.body.0)
            .ok_or_else(|| Error::corrupt("the head is not authentic"))?;
        cbor::from_slice(plain.expose()).map_err(|error| Error::corrupt(format!("head: {error}")))
    }
}

impl Space {
    fn epoch_data(&self, vault: VaultId) -> Vec<u8> {
        let mut to = Encoder::default();
        to.array(4);
        to.text("dagvault epoch key");
        to.bytes(&vault.0);
        to.bytes(&self.id);
        to.uint(self.epoch);
        to.finish()
    }

    /// A space at an epoch, with the epoch's key sealed to the owner.
    pub(crate) fn seal(
        id: [u8; 16],
        epoch: u64,
        vault: VaultId,
        keys: &Keyring,
        epoch_key: &Secret<32>,
        nonce: &[u8; 24],
    ) -> Result<Self, Error> {
        let mut space = Self { id, epoch, epoch_key: Bytes::default(), root: None };
        let aad = space.epoch_data(vault);
        space.epoch_key = Bytes(wrap(&keys.epoch_seal, nonce, &aad, epoch_key.expose())?);
        Ok(space)
    }

    pub(crate) fn open_epoch(&self, vault: VaultId, keys: &Keyring) -> Result<Secret<32>, Error> {
        unwrap(&keys.epoch_seal, &self.epoch_data(vault), &self.epoch_key.0)
            .and_then(|key| Secret::from_slice(key.expose()))
            .ok_or_else(|| Error::corrupt("the space's epoch key is not authentic"))
    }

    /// Puts the root of the tree under the epoch key.
    pub(crate) fn set_root(
        &mut self,
        vault: VaultId,
        epoch_key: &Secret<32>,
        root: Option<&Root>,
        nonce: &[u8; 24],
    ) -> Result<(), Error> {
        let aad = self.epoch_data(vault);
        let sealed = root.map(|root| wrap(epoch_key, nonce, &aad, &cbor::to_vec(root))).transpose()?;
        self.root = sealed.map(Bytes);
        Ok(())
    }

    pub(crate) fn open_root(&self, vault: VaultId, epoch_key: &Secret<32>) -> Result<Option<Root>, Error> {
        let Some(sealed) = &self.root else { return Ok(None) };
        let plain = unwrap(epoch_key, &self.epoch_data(vault), &sealed.0)
            .ok_or_else(|| Error::corrupt("the root of the tree is not authentic"))?;
        let root: Root = cbor::from_slice(plain.expose())
            .map_err(|error| Error::corrupt(format!("root of the tree: {error}")))?;
        if root.level as usize > TREE_DEPTH_MAX {
            return Err(Error::corrupt("the tree is too deep"));
        }
        Ok(Some(root))
    }
}

/// A change of the vault, signed; named by the head, and naming the change before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Commit {
    pub(crate) sequence: u64,
    pub(crate) parents: Vec<Cid>,
    /// For each space its id, epoch and the CID of its root, without the key.
    pub(crate) spaces: Vec<CommitSpace>,
    pub(crate) author: [u8; 16],
    pub(crate) time_ms: u64,
    pub(crate) signature: [u8; 64],
}
wire_struct!(Commit { sequence, parents, spaces, author, time_ms, signature });

/// What a commit says of a space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CommitSpace {
    pub(crate) id: [u8; 16],
    pub(crate) epoch: u64,
    pub(crate) root: Option<Cid>,
}
wire_struct!(CommitSpace { id, epoch, root });

impl Commit {
    /// What is signed: everything but the signature, bound to the vault.
    fn message(&self, vault: VaultId) -> Vec<u8> {
        let mut to = Encoder::default();
        to.array(7);
        to.text("dagvault commit 1");
        to.bytes(&vault.0);
        to.uint(self.sequence);
        self.parents.encode(&mut to);
        self.spaces.encode(&mut to);
        to.bytes(&self.author);
        to.uint(self.time_ms);
        to.finish()
    }

    pub(crate) fn sign(&mut self, vault: VaultId, keys: &Keyring) {
        self.signature = keys.signing.sign(&self.message(vault));
    }

    /// Whether the owner signed this commit.
    pub(crate) fn check(&self, vault: VaultId, public: &[u8; 32], author: &[u8; 16]) -> bool {
        self.author == *author && sign::verify(public, &self.message(vault), &self.signature).is_ok()
    }
}
