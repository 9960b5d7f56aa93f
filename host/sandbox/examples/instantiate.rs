//! How long a fresh instance takes, with a call and its end: the module has about 130 KB.
//! `instantiate [FILE]`: the module is written there, too.

#![allow(clippy::unwrap_used, reason = "a measurement that fails says so")]

use std::time::{Duration, Instant};

use dagvault_meter::profile::Profile;
use dagvault_meter::schedule::Schedule;
use dagvault_sandbox::value::Request;
use dagvault_sandbox::{Call, Capacity, Function, Outcome, Sandbox};

/// Code and data of an ordinary size: 730 functions, 60 KB of data, a table.
fn text() -> String {
    let functions: String = (0..730)
        .map(|number| {
            format!(
                "(func $f{number} (param i32 i32) (result i32) (local i32 i64)
                   (local.set 2 (i32.load offset={number} (local.get 0)))
                   (loop (local.set 2 (i32.mul (local.get 2) (i32.const {number})))
                     (local.set 2 (i32.add (local.get 2) (i32.load8_u (local.get 1))))
                     (local.set 3 (i64.xor (i64.rotl (local.get 3) (i64.const 7)) (i64.extend_i32_u (local.get 2))))
                     (i64.store offset={number} (local.get 0) (local.get 3))
                     (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 9))))
                   (i32.add (local.get 2) (i32.wrap_i64 (local.get 3))))"
            )
        })
        .collect();
    let names: String = (0..730).map(|number| format!(" $f{number}")).collect();
    format!(
        "(module (import \"dagvault\" \"log\" (func (param i32 i32 i32)))
           (memory (export \"memory\") 17) (data (i32.const 1024) \"\\a1\\62ok\\f5\")
           (data (i32.const 65536) \"{}\") (table 730 funcref) (elem (i32.const 0) {names})
           (global $next (mut i32) (i32.const 1048576))
           {functions}
           (func (export \"alloc\") (param i32) (result i32)
             (global.get $next) (global.set $next (i32.add (global.get $next) (local.get 0))))
           (func (export \"dealloc\") (param i32 i32))
           (func (export \"run\") (param i32 i32 i32) (result i64)
             (drop (call $f7 (i32.const 70000) (i32.const 0)))
             (i64.const 0x0000_0400_0000_0005)))",
        "0123456789abcdef".repeat(3_800)
    )
}

fn main() {
    let begin = Instant::now();
    let sandbox = Sandbox::new(Schedule::first(), Capacity::default()).unwrap();
    println!("sandbox: {:?}", begin.elapsed());
    let bytes = wat::parse_str(text()).unwrap();
    if let Some(file) = std::env::args().nth(1) {
        std::fs::write(file, &bytes).unwrap();
    }
    let begin = Instant::now();
    let module = sandbox.compile(&bytes, Profile::named("validator").unwrap()).unwrap();
    println!(
        "{} bytes of module, compiled in {:?} to {} bytes",
        bytes.len(),
        begin.elapsed(),
        module.code_bytes()
    );
    let input = Request { request: &[7], ..Request::default() }.write().unwrap();
    let call = Call::new(Function::Op(0), &input);
    let mut times = Vec::new();
    for _ in 0..200 {
        let begin = Instant::now();
        for _ in 0..50 {
            assert_eq!(sandbox.execute(&module, &call).unwrap().outcome, Outcome::Ok);
        }
        times.push(begin.elapsed() / 50);
    }
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!("instantiate + call + drop: best {:?}, p50 {:?}, p90 {:?}", times[0], at(50), at(90));
    assert!(times[0] < Duration::from_millis(1));
}
