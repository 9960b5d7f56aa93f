//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, section 2; RFC 8439, section 2.8). Lengths were checked above.
//!
//! In wasm by our own kernel, elsewhere by the crate `chacha20poly1305`.

#[cfg(any(test, all(target_arch = "wasm32", target_feature = "simd128")))]
mod chacha20;
#[cfg(any(test, all(target_arch = "wasm32", target_feature = "simd128")))]
mod kernel;
#[cfg(any(test, all(target_arch = "wasm32", target_feature = "simd128")))]
mod poly1305;
#[cfg(any(test, not(all(target_arch = "wasm32", target_feature = "simd128"))))]
mod rustcrypto;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32_simd128;

use super::{KEY_BYTES, TAG_BYTES};

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(super) use rustcrypto::{open, seal};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) use wasm32_simd128::{open, seal};

pub(super) const NONCE_BYTES: usize = 24;
