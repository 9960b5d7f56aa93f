//! The custom section `dagvault:module`, made when a module is compiled: dag-cbor of `{"abi": 1, "profile": …,
//! "functions": […]}`.

/// How many bytes it has.
#[must_use]
pub const fn bytes(profile: &str, functions: &[&str]) -> usize {
    Writer::<0>::write(profile, functions).length
}

/// The section; `N` is what [`bytes`] says of the same arguments.
///
/// # Panics
///
/// When it is not, or a name has more than 255 bytes, or there are more than 255: a compile error.
#[must_use]
pub const fn of<const N: usize>(profile: &str, functions: &[&str]) -> [u8; N] {
    let writer = Writer::<N>::write(profile, functions);
    assert!(writer.length == N);
    writer.out
}

/// Writes as far as there is room, and counts.
struct Writer<const N: usize> {
    out: [u8; N],
    length: usize,
}

impl<const N: usize> Writer<N> {
    const fn write(profile: &str, functions: &[&str]) -> Self {
        let mut writer = Self { out: [0; N], length: 0 };
        writer.head(0xa0, 3);
        // Keys by length first.
        writer.text("abi");
        writer.head(0x00, 1);
        writer.text("profile");
        writer.text(profile);
        writer.text("functions");
        writer.head(0x80, functions.len());
        let mut at = 0;
        while at < functions.len() {
            writer.text(functions[at]);
            at += 1;
        }
        writer
    }

    const fn byte(&mut self, byte: u8) {
        if self.length < N {
            self.out[self.length] = byte;
        }
        self.length += 1;
    }

    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    const fn head(&mut self, major: u8, count: usize) {
        assert!(count <= 0xff, "a name of a function, or their number, is too large");
        if count < 24 {
            self.byte(major | count as u8);
        } else {
            self.byte(major | 24);
            self.byte(count as u8);
        }
    }

    const fn text(&mut self, text: &str) {
        self.head(0x60, text.len());
        let mut at = 0;
        while at < text.len() {
            self.byte(text.as_bytes()[at]);
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, PartialEq, Debug)]
    struct Section {
        abi: u32,
        profile: String,
        functions: Vec<String>,
    }

    #[test]
    fn the_section_is_strict_dag_cbor() {
        const NAMES: &[&str] = &["validate", "a_name_with_more_than_twenty_three_bytes"];
        const SECTION: [u8; bytes("validator", NAMES)] = of("validator", NAMES);
        let section: Section = crate::decode(&SECTION).unwrap();
        let functions = NAMES.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(section, Section { abi: 1, profile: "validator".into(), functions });
    }
}
