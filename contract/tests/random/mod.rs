//! Random requests and rules: mostly of the form, some not.

use dagvault_contract::{Map, Value};

/// A small generator of numbers that look random (SplitMix64).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.draw() % u64::from(bound)).unwrap()
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(u32::try_from(list.len()).unwrap()) as usize]
    }
}

const NAMES: [&str; 8] = ["ann", "bob", "carol", "gold", "lead", "addr123", "", "no name"];
const PATHS: [&str; 8] =
    ["docs/a.json", "/docs/b", "mail/x", "docs/../a", "a\u{202e}b", "m/a.wasm", "docs", "/"];
const NUMBERS: [i128; 9] = [0, 1, 5, 99, 100, 101, 1 << 40, u64::MAX as i128, i64::MIN as i128];

fn text(numbers: &mut Numbers) -> Value {
    let list: &[&str] = if numbers.below(2) == 0 { &NAMES } else { &PATHS };
    match numbers.below(12) {
        0 => Value::Text("ä\u{e000}😀\n\"\\".repeat(numbers.below(200) as usize)),
        _ => Value::from(numbers.of(list)),
    }
}

fn number(numbers: &mut Numbers) -> Value {
    match numbers.below(3) {
        0 => Value::Integer(NUMBERS[numbers.below(9) as usize]),
        _ => Value::Integer(numbers.below(200).into()),
    }
}

fn any(numbers: &mut Numbers, depth: u32) -> Value {
    match numbers.below(if depth > 5 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => Value::Bool(numbers.below(2) == 0),
        2 | 3 => number(numbers),
        4 => text(numbers),
        5 => Value::List((0..numbers.below(4)).map(|_| any(numbers, depth + 1)).collect()),
        _ => Value::Map((0..numbers.below(4)).map(|_| (name(numbers), any(numbers, depth + 1))).collect()),
    }
}

fn name(numbers: &mut Numbers) -> String {
    let list = [
        "amount", "to", "from", "fee", "nonce", "memo", "asset", "path", "value", "\u{ff}", "😀", "\u{fb33}",
    ];
    numbers.of(&list).into()
}

fn list(numbers: &mut Numbers) -> Value {
    Value::List((0..numbers.below(6)).map(|_| text(numbers)).collect())
}

/// A value for a member or rule of this name.
fn fitting(name: &str, numbers: &mut Numbers) -> Value {
    if numbers.below(25) == 0 {
        return any(numbers, 0);
    }
    match name {
        "to" | "from" | "asset" => Value::from(numbers.of(&NAMES[..6])),
        "path" => Value::from(numbers.of(&PATHS)),
        "memo" => text(numbers),
        "method" => Value::from(numbers.of(&["POST", "POST", "PUT"])),
        "value" => any(numbers, 0),
        "allow_unknown_fields" | "allow_self" => Value::Bool(numbers.below(2) == 0),
        "balances" => {
            let holders = |numbers: &mut Numbers| {
                let entries = (0..numbers.below(5)).map(|_| (numbers.of(&NAMES).to_owned(), number(numbers)));
                Value::Map(entries.collect())
            };
            let assets = (0..numbers.below(4)).map(|_| (numbers.of(&NAMES).to_owned(), holders(numbers)));
            Value::Map(assets.collect())
        }
        name if name.contains("allowed") || name.contains("denied") || name.contains("prefixes") => {
            list(numbers)
        }
        name if name.contains("required") => list(numbers),
        _ => number(numbers),
    }
}

/// A map with most of the first and a few of the second names.
fn map(usual: &[&str], other: &[&str], numbers: &mut Numbers) -> Value {
    let mut map = Map::new();
    for name in usual {
        if numbers.below(20) > 0 {
            map.insert((*name).into(), fitting(name, numbers));
        }
    }
    for _ in 0..numbers.below(4) {
        let name = numbers.of(other);
        map.insert(name.into(), fitting(name, numbers));
    }
    Value::Map(map)
}

/// A request and rules for a function.
pub(crate) fn case(operation: u32, numbers: &mut Numbers) -> (Value, Value) {
    const LISTS: [&str; 7] = [
        "min_amount",
        "max_amount",
        "allowed_recipients",
        "denied_recipients",
        "denied_senders",
        "required_fields",
        "allow_unknown_fields",
    ];
    if numbers.below(50) == 0 {
        return (any(numbers, 0), any(numbers, 0));
    }
    match operation {
        0 => {
            let more =
                ["max_fee", "min_fee", "balance", "next_nonce", "max_memo_bytes", "allowed_senders", "other"];
            let request = map(&["amount", "to"], &["from", "fee", "nonce", "memo", "x"], numbers);
            (request, map(&[], &[&LISTS[..], &more].concat(), numbers))
        }
        1 => {
            let more = ["allowed_assets", "denied_assets", "balances", "allow_self", "allowed_senders"];
            let request = map(&["amount", "asset", "from", "to"], &["memo", "x"], numbers);
            (request, map(&[], &[&LISTS[..], &more].concat(), numbers))
        }
        _ => {
            let rules = [
                "path_prefixes",
                "denied_prefixes",
                "allowed_extensions",
                "max_path_bytes",
                "max_value_bytes",
                "required_fields",
                "required_value_fields",
                "allow_unknown_fields",
            ];
            (map(&["path", "value"], &["method", "x"], numbers), map(&[], &rules, numbers))
        }
    }
}
