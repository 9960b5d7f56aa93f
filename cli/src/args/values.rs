//! Values of options that are numbers with a range or a unit.

/// Reads `512M`, `64 MiB` or `1000` as bytes; units are powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err("a size is a number with K, M, G or T behind it".into()),
    };
    let number: u64 = number.parse().map_err(|_| "a size begins with a number".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "this size is out of range".into())
}

fn number_within(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("a whole number from {least} to {most}"))
}

/// A count of workers.
pub(super) fn workers(text: &str) -> Result<usize, String> {
    let most = dagvault_core::limits::WORKERS_MAX;
    number_within(text, 1, most as u64).map(|number| usize::try_from(number).unwrap_or(most))
}

/// A number of things that is not zero.
pub(super) fn number(text: &str) -> Result<u64, String> {
    number_within(text, 1, u64::from(u32::MAX))
}

/// A time that is not zero.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    number_within(text, 1, 1_000_000)
}

/// A time to wait.
pub(super) fn wait_seconds(text: &str) -> Result<u64, String> {
    number_within(text, 0, 1_000_000)
}

/// 32 bytes in hexadecimal.
pub(super) fn seed(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "a seed is 64 hexadecimal digits".to_owned();
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let mut seed = [0; 32];
    for (at, byte) in seed.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| wrong())?;
    }
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(size("512M"), Ok(512 << 20));
        assert_eq!(size("64 MiB"), Ok(64 << 20));
        assert_eq!(size("7"), Ok(7));
        for wrong in ["", "M", "1x", "-1", "99999999999T", "1.5G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
