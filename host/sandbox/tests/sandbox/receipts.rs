//! Receipts: signed, read strictly, and checked by executing again.

use dagvault_crypto::{secret::Secret, sign::SigningKey};
use dagvault_sandbox::receipt::{Receipt, ReceiptError, Signed};
use dagvault_sandbox::{Call, Function, Module, Outcome, Trap};

use crate::support::{YES, abi1, module, sandbox, seven};

fn key() -> SigningKey {
    SigningKey::from_seed(&Secret::new([7; 32]))
}

fn signed(module: &Module, call: &Call<'_>, previous: Option<[u8; 32]>) -> Result<Signed, ReceiptError> {
    let execution = sandbox().execute(module, call).unwrap();
    let receipt = Receipt::of(sandbox(), module, call, &execution, b"cid", [5; 32], previous)?;
    Ok(receipt.sign(&key()))
}

#[test]
fn each_outcome_but_a_timeout_has_a_receipt_that_holds() {
    let input = seven();
    let call = Call::new(Function::Op(0), &input);
    let mut previous = None;
    for (run, outcome) in [
        (YES, Outcome::Ok),
        ("(i64.const 0x0000_0410_0000_0005)", Outcome::Reject),
        ("unreachable", Outcome::Trap(Trap::Unreachable)),
        ("(i64.const 1)", Outcome::Trap(Trap::Output)),
        ("(loop (br 0)) unreachable", Outcome::OutOfGas),
        ("(drop (memory.grow (i32.const 1000))) unreachable", Outcome::MemoryLimit),
    ] {
        let module = module(&abi1(run, ""), "validator");
        let first = signed(&module, &call, previous).unwrap();
        let bytes = first.write();
        let read = Signed::read(&bytes).unwrap();
        assert_eq!((&read, read.receipt.outcome, read.receipt.previous), (&first, outcome, previous));
        assert_eq!(read.check(sandbox(), &module, &call, b"cid").unwrap().outcome, outcome);
        previous = Some(read.digest());
    }
    let endless = module(&abi1("(loop (br 0)) unreachable", ""), "edge");
    assert_eq!(signed(&endless, &call, None), Err(ReceiptError::Timeout));
}

#[test]
fn every_flipped_bit_is_found() {
    let input = seven();
    let call = Call::new(Function::Op(0), &input);
    let module = module(&abi1(YES, ""), "validator");
    let bytes = signed(&module, &call, Some([1; 32])).unwrap().write();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(Signed::read(&changed).is_err(), "bit {bit}");
    }
    for end in 0..bytes.len() {
        assert!(Signed::read(&bytes[..end]).is_err());
    }
    assert!(Signed::read(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn a_receipt_is_about_one_execution() {
    let input = seven();
    let call = Call::new(Function::Op(0), &input);
    let yes = module(&abi1(YES, ""), "validator");
    let receipt = signed(&yes, &call, None).unwrap();
    let check = |module: &Module, call: &Call<'_>, cid: &[u8]| {
        receipt.check(sandbox(), module, call, cid).unwrap_err()
    };
    assert_eq!(check(&yes, &call, b"dic"), ReceiptError::Other("module"));
    let sealed = module(&abi1(YES, ""), "sealed");
    assert_eq!(check(&sealed, &call, b"cid"), ReceiptError::Other("profile"));
    let others = [
        Call { gas: Some(20_000_000), ..call.clone() },
        Call { now_ms: 1, ..call.clone() },
        Call { seed: [1; 32], ..call.clone() },
        Call::new(Function::Op(0), b"\xa1\x67request\x08"),
    ];
    for other in &others {
        assert_eq!(check(&yes, other, b"cid"), ReceiptError::Other("input"));
    }
    // The same gas limit, said or not, is the same input.
    let said = Call { gas: Some(10_000_000), ..call.clone() };
    assert!(receipt.check(sandbox(), &yes, &said, b"cid").is_ok());
    // Whoever signs what is not so is found out.
    for (change, what) in [
        (Receipt { gas: receipt.receipt.gas + 1, ..receipt.receipt.clone() }, "gas"),
        (Receipt { outcome: Outcome::Reject, ..receipt.receipt.clone() }, "outcome"),
        (Receipt { output: [0; 32], ..receipt.receipt.clone() }, "output"),
        (Receipt { effects: [0; 32], ..receipt.receipt.clone() }, "effects"),
    ] {
        let forged = Signed::read(&change.sign(&key()).write()).unwrap();
        assert_eq!(forged.check(sandbox(), &yes, &call, b"cid"), Err(ReceiptError::Differs(what)));
    }
    let timeout = Receipt { outcome: Outcome::Timeout, ..receipt.receipt.clone() }.sign(&key());
    assert!(matches!(Signed::read(&timeout.write()), Err(ReceiptError::Form(_))));
    let other = Receipt { schedule: 2, ..receipt.receipt.clone() }.sign(&key());
    let refused = other.check(sandbox(), &yes, &call, b"cid");
    assert_eq!(refused, Err(ReceiptError::Other("version of the gas schedule")));
}

#[test]
fn every_kind_of_trap_has_its_number() {
    for (index, trap) in Trap::ALL.into_iter().enumerate() {
        assert_eq!(trap.number(), index as u64);
        assert_eq!(Trap::numbered(trap.number()), Some(trap));
    }
    assert_eq!(Trap::numbered(Trap::ALL.len() as u64), None);
}
