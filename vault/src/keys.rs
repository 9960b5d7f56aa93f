//! The hierarchy of keys: what opens a slot → root key → head, commits, signatures and the space's epoch
//! key → root of the tree.

use alloc::format;
use alloc::vec::Vec;

use dagvault_api::{Error, KdfParams, Unlock};
use dagvault_core::cbor::{self, Encoder, Wire as _};
use dagvault_core::ids::VaultId;
use dagvault_core::limits::{KDF_MEMORY_KIB_MAX, PASSPHRASE_BYTES_MAX};
use dagvault_core::wire_enum;
use dagvault_crypto::aead::{self, Suite};
use dagvault_crypto::backend::Backend;
use dagvault_crypto::{argon2id, hash, hkdf, secret::Secret, secret::SecretVec, sign};

use crate::node::SpaceKeys;

/// Shortest key file that is taken, in bytes.
const KEY_FILE_BYTES_MIN: usize = 32;
const NONCE_BYTES: usize = 24;

/// The keys of an unlocked vault. Lives in the Vault region, zeroed on lock.
pub(crate) struct Keyring {
    pub(crate) root: Secret<32>,
    /// Seals the head's body.
    pub(crate) head: Secret<32>,
    /// Link key of every commit.
    pub(crate) commit: Secret<32>,
    /// Seals epoch keys to the owner.
    pub(crate) epoch_seal: Secret<32>,
    pub(crate) signing: sign::SigningKey,
    pub(crate) public: [u8; 32],
    /// Names the owner in versions and commits.
    pub(crate) author: [u8; 16],
    pub(crate) space: SpaceKeys,
}

fn derive(root: &Secret<32>, vault: VaultId, purpose: &str) -> Result<Secret<32>, Error> {
    Secret::generate(|out| hkdf::derive(&vault.0, root.expose(), &[b"dagvault v1 ", purpose.as_bytes()], out))
        .map_err(|_| Error::limit("key derivation"))
}

impl Keyring {
    pub(crate) fn new(root: Secret<32>, vault: VaultId) -> Result<Self, Error> {
        let signing = sign::SigningKey::from_seed(&derive(&root, vault, "identity")?);
        let public = signing.verifying_key();
        let mut author = [0; 16];
        author.copy_from_slice(&hash::hash(&public)[..16]);
        Ok(Self {
            head: derive(&root, vault, "head")?,
            commit: derive(&root, vault, "commit")?,
            epoch_seal: derive(&root, vault, "epoch")?,
            space: SpaceKeys::derive(&derive(&root, vault, "space")?),
            signing,
            public,
            author,
            root,
        })
    }
}

/// Bytes sealed by XChaCha20-Poly1305 under a key that seals many: nonce, ciphertext and tag.
pub(crate) type Sealed = Vec<u8>;

/// Seals a small value, such as a key, with a random nonce of 192 bits.
pub(crate) fn wrap(
    key: &Secret<32>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    plain: &[u8],
) -> Result<Sealed, Error> {
    let mut sealed = Vec::with_capacity(NONCE_BYTES + plain.len() + aead::TAG_BYTES);
    sealed.extend_from_slice(nonce);
    sealed.extend_from_slice(plain);
    let tag = aead::seal_in_place(Suite::XChaCha20Poly1305, key, nonce, aad, &mut sealed[NONCE_BYTES..])
        .map_err(|_| Error::limit("a sealed value is too large"))?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens what [`wrap`] sealed; `None` if key, associated data or bytes don't belong together.
pub(crate) fn unwrap(key: &Secret<32>, aad: &[u8], sealed: &[u8]) -> Option<SecretVec> {
    unwrap_on(Backend::chosen(), key, aad, sealed)
}

/// As [`unwrap`], by a given backend.
pub(crate) fn unwrap_on(backend: Backend, key: &Secret<32>, aad: &[u8], sealed: &[u8]) -> Option<SecretVec> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let (body, tag) = rest.split_last_chunk::<{ aead::TAG_BYTES }>()?;
    let mut plain = SecretVec::from_slice(body);
    let suite = Suite::XChaCha20Poly1305;
    aead::open_in_place_on(backend, suite, key, nonce, aad, plain.expose_mut(), tag).ok()?;
    Some(plain)
}

/// How a slot's key is derived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SlotKind {
    Passphrase { kdf: KdfParams },
    KeyFile {},
}
wire_enum!(SlotKind { 0 => Passphrase { kdf }, 1 => KeyFile {} });

/// The root key, wrapped under what one passphrase or key file gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeySlot {
    pub(crate) id: u32,
    pub(crate) kind: SlotKind,
    pub(crate) salt: [u8; 32],
    pub(crate) wrapped: cbor::Bytes,
}
dagvault_core::wire_struct!(KeySlot { id, kind, salt, wrapped });

fn slot_data(vault: VaultId, id: u32, kind: SlotKind, salt: &[u8; 32]) -> Vec<u8> {
    let mut to = Encoder::default();
    to.array(5);
    to.text("dagvault key slot 1");
    to.bytes(&vault.0);
    id.encode(&mut to);
    kind.encode(&mut to);
    to.bytes(salt);
    to.finish()
}

/// Checks a cost before anything is allocated for it.
pub(crate) fn check_kdf(kdf: &KdfParams) -> Result<argon2id::Params, Error> {
    let KdfParams { memory_kib, passes, lanes } = *kdf;
    let params = argon2id::Params { memory_kib, passes, lanes };
    let said = || {
        Error::limit(format!(
            "key derivation asks for {memory_kib} KiB, {passes} passes, {lanes} lanes; the most is \
             {KDF_MEMORY_KIB_MAX} KiB, 16 and 16"
        ))
    };
    params.check(KDF_MEMORY_KIB_MAX).map_err(|_| said())?;
    Ok(params)
}

fn slot_key(unlock: &Unlock<'_>, kind: SlotKind, salt: &[u8; 32]) -> Result<Option<Secret<32>>, Error> {
    let key = match (unlock, kind) {
        (Unlock::Passphrase { bytes }, SlotKind::Passphrase { kdf }) => {
            let params = check_kdf(&kdf)?;
            Secret::generate(|out| argon2id::derive(bytes, salt, &params, out))
        }
        (Unlock::KeyFile { bytes }, SlotKind::KeyFile {}) => {
            Secret::generate(|out| hkdf::derive(salt, bytes, &[b"dagvault v1 key file"], out))
        }
        _ => return Ok(None),
    };
    key.map(Some).map_err(|error| match error {
        dagvault_crypto::Error::Memory => Error::Memory {},
        other => Error::limit(format!("key derivation: {other}")),
    })
}

pub(crate) fn check_unlock(unlock: &Unlock<'_>) -> Result<(), Error> {
    let (bytes, least) = match unlock {
        Unlock::Passphrase { bytes } => (bytes, 1),
        Unlock::KeyFile { bytes } => (bytes, KEY_FILE_BYTES_MIN),
    };
    if bytes.len() < least {
        let detail = if least == 1 { "the passphrase is empty" } else { "a key file has at least 32 bytes" };
        return Err(Error::bad_request(detail));
    }
    if bytes.len() > PASSPHRASE_BYTES_MAX {
        return Err(Error::limit("a passphrase or key file has at most 64 KiB"));
    }
    Ok(())
}

impl KeySlot {
    /// Wraps the root key.
    pub(crate) fn seal(
        id: u32,
        vault: VaultId,
        root: &Secret<32>,
        protect: &dagvault_api::Protect<'_>,
        random: &[u8; 56],
    ) -> Result<Self, Error> {
        check_unlock(&protect.unlock)?;
        let kind = match protect.unlock {
            Unlock::Passphrase { .. } => SlotKind::Passphrase { kdf: protect.kdf },
            Unlock::KeyFile { .. } => SlotKind::KeyFile {},
        };
        let (salt, nonce) = random.split_first_chunk::<32>().ok_or_else(|| Error::bad_request("salt"))?;
        let nonce = nonce.first_chunk().ok_or_else(|| Error::bad_request("nonce"))?;
        let key = slot_key(&protect.unlock, kind, salt)?.ok_or(Error::WrongKey {})?;
        let aad = slot_data(vault, id, kind, salt);
        let wrapped = cbor::Bytes(wrap(&key, nonce, &aad, root.expose())?);
        Ok(Self { id, kind, salt: *salt, wrapped })
    }

    /// The root key, if `unlock` is what the slot was sealed with.
    pub(crate) fn open(&self, vault: VaultId, unlock: &Unlock<'_>) -> Result<Option<Secret<32>>, Error> {
        let Some(key) = slot_key(unlock, self.kind, &self.salt)? else { return Ok(None) };
        let aad = slot_data(vault, self.id, self.kind, &self.salt);
        Ok(unwrap(&key, &aad, &self.wrapped.0).and_then(|root| Secret::from_slice(root.expose())))
    }
}
