//! Accelerators: what this processor has and WebAssembly has not, lent to the guest.
//!
//! They only compute, so that jobs may use them. What they compute on is copied out of the guest's memory into a
//! buffer of the instance's own, and the results back: other instances may run over that memory meanwhile. The buffer
//! is wiped when the call into the guest ends.

use dagvault_core::abi::{
    ACCEL_AES_256_GCM, ACCEL_ALGORITHMS, ACCEL_ARGON2ID, ACCEL_BLAKE3, ACCEL_CIPHER_PARTS,
    ACCEL_DATA_BYTES_MAX, ACCEL_DECLINED, ACCEL_DERIVATION_PARTS, ACCEL_DONE, ACCEL_EVERY_LENGTH,
    ACCEL_MESSAGE_BYTES_MAX, ACCEL_NOT_AUTHENTIC, ACCEL_PART_BYTES, ACCEL_PARTS_MAX, ACCEL_SHA_256,
    ACCEL_XCHACHA20_POLY1305,
};
use dagvault_core::limits::KDF_MEMORY_KIB_MAX;
use dagvault_core::wipe::{Wiped, wipe};
use dagvault_crypto::aead::{self, KEY_BYTES, NONCE_BYTES_MAX, Suite, TAG_BYTES};
use dagvault_crypto::argon2id::{self, Inputs, OUTPUT_BYTES_MAX, Params};
use dagvault_crypto::backend::Backend;
use dagvault_crypto::{hash, secret::Secret, sha256};

use crate::failure::Failure;
use crate::memory::GuestMemory;

/// Which accelerators the guest is offered. Results are the same, byte for byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Accel {
    /// All, for messages of every length: what is slower so, too.
    On,
    /// None: the guest computes everything itself.
    Off,
    /// Those for which the processor has instructions, for messages that are faster so.
    #[default]
    Auto,
}

impl Accel {
    /// Bits of the ABI's `accelerators`.
    pub(crate) fn features(self) -> u32 {
        match self {
            Self::On => ACCEL_ALGORITHMS | ACCEL_EVERY_LENGTH,
            Self::Off => 0,
            Self::Auto => of_processor(),
        }
    }
}

/// What the crates have instructions of this processor for.
#[cfg(target_arch = "x86_64")]
fn of_processor() -> u32 {
    let bit = |has: bool, bit: u32| if has { bit } else { 0 };
    let wide = is_x86_feature_detected!("avx2");
    let aes = is_x86_feature_detected!("aes") && is_x86_feature_detected!("pclmulqdq");
    let sha = is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1");
    bit(aes, ACCEL_AES_256_GCM)
        | bit(sha, ACCEL_SHA_256)
        | bit(wide, ACCEL_XCHACHA20_POLY1305 | ACCEL_BLAKE3 | ACCEL_ARGON2ID)
}

/// What the crates have instructions of this processor for. NEON is always there; the crates for ChaCha20 and Argon2
/// don't use it by themselves.
#[cfg(target_arch = "aarch64")]
fn of_processor() -> u32 {
    let bit = |has: bool, bit: u32| if has { bit } else { 0 };
    bit(std::arch::is_aarch64_feature_detected!("aes"), ACCEL_AES_256_GCM)
        | bit(std::arch::is_aarch64_feature_detected!("sha2"), ACCEL_SHA_256)
        | ACCEL_BLAKE3
}

/// What the crates have instructions of this processor for: nothing is known of it.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn of_processor() -> u32 {
    0
}

/// What the accelerators of one start are.
#[derive(Clone, Copy)]
pub(crate) struct Offer {
    /// Bits of the ABI's `accelerators`.
    pub(crate) features: u32,
    /// Most bytes of the guest's memory and a derivation's together.
    pub(crate) memory_bytes_max: u64,
    /// Bits of algorithms that answer wrongly, for tests.
    pub(crate) lying: u32,
}

/// A buffer of one instance, at the start of a line of the cache, so that copies are fast.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Never grows, for that would leave a copy behind; empty until it is needed.
    bytes: Vec<u8>,
    used: usize,
}

const LINE_BYTES: usize = 64;
const SCRATCH_BYTES: usize = ACCEL_MESSAGE_BYTES_MAX as usize;
/// Pieces in which data is hashed: two of them fit into the cache of a core beside the guest's.
const PIECE_BYTES: usize = 64 * 1024;

impl Scratch {
    /// The first `bytes` bytes, of at most `SCRATCH_BYTES`.
    fn lend(&mut self, bytes: usize) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = vec![0; SCRATCH_BYTES + LINE_BYTES];
        }
        let start = self.bytes.as_ptr().align_offset(LINE_BYTES).min(LINE_BYTES);
        self.used = self.used.max(start + bytes);
        &mut self.bytes[start..start + bytes]
    }

    /// Wipes what was used since the last time.
    pub(crate) fn wipe(&mut self) {
        let used = std::mem::take(&mut self.used);
        wipe(&mut self.bytes[..used]);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// A part of the guest's memory.
#[derive(Clone, Copy, Default)]
struct Part {
    at: u32,
    bytes: usize,
}

/// The longest table of parts.
type Parts = [Part; ACCEL_PARTS_MAX as usize];

impl Part {
    fn of(row: [u8; ACCEL_PART_BYTES]) -> Self {
        let [at, bytes] = [[row[0], row[1], row[2], row[3]], [row[4], row[5], row[6], row[7]]];
        Self { at: u32::from_le_bytes(at), bytes: u32::from_le_bytes(bytes) as usize }
    }

    fn has(self, bytes: usize) -> Result<Self, Failure> {
        if self.bytes == bytes { Ok(self) } else { Err(odd_length(self.bytes)) }
    }
}

fn odd_length(bytes: usize) -> Failure {
    Failure::misbehaved(format!("it gives an accelerator {bytes} bytes"))
}

/// Fails unless the parts have at most `bytes_max` bytes together.
fn bounded(parts: &[Part], bytes_max: u32) -> Result<(), Failure> {
    // Each length has 32 bits and there are few of them.
    let bytes = parts.iter().map(|part| part.bytes).sum();
    if bytes > bytes_max as usize { Err(odd_length(bytes)) } else { Ok(()) }
}

/// The suite of a number, and the bit of its accelerator.
fn suite_of(number: u32) -> Result<(Suite, u32), Failure> {
    let suite = u8::try_from(number).ok().and_then(|number| Suite::try_from(number).ok());
    match suite {
        Some(suite @ Suite::Aes256Gcm) => Ok((suite, ACCEL_AES_256_GCM)),
        Some(suite @ Suite::XChaCha20Poly1305) => Ok((suite, ACCEL_XCHACHA20_POLY1305)),
        None => Err(Failure::misbehaved(format!("it names suite {number}"))),
    }
}

/// What the parts of a cipher's call name, the message aside.
struct Cipher {
    key: Secret<KEY_BYTES>,
    nonce: [u8; NONCE_BYTES_MAX],
    aad: Part,
    message: Part,
    tag: Part,
}

/// The accelerators as one instance calls them.
pub(crate) struct Accelerators<'a> {
    pub(crate) offer: Offer,
    pub(crate) memory: &'a GuestMemory,
    pub(crate) scratch: &'a mut Scratch,
}

impl Accelerators<'_> {
    fn offers(&self, algorithm: u32) -> bool {
        self.offer.features & algorithm != 0
    }

    /// A bit that is wrong if a test wants it so, else none.
    fn lie(&self, algorithm: u32) -> u8 {
        u8::from(self.offer.lying & algorithm != 0)
    }

    fn table<const N: usize>(&self, at: u32) -> Result<[Part; N], Failure> {
        let mut rows = [[0; ACCEL_PART_BYTES]; N];
        self.memory.read(at, rows.as_flattened_mut())?;
        Ok(rows.map(Part::of))
    }

    fn cipher(&self, suite: Suite, parts: u32) -> Result<Cipher, Failure> {
        let [key, nonce, aad, message, tag]: [Part; ACCEL_CIPHER_PARTS] = self.table(parts)?;
        bounded(&[aad, message], ACCEL_MESSAGE_BYTES_MAX)?;
        let key = key.has(KEY_BYTES)?;
        let nonce_at = nonce.has(suite.nonce_bytes())?.at;
        let mut nonce = [0; NONCE_BYTES_MAX];
        self.memory.read(nonce_at, &mut nonce[..suite.nonce_bytes()])?;
        let key = Secret::generate(|out: &mut [u8; KEY_BYTES]| self.memory.read(key.at, out))?;
        Ok(Cipher { key, nonce, aad, message, tag: tag.has(TAG_BYTES)? })
    }

    /// Copies of the associated data and of the message.
    fn copied(&mut self, cipher: &Cipher) -> Result<(&[u8], &mut [u8]), Failure> {
        let Cipher { aad, message, .. } = cipher;
        // The message first, where it is aligned.
        let (buf, rest) = self.scratch.lend(message.bytes + aad.bytes).split_at_mut(message.bytes);
        self.memory.read(message.at, buf)?;
        self.memory.read(aad.at, rest)?;
        Ok((rest, buf))
    }

    /// Encrypts a message in place.
    pub(crate) fn seal(&mut self, suite: u32, parts: u32) -> Result<i64, Failure> {
        let (suite, algorithm) = suite_of(suite)?;
        if !self.offers(algorithm) {
            return Ok(ACCEL_DECLINED);
        }
        let (memory, lie) = (self.memory, self.lie(algorithm));
        let cipher = self.cipher(suite, parts)?;
        let (aad, buf) = self.copied(&cipher)?;
        let nonce = &cipher.nonce[..suite.nonce_bytes()];
        let sealed = aead::seal_in_place_on(Backend::RustCrypto, suite, &cipher.key, nonce, aad, buf);
        let mut tag = sealed.map_err(|_| odd_length(cipher.message.bytes))?;
        tag[0] ^= lie;
        memory.write(cipher.message.at, buf)?;
        memory.write(cipher.tag.at, &tag)?;
        Ok(ACCEL_DONE)
    }

    /// Decrypts a message in place, if it is authentic.
    pub(crate) fn open(&mut self, suite: u32, parts: u32) -> Result<i64, Failure> {
        let (suite, algorithm) = suite_of(suite)?;
        if !self.offers(algorithm) {
            return Ok(ACCEL_DECLINED);
        }
        let memory = self.memory;
        let cipher = self.cipher(suite, parts)?;
        let mut tag = [0; TAG_BYTES];
        memory.read(cipher.tag.at, &mut tag)?;
        let (aad, buf) = self.copied(&cipher)?;
        let nonce = &cipher.nonce[..suite.nonce_bytes()];
        match aead::open_in_place_on(Backend::RustCrypto, suite, &cipher.key, nonce, aad, buf, &tag) {
            Ok(()) => memory.write(cipher.message.at, buf).map(|()| ACCEL_DONE),
            Err(_) => Ok(ACCEL_NOT_AUTHENTIC),
        }
    }

    /// The parts of a table, which lie in the memory.
    fn parts<'t>(&self, parts: u32, count: u32, table: &'t mut Parts) -> Result<&'t [Part], Failure> {
        if count > ACCEL_PARTS_MAX {
            return Err(Failure::misbehaved(format!("it hashes {count} parts")));
        }
        let table = &mut table[..count as usize];
        for (part, row) in table.iter_mut().zip((parts..).step_by(ACCEL_PART_BYTES)) {
            let mut bytes = [0; ACCEL_PART_BYTES];
            self.memory.read(row, &mut bytes)?;
            *part = Part::of(bytes);
        }
        bounded(table, ACCEL_DATA_BYTES_MAX)?;
        table.iter().try_for_each(|part| self.memory.check(part.at, part.bytes))?;
        Ok(table)
    }

    /// Hands parts to `update`, a piece after the other.
    fn feed(&mut self, parts: &[Part], mut update: impl FnMut(&[u8])) -> Result<(), Failure> {
        for part in parts {
            // Within 32 bits: the memory has the whole part.
            for (piece, start) in (part.at..).step_by(PIECE_BYTES).zip((0..part.bytes).step_by(PIECE_BYTES)) {
                let buf = self.scratch.lend(PIECE_BYTES.min(part.bytes - start));
                self.memory.read(piece, buf)?;
                update(buf);
            }
        }
        Ok(())
    }

    /// Computes SHA-256.
    pub(crate) fn sha256(&mut self, parts: u32, count: u32, out: u32) -> Result<i64, Failure> {
        if !self.offers(ACCEL_SHA_256) {
            return Ok(ACCEL_DECLINED);
        }
        let mut hasher = sha256::Sha256::new_on(Backend::RustCrypto);
        let mut table = Parts::default();
        self.feed(self.parts(parts, count, &mut table)?, |piece| hasher.update(piece))?;
        let mut digest = hasher.finalize();
        digest[0] ^= self.lie(ACCEL_SHA_256);
        self.memory.write(out, &digest).map(|()| ACCEL_DONE)
    }

    /// Computes BLAKE3.
    pub(crate) fn blake3(&mut self, key: u32, parts: u32, count: u32, out: u32) -> Result<i64, Failure> {
        if !self.offers(ACCEL_BLAKE3) {
            return Ok(ACCEL_DECLINED);
        }
        let mut table = Parts::default();
        let parts = self.parts(parts, count, &mut table)?;
        let read = |bytes: &mut [u8; hash::HASH_BYTES]| self.memory.read(key, bytes);
        let key = if key == 0 { None } else { Some(Secret::generate(read)?) };
        let mut digest = match (parts, &key) {
            // In one step, which is faster.
            (&[part], None) if part.bytes <= PIECE_BYTES => {
                let buf = self.scratch.lend(part.bytes);
                self.memory.read(part.at, buf)?;
                hash::hash_on(Backend::RustCrypto, buf)
            }
            (parts, key) => {
                let mut hasher = match key {
                    None => hash::Hasher::new_on(Backend::RustCrypto),
                    Some(key) => hash::Hasher::new_keyed_on(Backend::RustCrypto, key.expose()),
                };
                self.feed(parts, |piece| hasher.update(piece))?;
                hasher.finalize()
            }
        };
        digest[0] ^= self.lie(ACCEL_BLAKE3);
        self.memory.write(out, &digest).map(|()| ACCEL_DONE)
    }

    /// Computes Argon2id in memory of the host, as much as the limit leaves beside the guest's.
    pub(crate) fn argon2id(&mut self, parts: u32, params: &Params) -> Result<i64, Failure> {
        let memory_bytes = u64::from(params.memory_kib) << 10;
        let room = self.offer.memory_bytes_max.saturating_sub(self.memory.bytes() as u64);
        if !self.offers(ACCEL_ARGON2ID) || memory_bytes > room {
            return Ok(ACCEL_DECLINED);
        }
        let [password, salt, secret, data, key]: [Part; ACCEL_DERIVATION_PARTS] = self.table(parts)?;
        bounded(&[password, salt, secret, data], ACCEL_DATA_BYTES_MAX)?;
        if key.bytes > OUTPUT_BYTES_MAX || params.check(KDF_MEMORY_KIB_MAX).is_err() {
            return Err(Failure::misbehaved("it asks for a derivation out of bounds"));
        }
        let read = |part: Part| self.memory.read_vec(part.at, part.bytes).map(Wiped);
        let [password, salt, secret, data] = [read(password)?, read(salt)?, read(secret)?, read(data)?];
        let inputs = Inputs { password: &password, salt: &salt, secret: &secret, data: &data };
        let mut out = Wiped(vec![0; key.bytes]);
        match argon2id::derive_with(&inputs, params, &mut out) {
            Ok(()) => {}
            Err(dagvault_crypto::Error::Memory) => return Ok(ACCEL_DECLINED),
            Err(error) => return Err(Failure::misbehaved(format!("it asks for a derivation: {error}"))),
        }
        out[0] ^= self.lie(ACCEL_ARGON2ID);
        self.memory.write(key.at, &out).map(|()| ACCEL_DONE)
    }
}
