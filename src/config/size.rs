//! Sizes with units, such as `4GiB`.

use anyhow::{Result, bail};

/// The units, by their bytes; binary ones first.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads a size such as `4GiB` or `1.5 GB`.
///
/// # Errors
/// When it is none, or has no unit.
pub(crate) fn parse_size(text: &str) -> Result<u64> {
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let Some((number, bytes)) = unit else {
        bail!("`{text}` has no unit, expected a size such as 4GiB or 512MiB");
    };
    match number.trim().parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok((number * bytes as f64) as u64),
        _ => bail!("`{text}` is no size, expected one such as 4GiB or 512MiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("4GiB").unwrap(), 4 << 30);
        assert_eq!(parse_size("1.5 MB").unwrap(), 1_500_000);
        assert_eq!(parse_size("512B").unwrap(), 512);
        for wrong in ["4", "", "GiB", "-1GiB", "0MiB", "NaNGiB", "4gib", "four GiB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
