//! What untrusted modules hand to the host, and what says what they came to.

use std::sync::{Arc, OnceLock};

use dagvault_core::cbor::{from_slice, to_vec};
use dagvault_meter::profile::Profile;
use dagvault_meter::schedule::Schedule;
use dagvault_sandbox::receipt::{ReceiptError, Signed};
use dagvault_sandbox::value::{Answer, check as is_value};
use dagvault_sandbox::{Call, Capacity, Execution, Function, Module, Modules, Outcome, Sandbox, View};

/// A module that does what its input says: a byte that names a function of the host, seven numbers that it is given,
/// and so on; the last eight bytes are what `run` answers.
const PUPPET: &str = r#"(module
    (import "dagvault" "log" (func $log (param i32 i32 i32)))
    (import "dagvault" "state_get" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "dagvault" "state_set" (func $set (param i32 i32 i32 i32)))
    (import "dagvault" "state_delete" (func $delete (param i32 i32)))
    (import "dagvault" "effect" (func $effect (param i32 i32)))
    (import "dagvault" "call" (func $call (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
    (memory (export "memory") 2) (data (i32.const 1024) "\a1\62ok\f5")
    (func (export "alloc") (param i32) (result i32) (i32.const 4096))
    (func (export "dealloc") (param i32 i32))
    (func $number (param $at i32) (param $index i32) (result i32)
      (i32.load offset=1 (i32.add (local.get $at) (i32.mul (local.get $index) (i32.const 4)))))
    (func (export "run") (param $op i32) (param $at i32) (param $len i32) (result i64) (local $end i32)
      (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32) (local $f i32) (local $g i32)
      (local.set $end (i32.add (local.get $at) (local.get $len)))
      (loop $next
        (if (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 37))
          (then (return (i64.load (i32.sub (local.get $end) (i32.const 8))))))
        (local.set $a (call $number (local.get $at) (i32.const 0)))
        (local.set $b (call $number (local.get $at) (i32.const 1)))
        (local.set $c (call $number (local.get $at) (i32.const 2)))
        (local.set $d (call $number (local.get $at) (i32.const 3)))
        (local.set $e (call $number (local.get $at) (i32.const 4)))
        (local.set $f (call $number (local.get $at) (i32.const 5)))
        (local.set $g (call $number (local.get $at) (i32.const 6)))
        (local.set $op (i32.and (i32.load8_u (local.get $at)) (i32.const 15)))
        (local.set $at (i32.add (local.get $at) (i32.const 29)))
        (block (block (block (block (block (block (block (block (block (block (block
          (br_table 0 1 2 3 4 5 6 7 8 9 10 (local.get $op)))
          (call $log (local.get $a) (local.get $b) (local.get $c)) (br $next))
          (drop (call $get (local.get $a) (local.get $b) (local.get $c) (local.get $d))) (br $next))
          (call $set (local.get $a) (local.get $b) (local.get $c) (local.get $d)) (br $next))
          (call $delete (local.get $a) (local.get $b)) (br $next))
          (call $effect (local.get $a) (local.get $b)) (br $next))
          (drop (call $call (local.get $a) (local.get $b) (local.get $c) (local.get $d) (local.get $e) (local.get $f)
            (local.get $g))) (br $next))
          (drop (call $write (local.get $a) (local.get $b) (local.get $c) (local.get $d))) (br $next))
          (drop (call $read (local.get $a) (local.get $b) (local.get $c) (local.get $d))) (br $next))
          (drop (call $random (local.get $a) (local.get $b))) (br $next))
          (drop (call $clock (local.get $a) (i64.const 0) (local.get $b))) (br $next))
        (drop (call $stat (local.get $a) (local.get $b))) (br $next))
      (i64.const 0)))"#;

/// A state that has every short key, and a module under every name of one byte.
struct Everything;

impl View for Everything {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        (key.len() < 9).then(|| key.repeat(5))
    }
}

impl Modules for Everything {
    fn module(&self, cid: &[u8]) -> Option<Module> {
        (cid.len() == 1).then(|| puppet().1.clone())
    }
}

fn puppet() -> &'static (Sandbox, Module) {
    static PUPPETS: OnceLock<(Sandbox, Module)> = OnceLock::new();
    PUPPETS.get_or_init(|| {
        let sandbox = Sandbox::new(Schedule::first(), Capacity::default()).expect("a sandbox");
        let bytes = wat::parse_str(PUPPET).expect("a text");
        let profile = Profile::named("intent").expect("a profile");
        let module = sandbox.compile(&bytes, profile).expect("a module");
        (sandbox, module)
    })
}

/// Gas of an execution: far less than the wall clock allows.
const GAS: u64 = 1_000_000;

fn execute(input: &[u8]) -> Execution {
    let (sandbox, module) = puppet();
    let (view, modules) = (Some(Arc::new(Everything) as Arc<_>), Some(Arc::new(Everything) as Arc<_>));
    let call = Call { gas: Some(GAS), view, modules, ..Call::new(Function::Op(0), input) };
    sandbox.execute(module, &call).expect("it is executed")
}

/// The oracle of what modules hand to the host.
///
/// # Panics
/// If an execution differs from the same one before, or leaves more, or other, than it may.
pub fn check_abi(input: &[u8]) {
    if let Ok(answer) = Answer::read(input) {
        assert_eq!(answer.write(), input);
        assert!(answer.value.is_none_or(|value| is_value(value).is_ok()));
    }
    if input.len() > 1 << 16 {
        return;
    }
    let first = execute(input);
    if first.outcome == Outcome::Timeout {
        return;
    }
    assert!(first.gas <= GAS);
    assert!(
        first.logs.len() <= 256 && first.logs.iter().map(|log| log.text.len()).sum::<usize>() <= 64 << 10
    );
    assert!(first.logs.iter().all(|log| log.level <= 4 && !log.text.contains(|c: char| c.is_control())));
    assert!(first.effects.iter().all(|effect| is_value(effect).is_ok()));
    assert!(first.outcome == Outcome::Ok || (first.effects.is_empty() && first.writes.is_empty()));
    match first.outcome {
        Outcome::Ok | Outcome::Reject => {
            assert_eq!(Answer::read(&first.output).map(|answer| answer.ok), Ok(first.outcome == Outcome::Ok));
        }
        Outcome::OutOfGas => assert_eq!(first.gas, GAS),
        _ => assert!(first.output.is_empty()),
    }
    let again = execute(input);
    assert!(again == first || again.outcome == Outcome::Timeout, "{first:?} and then {again:?}");
}

/// Calls of the host's functions, and answers.
#[must_use]
pub fn abi_seeds() -> Vec<Vec<u8>> {
    let step = |function: u8, numbers: [i32; 7]| {
        let mut bytes = vec![function];
        numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes
    };
    let yes = 0x0000_0400_0000_0005_u64.to_le_bytes().to_vec();
    let steps = [
        step(0, [1, 1024, 5, 0, 0, 0, 0]),
        step(1, [1024, 3, 8192, 64, 0, 0, 0]),
        step(2, [1024, 3, 1024, 5, 0, 0, 0]),
        step(3, [1024, 4, 0, 0, 0, 0, 0]),
        step(4, [1024, 5, 0, 0, 0, 0, 0]),
        step(5, [1024, 1, 0, 1024, 5, 8192, 64]),
        step(6, [2, 4096, 1, 8192, 0, 0, 0]),
        step(7, [0, 4096, 1, 8192, 0, 0, 0]),
        step(8, [8192, 64, 0, 0, 0, 0, 0]),
        step(9, [0, 8192, 0, 0, 0, 0, 0]),
        step(10, [1, 8192, 0, 0, 0, 0, 0]),
        step(0, [0, -1, -1, 0, 0, 0, 0]),
    ];
    let mut seeds: Vec<_> = steps.iter().map(|step| [&step[..], &yes].concat()).collect();
    seeds.push([steps[..11].concat(), yes].concat());
    seeds.push(b"\xa3\x62ok\xf5\x65value\xa1\x61a\x82\x01\x20\x66reason\x60".to_vec());
    seeds
}

/// The oracle of receipts.
///
/// # Panics
/// If a receipt has a second form, or one is taken whose signature was never made.
pub fn check_receipt(input: &[u8]) {
    if let Ok(signed) = from_slice::<Signed>(input) {
        assert_eq!(to_vec(&signed), input);
        assert_ne!(signed.receipt.outcome, Outcome::Timeout);
    }
    match Signed::read(input) {
        Ok(signed) => assert_eq!(signed.write(), input),
        Err(ReceiptError::Form(_) | ReceiptError::Signature) => {}
        Err(other) => panic!("{other}"),
    }
}

/// Receipts of each outcome.
#[must_use]
pub fn receipt_seeds() -> Vec<Vec<u8>> {
    use dagvault_crypto::{secret::Secret, sign::SigningKey};
    use dagvault_sandbox::Trap;
    use dagvault_sandbox::receipt::Receipt;
    let key = SigningKey::from_seed(&Secret::new([3; 32]));
    let receipt = |outcome, previous| Receipt {
        module: vec![1, 0x55, 0x1e, 0x20],
        profile: "intent".into(),
        input: [1; 32],
        state_root: [2; 32],
        output: [3; 32],
        effects: [4; 32],
        gas: 12_345,
        outcome,
        schedule: 1,
        previous,
    };
    [
        receipt(Outcome::Ok, None),
        receipt(Outcome::Trap(Trap::Pointer), Some([5; 32])),
        receipt(Outcome::OutOfGas, None),
    ]
    .map(|receipt| receipt.sign(&key).write())
    .to_vec()
}
