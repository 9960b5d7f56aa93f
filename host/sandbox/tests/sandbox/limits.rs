//! Limits of executions: gas, input, places, the wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dagvault_meter::schedule::Schedule;
use dagvault_sandbox::{Call, Capacity, Function, Outcome, Refused, Sandbox, View};

use crate::support::{YES, abi1, assemble, module, run, run_with, sandbox, seven};

#[test]
fn gas_and_input_are_bounded_by_the_profile() {
    let module = module(&abi1(YES, ""), "validator");
    let input = seven();
    let call = |gas| Call { gas: Some(gas), ..Call::new(Function::Op(0), &input) };
    assert_eq!(sandbox().execute(&module, &call(100_000_000)).unwrap().outcome, Outcome::Ok);
    let refused = sandbox().execute(&module, &call(100_000_001));
    assert_eq!(refused, Err(Refused::Gas { asked: 100_000_001, max: 100_000_000 }));
    let long = vec![0; (4 << 20) + 1];
    let refused = sandbox().execute(&module, &Call::new(Function::Op(0), &long));
    assert_eq!(refused, Err(Refused::Input { bytes: long.len() }));
}

#[test]
fn the_default_gas_is_the_profiles() {
    let module = module(&abi1("(loop (br 0)) unreachable", ""), "validator");
    let execution = run(&module);
    assert_eq!((execution.outcome, execution.gas), (Outcome::OutOfGas, 10_000_000));
    let execution = run_with(&module, Some(0));
    assert_eq!((execution.outcome, execution.gas), (Outcome::OutOfGas, 0));
}

#[test]
fn the_wall_clock_ends_what_gas_does_not() {
    // The edge has no gas to run out of: 50 ms.
    for place in ["(loop (br 0))", "(loop (call $log (i32.const 0) (i32.const 0) (i32.const 0)) (br 0))"] {
        let module = module(&abi1(&format!("{place} unreachable"), ""), "edge");
        let times: Vec<_> = (0..4)
            .map(|_| {
                let begin = Instant::now();
                assert_eq!(run(&module).outcome, Outcome::Timeout);
                begin.elapsed()
            })
            .collect();
        assert!(times.iter().all(|took| *took >= Duration::from_millis(50)), "{times:?}");
        assert!(times.iter().any(|took| *took < Duration::from_millis(100)), "{times:?}");
    }
}

/// A view that answers once it may.
#[derive(Default)]
struct Slow(AtomicBool);

impl View for Slow {
    fn get(&self, _: &[u8]) -> Option<Vec<u8>> {
        while !self.0.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    }
}

#[test]
fn more_than_can_run_and_wait_is_refused_at_once() {
    let capacity = Capacity { running: 2, waiting: 1, wait: Duration::from_secs(5) };
    let sandbox = Sandbox::new(Schedule::first(), capacity).unwrap();
    let text = "(module
        (import \"dagvault\" \"state_get\" (func $get (param i32 i32 i32 i32) (result i32)))
        (memory (export \"memory\") 1) (data (i32.const 1024) \"\\a1\\62ok\\f5\")
        (func (export \"alloc\") (param i32) (result i32) (i32.const 4096))
        (func (export \"dealloc\") (param i32 i32))
        (func (export \"run\") (param i32 i32 i32) (result i64)
          (drop (call $get (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)))
          (i64.const 0x0000_0400_0000_0005)))";
    let profile = dagvault_meter::profile::Profile::named("intent").unwrap();
    let module = sandbox.compile(&assemble(text), profile).unwrap();
    let input = seven();
    let view = Arc::new(Slow::default());
    let call = Call { view: Some(Arc::clone(&view) as Arc<dyn View>), ..Call::new(Function::Op(0), &input) };
    std::thread::scope(|scope| {
        let run = || sandbox.execute(&module, &call).map(|execution| execution.outcome);
        let threads = [(); 3].map(|()| scope.spawn(run));
        while sandbox.load() != (2, 1) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(run(), Err(Refused::Overloaded { running: 2, waiting: 1 }));
        view.0.store(true, Ordering::SeqCst);
        for thread in threads {
            // Who had to wait long for this thread may be out of time.
            let outcome = thread.join().unwrap();
            assert!(matches!(outcome, Ok(Outcome::Ok | Outcome::Timeout)), "{outcome:?}");
        }
    });
    // Every place was given back.
    assert_eq!(sandbox.load(), (0, 0));
    assert_eq!(sandbox.execute(&module, &call).unwrap().outcome, Outcome::Ok);
}

#[test]
fn who_waits_too_long_is_refused() {
    let capacity = Capacity { running: 1, waiting: 4, wait: Duration::from_millis(60) };
    let sandbox = Sandbox::new(Schedule::first(), capacity).unwrap();
    let profile = dagvault_meter::profile::Profile::named("sealed").unwrap();
    let text = abi1("(loop (br 0)) unreachable", "");
    let module = sandbox.compile(&assemble(&text), profile).unwrap();
    let input = seven();
    let call = Call { gas: Some(1_000_000_000), ..Call::new(Function::Op(0), &input) };
    std::thread::scope(|scope| {
        let running = scope.spawn(|| sandbox.execute(&module, &call).unwrap().outcome);
        while sandbox.load() != (1, 0) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let refused = sandbox.execute(&module, &call);
        assert!(matches!(refused, Err(Refused::Overloaded { running: 1, .. })), "{refused:?}");
        assert_eq!(running.join().unwrap(), Outcome::OutOfGas);
    });
}
