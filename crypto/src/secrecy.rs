//! What is secret and what is public again, as told to those who check that the kernels run in constant time.
//!
//! A checker follows secret bytes through a computation and reports each branch and each address that depends on
//! them. Only with the feature `constant-time` does it hear anything; otherwise these functions are nothing.

/// Calls of a checker.
#[cfg(feature = "constant-time")]
#[derive(Clone, Copy, Debug)]
pub struct Checker {
    /// The bytes are secret from here on.
    pub classify: fn(&mut [u8]),
    /// The bytes are public from here on.
    pub declassify: fn(&mut [u8]),
}

#[cfg(feature = "constant-time")]
static CHECKER: std::sync::OnceLock<Checker> = std::sync::OnceLock::new();

/// Names the checker of this process; the first one stays.
#[cfg(feature = "constant-time")]
pub fn install(checker: Checker) {
    let _ = CHECKER.set(checker);
}

/// The bytes are secret from here on.
#[cfg(feature = "constant-time")]
pub(crate) fn classify(bytes: &mut [u8]) {
    if let Some(checker) = CHECKER.get() {
        (checker.classify)(bytes);
    }
}

/// An answer about secrets that is public from here on: callers branch by it.
#[cfg(feature = "constant-time")]
pub(crate) fn declassify(answer: bool) -> bool {
    let mut byte = [u8::from(answer)];
    if let Some(checker) = CHECKER.get() {
        (checker.declassify)(&mut byte);
    }
    core::hint::black_box(byte) != [0]
}

/// As above, unchecked.
#[cfg(all(feature = "kernels", not(feature = "constant-time")))]
#[inline(always)]
pub(crate) const fn classify(_: &mut [u8]) {}

/// As above, unchecked.
#[cfg(not(feature = "constant-time"))]
#[inline(always)]
pub(crate) const fn declassify(answer: bool) -> bool {
    answer
}
