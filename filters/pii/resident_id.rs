//! Chinese resident ids: 17 digits and a check character (GB 11643-1999).
//!
//! Two digits for the province, four for city and county, eight for the day of birth, three for the order, and a
//! character that is right for the others (ISO 7064, MOD 11-2). That is proof enough to let a letter follow at once.

use super::numbers::Window;

/// Returns the end of the id that the window begins with.
pub(super) fn match_id(window: &Window<'_>) -> Option<usize> {
    let digits = window.first();
    let (body, check, end) = match digits.len() {
        18 => (&digits[..17], digits[17], window.end(1)),
        17 => (digits, *window.from(window.end(1)).first()?, window.end(1) + 1),
        _ => return None,
    };
    let is_id = has_province(body)
        && has_birthday(body)
        && check.to_ascii_uppercase() == check_character(body)
        && window.is_bounded_before(window.start())
        && !window.from(end).first().is_some_and(u8::is_ascii_digit);
    is_id.then_some(end)
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, digit| 10 * value + u32::from(digit - b'0'))
}

fn has_province(body: &[u8]) -> bool {
    matches!(number(&body[..2]), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
}

fn has_birthday(body: &[u8]) -> bool {
    let (year, month, day) = (number(&body[6..10]), number(&body[10..12]), number(&body[12..14]));
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1900..2100).contains(&year) && (1..=days).contains(&day)
}

fn check_character(body: &[u8]) -> u8 {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 =
        body.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    b"10X98765432"[(sum % 11) as usize]
}

#[cfg(test)]
mod tests {
    use super::super::found;

    #[test]
    fn ids_are_found_next_to_han() {
        // The example of the standard, and an id that ends in X.
        assert_eq!(found("身份证11010519491231002X。"), ["11010519491231002X"]);
        assert_eq!(found("身份证号110105194912310038吗"), ["110105194912310038"]);
        assert_eq!(found("id=110105194912310038and"), ["110105194912310038"]);
    }

    #[test]
    fn wrong_dates_and_checks_are_no_ids() {
        for text in [
            "11010519491331002X",
            "110105194912310021",
            "a11010519491231002X",
            "11010519491231002X7",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
