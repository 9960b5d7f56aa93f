//! Guests that trap, hang, lie and smash their stacks: each costs its call, never the host or the next call.

use crate::support::guest::{
    ANSWER, Guest, REQUEST, answer, at, call_import, count_one, import_count, packed, spin,
};
use crate::support::{SHORT, config_of};
use dagvault_api::group::Serial as _;
use dagvault_api::{Answer, Error, Request, Response};
use dagvault_core::abi::{LOG_NO_MEMORY, LOG_PANIC};
use dagvault_core::layout::{HEAP_OFFSET, worker_offset};
use dagvault_core::limits::BATCH_BLOCKS_MAX;
use dagvault_host::{Config, WasmEngine};
use wasm_encoder::{BlockType, InstructionSink};

/// Makes the guest's `dv_call` run its body: longer than `Version`.
pub(crate) fn trigger() -> Request<'static> {
    Request::Info { path: "some/longer/path".into() }
}

pub(crate) fn engine_with(guest: &Guest, change: impl FnOnce(&mut Config)) -> WasmEngine {
    let mut config = config_of(guest.build());
    change(&mut config);
    WasmEngine::new(config).unwrap()
}

fn alive(engine: &mut WasmEngine) {
    assert_eq!(engine.call(&Request::Version {}), Ok(Response::Text { text: "alive".into() }));
}

/// Calls twice with a good call before, between and after; answers what the bad calls got.
pub(crate) fn outcome(mut engine: WasmEngine) -> Error {
    alive(&mut engine);
    let first = engine.call(&trigger()).unwrap_err();
    alive(&mut engine);
    assert_eq!(engine.call(&trigger()).unwrap_err(), first);
    alive(&mut engine);
    first
}

fn outcome_of(call: impl Fn(&mut InstructionSink<'_>) + 'static) -> Error {
    outcome(engine_with(&Guest::calling(call), |_| {}))
}

pub(crate) fn is_misbehaved(error: &Error) -> bool {
    matches!(error, Error::GuestMisbehaved { .. })
}

#[test]
fn a_trap_ends_the_call_only() {
    let error = outcome_of(|body| {
        body.unreachable();
    });
    assert!(matches!(&error, Error::Trap { detail } if detail.contains("unreachable")), "{error:?}");
}

#[test]
fn endless_recursion_ends_in_a_trap() {
    let own_index = import_count() + 3;
    let error = outcome_of(move |body| {
        body.local_get(0).local_get(1).call(own_index);
    });
    assert!(matches!(&error, Error::Trap { detail } if detail.contains("stack")), "{error:?}");
}

#[test]
fn a_panic_is_named_by_its_place_and_exhaustion_by_its_error() {
    let text = |level: u32| {
        move |body: &mut InstructionSink<'_>| {
            body.i32_const(ANSWER.cast_signed()).i32_const(0x1b_41).i32_store16(at(0));
            call_import(body, "log", &[level, ANSWER, 2]);
            body.unreachable();
        }
    };
    let error = outcome_of(text(LOG_PANIC));
    // The control character is gone.
    assert!(matches!(&error, Error::Trap { detail } if detail.ends_with("(A )")), "{error:?}");
    assert_eq!(outcome_of(text(LOG_NO_MEMORY)), Error::Memory {});
}

#[test]
fn the_deadline_ends_an_endless_call() {
    let engine = engine_with(
        &Guest::calling(|body| {
            spin(body);
            body.unreachable();
        }),
        |config| config.deadline = Some(SHORT),
    );
    assert_eq!(outcome(engine), Error::Deadline {});
}

#[test]
fn answers_that_lie_are_refused() {
    let heap = HEAP_OFFSET as u32;
    for (place, bytes) in [
        (0, 16),
        (heap - 1, 16),
        (u32::MAX, 1),
        (u32::MAX, u32::MAX),
        (heap, u32::MAX),
        (heap, 127 << 20),
        (ANSWER, 0),
        (ANSWER, 3),
    ] {
        let error = outcome_of(move |body| packed(body, place, bytes));
        assert!(is_misbehaved(&error), "{place:#x} {bytes}: {error:?}");
    }
}

#[test]
fn memory_for_a_request_that_lies_is_refused() {
    for place in [1, HEAP_OFFSET as u32 - 1, u32::MAX, 0x7fff_ffff] {
        let alloc = move |body: &mut InstructionSink<'_>| {
            body.i32_const(place.cast_signed());
        };
        let guest = Guest { alloc: Box::new(alloc), ..Guest::default() };
        let error = engine_with(&guest, |_| {}).call(&Request::Version {}).unwrap_err();
        assert!(is_misbehaved(&error), "{place:#x}: {error:?}");
    }
}

#[test]
fn no_memory_for_a_request_leaves_the_guest_alive() {
    // The allocator gives memory to short requests only and counts how often it was called.
    let mut guest = Guest::calling(|body| {
        body.unreachable();
    });
    guest.alloc = Box::new(|body| {
        count_one(body);
        body.i32_const(REQUEST.cast_signed()).i32_const(0);
        body.local_get(0).i32_const(8).i32_lt_u().select();
    });
    let mut engine = engine_with(&guest, |_| {});
    alive(&mut engine);
    assert_eq!(engine.call(&trigger()), Err(Error::Memory {}));
    alive(&mut engine);
}

#[test]
fn imports_distrust_every_number() {
    const LIES: &[(&str, &[u32])] = &[
        ("block_get_many", &[u32::MAX - 8, 1, ANSWER, 1 << 19]),
        ("block_get_many", &[ANSWER, BATCH_BLOCKS_MAX as u32 + 1, ANSWER, 1 << 19]),
        ("block_get_many", &[ANSWER, 1, u32::MAX - 8, 1 << 19]),
        ("block_get_many", &[ANSWER, 1, ANSWER, u32::MAX]),
        ("block_get_many", &[ANSWER, 1, ANSWER, 8]),
        ("block_put_many", &[u32::MAX - 8, 1]),
        ("block_put_many", &[ANSWER, u32::MAX]),
        ("block_has_many", &[ANSWER, u32::MAX, ANSWER]),
        ("block_has_many", &[ANSWER, 16, u32::MAX - 8]),
        ("block_has_many", &[u32::MAX - 8, 16, ANSWER]),
        ("block_delete_many", &[u32::MAX - 8, 1]),
        ("block_delete_many", &[ANSWER, 1 << 31]),
        ("block_iterate", &[0, ANSWER, u32::MAX, ANSWER]),
        ("block_iterate", &[0, u32::MAX - 8, 16, ANSWER]),
        ("block_iterate", &[0, ANSWER, 16, u32::MAX - 4]),
        ("cell_load", &[0, u32::MAX - 8, 64]),
        ("cell_load", &[0, ANSWER, u32::MAX]),
        ("commit", &[ANSWER, 0, 0, 0, u32::MAX - 8, 64, 0]),
        ("commit", &[ANSWER, 0, 0, 0, ANSWER, u32::MAX, 0]),
        ("commit", &[ANSWER, 0, 0, u32::MAX - 8, ANSWER, 1, 0]),
        ("commit", &[ANSWER, 0, 0, 0, ANSWER, 1, 4]),
        ("commit", &[u32::MAX - 8, 1, 0, 0, ANSWER, 1, 0]),
        ("random", &[u32::MAX - 8, 64]),
        ("random", &[ANSWER, u32::MAX]),
        ("parallel_for", &[0, 0, u32::MAX]),
        ("log", &[2, u32::MAX - 8, 64]),
        ("log", &[2, ANSWER, u32::MAX]),
    ];
    for (name, arguments) in LIES {
        let error = outcome_of(|body| {
            call_import(body, name, arguments);
            body.unreachable();
        });
        assert!(is_misbehaved(&error), "{name}{arguments:?}: {error:?}");
    }
}

#[test]
fn rows_of_a_table_are_distrusted() {
    for (place, bytes) in [(u32::MAX - 8, 64), (ANSWER, (256 << 10) + 1), (ANSWER, u32::MAX)] {
        let error = outcome_of(move |body| {
            let row = ANSWER.cast_signed();
            body.i32_const(row + 32).i32_const(place.cast_signed()).i32_store(at(2));
            body.i32_const(row + 36).i32_const(bytes.cast_signed()).i32_store(at(2));
            call_import(body, "block_put_many", &[ANSWER, 1]);
            body.unreachable();
        });
        assert!(is_misbehaved(&error), "{place:#x} {bytes}: {error:?}");
    }
}

#[test]
fn a_smashed_canary_ends_the_call() {
    let error = outcome_of(|body| {
        body.i32_const(8).i64_const(7).i64_store(at(3));
        answer(body, &Ok(Response::Done {}));
    });
    assert!(matches!(&error, Error::Trap { detail } if detail.contains("instance 0")), "{error:?}");
    let stack = i32::try_from(worker_offset(1)).unwrap();
    let guest = Guest::calling(|body| {
        call_import(body, "parallel_for", &[0, 0, 64]);
        answer(body, &Ok(Response::Done {}));
    });
    let guest = guest.jobs(move |body| {
        body.i32_const(stack).i64_const(7).i64_store(at(3));
    });
    let error = outcome(engine_with(&guest, |config| config.workers = 2));
    assert!(matches!(&error, Error::Trap { detail } if detail.contains("instance 1")), "{error:?}");
}

#[test]
fn a_trap_in_a_worker_ends_the_call_while_others_work() {
    let guest = Guest::calling(|body| {
        call_import(body, "parallel_for", &[0, 0, 1000]);
        answer(body, &Ok(Response::Done {}));
    });
    // Every hundredth item traps; the others count for a while.
    let guest = guest.jobs(|body| {
        body.local_get(2).i32_const(100).i32_rem_u().i32_const(99).i32_eq();
        body.if_(BlockType::Empty).unreachable().end();
        body.loop_(BlockType::Empty);
        body.local_get(3).i32_const(1).i32_add().local_tee(3).i32_const(20_000).i32_lt_u().br_if(0).end();
    });
    for workers in [1, 2, 4] {
        let error = outcome(engine_with(&guest, |config| config.workers = workers));
        assert!(matches!(error, Error::Trap { .. }), "{error:?}");
    }
}

#[test]
fn the_deadline_ends_workers_too() {
    let guest = Guest::calling(|body| {
        call_import(body, "parallel_for", &[0, 0, 8]);
        answer(body, &Ok(Response::Done {}));
    });
    let guest = guest.jobs(spin);
    let engine = engine_with(&guest, |config| {
        config.workers = 3;
        config.deadline = Some(SHORT);
    });
    assert_eq!(outcome(engine), Error::Deadline {});
}

#[test]
fn a_job_may_only_compute() {
    for (name, arguments) in [
        ("random", &[ANSWER, 8][..]),
        ("sync", &[]),
        ("cell_load", &[0, ANSWER, 64]),
        ("block_has_many", &[ANSWER, 1, ANSWER]),
    ] {
        for workers in [1, 2] {
            let guest = Guest::calling(|body| {
                call_import(body, "parallel_for", &[0, 0, 2]);
                answer(body, &Ok(Response::Done {}));
            });
            let guest = guest.jobs(move |body| call_import(body, name, arguments));
            let error = outcome(engine_with(&guest, |config| config.workers = workers));
            assert!(is_misbehaved(&error), "{name}: {error:?}");
        }
    }
}

#[test]
fn the_words_of_a_store_error_come_back() {
    use dagvault_core::error::{StoreError, StoreErrorKind};
    let store = std::sync::Arc::new(crate::support::MapStore::default());
    let guest = Guest::calling(|body| {
        call_import(body, "sync", &[]);
        answer(body, &Err(Error::Denied { detail: String::new() }));
    });
    let mut engine = engine_with(&guest, |config| config.store = store.clone());
    let call = |engine: &mut WasmEngine| -> Answer { engine.call(&trigger()) };
    assert_eq!(call(&mut engine), Err(Error::Denied { detail: String::new() }));
    *store.failing.lock().unwrap() = Some(StoreError::new(StoreErrorKind::Denied, "/some/file"));
    assert_eq!(call(&mut engine), Err(Error::Denied { detail: "/some/file".into() }));
    // Words of another kind of failure stay away.
    *store.failing.lock().unwrap() = Some(StoreError::new(StoreErrorKind::NoSpace, "/some/file"));
    assert_eq!(call(&mut engine), Err(Error::Denied { detail: String::new() }));
}

#[test]
fn a_panic_of_the_store_drops_the_guest_and_the_next_call_starts_it() {
    let store = std::sync::Arc::new(crate::support::MapStore::default());
    let guest = Guest::calling(|body| {
        call_import(body, "sync", &[]);
        answer(body, &Ok(Response::Done {}));
    });
    let mut engine = engine_with(&guest, |config| config.store = store.clone());
    store.panicking.store(true, std::sync::atomic::Ordering::Relaxed);
    let call = std::panic::AssertUnwindSafe(|| engine.call(&trigger()));
    assert!(std::panic::catch_unwind(call).is_err());
    store.panicking.store(false, std::sync::atomic::Ordering::Relaxed);
    alive(&mut engine);
    assert_eq!(engine.call(&trigger()), Ok(Response::Done {}));
}
