//! Every form of a function, natively: by `answer`, as the module's `run` calls it, and by an ordinary call.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]
#![allow(clippy::needless_pass_by_value, reason = "functions of modules own what they are given")]

use dagvault_module::{
    CallError, Context, Inputs, Intent, IntentProfile, PolicyProfile, Reject, ValidatorProfile, Verdict,
    answer, decode, encode,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Clone)]
struct Transfer {
    amount: u64,
    to: String,
}

#[derive(Serialize, Deserialize)]
struct Rules {
    max_amount: u64,
}

#[derive(Serialize)]
struct Input<R, U> {
    request: R,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<U>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<serde_bytes::ByteBuf>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Output {
    ok: bool,
    reason: Option<String>,
    value: Option<u64>,
}

fn transfer(amount: u64) -> Transfer {
    Transfer { amount, to: "someone".into() }
}

fn input(amount: u64, max_amount: Option<u64>) -> Vec<u8> {
    let rules = max_amount.map(|max_amount| Rules { max_amount });
    let seed = Some(serde_bytes::ByteBuf::from(vec![7; 32]));
    encode(&Input { request: transfer(amount), rules, now_ms: Some(5), seed })
}

fn read(output: Vec<u8>) -> Output {
    decode(&output).unwrap()
}

/// Annotated functions stay ordinary ones; each in a module of its own, as a crate can have only one.
mod annotated {
    use super::*;

    pub(super) mod one {
        use super::*;

        #[dagvault_module::validator]
        pub(crate) fn validate(request: Transfer, rules: Rules) -> Verdict {
            Verdict::require(request.amount <= rules.max_amount, "too much")
        }
    }

    pub(super) mod two {
        use super::*;

        /// With all that may stand before a function.
        #[dagvault_module::intent]
        #[allow(dead_code, reason = "an attribute that stands before the function")]
        pub(crate) fn pay(request: Transfer, intent: &mut Intent) -> Result<u64, Reject> {
            let paid: u64 = intent.read(b"paid")?.unwrap_or(0);
            let paid = paid.checked_add(request.amount).ok_or("too much in all")?;
            intent.write(b"paid", &paid);
            intent.effect(&request.to);
            Ok(paid)
        }
    }

    pub(super) mod three {
        use super::*;

        #[dagvault_module::policy]
        pub(super) fn allow(request: Transfer, inputs: &Inputs) -> Verdict {
            Verdict::require(inputs.now_ms.is_some_and(|now| now < request.amount), "too late")
        }

        #[test]
        fn it_is_called() {
            assert!(!allow(transfer(5), &Inputs { now_ms: Some(5), seed: None }).ok);
        }
    }
}

#[test]
fn annotated_functions_are_ordinary_ones() {
    assert!(annotated::one::validate(transfer(3), Rules { max_amount: 3 }).ok);
    let mut intent = Intent::default();
    assert_eq!(annotated::two::pay(transfer(3), &mut intent), Ok(3));
    assert_eq!(annotated::two::pay(transfer(4), &mut intent), Ok(7));
    assert_eq!(intent.read::<u64>(b"paid"), Ok(Some(7)));
    assert_eq!(intent.effects(), [encode("someone"), encode("someone")]);
    assert!(annotated::two::pay(transfer(u64::MAX), &mut intent).is_err());
}

#[test]
fn every_form_is_called_with_what_it_takes() {
    let accepted = Output { ok: true, reason: None, value: None };
    let request = |request: Transfer| Verdict::require(request.amount == 3, "other");
    assert_eq!(read(answer::<ValidatorProfile, _, _>(&request, &input(3, Some(1)))), accepted);
    assert_eq!(read(answer::<PolicyProfile, _, _>(&request, &input(3, None))), accepted);
    let rules = |request: Transfer, rules: Option<Rules>| {
        Ok::<_, Reject>(request.amount + rules.map_or(0, |rules| rules.max_amount))
    };
    assert_eq!(read(answer::<IntentProfile, _, _>(&rules, &input(3, Some(4)))).value, Some(7));
    assert_eq!(read(answer::<IntentProfile, _, _>(&rules, &input(3, None))).value, Some(3));
    fn validator(_: Transfer, rules: Rules, context: &Context) -> Verdict<u64> {
        context.info("a line");
        Verdict::reject("so it is").with(rules.max_amount + context.now_ms.unwrap())
    }
    let rejected = Output { ok: false, reason: Some("so it is".into()), value: Some(9) };
    assert_eq!(read(answer::<ValidatorProfile, _, _>(&validator, &input(3, Some(4)))), rejected);
    fn intent(_: Transfer, intent: &mut Intent) -> Result<u64, Reject> {
        intent.set(b"k", b"v");
        Ok(u64::from(intent.seed.ok_or("no seed")?[31]))
    }
    assert_eq!(read(answer::<IntentProfile, _, _>(&intent, &input(3, None))).value, Some(7));
    fn policy(_: Transfer, _: Rules, inputs: &Inputs) -> Verdict {
        Verdict::require(inputs.seed == Some([7; 32]), "no seed")
    }
    assert_eq!(read(answer::<PolicyProfile, _, _>(&policy, &input(3, Some(4)))), accepted);
}

#[test]
fn what_is_not_of_the_form_is_rejected_with_a_reason() {
    let function = |_: Transfer, _: Rules| Verdict::accept();
    let reason = |input: &[u8]| {
        let output = read(answer::<ValidatorProfile, _, _>(&function, input));
        assert!(!output.ok);
        output.reason.unwrap()
    };
    assert!(reason(b"").contains("the input is not of the form"));
    assert!(reason(&input(3, None)).contains("missing field `rules`"));
    let mut longer = input(3, Some(4));
    longer.push(0);
    assert!(reason(&longer).contains("Trailing"));
    // A key of a map that stands twice.
    let twice =
        answer::<ValidatorProfile, _, _>(&|_: u64| Verdict::accept(), b"\xa2\x67request\x01\x67request\x01");
    assert!(read(twice).reason.unwrap().contains("Unordered"));
    assert!(reason(b"\xa2\x67request\xa0\x65rules\xa0").contains("missing field `amount`"));
    assert!(
        !answer::<ValidatorProfile, _, _>(&|_: u64| Verdict::accept(), b"\xa1\x67request\x18\x03").is_empty()
    );
    let short: Vec<u8> = encode(&Input {
        request: 1,
        rules: None::<u8>,
        now_ms: None,
        seed: Some(serde_bytes::ByteBuf::from(vec![1; 31])),
    });
    assert!(!read(answer::<PolicyProfile, _, _>(&|_: u64| Verdict::accept(), &short)).ok);
}

#[test]
fn other_modules_are_called_where_there_are_any() {
    let mut alone = Intent::default();
    assert_eq!(alone.call(b"cid", 0, b"", 10), Err(CallError::NotAllowed));
    let mut intent = Intent::default().with_modules(|cid, operation, input| {
        assert_eq!((cid, operation), (&b"cid"[..], 2));
        Ok(input.repeat(2))
    });
    assert_eq!(intent.call(b"cid", 2, b"ab", 4), Ok(b"abab".to_vec()));
    assert_eq!(intent.call(b"cid", 2, b"ab", 3), Err(CallError::TooLong { bytes: 4 }));
}
