//! Arithmetic from which the tables of `permute` are made when the program is compiled.

/// A table of sixteen bytes for [`crate::lanes::Vector::lookup`].
pub(super) type Table = [u8; 16];

/// The index that looks nothing up and gives 0: what a division by zero gives.
const INFINITY: u8 = 0x80;

/// A product in the field of AES (FIPS 197, section 4.2).
pub(super) const fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = (a << 1) ^ if a & 0x80 != 0 { 0x1b } else { 0 };
        b >>= 1;
    }
    product
}

const fn power(base: u8, exponent: u8) -> u8 {
    let mut result = 1;
    let mut count = 0;
    while count < exponent {
        result = multiply(result, base);
        count += 1;
    }
    result
}

const fn inverse(a: u8) -> u8 {
    power(a, 254)
}

/// A generator of the subfield of sixteen elements: 3 generates the field, of order 255.
const SMALL: u8 = power(3, 17);

/// The element of the subfield whose coordinates over the powers of [`SMALL`] are the bits of `nibble`.
const fn embedded(nibble: u8) -> u8 {
    let (mut sum, mut bit) = (0, 0);
    while bit < 4 {
        if nibble >> bit & 1 != 0 {
            sum ^= power(SMALL, bit);
        }
        bit += 1;
    }
    sum
}

/// An element `z` outside the subfield whose trace and norm, `z + z^16` and `z * z^16`, are the same.
const ROOT: u8 = {
    let mut z = 2;
    while z ^ power(z, 16) == 0 || z ^ power(z, 16) != multiply(z, power(z, 16)) {
        z += 1;
    }
    z
};

/// That trace and norm.
const TRACE: u8 = ROOT ^ power(ROOT, 16);

/// Bytes by their split form: `k` in the low nibble and `i` in the high one stand for `k + i * ROOT`.
const JOINED: [u8; 256] = {
    let mut table = [0; 256];
    let mut split: u8 = 0;
    loop {
        table[split as usize] = embedded(split & 15) ^ multiply(embedded(split >> 4), ROOT);
        if split == u8::MAX {
            break table;
        }
        split += 1;
    }
};

const fn split(byte: u8) -> u8 {
    let mut split: u8 = 0;
    while JOINED[split as usize] != byte {
        split += 1;
    }
    split
}

/// The split forms of bytes, as tables by their low and their high nibble.
pub(super) const SPLIT: [Table; 2] = {
    let mut tables = [[0; 16]; 2];
    let mut nibble = 0;
    while nibble < 16 {
        tables[0][nibble as usize] = split(nibble);
        tables[1][nibble as usize] = split(nibble << 4);
        nibble += 1;
    }
    tables
};

/// `factor / nibble` within the subfield.
const fn quotients(factor: u8) -> Table {
    let mut table = [INFINITY; 16];
    let mut nibble = 1;
    while nibble < 16 {
        table[nibble as usize] = split(multiply(factor, inverse(embedded(nibble))));
        nibble += 1;
    }
    table
}

pub(super) const INVERSES: Table = quotients(1);
pub(super) const TRACE_OVER: Table = quotients(TRACE);

/// How a byte that leaves the S-box is written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Plain,
    Split,
}

/// The last step of the S-box, without its constant, times `factor`: tables by the two nibbles that `permute` has then,
/// of which both are 1 over what this is linear in.
pub(super) const fn outputs(factor: u8, form: Form) -> [Table; 2] {
    let by_trace = inverse(TRACE);
    let by_trace_squared = multiply(by_trace, by_trace);
    let weights = [1 ^ multiply(ROOT, by_trace ^ by_trace_squared), multiply(ROOT, by_trace_squared)];
    let mut tables = [[0; 16]; 2];
    let mut which = 0;
    while which < 2 {
        let mut nibble = 1;
        while nibble < 16 {
            let share = multiply(inverse(embedded(nibble)), weights[which]);
            let affine = share
                ^ share.rotate_left(1)
                ^ share.rotate_left(2)
                ^ share.rotate_left(3)
                ^ share.rotate_left(4);
            let byte = multiply(factor, affine);
            tables[which][nibble as usize] = match form {
                Form::Plain => byte,
                Form::Split => split(byte),
            };
            nibble += 1;
        }
        which += 1;
    }
    tables
}
