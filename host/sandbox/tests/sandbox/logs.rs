//! Logs: bounded, and on one line each.

use dagvault_sandbox::Outcome;

use crate::support::{YES, abi1, module, run};

/// A module that logs these bytes once.
fn logging(bytes: &str, len: usize) -> String {
    abi1(
        &format!("(call $log (i32.const 1) (i32.const 2048) (i32.const {len})) {YES}"),
        &format!("(data (i32.const 2048) \"{bytes}\")"),
    )
}

#[test]
fn names_and_escapes_cannot_be_injected() {
    for (bytes, len, shown) in [
        ("plain", 5, "plain"),
        ("a\\0aERROR forged", 14, "a\\nERROR forged"),
        ("\\1b[2J\\0d", 5, "\\u{1b}[2J\\r"),
        ("\\\\n", 2, "\\\\n"),
        ("\\e2\\80\\aeabc", 6, "\\u{202e}abc"),
        ("\\e2\\80\\a8\\c2\\85", 5, "\\u{2028}\\u{85}"),
        ("\\ff\\fe ok", 5, "\\xff\\xfe ok"),
        ("\\c3\\a4\\e2\\9c\\93", 5, "ä✓"),
        ("\\00\\7f", 2, "\\u{0}\\u{7f}"),
    ] {
        let execution = run(&module(&logging(bytes, len), "validator"));
        assert_eq!(execution.outcome, Outcome::Ok);
        assert_eq!(execution.logs.len(), 1);
        assert_eq!(execution.logs[0].text, shown, "{bytes}");
        assert_eq!(execution.logs[0].level, 1);
    }
}

#[test]
fn a_flood_is_bounded_and_counted() {
    let flood = |len: u32| {
        abi1(
            &format!(
                "(local $n i32)
                 (loop (call $log (i32.const 1) (i32.const 2048) (i32.const {len}))
                   (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 5000))))
                 {YES}"
            ),
            "",
        )
    };
    let execution = run(&module(&flood(3), "validator"));
    assert_eq!(
        (execution.outcome, execution.logs.len(), execution.logs_dropped),
        (Outcome::Ok, 256, 5000 - 256)
    );
    // Zeros take five characters each when they are escaped.
    let execution = run(&module(&flood(5000), "validator"));
    let bytes: usize = execution.logs.iter().map(|log| log.text.len()).sum();
    assert!(bytes <= 64 << 10, "{bytes}");
    assert!(execution.logs.len() > 5);
    assert_eq!(execution.logs.len() as u64 + execution.logs_dropped, 5000);
    assert!(execution.logs[0].text.ends_with('…'));
}

#[test]
fn the_log_is_there_whatever_the_outcome() {
    let text = abi1("(call $log (i32.const 0) (i32.const 1025) (i32.const 3)) unreachable", "");
    let execution = run(&module(&text, "validator"));
    assert_eq!(
        (execution.logs[0].text.as_str(), execution.outcome.to_string().as_str()),
        ("bok", "trap: unreachable")
    );
}
