//! A value of WebAssembly and which of its bits are secret.
//!
//! A bit counts as secret as soon as it may depend on a secret one; for each operation, bits that are public here stay
//! the same whatever the secret bits are (the tests try it).

/// Any value: numbers in the low bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) bits: u128,
    /// Ones where a bit depends on secrets.
    pub(crate) secret: u128,
}

/// Takes one.
pub(crate) type Unary = fn(Value) -> Value;
/// Takes two.
pub(crate) type Binary = fn(Value, Value) -> Value;
/// Takes three.
pub(crate) type Ternary = fn(Value, Value, Value) -> Value;

/// Ones in the low `width` bits.
pub(crate) const fn ones(width: u32) -> u128 {
    if width >= 128 { u128::MAX } else { (1 << width) - 1 }
}

/// All of `width` bits if any bit is secret.
pub(crate) const fn all_if_any(width: u32, secret: u128) -> u128 {
    if secret == 0 { 0 } else { ones(width) }
}

/// From the lowest secret bit upwards, as carries go.
const fn upwards(secret: u128) -> u128 {
    secret | secret.wrapping_neg()
}

impl Value {
    pub(crate) const fn public(bits: u128) -> Self {
        Self { bits, secret: 0 }
    }

    pub(crate) const fn u32(value: u32) -> Self {
        Self::public(value as u128)
    }

    /// The low `width` bits.
    pub(crate) const fn low(self, width: u32) -> Self {
        Self { bits: self.bits & ones(width), secret: self.secret & ones(width) }
    }

    pub(crate) const fn is_secret(self) -> bool {
        self.secret != 0
    }

    /// As an address, a length or an index.
    pub(crate) fn index(self) -> usize {
        usize::try_from(self.low(32).bits).expect("32 bits are an index")
    }

    /// The low `from` bits, the highest of them repeated up to `to`.
    pub(crate) const fn sign_extended(self, from: u32, to: u32) -> Self {
        Self {
            bits: (signed(from, self.bits).cast_unsigned()) & ones(to),
            secret: (signed(from, self.secret).cast_unsigned()) & ones(to),
        }
    }

    pub(crate) fn shifted_left(self, by: u32) -> Self {
        Self { bits: self.bits << by, secret: self.secret << by }
    }

    pub(crate) fn shifted_right(self, by: u32) -> Self {
        Self { bits: self.bits >> by, secret: self.secret >> by }
    }

    /// Two whose ones don't meet.
    pub(crate) const fn joined(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits, secret: self.secret | other.secret }
    }
}

/// A number of `width` bits in two's complement.
pub(crate) const fn signed(width: u32, bits: u128) -> i128 {
    let unused = 128 - width;
    (bits << unused).cast_signed() >> unused
}

pub(crate) fn add(width: u32, a: Value, b: Value) -> Value {
    Value { bits: a.bits.wrapping_add(b.bits), secret: upwards(a.secret | b.secret) }.low(width)
}

pub(crate) fn sub(width: u32, a: Value, b: Value) -> Value {
    Value { bits: a.bits.wrapping_sub(b.bits), secret: upwards(a.secret | b.secret) }.low(width)
}

pub(crate) fn mul(width: u32, a: Value, b: Value) -> Value {
    Value { bits: a.bits.wrapping_mul(b.bits), secret: upwards(a.secret | b.secret) }.low(width)
}

pub(crate) const fn and(a: Value, b: Value) -> Value {
    // A public zero hides what it meets.
    let secret = a.secret & b.secret | a.secret & b.bits | b.secret & a.bits;
    Value { bits: a.bits & b.bits, secret }
}

pub(crate) const fn or(a: Value, b: Value) -> Value {
    let secret = a.secret & b.secret | a.secret & !b.bits | b.secret & !a.bits;
    Value { bits: a.bits | b.bits, secret }
}

pub(crate) const fn xor(a: Value, b: Value) -> Value {
    Value { bits: a.bits ^ b.bits, secret: a.secret | b.secret }
}

pub(crate) const fn not(width: u32, a: Value) -> Value {
    Value { bits: a.bits ^ ones(width), secret: a.secret }
}

/// A shift or rotation by `amount` modulo `width`; `bits` moves public bits and the marks of secret ones alike.
pub(crate) fn moved(width: u32, a: Value, amount: Value, bits: fn(u32, u128, u32) -> u128) -> Value {
    let amount = amount.low(width.trailing_zeros());
    let by = u32::try_from(amount.bits).expect("less than the width");
    let secret = if amount.is_secret() { ones(width) } else { bits(width, a.secret, by) };
    Value { bits: bits(width, a.bits, by), secret }.low(width)
}

pub(crate) const fn left(_: u32, bits: u128, by: u32) -> u128 {
    bits << by
}

pub(crate) const fn right(_: u32, bits: u128, by: u32) -> u128 {
    bits >> by
}

pub(crate) const fn right_signed(width: u32, bits: u128, by: u32) -> u128 {
    (signed(width, bits) >> by).cast_unsigned()
}

pub(crate) const fn rotate_left(width: u32, bits: u128, by: u32) -> u128 {
    bits << by | bits >> (width - by)
}

pub(crate) const fn rotate_right(width: u32, bits: u128, by: u32) -> u128 {
    bits >> by | bits << (width - by)
}

/// Whether `a` and `b` are equal: 1 or 0. A public difference decides it.
pub(crate) fn equal(_: u32, a: Value, b: Value) -> Value {
    let secret = a.secret | b.secret;
    let differ = (a.bits ^ b.bits) & !secret != 0;
    Value { bits: u128::from(a.bits == b.bits), secret: u128::from(secret != 0 && !differ) }
}

pub(crate) fn unequal(width: u32, a: Value, b: Value) -> Value {
    not(1, equal(width, a, b))
}

pub(crate) fn less(_: u32, a: Value, b: Value) -> Value {
    Value { bits: u128::from(a.bits < b.bits), secret: u128::from(a.secret | b.secret != 0) }
}

pub(crate) fn less_signed(width: u32, a: Value, b: Value) -> Value {
    let bits = u128::from(signed(width, a.bits) < signed(width, b.bits));
    Value { bits, secret: u128::from(a.secret | b.secret != 0) }
}

/// `a` where the flag is set, else `b`.
pub(crate) fn choose(a: Value, b: Value, flag: Value) -> Value {
    let chosen = if flag.low(32).bits == 0 { b } else { a };
    if flag.low(32).is_secret() {
        return Value { bits: chosen.bits, secret: a.secret | b.secret | (a.bits ^ b.bits) };
    }
    chosen
}

/// `a` where the bits of `c` are set, else `b`.
pub(crate) const fn bit_select(a: Value, b: Value, c: Value) -> Value {
    let bits = a.bits & c.bits | b.bits & !c.bits;
    let secret =
        a.secret & c.bits | b.secret & !c.bits | c.secret & (a.secret | b.secret | (a.bits ^ b.bits));
    Value { bits, secret }
}

/// A count of bits, which a secret one makes secret whole.
pub(crate) fn count(width: u32, a: Value, count: fn(u128) -> u32) -> Value {
    Value { bits: count(a.bits).into(), secret: all_if_any(8.min(width), a.secret) }
}
