//! Modules that mean harm: loops, bombs, malformed binaries. Each ends as it should, in time, and the next runs well.

use std::time::{Duration, Instant};

use dagvault_meter::profile::Profile;
use dagvault_sandbox::{Call, Function, Module, Outcome, Trap};

use crate::support::{YES, abi1, assemble, full, load, memory, module, run, run_with, sandbox, seven};

/// The outcome, within twice the deadline of the profile: at the first attempt, or at one of a few where others keep
/// the machine from this thread. The ordinary run, beside which anything may run, allows for more.
fn in_time(module: &Module) -> Outcome {
    let gas = module.profile().gas.map(|gas| gas.max);
    let slack = Duration::from_millis(if full() { 0 } else { 250 });
    let most = Duration::from_millis(2 * u64::from(module.profile().wall_ms_max)) + slack;
    let mut late = Vec::new();
    while late.len() < 5 {
        let begin = Instant::now();
        let outcome = run_with(module, gas).outcome;
        match begin.elapsed() {
            took if took <= most => return outcome,
            took => late.push(took),
        }
    }
    panic!("{late:?} are more than {most:?}")
}

fn around(start: &str, alloc: &str, run: &str, dealloc: &str) -> String {
    format!(
        "(module {} (func $s {start}) (start $s)
           (func (export \"alloc\") (param i32) (result i32) {alloc} (i32.const 4096))
           (func (export \"dealloc\") (param i32 i32) {dealloc})
           (func (export \"run\") (param i32 i32 i32) (result i64) {run} {YES}))",
        memory(1)
    )
}

#[test]
fn endless_loops_end_wherever_they_are() {
    for endless in [
        "(loop (br 0))",
        "(loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (br 0))",
        "(loop (drop (memory.grow (i32.const 1))) (br 0))",
        "(loop (drop (i64.div_u (i64.const 9) (i64.const 3))) (br 0))",
    ] {
        for text in [
            around(endless, "", "", ""),
            around("", endless, "", ""),
            around("", "", endless, ""),
            around("", "", "", endless),
        ] {
            for (profile, outcomes) in [
                ("policy", &[Outcome::OutOfGas, Outcome::Timeout][..]),
                ("waf", &[Outcome::OutOfGas, Outcome::Timeout]),
                ("edge", &[Outcome::Timeout]),
            ] {
                let outcome = in_time(&module(&text, profile));
                assert!(outcomes.contains(&outcome), "{profile}: {outcome}: {text}");
            }
        }
    }
    let through_host =
        abi1("(loop (call $log (i32.const 0) (i32.const 0) (i32.const 65536)) (br 0)) unreachable", "");
    assert_eq!(in_time(&module(&through_host, "edge")), Outcome::Timeout);
    assert_eq!(in_time(&module(&through_host, "validator")), Outcome::OutOfGas);
}

#[test]
fn bombs_of_stack_memory_tables_and_globals_stay_within_limits() {
    let mutual = "(func $a (param i32) (call $b (local.get 0) (i64.const 1)))
                  (func $b (param i32 i64) (call $a (local.get 0)))";
    let text = abi1(&format!("(call $a (i32.const 1)) {YES}"), mutual);
    assert_eq!(in_time(&module(&text, "validator")), Outcome::Trap(Trap::StackExhausted));
    let text = abi1(
        "(loop (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536)))
           (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable",
        "",
    );
    assert_eq!(in_time(&module(&text, "intent")), Outcome::MemoryLimit);
    let text = abi1(
        &format!(
            "(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) {YES}"
        ),
        "(table $t 1 funcref)",
    );
    assert_eq!(in_time(&module(&text, "validator")), Outcome::Ok);
    let globals = "(global (mut i64) (i64.const 1))".repeat(9_999);
    assert_eq!(in_time(&module(&abi1(YES, &globals), "validator")), Outcome::Ok);
    let tables = "(table 65536 funcref)".repeat(16);
    assert_eq!(in_time(&module(&abi1(YES, &tables), "validator")), Outcome::Ok);
    for (more, what) in [
        ("(global (mut i64) (i64.const 1))".repeat(10_001), "globals"),
        ("(table 1 funcref)".repeat(17), "tables"),
        ("(table 65537 funcref)".into(), "elements"),
        (format!("(func (local {}))", "i64 ".repeat(10_001)), "locals"),
        (format!("(func {} {})", "(block ".repeat(600), ")".repeat(600)), "nested"),
    ] {
        let refusal = load(&abi1(YES, &more), "validator").unwrap_err().to_string();
        assert!(refusal.contains(what), "{refusal}");
    }
    let refusal = load("(module (memory 257))", "validator").unwrap_err().to_string();
    assert!(refusal.contains("pages"), "{refusal}");
}

#[test]
fn malformed_binaries_are_refused_and_nothing_else() {
    // A module of every section, cut at every byte, and with bytes changed at random.
    let text = abi1(
        YES,
        "(table 2 funcref) (elem (i32.const 0) $log) (global i32 (i32.const 1)) (func $s) (start $s)",
    );
    let whole = assemble(&text);
    let profile = Profile::named("validator").unwrap();
    for end in 0..whole.len() {
        let _ = sandbox().compile(&whole[..end], profile);
    }
    let (mut state, mut admitted) = (0x9e37_79b9_7f4a_7c15_u64, 0);
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    for _ in 0..if full() { 20_000 } else { 2_000 } {
        let mut bytes = whole.clone();
        for _ in 0..1 + next() % 4 {
            let at = next() % bytes.len();
            bytes[at] = u8::try_from(next() & 255).unwrap();
        }
        if let Ok(module) = sandbox().compile(&bytes, profile) {
            admitted += 1;
            let input = seven();
            // Whatever it does, it ends.
            let call = Call { gas: Some(100_000), ..Call::new(Function::Op(0), &input) };
            let _ = sandbox().execute(&module, &call);
        }
    }
    assert!(admitted > 20, "{admitted}");
    assert_eq!(run(&module(&text, "validator")).outcome, Outcome::Ok);
}

#[test]
fn what_a_crowd_of_hostile_modules_does_hurts_no_other() {
    // In a process of its own, whose memory no other test takes.
    let program = std::env::current_exe().unwrap();
    let alone = ["--exact", "--ignored", "hostile::the_crowd_alone"];
    let output = std::process::Command::new(program).args(alone).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "another test runs it in a process of its own"]
fn the_crowd_alone() {
    let hostile = [
        "(loop (br 0)) unreachable",
        "(loop (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536)))
           (drop (memory.grow (i32.const 16))) (br 0)) unreachable",
        "(loop (call $log (i32.const 0) (i32.const 0) (i32.const 65536)) (br 0)) unreachable",
        "unreachable",
    ];
    let hostile = hostile.map(|run| module(&abi1(run, ""), "edge"));
    let good = module(&abi1(YES, ""), "validator");
    let before = resident_kib();
    std::thread::scope(|scope| {
        for turn in 0..16 {
            let (hostile, good) = (&hostile, &good);
            scope.spawn(move || {
                for round in 0..if full() { 100 } else { 5 } {
                    assert_ne!(run(&hostile[(turn + round) % 4]).outcome, Outcome::Ok);
                    assert_eq!(run(good).outcome, Outcome::Ok);
                }
            });
        }
    });
    // Sixteen memories of 50 MiB may have been in use; none of it is kept but what a place keeps resident.
    let kept = resident_kib().saturating_sub(before);
    assert!(kept < 16 << 10, "{kept} KiB");
}

/// Memory that this process has, KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
