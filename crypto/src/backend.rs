//! Who computes: the well-kept crates, or our own kernels over one of the vectors in `lanes`.
//!
//! Every backend gives the same bytes. In wasm with vectors the best of our kernels is chosen, or the host where it
//! computes; elsewhere the crates, which use what the processor has; [`choose`] says otherwise for the whole process.

use crate::accel;
use core::sync::atomic::{AtomicU8, Ordering};

/// Who computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The crates, which choose instructions at run time on x86-64 and ARM.
    RustCrypto,
    /// Our kernels over arrays.
    Portable,
    /// The host of this module, see [`accel`]; what it leaves out is computed by the fastest of our kernels.
    Host,
    /// Our kernels over WebAssembly's vectors.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
    /// Our kernels over WebAssembly's vectors with relaxed instructions.
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    RelaxedSimd,
    /// Our kernels over vectors of x86-64 with SSSE3.
    #[cfg(target_arch = "x86_64")]
    Ssse3(Ssse3),
}

/// Says that this processor has SSSE3.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ssse3(());

#[cfg(target_arch = "x86_64")]
cpufeatures::new!(cpuid_ssse3, "ssse3");

/// Index of the chosen backend among [`Backend::all`], plus one; 0 is the default.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// Most backends that one build has.
const COUNT_MAX: usize = 4;

impl Backend {
    /// The backends of this build on this processor: the crates, then our kernels from the slowest to the fastest.
    pub fn all() -> impl Iterator<Item = Self> {
        let all: [Option<Self>; COUNT_MAX] = [
            Some(Self::RustCrypto),
            Some(Self::Portable),
            #[cfg(target_arch = "x86_64")]
            cpuid_ssse3::get().then_some(Self::Ssse3(Ssse3(()))),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Some(Self::Simd128),
            #[cfg(not(any(
                target_arch = "x86_64",
                all(target_arch = "wasm32", target_feature = "simd128")
            )))]
            None,
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Some(Self::RelaxedSimd),
            #[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
            None,
        ];
        all.into_iter().flatten()
    }

    /// The fastest of our own kernels.
    #[must_use]
    pub fn fastest_kernel() -> Self {
        Self::all().last().unwrap_or(Self::Portable)
    }

    /// A backend that shares no code with this one: what checks its results. The host calls the crates too, but their
    /// code for its processor.
    #[must_use]
    pub fn other(self) -> Self {
        if self == Self::RustCrypto { Self::fastest_kernel() } else { Self::RustCrypto }
    }

    /// What computes where no backend is named.
    #[must_use]
    pub fn chosen() -> Self {
        // Relaxed: the number stands for itself.
        let number = CHOSEN.load(Ordering::Relaxed);
        match number.checked_sub(1) {
            Some(index) => Self::all().nth(index.into()).unwrap_or(Self::RustCrypto),
            None if accel::used().next().is_some() => Self::Host,
            None if cfg!(all(target_arch = "wasm32", target_feature = "simd128")) => Self::fastest_kernel(),
            None => Self::RustCrypto,
        }
    }

    /// Who computes in this module: the fastest of our kernels in place of a host.
    pub(crate) fn here(self) -> Self {
        if self == Self::Host { Self::fastest_kernel() } else { self }
    }

    /// The name of the file that holds it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RustCrypto => "rustcrypto",
            Self::Portable => "portable",
            Self::Host => "host",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Simd128 => "simd128",
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            Self::RelaxedSimd => "relaxed-simd",
            #[cfg(target_arch = "x86_64")]
            Self::Ssse3(_) => "ssse3",
        }
    }
}

/// Chooses what computes in this process from now on where no backend is named.
pub fn choose(backend: Backend) {
    let index = Backend::all().position(|one| one == backend).unwrap_or(0);
    let number = u8::try_from(index + 1).unwrap_or(0);
    // Relaxed: the number stands for itself.
    CHOSEN.store(number, Ordering::Relaxed);
}

/// Evaluates an expression with `$vector` as the type that a backend of ours runs over.
macro_rules! on_lanes {
    ($backend:expr, $vector:ident => $value:expr) => {
        match $crate::backend::Backend::here($backend) {
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            $crate::backend::Backend::Simd128 => {
                type $vector = $crate::lanes::Simd128;
                $value
            }
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            $crate::backend::Backend::RelaxedSimd => {
                type $vector = $crate::lanes::RelaxedSimd;
                $value
            }
            #[cfg(target_arch = "x86_64")]
            $crate::backend::Backend::Ssse3(_) => {
                type $vector = $crate::lanes::Ssse3;
                $value
            }
            $crate::backend::Backend::RustCrypto
            | $crate::backend::Backend::Portable
            | $crate::backend::Backend::Host => {
                type $vector = $crate::lanes::Portable;
                $value
            }
        }
    };
}
pub(crate) use on_lanes;
