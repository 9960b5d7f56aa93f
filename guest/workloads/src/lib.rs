//! What the ten modules share: numbers and words that look random and are the same each time.

#![forbid(unsafe_code)]

/// Numbers of xorshift64.
pub struct Random(u64);

impl Random {
    /// The same ones for the same seed.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ u64::from(seed))
    }

    /// The next 64 bits.
    pub fn long(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next 32 bits.
    pub fn short(&mut self) -> u32 {
        (self.long() >> 32) as u32
    }

    /// One of the words of a small vocabulary.
    pub fn word(&mut self) -> &'static str {
        const WORDS: [&str; 16] = [
            "validator",
            "receipt",
            "of",
            "the",
            "amount",
            "addr123",
            "to",
            "gas",
            "2026-11-21",
            "intent",
            "a",
            "sender@example.org",
            "0x7f",
            "policy",
            "vault",
            "and",
        ];
        WORDS[(self.long() % WORDS.len() as u64) as usize]
    }
}

/// Text of so many words.
#[must_use]
pub fn words(random: &mut Random, count: u32) -> String {
    let mut text = String::new();
    for _ in 0..count {
        text.push_str(random.word());
        text.push(' ');
    }
    text
}

/// The first four bytes as a number.
#[must_use]
pub fn first(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}
