//! Fork-join over the pool.

use dagvault_api::group::Serial as _;
use dagvault_api::{Error, Request, Response};
use dagvault_host::WasmEngine;

use crate::support::config_of;
use crate::support::guest::{COUNTER, Guest, answer, at, call_import, count_one};

const ITEMS: u32 = 5000;

/// A guest whose `dv_call` spreads `ITEMS` jobs and traps unless the counter then grew by `expected`.
fn counting(expected: u32, count: u32) -> Guest {
    Guest::calling(move |body| {
        body.i32_const(COUNTER.cast_signed()).i32_const(0).i32_atomic_store(at(2));
        call_import(body, "parallel_for", &[0, 0, count]);
        body.i32_const(COUNTER.cast_signed())
            .i32_atomic_load(at(2))
            .i32_const(expected.cast_signed())
            .i32_ne();
        body.if_(wasm_encoder::BlockType::Empty).unreachable().end();
        answer(body, &Ok(Response::Done {}));
    })
}

fn run(guest: &Guest, workers: usize) {
    let mut config = config_of(guest.build());
    config.workers = workers;
    let mut engine = WasmEngine::new(config).unwrap();
    for _ in 0..200 {
        let answer = engine.call(&Request::Info { path: "a/longer/path".into() });
        assert_eq!(answer, Ok::<_, Error>(Response::Done {}), "{workers} workers");
    }
}

#[test]
fn every_item_runs_once() {
    for workers in [1, 2, 4] {
        for count in [0, 1, 2, 3, ITEMS] {
            // The sum of the indices, each one higher.
            let expected = count * (count + 1) / 2;
            let guest = counting(expected, count).jobs(|body| {
                body.i32_const(COUNTER.cast_signed()).local_get(2).i32_const(1).i32_add();
                body.i32_atomic_rmw_add(at(2)).drop();
            });
            run(&guest, workers);
        }
    }
}

#[test]
fn a_job_may_spread_work_itself() {
    for workers in [1, 2, 4] {
        let guest = counting(64 * 10, 64).jobs(|body| {
            // Job 0 spreads ten items of job 1, which count.
            body.local_get(0).if_(wasm_encoder::BlockType::Empty);
            count_one(body);
            body.else_();
            call_import(body, "parallel_for", &[1, 0, 10]);
            body.end();
        });
        run(&guest, workers);
    }
}
