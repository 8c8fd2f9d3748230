//! Numbers of payment cards: 13 to 19 digits in one group, or in fours or as American Express prints them, with blanks
//! or hyphens, that begin as an issuer's do and whose last digit is right (Luhn, ISO/IEC 7812-1).

use super::numbers::Window;

/// How the digits may be grouped.
const LAYOUTS: [&[usize]; 4] = [&[4, 4, 4, 4], &[4, 4, 4, 4, 3], &[4, 6, 5], &[4, 6, 4]];

/// Returns the end of the card number that the window begins with.
pub(super) fn match_card(window: &Window<'_>) -> Option<usize> {
    let has_layout = |layout: &&&[usize]| {
        let gap = (window.len() > 1).then(|| window.gap(1));
        let lengths = window.groups(layout.len()).map(|groups| groups.map(<[u8]>::len));
        matches!(gap, Some(b" " | b"-"))
            && lengths.is_some_and(|lengths| lengths.eq(layout.iter().copied()))
            && (1..layout.len()).all(|at| Some(window.gap(at)) == gap)
    };
    let n_groups = LAYOUTS.iter().rev().find(has_layout).map_or(1, |layout| layout.len());
    let mut number = Number { digits: [0; 19], len: 0 };
    for group in window.groups(n_groups)? {
        number.append(group)?;
    }
    let is_card = number.has_issuer() && number.has_checksum() && window.is_bounded(n_groups);
    is_card.then(|| window.end(n_groups))
}

struct Number {
    digits: [u8; 19],
    len: usize,
}

impl Number {
    fn append(&mut self, group: &[u8]) -> Option<()> {
        self.digits.get_mut(self.len..self.len + group.len())?.copy_from_slice(group);
        self.len += group.len();
        Some(())
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }

    /// Returns whether the first digits belong to a card network that uses this length.
    fn has_issuer(&self) -> bool {
        if self.len < 13 {
            return false;
        }
        let prefix =
            self.digits[..4].iter().fold(0, |value, digit| 10 * value + u32::from(digit - b'0'));
        match prefix {
            4000..=4999 => matches!(self.len, 13 | 16 | 19),
            5100..=5599 | 2221..=2720 => self.len == 16,
            3400..=3499 | 3700..=3799 => self.len == 15,
            3000..=3059 | 3600..=3699 | 3800..=3999 => self.len == 14,
            3528..=3589 | 6011 | 6440..=6599 | 6200..=6299 | 8100..=8171 => self.len >= 16,
            _ => false,
        }
    }

    fn has_checksum(&self) -> bool {
        let sum: u32 = self
            .digits()
            .iter()
            .rev()
            .enumerate()
            .map(|(at, digit)| u32::from(digit - b'0') << (at % 2))
            .map(|value| if value > 9 { value - 9 } else { value })
            .sum();
        sum.is_multiple_of(10)
    }
}

#[cfg(test)]
mod tests {
    use super::super::found;

    #[test]
    fn cards_are_found_in_every_layout() {
        // The test numbers of the card networks.
        for card in
            ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "3782 822463 10005"]
        {
            assert_eq!(found(&format!("card {card}.")), [card]);
            assert_eq!(found(&format!("卡号{card}，有效")), [card]);
        }
    }

    #[test]
    fn wrong_checksums_issuers_and_boundaries_are_no_cards() {
        for text in [
            "4111 1111 1111 1112",
            "2241802777319474",
            "x4111111111111111",
            "41111111111111110",
            "4111-1111 1111-1111",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
