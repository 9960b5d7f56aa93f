//! Public bits stay the same whatever the secret bits are: tried for every operation.

use super::value::{Value, choose, ones};
use super::{scalar, vector};

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    /// Few secret bits, none, or many; sometimes numbers that are small or equal.
    fn value(&mut self, width: u32) -> Value {
        let secret = match self.next() % 5 {
            0 => 0,
            1 => 1 << (self.next() % 128),
            2 => self.wide() & self.wide() & self.wide(),
            3 => self.wide(),
            _ => 0xff << (self.next() % 121),
        };
        let bits = match self.next() % 4 {
            0 => self.wide() & self.wide() & self.wide() & self.wide(),
            1 => u128::from_le_bytes([self.next().to_le_bytes()[0]; 16]),
            _ => self.wide(),
        };
        Value { bits, secret }.low(width)
    }

    /// The same with other secret bits.
    fn other(&mut self, value: Value) -> Value {
        Value { bits: value.bits & !value.secret | self.wide() & value.secret, secret: value.secret }
    }
}

const ROUNDS: u32 = 400;

fn width_of(name: &str, argument: usize) -> u32 {
    match name {
        "I32WrapI64" => 64,
        "I64ExtendI32S" | "I64ExtendI32U" | "I8x16Splat" | "I16x8Splat" | "I32x4Splat" => 32,
        "I64x2Splat" => 64,
        _ if name.starts_with("I32x4")
            || name.starts_with("I64x2")
            || name.contains('x')
            || name.starts_with('V') =>
        {
            let shift = ["Shl", "ShrS", "ShrU"].iter().any(|shift| name.ends_with(shift));
            if shift && argument == 1 { 32 } else { 128 }
        }
        _ if name.starts_with("I32") => 32,
        _ => 64,
    }
}

fn check(name: &str, f: impl Fn([Value; 3]) -> Value) {
    let mut random = Random(1);
    for _ in 0..ROUNDS {
        let arguments = [0, 1, 2].map(|argument| random.value(width_of(name, argument)));
        let result = f(arguments);
        let others = arguments.map(|argument| random.other(argument));
        let other = f(others);
        let differ = (result.bits ^ other.bits) & !result.secret;
        assert_eq!(differ, 0, "{name} {arguments:x?} {others:x?}");
        // Nor do the marks depend on secrets, or else one run would tell too little.
        assert_eq!(result.secret, other.secret, "{name} {arguments:x?} {others:x?}");
    }
}

#[test]
fn public_bits_do_not_depend_on_secret_ones() {
    for (operator, f) in scalar::UNARY.iter().chain(vector::UNARY) {
        check(&format!("{operator:?}"), |[a, _, _]| f(a));
    }
    for (operator, f) in scalar::BINARY.iter().chain(vector::BINARY) {
        check(&format!("{operator:?}"), |[a, b, _]| f(a, b));
    }
    for (operator, f) in vector::TERNARY {
        check(&format!("{operator:?}"), |[a, b, c]| f(a, b, c));
    }
    check("V128Select", |[a, b, c]| choose(a, b, c));
    for width in [8, 16, 32] {
        check("V128SignExtend", move |[a, _, _]| a.low(width).sign_extended(width, 64));
    }
}

#[test]
fn marks_are_not_everywhere() {
    let a = Value { bits: 0x1234_5678, secret: 0xff00 };
    let find = |name: &str| {
        let table = scalar::BINARY.iter().chain(vector::BINARY);
        table.into_iter().find(|(operator, _)| format!("{operator:?}") == name).unwrap().1
    };
    assert_eq!(find("I32And")(a, Value::u32(0xff)).secret, 0);
    assert_eq!(find("I32ShrU")(a, Value::u32(8)), Value { bits: 0x12_3456, secret: 0xff });
    assert_eq!(find("I32Add")(a, Value::u32(1)).secret, ones(32) & !0xff);
    assert_eq!(find("I32Eq")(a, Value::u32(1)).secret, 0);
    assert_eq!(find("I8x16Add")(a, a).secret, 0xff00);
}
