//! Accelerators: offered, used, refused when they lie, distrustful of the guest, and the same to the byte.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dagvault_api::group::Serial as _;
use dagvault_api::{Error, KdfParams, Protect, Request, Response, Unlock};
use dagvault_core::abi::{
    ACCEL_AES_256_GCM, ACCEL_ALGORITHMS, ACCEL_ARGON2ID, ACCEL_BLAKE3, ACCEL_DATA_BYTES_MAX, ACCEL_DECLINED,
    ACCEL_EVERY_LENGTH, ACCEL_MESSAGE_BYTES_MAX, ACCEL_SHA_256, ACCEL_XCHACHA20_POLY1305, LOG_NOTICE,
};
use dagvault_crypto::selftest::{self, Op, encode};
use dagvault_crypto::vectors;
use dagvault_host::{Accel, Config, WasmEngine};
use wasm_encoder::{BlockType, InstructionSink};

use crate::real::noise;
use crate::support::guest::{ANSWER, Guest, REQUEST, answer, at, call_import, import};
use crate::support::{MapStore, config};
use crate::traps::{engine_with, is_misbehaved, outcome, trigger};

/// Where these guests have their tables and what these name.
const TABLE: u32 = REQUEST + 0x4_0000;
const DATA: u32 = REQUEST + 0x5_0000;
/// Lies at the end of the addresses.
const BEYOND: u32 = u32::MAX - 8;

fn real(change: impl FnOnce(&mut Config)) -> WasmEngine {
    let mut config = config(Arc::new(MapStore::default()));
    change(&mut config);
    WasmEngine::new(config).unwrap()
}

fn case(engine: &mut WasmEngine, operation: u8, input: &[u8]) -> Vec<u8> {
    let operation = u32::from(operation);
    match engine.call(&Request::CryptoCase { operation, input: input.into() }) {
        Ok(Response::Bytes { bytes }) => bytes.0,
        other => panic!("{other:?}"),
    }
}

fn self_test(engine: &mut WasmEngine) -> String {
    match engine.call(&Request::SelfTest {}) {
        Ok(Response::Text { text }) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_long_message_is_hashed_by_all_workers() {
    let message = noise(3 << 20);
    let input = encode(&[&message]);
    for (workers, accel) in [(1, Accel::Off), (2, Accel::Off), (2, Accel::On)] {
        let mut engine = real(|config| (config.workers, config.accel) = (workers, accel));
        let answered = case(&mut engine, Op::Blake3Wide as u8, &input);
        assert_eq!(
            selftest::answer(&answered),
            Ok(&blake3::hash(&message).as_bytes()[..]),
            "{workers} workers, {accel:?}"
        );
    }
}

#[test]
fn vectors_hold_with_all_and_with_no_accelerators() {
    for accel in [Accel::On, Accel::Auto, Accel::Off] {
        let mut engine = real(|config| config.accel = accel);
        let text = self_test(&mut engine);
        // What `Auto` uses is the processor's to say.
        assert!(accel == Accel::Auto || text.contains("host") == (accel == Accel::On), "{text}");
        let counts = vectors::run_all(&mut |operation, input| case(&mut engine, operation, input));
        assert!(counts.total() >= 831, "{}", counts.total());
    }
}

#[test]
fn cases_of_every_length_are_the_same_to_the_byte() {
    let mut engines = [Accel::Off, Accel::On, Accel::Auto].map(|accel| real(|config| config.accel = accel));
    let noise = crate::real::noise(300 * 1024);
    let (key, aad) = ([7; 32], &noise[1000..1011]);
    // Around pieces, the longest message of a call, and beyond it.
    for bytes in [0, 1, 63, 64, 4096, 65_535, 65_537, 200_000, (256 << 10) - 11, (256 << 10) - 10, 300 << 10]
    {
        let data = &noise[..bytes];
        let cases = [
            (Op::Seal, encode(&[&[1], &key, &[9; 24], aad, data])),
            (Op::Seal, encode(&[&[2], &key, &[9; 12], aad, data])),
            (Op::CommittingSeal, encode(&[&[1], &key, &[9; 32], aad, data])),
            (Op::Sha256, encode(&[data])),
            (Op::Blake3, encode(&[data])),
            (Op::Blake3Keyed, encode(&[&key, data])),
        ];
        for (operation, input) in cases {
            let [off, on, auto] = engines.each_mut().map(|engine| case(engine, operation as u8, &input));
            assert!(off == on && off == auto, "{operation:?} of {bytes} bytes");
            assert!(off.len() > 2, "{operation:?} of {bytes} bytes was refused");
        }
    }
}

/// What the guest logs at its start if these accelerators lie, and its known answers then.
fn told(lying: u32) -> Vec<(u32, String)> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let sink = log.clone();
    let mut engine = real(|config| {
        config.accel = Accel::On;
        config.lying = lying;
        config.log = Some(Arc::new(move |level, line| sink.lock().unwrap().push((level, line.to_owned()))));
    });
    let text = self_test(&mut engine);
    for (algorithm, name) in NAMES {
        assert_eq!(text.contains(name), lying & algorithm == 0, "{lying:#x}: {text}");
    }
    // Once for each start.
    self_test(&mut engine);
    let log = log.lock().unwrap();
    log.iter().filter(|(_, line)| line.contains("accelerator")).cloned().collect()
}

const NAMES: [(u32, &str); 5] = [
    (ACCEL_AES_256_GCM, "AES-256-GCM"),
    (ACCEL_XCHACHA20_POLY1305, "XChaCha20-Poly1305"),
    (ACCEL_SHA_256, "SHA-256"),
    (ACCEL_BLAKE3, "BLAKE3"),
    (ACCEL_ARGON2ID, "Argon2id"),
];

#[test]
fn an_accelerator_that_lies_is_told_and_turned_off() {
    assert_eq!(told(0), []);
    for (algorithm, name) in NAMES {
        let line = format!("the host computes {name} wrongly: its accelerator is off");
        assert_eq!(told(algorithm), [(LOG_NOTICE, line)]);
    }
    assert_eq!(told(ACCEL_ALGORITHMS).len(), NAMES.len());
}

/// A guest whose `dv_call` writes `rows` at `TABLE` and calls an import; `then` finds its answer on the stack.
fn calling(
    rows: Vec<(u32, u32)>,
    name: &'static str,
    arguments: Vec<u32>,
    then: impl Fn(&mut InstructionSink<'_>) + 'static,
) -> Guest {
    Guest::calling(move |body| {
        for (row, (place, bytes)) in (TABLE..).step_by(8).zip(&rows) {
            for (to, number) in [(row, place), (row + 4, bytes)] {
                body.i32_const(to.cast_signed()).i32_const(number.cast_signed()).i32_store(at(2));
            }
        }
        arguments.iter().for_each(|number| {
            body.i32_const(number.cast_signed());
        });
        body.call(import(name));
        then(body);
    })
}

/// What a call with these rows ends in, all accelerators being on.
fn ending(rows: &[(u32, u32)], name: &'static str, arguments: &[u32]) -> Error {
    let guest = calling(rows.to_vec(), name, arguments.to_vec(), |body| {
        body.drop().unreachable();
    });
    outcome(engine_with(&guest, |config| config.accel = Accel::On))
}

fn taken(error: &Error) -> bool {
    matches!(error, Error::Trap { detail } if detail.contains("unreachable"))
}

const CIPHER: [(u32, u32); 5] = [(DATA, 32), (DATA, 12), (DATA, 11), (DATA, 100), (DATA, 16)];
const DERIVATION: [(u32, u32); 5] = [(DATA, 8), (DATA, 16), (DATA, 0), (DATA, 0), (DATA, 32)];

#[test]
fn accelerators_distrust_every_number() {
    let argon = [TABLE, 32, 1, 1];
    assert!(taken(&ending(&CIPHER, "accel_seal", &[2, TABLE])));
    assert!(taken(&ending(&CIPHER, "accel_open", &[2, TABLE])));
    assert!(taken(&ending(&CIPHER[3..], "accel_sha256", &[TABLE, 2, DATA])));
    assert!(taken(&ending(&CIPHER[3..], "accel_blake3", &[DATA, TABLE, 2, DATA])));
    assert!(taken(&ending(&DERIVATION, "accel_argon2id", &argon)));
    let wrong = |rows: &[(u32, u32)], name: &'static str, arguments: &[u32]| {
        let error = ending(rows, name, arguments);
        assert!(is_misbehaved(&error), "{name}{arguments:?} {rows:x?}: {error:?}");
    };
    for name in ["accel_seal", "accel_open"] {
        for arguments in [[0, TABLE], [3, TABLE], [u32::MAX, TABLE], [2, BEYOND], [1, TABLE]] {
            wrong(&CIPHER, name, &arguments);
        }
        for part in 0..CIPHER.len() {
            for (place, bytes) in
                [(BEYOND, CIPHER[part].1), (DATA, u32::MAX), (DATA, ACCEL_MESSAGE_BYTES_MAX + 1)]
            {
                // A forgery is found before its message would be written.
                let mut rows = CIPHER;
                rows[part] = (place, bytes);
                wrong(&rows, name, &[2, TABLE]);
            }
        }
    }
    wrong(&CIPHER, "accel_sha256", &[BEYOND, 1, DATA]);
    wrong(&CIPHER, "accel_sha256", &[TABLE, 17, DATA]);
    wrong(&CIPHER, "accel_sha256", &[TABLE, u32::MAX, DATA]);
    wrong(&CIPHER, "accel_sha256", &[TABLE, 1, BEYOND]);
    wrong(&CIPHER, "accel_blake3", &[BEYOND, TABLE, 1, DATA]);
    wrong(&CIPHER, "accel_blake3", &[0, TABLE, 1, BEYOND]);
    for part in [(BEYOND, 64), (0, u32::MAX), (DATA, ACCEL_DATA_BYTES_MAX + 1), (60 << 20, 8 << 20)] {
        wrong(&[part], "accel_sha256", &[TABLE, 1, DATA]);
        wrong(&[part], "accel_blake3", &[0, TABLE, 1, DATA]);
    }
    for part in 0..DERIVATION.len() {
        for (place, bytes) in [(BEYOND, 64), (DATA, u32::MAX), (DATA, ACCEL_DATA_BYTES_MAX + 1)] {
            let mut rows = DERIVATION;
            rows[part] = (place, bytes);
            wrong(&rows, "accel_argon2id", &argon);
        }
    }
    wrong(&DERIVATION, "accel_argon2id", &[TABLE, 7, 1, 1]);
    wrong(&DERIVATION, "accel_argon2id", &[TABLE, 32, 0, 1]);
    wrong(&DERIVATION, "accel_argon2id", &[TABLE, 32, 1, u32::MAX]);
}

/// Whether an import answers so.
fn answers(
    change: impl FnOnce(&mut Config),
    rows: &[(u32, u32)],
    name: &'static str,
    arguments: &[u32],
    expected: i64,
) -> bool {
    let guest = calling(rows.to_vec(), name, arguments.to_vec(), move |body| {
        body.i64_const(expected).i64_ne().if_(BlockType::Empty).unreachable().end();
        answer(body, &Ok(Response::Done {}));
    });
    engine_with(&guest, change).call(&trigger()) == Ok(Response::Done {})
}

#[test]
fn what_is_off_declines_and_the_bits_say_so() {
    let off = |config: &mut Config| config.accel = Accel::Off;
    let on = |config: &mut Config| config.accel = Accel::On;
    assert!(answers(off, &[], "accelerators", &[], 0));
    assert!(answers(on, &[], "accelerators", &[], (ACCEL_ALGORITHMS | ACCEL_EVERY_LENGTH).into()));
    for (rows, name, arguments) in [
        (CIPHER, "accel_seal", &[2, TABLE][..]),
        (CIPHER, "accel_open", &[1, TABLE]),
        (CIPHER, "accel_sha256", &[TABLE, 1, DATA]),
        (CIPHER, "accel_blake3", &[0, TABLE, 1, DATA]),
        (DERIVATION, "accel_argon2id", &[TABLE, 32, 1, 1]),
    ] {
        assert!(answers(off, &rows, name, arguments, ACCEL_DECLINED), "{name}");
        assert!(!answers(on, &rows, name, arguments, ACCEL_DECLINED), "{name}");
    }
}

#[test]
fn a_derivation_keeps_the_limits_of_memory_and_time() {
    let limited = |config: &mut Config| {
        config.accel = Accel::On;
        config.deadline = Some(Duration::from_secs(60));
    };
    let rest = ACCEL_ALGORITHMS & !ACCEL_ARGON2ID | ACCEL_EVERY_LENGTH;
    assert!(answers(limited, &[], "accelerators", &[], rest.into()));
    // These guests have 64 MiB, of which 32 are there from the start.
    let on = |config: &mut Config| config.accel = Accel::On;
    assert!(answers(on, &DERIVATION, "accel_argon2id", &[TABLE, 40 << 10, 1, 1], ACCEL_DECLINED));
    let derive = |accel, memory_bytes| {
        let mut engine = real(|config| {
            config.accel = accel;
            config.max_memory_bytes = memory_bytes;
        });
        let unlock = Unlock::Passphrase { bytes: b"words".as_slice().into() };
        let kdf = KdfParams { memory_kib: 64 << 10, passes: 1, lanes: 1 };
        engine.call(&Request::Create { protect: Protect { unlock, kdf }, paranoid: false })
    };
    for accel in [Accel::On, Accel::Off] {
        assert_eq!(derive(accel, 64 << 20), Err(Error::Memory {}), "{accel:?}");
        derive(accel, 160 << 20).unwrap();
    }
}

#[test]
fn what_the_host_sealed_is_checked_by_other_code() {
    let mut engine = real(|config| config.accel = Accel::On);
    let Request::Create { protect, .. } = crate::real::create() else { panic!("a request to create") };
    engine.call(&Request::Create { protect, paranoid: true }).unwrap();
    let noise = crate::real::noise(1 << 20);
    engine.call(&crate::real::put("a", &noise)).unwrap();
    assert_eq!(crate::real::value_of(&mut engine, "a"), noise);
}

#[test]
fn jobs_may_compute_but_not_derive() {
    let job = |rows: &'static [(u32, u32)], name: &'static str, arguments: &'static [u32]| {
        let guest = calling(rows.to_vec(), "parallel_for", vec![0, 0, 2], |body| {
            body.drop();
            answer(body, &Ok(Response::Done {}));
        });
        let guest = guest.jobs(move |body| call_import(body, name, arguments));
        engine_with(&guest, |config| config.accel = Accel::On).call(&trigger())
    };
    assert_eq!(job(&CIPHER, "accel_seal", &[2, TABLE]), Ok(Response::Done {}));
    assert_eq!(job(&CIPHER, "accel_sha256", &[TABLE, 1, ANSWER - 64]), Ok(Response::Done {}));
    let error = job(&DERIVATION, "accel_argon2id", &[TABLE, 32, 1, 1]).unwrap_err();
    assert!(is_misbehaved(&error), "{error:?}");
}
