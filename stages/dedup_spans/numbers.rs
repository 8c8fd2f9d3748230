//! The payload of a decision: the numbers of the spans of one document that are cut, ascending.
//!
//! The first number, then differences to the one before, seven bits a byte, low ones first; the high bit says that
//! another byte follows. A document whose every line is cut takes a byte a line.

use anyhow::{Context, Result};

/// Appends `number`, which is not below `last`.
pub(super) fn append(last: u32, number: u32, payload: &mut Vec<u8>) {
    let mut rest = number - last;
    while rest >= 0x80 {
        payload.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    payload.push(rest as u8);
}

/// Returns the numbers.
///
/// # Errors
/// When the payload is damaged.
pub(super) fn read(payload: &[u8]) -> Result<Vec<u32>> {
    let mut numbers = Vec::with_capacity(payload.len());
    let (mut last, mut difference, mut shift) = (0_u32, 0_u32, 0);
    for byte in payload {
        let bits = u32::from(byte & 0x7F);
        difference |= bits.checked_shl(shift).context("a damaged number")?;
        shift += 7;
        if byte & 0x80 == 0 {
            last = last.checked_add(difference).context("a damaged number")?;
            numbers.push(last);
            (difference, shift) = (0, 0);
        }
    }
    anyhow::ensure!(shift == 0, "a number is cut short");
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(mut numbers in prop::collection::vec(any::<u32>(), 0..40)) {
            numbers.sort_unstable();
            let mut payload = Vec::new();
            let mut last = 0;
            for &number in &numbers {
                append(std::mem::replace(&mut last, number), number, &mut payload);
            }
            prop_assert_eq!(read(&payload).unwrap(), numbers);
        }

        #[test]
        fn a_damaged_payload_is_an_error_or_numbers(payload in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = read(&payload);
        }
    }

    #[test]
    fn a_payload_that_is_cut_short_is_an_error() {
        assert!(read(&[0x80]).is_err());
        assert!(read(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]).is_err());
    }
}
