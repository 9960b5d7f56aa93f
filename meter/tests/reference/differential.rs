//! Modules written by hand, in the reference and in Wasmtime: every numeric instruction on values at the edges, loads,
//! stores, tables, globals, segments.

use dagvault_meter::reference::Value;

use super::engine::agrees;
use super::*;

const I32: [i32; 14] = [0, 1, -1, 2, -2, 7, 31, 32, 33, 255, -128, 0x8000, i32::MAX, i32::MIN];

const I64: [i64; 18] = [
    0,
    1,
    -1,
    2,
    -7,
    63,
    64,
    65,
    0xff,
    0x8000,
    0x8000_0000,
    0xffff_ffff,
    i64::MAX,
    i64::MIN,
    // Half-way between floats, and just beside.
    0x0100_0001,
    0x0020_0000_0000_0001,
    0x7fff_ffbf_ffff_ffff,
    0x7fff_ffff_ffff_fdff,
];

fn f32s() -> Vec<u32> {
    let plain = [
        0.0_f32,
        0.5,
        0.49999997,
        1.0,
        1.5,
        2.5,
        3.5,
        4.2,
        0.1,
        1e-40,
        f32::MIN_POSITIVE,
        f32::MAX,
        f32::INFINITY,
        8388607.5,
        8388608.0,
        16777217.0,
        2147483520.0,
        2147483648.0,
        4294967040.0,
        4294967296.0,
        9.223_372e18,
        1.844_674_4e19,
    ];
    let nans = [0x7fc0_0000, 0x7f80_0001, 0x7fff_ffff];
    let positive = plain.iter().map(|float| float.to_bits()).chain(nans);
    positive.flat_map(|bits| [bits, bits | 1 << 31]).collect()
}

fn f64s() -> Vec<u64> {
    let plain = [
        0.0_f64,
        0.5,
        0.499_999_999_999_999_94,
        1.0,
        1.5,
        2.5,
        3.5,
        4.2,
        0.1,
        5e-324,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::INFINITY,
        4503599627370495.5,
        4503599627370496.0,
        9007199254740993.0,
        2147483647.9,
        2147483648.0,
        2147483648.9,
        4294967295.9,
        4294967296.0,
        9.223_372_036_854_775e18,
        9.223_372_036_854_776e18,
        1.844_674_407_370_955_1e19,
        1.844_674_407_370_955_2e19,
        // Where demotion overflows, underflows, or ties.
        3.402_823_466_385_288_6e38,
        3.402_823_567_797_336_6e38,
        3.5e38,
        7e-46,
        1.401_298_464_324_817e-45,
        1.000_000_059_604_644_8,
        1.000_000_178_813_934_3,
    ];
    let nans = [0x7ff8_0000_0000_0000, 0x7ff0_0000_0000_0001, 0x7fff_ffff_ffff_ffff, 0x7ff0_0000_2000_0000];
    let positive = plain.iter().map(|float| float.to_bits()).chain(nans);
    positive.flat_map(|bits| [bits, bits | 1 << 63]).collect()
}

fn values(of: &str) -> Vec<Value> {
    match of {
        "i32" => I32.map(Value::I32).to_vec(),
        "i64" => I64.map(Value::I64).to_vec(),
        "f32" => f32s().into_iter().map(Value::F32).collect(),
        _ => f64s().into_iter().map(Value::F64).collect(),
    }
}

/// Calls instructions of one operand type on all values, and pairs of values.
fn numeric(operand: &str, result: &str, unary: &[&str], binary: &[&str]) {
    let functions = |names: &[&str], parameters: &str, get: &str| -> String {
        names
            .iter()
            .map(|name| {
                format!(r#"(func (export "{name}") (param {parameters}) (result {result}) {get} {name})"#)
            })
            .collect()
    };
    let text = format!(
        "(module {} {})",
        functions(unary, operand, "local.get 0"),
        functions(binary, &format!("{operand} {operand}"), "local.get 0 local.get 1")
    );
    let values = values(operand);
    let pairs: Vec<[Value; 2]> = values.iter().flat_map(|a| values.iter().map(|b| [*a, *b])).collect();
    let singles: Vec<[Value; 1]> = values.iter().map(|a| [*a]).collect();
    let mut calls: Vec<(&str, &[Value])> = Vec::new();
    for name in unary {
        calls.extend(singles.iter().map(|a| (*name, &a[..])));
    }
    for name in binary {
        calls.extend(pairs.iter().map(|pair| (*name, &pair[..])));
    }
    let compared = agrees(&assemble(&text), &calls);
    assert_eq!(compared.stopped, 0);
    assert_eq!((compared.returns + compared.traps) as usize, calls.len());
}

#[test]
fn integers() {
    for of in ["i32", "i64"] {
        let named =
            |names: &str| -> Vec<String> { names.split(' ').map(|name| format!("{of}.{name}")).collect() };
        let mut unary = named("clz ctz popcnt extend8_s extend16_s");
        if of == "i64" {
            unary.push("i64.extend32_s".to_owned());
        }
        let binary = named("add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr");
        let compare = named("eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u");
        let zero = named("eqz");
        numeric(of, of, &strs(&unary), &strs(&binary));
        numeric(of, "i32", &strs(&zero), &strs(&compare));
    }
}

fn strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[test]
fn floats() {
    for of in ["f32", "f64"] {
        let named =
            |names: &str| -> Vec<String> { names.split(' ').map(|name| format!("{of}.{name}")).collect() };
        let unary = named("abs neg ceil floor trunc nearest sqrt");
        let binary = named("add sub mul div min max copysign");
        numeric(of, of, &strs(&unary), &strs(&binary));
        numeric(of, "i32", &[], &strs(&named("eq ne lt gt le ge")));
    }
}

#[test]
fn conversions() {
    let truncations: Vec<(&str, &str, String)> = ["i32", "i64"]
        .into_iter()
        .flat_map(|to| ["f32", "f64"].map(|from| (to, from)))
        .flat_map(|(to, from)| {
            ["trunc", "trunc_sat"]
                .into_iter()
                .flat_map(move |how| ["s", "u"].map(|sign| (from, to, format!("{to}.{how}_{from}_{sign}"))))
        })
        .collect();
    let conversions = ["f32", "f64"].into_iter().flat_map(|to| {
        ["i32", "i64"]
            .into_iter()
            .flat_map(move |from| ["s", "u"].map(|sign| (from, to, format!("{to}.convert_{from}_{sign}"))))
    });
    let others = [
        ("i64", "i32", "i32.wrap_i64"),
        ("i32", "i64", "i64.extend_i32_s"),
        ("i32", "i64", "i64.extend_i32_u"),
        ("f64", "f32", "f32.demote_f64"),
        ("f32", "f64", "f64.promote_f32"),
        ("f32", "i32", "i32.reinterpret_f32"),
        ("f64", "i64", "i64.reinterpret_f64"),
        ("i32", "f32", "f32.reinterpret_i32"),
        ("i64", "f64", "f64.reinterpret_i64"),
    ];
    let others = others.map(|(from, to, name)| (from, to, name.to_owned()));
    for (from, to, name) in truncations.into_iter().chain(conversions).chain(others) {
        numeric(from, to, &[&name], &[]);
    }
}

#[test]
fn loads_and_stores() {
    let mut text =
        String::from(r#"(module (memory (export "m") 1) (data (i32.const 65530) "\80\7f\ff\01\fe\00")"#);
    let accesses = [
        ("i32", "load load8_s load8_u load16_s load16_u", "store store8 store16"),
        ("i64", "load load8_s load8_u load16_s load16_u load32_s load32_u", "store store8 store16 store32"),
        ("f32", "load", "store"),
        ("f64", "load", "store"),
    ];
    let addresses: Vec<Value> =
        [0, 1, 65520, 65527, 65528, 65529, 65531, 65532, 65533, 65534, 65535, 65536, -1, -4]
            .map(Value::I32)
            .to_vec();
    let mut calls = Vec::new();
    for (of, loads, stores) in accesses {
        for load in loads.split(' ') {
            for offset in [0, 1, 65530, u32::MAX] {
                let name = format!("{of}.{load}+{offset}");
                text += &format!(
                    r#"(func (export "{name}") (param i32) (result {of}) local.get 0 {of}.{load} offset={offset})"#
                );
                calls.extend(addresses.iter().map(|address| (name.clone(), vec![*address])));
            }
        }
        for store in stores.split(' ') {
            let name = format!("{of}.{store}");
            text += &format!(
                r#"(func (export "{name}") (param i32 {of}) local.get 0 local.get 1 {of}.{store} offset=1)"#
            );
            for value in values(of).into_iter().rev().take(6) {
                calls.extend(addresses.iter().map(|address| (name.clone(), vec![*address, value])));
            }
        }
    }
    text.push(')');
    let calls: Vec<(&str, &[Value])> =
        calls.iter().map(|(name, values)| (name.as_str(), &values[..])).collect();
    let compared = agrees(&assemble(&text), &calls);
    assert!(compared.returns > 200 && compared.traps > 200, "{compared:?}");
}

#[test]
fn whole_memories_tables_and_references() {
    let text = r#"(module
        (import "env" "mix" (func $mix (param i64 i32) (result i64)))
        (import "env" "refused" (func $refused))
        (memory (export "m") 1 3)
        (table $t (export "t") 6 12 funcref)
        (table $u (export "u") 4 externref)
        (table $v (export "v") 5 funcref)
        (global $g (export "g") (mut externref) (ref.null extern))
        (global $h (export "h") (mut funcref) (ref.func $one))
        (global (export "c") f64 (f64.const -0x1.8p3))
        (data (i32.const 100) "active") (data $d "passive")
        (elem (table $t) (i32.const 1) func $one $mix)
        (elem $e funcref (ref.func $two) (ref.null func) (ref.func $mix))
        (type $number (func (result i32)))
        (func $one (result i32) i32.const 1)
        (func $two (result i32) i32.const 2)
        (func $start i32.const 7 i32.const 77 i32.store8) (start $start)
        (func (export "fill") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.fill)
        (func (export "copy") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.copy)
        (func (export "init") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.init $d)
        (func (export "drop") data.drop $d elem.drop $e)
        (func (export "grow") (param i32) (result i32 i32) local.get 0 memory.grow memory.size)
        (func (export "tcopy") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 table.copy $t $t)
        (func (export "tcopy2") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 table.copy $v $t)
        (func (export "tinit") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 table.init $t $e)
        (func (export "ufill") (param i32 externref i32) local.get 0 local.get 1 local.get 2 table.fill $u)
        (func (export "ugrow") (param externref i32) (result i32) local.get 0 local.get 1 table.grow $u)
        (func (export "tgrow") (param i32) (result i32 i32) ref.func $two local.get 0 table.grow $t table.size $t)
        (func (export "uget") (param i32) (result externref) local.get 0 table.get $u)
        (func (export "uset") (param i32 externref) local.get 0 local.get 1 table.set $u)
        (func (export "isnull") (param i32) (result i32) local.get 0 table.get $t ref.is_null)
        (func (export "global") (param externref) (result externref)
            global.get $g local.get 0 global.set $g ref.null func global.set $h)
        (func (export "select") (param externref externref i32) (result externref)
            local.get 0 local.get 1 local.get 2 select (result externref))
        (func (export "call") (param i32) (result i32) local.get 0 call_indirect $t (type $number))
        (func (export "mix") (param i64 i32) (result i64) local.get 0 local.get 1 call $mix)
        (func (export "refused") i32.const 0 i32.const 55 i32.store call $refused))"#;
    let (x, y, null) = (Value::ExternRef(Some(7)), Value::ExternRef(Some(8)), Value::ExternRef(None));
    let three = |a: i32, b: i32, c: i32| i32s([a, b, c]).to_vec();
    let mut calls: Vec<(&str, Vec<Value>)> = Vec::new();
    for name in ["init", "tinit", "fill", "copy", "tcopy", "tcopy2", "drop", "init", "tinit"] {
        if name == "drop" {
            calls.push((name, Vec::new()));
            continue;
        }
        for to in [0, 2, 65535, 65536, 65537, -1] {
            for from in [0, 1, 3, 7, 100, 65530, -1] {
                calls.extend([0, 1, 3, 5, 65536, -1].map(|count| (name, three(to, from, count))));
            }
        }
    }
    calls.extend([0, 1, 5, 1, 1, -1].map(|pages| ("grow", i32s([pages]).to_vec())));
    calls.extend([0, 1, 5, 1, -1].map(|count| ("tgrow", i32s([count]).to_vec())));
    for index in [0, 3, 4, 5, -1] {
        calls.push(("uset", vec![Value::I32(index), x]));
        calls.push(("uget", i32s([index]).to_vec()));
        calls.extend([0, 1, 2, 7].map(|count| ("ufill", vec![Value::I32(index), y, Value::I32(count)])));
        calls.extend([0, 1, 990, 10].map(|count| ("ugrow", vec![x, Value::I32(count)])));
    }
    calls.extend((0..13).map(|index| ("isnull", i32s([index]).to_vec())));
    calls.extend((0..13).map(|index| ("call", i32s([index]).to_vec())));
    calls.extend([x, null, y].map(|value| ("global", vec![value])));
    calls.extend([0, 1, 2].map(|which| ("select", vec![x, null, Value::I32(which)])));
    calls.push(("mix", vec![Value::I64(-5), Value::I32(9)]));
    calls.push(("refused", Vec::new()));
    let calls: Vec<(&str, &[Value])> = calls.iter().map(|(name, values)| (*name, &values[..])).collect();
    // Sizes up to 2³² cost more gas than the comparison gives: those calls are left out.
    let calls: Vec<(&str, &[Value])> = calls.into_iter().filter(|(_, values)| !too_dear(values)).collect();
    let compared = agrees(&assemble(text), &calls);
    assert!(compared.stopped == 0 && compared.returns > 100 && compared.traps > 100, "{compared:?}");
}

/// Whether a count is far beyond what the gas of one call pays.
fn too_dear(values: &[Value]) -> bool {
    matches!(values.last(), Some(Value::I32(count)) if values.len() < 4 && !(-1..1000).contains(count) || *count == -1)
}
