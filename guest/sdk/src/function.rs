//! Functions that can be a module's: what they take, and how they are called with an input.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_bytes::ByteArray;

use crate::verdict::Verdict;
use crate::{Answer, Context, Inputs, Intent};

/// A kind of module: what its functions are lent.
pub trait Profile {
    /// What it is called by hosts.
    const NAME: &'static str;

    /// Called before anything else in a module: has panics logged where there is a log.
    #[doc(hidden)]
    fn begin();
}

/// Functions see their inputs and may log.
#[derive(Clone, Copy, Debug)]
pub struct ValidatorProfile;

/// Functions may also change state, tell effects and call modules.
#[derive(Clone, Copy, Debug)]
pub struct IntentProfile;

/// Functions see their inputs and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct PolicyProfile;

impl Profile for ValidatorProfile {
    const NAME: &'static str = "validator";
    fn begin() {
        crate::host::log_panics();
    }
}

impl Profile for IntentProfile {
    const NAME: &'static str = "intent";
    fn begin() {
        crate::host::log_panics();
    }
}

impl Profile for PolicyProfile {
    const NAME: &'static str = "policy";
    // No log: a panic is a trap and nothing else.
    fn begin() {}
}

/// The input as it comes. What else a host says is passed over.
#[derive(Deserialize)]
struct Input<R, U> {
    request: R,
    rules: U,
    now_ms: Option<u64>,
    seed: Option<ByteArray<32>>,
}

impl<R: DeserializeOwned, U: DeserializeOwned> Input<R, U> {
    fn read(bytes: &[u8]) -> Result<(R, U, Inputs), Vec<u8>> {
        let input: Self = crate::decode(bytes)
            .map_err(|wrong| Verdict::reject(format!("the input is not of the form: {wrong}")).output())?;
        let inputs = Inputs { now_ms: input.now_ms, seed: input.seed.map(ByteArray::into_array) };
        Ok((input.request, input.rules, inputs))
    }
}

/// A function that can be a module's of the profile `P`. `Arguments` tells its forms apart and is never named.
#[diagnostic::on_unimplemented(
    message = "this can't be a function of a module of the profile `{P}`",
    note = "it takes (request) or (request, rules), whose types have serde's Deserialize and own what they hold, \
            and behind them nothing, or `&Context` (validator), `&mut Intent` (intent), `&Inputs` (policy)",
    note = "it answers `Verdict` or `Result<T, Reject>`"
)]
pub trait Function<P: Profile, Arguments> {
    /// The output for an input.
    fn output(&self, input: &[u8]) -> Vec<u8>;
}

/// The output of a function for an input, both strict dag-cbor. What the module's `run` does.
#[must_use]
pub fn answer<P: Profile, Arguments, F: Function<P, Arguments>>(function: &F, input: &[u8]) -> Vec<u8> {
    function.output(input)
}

/// `Fn(request)`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Request<R>(R);

/// `Fn(request, rules)`.
#[doc(hidden)]
#[derive(Debug)]
pub struct RequestRules<R, U>(R, U);

/// `Fn(request, what is lent)`.
#[doc(hidden)]
#[derive(Debug)]
pub struct RequestLent<R>(R);

/// `Fn(request, rules, what is lent)`.
#[doc(hidden)]
#[derive(Debug)]
pub struct RequestRulesLent<R, U>(R, U);

impl<P, F, R, A> Function<P, Request<R>> for F
where
    P: Profile,
    F: Fn(R) -> A,
    R: DeserializeOwned,
    A: Answer,
{
    fn output(&self, input: &[u8]) -> Vec<u8> {
        match Input::<R, Option<IgnoredAny>>::read(input) {
            Ok((request, _, _)) => self(request).output(),
            Err(rejected) => rejected,
        }
    }
}

impl<P, F, R, U, A> Function<P, RequestRules<R, U>> for F
where
    P: Profile,
    F: Fn(R, U) -> A,
    R: DeserializeOwned,
    U: DeserializeOwned,
    A: Answer,
{
    fn output(&self, input: &[u8]) -> Vec<u8> {
        match Input::<R, U>::read(input) {
            Ok((request, rules, _)) => self(request, rules).output(),
            Err(rejected) => rejected,
        }
    }
}

/// The forms with what a profile lends.
macro_rules! lent {
    ($profile:ty, $lent:ty, $inputs:ident => $make:expr) => {
        impl<F, R, A> Function<$profile, RequestLent<R>> for F
        where
            F: Fn(R, $lent) -> A,
            R: DeserializeOwned,
            A: Answer,
        {
            fn output(&self, input: &[u8]) -> Vec<u8> {
                match Input::<R, Option<IgnoredAny>>::read(input) {
                    Ok((request, _, $inputs)) => self(request, $make).output(),
                    Err(rejected) => rejected,
                }
            }
        }

        impl<F, R, U, A> Function<$profile, RequestRulesLent<R, U>> for F
        where
            F: Fn(R, U, $lent) -> A,
            R: DeserializeOwned,
            U: DeserializeOwned,
            A: Answer,
        {
            fn output(&self, input: &[u8]) -> Vec<u8> {
                match Input::<R, U>::read(input) {
                    Ok((request, rules, $inputs)) => self(request, rules, $make).output(),
                    Err(rejected) => rejected,
                }
            }
        }
    };
}

lent!(ValidatorProfile, &Context, inputs => &Context::new(inputs));
lent!(IntentProfile, &mut Intent, inputs => &mut Intent::new(inputs));
lent!(PolicyProfile, &Inputs, inputs => &inputs);
