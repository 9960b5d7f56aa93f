//! What authors of dagvault's modules depend on. A module is one annotated function over serde types:
//!
//! ```
//! use dagvault_module::{Verdict, validator};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Transfer {
//!     amount: u64,
//! }
//!
//! #[derive(Deserialize)]
//! struct Rules {
//!     max_amount: u64,
//! }
//!
//! #[validator]
//! fn validate(request: Transfer, rules: Rules) -> Verdict {
//!     Verdict::require(request.amount <= rules.max_amount, "too much")
//! }
//!
//! // It stays an ordinary function:
//! assert!(validate(Transfer { amount: 3 }, Rules { max_amount: 5 }).ok);
//! ```
//!
//! It takes `(request)` or `(request, rules)`, and behind them, where it wants it, what its profile lends it:
//! [`&Context`](Context) for a [`validator`], [`&mut Intent`](Intent) for an [`intent`], [`&Inputs`](Inputs) for a
//! [`policy`]. It answers a [`Verdict`] or a `Result<T, Reject>`. Compiled for `wasm32-unknown-unknown` as a `cdylib`
//! it has the exports of dagvault's module ABI 1, and a custom section that names the function and the profile. Input
//! and output are strict dag-cbor.
//!
//! A request that can't be read as the function's type is rejected with a reason. A panic is logged, where the profile
//! has a log, and ends the run as a trap.

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod abi;
mod cbor;
mod context;
mod function;
mod host;
mod intent;
#[doc(hidden)]
pub mod section;
mod verdict;

pub use cbor::{decode, encode};
pub use context::{Context, Inputs, Level};
pub use dagvault_module_macros::{intent, policy, validator};
pub use function::{Function, IntentProfile, PolicyProfile, Profile, ValidatorProfile, answer};
pub use intent::{CallError, Intent};
pub use serde;
pub use verdict::{Answer, Reject, Verdict};

/// Makes several functions the module's, numbered as they are listed: the profile `validator`.
#[macro_export]
macro_rules! validators {
    ($($function:ident),+ $(,)?) => { $crate::__module!("validator", ValidatorProfile, $($function),+); };
}

/// As [`validators!`], for the profile `intent`.
#[macro_export]
macro_rules! intents {
    ($($function:ident),+ $(,)?) => { $crate::__module!("intent", IntentProfile, $($function),+); };
}

/// As [`validators!`], for the profile `policy`.
#[macro_export]
macro_rules! policies {
    ($($function:ident),+ $(,)?) => { $crate::__module!("policy", PolicyProfile, $($function),+); };
}

/// The exports of a module. Natively it only checks that the functions are of the profile.
#[doc(hidden)]
#[macro_export]
macro_rules! __module {
    ($name:literal, $profile:ident, $($function:ident),+) => {
        const _: () = {
            const FUNCTIONS: &[fn(&[u8]) -> ::std::vec::Vec<u8>] =
                &[$(|input| $crate::answer::<$crate::$profile, _, _>(&$function, input)),+];
            #[cfg(not(target_family = "wasm"))]
            const _: usize = FUNCTIONS.len();
            #[cfg(target_family = "wasm")]
            #[allow(unsafe_code, reason = "exports of the ABI")]
            const _: () = {
                const NAMES: &[&str] = &[$(stringify!($function)),+];
                #[used]
                #[unsafe(link_section = "dagvault:module")]
                static SECTION: [u8; $crate::section::bytes($name, NAMES)] = $crate::section::of($name, NAMES);
                #[unsafe(export_name = "run")]
                extern "C" fn run(operation: u32, pointer: u32, bytes: u32) -> u64 {
                    $crate::abi::run::<$crate::$profile>(FUNCTIONS, operation, pointer, bytes)
                }
            };
        };
    };
}
