//! Blocks, branches and values that go with them; each is run in Wasmtime, too.

use dagvault_meter::reference::{Ending, Value};

use super::*;

/// Calls `f` and expects results, in Wasmtime as well.
fn gives(text: &str, arguments: &[Value], results: &[Value]) {
    let outcome = call(text, arguments);
    assert_eq!(outcome.ending, Ending::Return(results.to_vec()), "{text}");
    engine::agrees(&assemble(text), &[("f", arguments)]);
}

#[test]
fn br_table_takes_each_arm_and_the_default() {
    let text = r#"(module (func (export "f") (param i32) (result i32)
        block $a block $b block $c
            local.get 0 br_table $c $b $a $b
        end i32.const 10 return
        end i32.const 20 return
        end i32.const 30))"#;
    for (index, result) in [(0, 10), (1, 20), (2, 30), (3, 20), (-1, 20)] {
        gives(text, &i32s([index]), &i32s([result]));
    }
}

#[test]
fn br_table_to_the_function_carries_its_results() {
    let text = r#"(module (func (export "f") (param i32) (result i32 i64)
        block (result i32 i64)
            i32.const 99 i32.const 7 i64.const 8
            local.get 0 br_table 0 1 2
        end
        drop drop i32.const 1 i64.const 2)
        (func unreachable))"#
        .replace("br_table 0 1 2", "br_table 0 1 1");
    gives(&text, &i32s([0]), &[Value::I32(1), Value::I64(2)]);
    gives(&text, &i32s([1]), &[Value::I32(7), Value::I64(8)]);
    gives(&text, &i32s([5]), &[Value::I32(7), Value::I64(8)]);
}

#[test]
fn loops_with_parameters() {
    // Fibonacci numbers: the pair goes round with each branch, what is pushed below it is dropped.
    let text = r#"(module (func (export "f") (param i32) (result i32 i32) (local i32)
        i32.const 0 i32.const 1
        loop (param i32 i32) (result i32 i32)
            local.tee 1 i32.add local.get 1
            i32.const 5 drop
            local.get 0 i32.const 1 i32.sub local.tee 0
            br_if 0
        end))"#;
    gives(text, &i32s([10]), &i32s([10, 1]));
}

#[test]
fn arms_of_an_if() {
    let text = r#"(module (func (export "f") (param i32 i32) (result i32)
        local.get 1
        local.get 0
        if (param i32) (result i32)
            local.get 1 i32.eqz br_if 0
            i32.const 100 i32.add
        else
            drop i32.const 7
            block (param i32) br 1 end
            unreachable
        end
        i32.const 1 i32.add))"#;
    gives(text, &i32s([1, 5]), &i32s([106]));
    gives(text, &i32s([1, 0]), &i32s([1]));
    gives(text, &i32s([0, 5]), &i32s([8]));
    let no_else = r#"(module (func (export "f") (param i32) (result i32)
        i32.const 3 local.get 0 if (param i32) (result i32) i32.const 1 i32.add end))"#;
    gives(no_else, &i32s([1]), &i32s([4]));
    gives(no_else, &i32s([0]), &i32s([3]));
}

#[test]
fn what_lies_below_is_dropped() {
    let text = r#"(module (func $deep (param i32) (result i32 i32)
            i32.const 1 i32.const 2 i32.const 3
            block (result i32 i32)
                i32.const 4 i32.const 5 i32.const 6
                local.get 0 if i32.const 7 i32.const 8 return end
                br 0
            end
            return)
        (func (export "f") (param i32) (result i32 i32 i32) i32.const 50 local.get 0 call $deep))"#;
    gives(text, &i32s([1]), &i32s([50, 7, 8]));
    gives(text, &i32s([0]), &i32s([50, 5, 6]));
}

#[test]
fn unreachable_code_is_passed_over() {
    let text = r#"(module (func (export "f") (result i32)
        block (result i32)
            i32.const 1 br 0
            i32.add block (result i64) unreachable end drop
            loop unreachable if else br 1 end end
            drop i32.const 9
        end
        return
        i32.add f32.load drop i64.const 3 unreachable)
        (memory 1))"#;
    gives(text, &[], &i32s([1]));
}

#[test]
fn calls_through_many_frames() {
    let text = r#"(module
        (func $even (param i32) (result i32)
            local.get 0 if (result i32) local.get 0 i32.const 1 i32.sub call $odd else i32.const 1 end)
        (func $odd (param i32) (result i32)
            local.get 0 if (result i32) local.get 0 i32.const 1 i32.sub call $even else i32.const 0 end)
        (func (export "f") (param i32) (result i32) local.get 0 call $even))"#;
    gives(text, &i32s([1000]), &i32s([1]));
    gives(text, &i32s([1001]), &i32s([0]));
}

#[test]
fn nesting_needs_no_stack_of_the_host() {
    let depth = 5000;
    let text = format!(
        r#"(module (func (export "f") (result i32) {} i32.const 1 br_if {} {} i32.const 4))"#,
        "block ".repeat(depth),
        depth - 1,
        "end ".repeat(depth)
    );
    let outcome = call(&text, &[]);
    assert_eq!(outcome.ending, Ending::Return(i32s([4]).to_vec()));
    let recursion = r#"(module (func $f (export "f") call $f))"#;
    assert_eq!(call_with(recursion, &[], PLENTY, 16 * 300_000).ending, Ending::StackExhausted);
}

#[test]
fn endless_loops_end() {
    let text = r#"(module (func (export "f") loop br 0 end))"#;
    let out = call_with(text, &[], 5000, DEEP);
    assert_eq!((out.ending, out.gas_used), (Ending::OutOfGas, 5000));
    assert_eq!(call(text, &[]).ending, Ending::StepLimit);
}
