// The same computations by what people use in JavaScript today, by the names of our kernels. Each takes a message and
// gives a new result, as its API does; the set-up of keys is part of it, as in our kernels.
import { ctr, gcm } from '@noble/ciphers/aes.js';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { createBLAKE3, createHMAC, createSHA256 } from 'hash-wasm';
import sodium from 'libsodium-wrappers';

await sodium.ready;
const key = new Uint8Array(32).fill(0x42);
const nonce = (bytes) => new Uint8Array(bytes).fill(0x24);
const none = new Uint8Array(0);
// One hasher for all messages: hash-wasm's fast way.
const hashed = (hasher) => (message) => hasher.init().update(message).digest('binary');

// As many bytes as the message has, as much at once as HKDF can (RFC 5869, section 2.3).
const MOST = 255 * 32;
const [salt, info] = ['salt', 'info'].map((text) => new TextEncoder().encode(text));
function derived(message) {
  const out = new Uint8Array(message.length);
  for (let at = 0; at < out.length; at += MOST) {
    out.set(hkdf(sha256, key, salt, info, Math.min(MOST, out.length - at)), at);
  }
  return out;
}

/** By kernel: each peer's function from a message to its result. */
export const peers = {
  'aes-256-ctr': { noble: (message) => ctr(key, nonce(16)).encrypt(message) },
  'aes-256-gcm': { noble: (message) => gcm(key, nonce(12)).encrypt(message) },
  'xchacha20-poly1305': {
    noble: (message) => xchacha20poly1305(key, nonce(24)).encrypt(message),
    libsodium: (message) => sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, none, null, nonce(24), key),
  },
  sha256: { noble: sha256, 'hash-wasm': hashed(await createSHA256()) },
  'hmac-sha256': {
    noble: (message) => hmac(sha256, key, message),
    'hash-wasm': hashed(await createHMAC(createSHA256(), key)),
  },
  'hkdf-sha256': { noble: derived },
  blake3: { noble: blake3, 'hash-wasm': hashed(await createBLAKE3()) },
};

// They must do the same work: those who compute one thing agree on it.
for (const [kernel, by] of Object.entries(peers)) {
  const results = Object.values(by).map((compute) => Buffer.from(compute(new Uint8Array(1000).fill(0x5a))).toString('hex'));
  if (new Set(results).size !== 1) throw new Error(`peers disagree about ${kernel}`);
}
