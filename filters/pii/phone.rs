//! Phone numbers: international ones of any country, and national ones of China, the United States and Canada, France
//! and Germany.
//!
//! International: `+` or `00`, then 8 to 15 digits (E.164) in groups; countries with a fixed length must have it.
//! National: a table of shapes, below. Ten bare digits are no phone number: they are more often something else.

use super::numbers::Window;

/// How a national number is written.
struct Shape {
    /// Least and greatest length of each group.
    groups: &'static [(usize, usize)],
    /// What may stand between two groups; the same throughout.
    gaps: &'static [&'static [u8]],
    starts: fn(&[u8]) -> bool,
}

const SHAPES: &[Shape] = &[
    // China, mobile: 13812345678, 138-1234-5678; with 86 before: 86-13812345678, 8613812345678.
    Shape { groups: &[(11, 11)], gaps: &[], starts: is_chinese_mobile },
    Shape { groups: &[(3, 3), (4, 4), (4, 4)], gaps: &[b" ", b"-"], starts: is_chinese_mobile },
    Shape { groups: &[(2, 2), (11, 11)], gaps: &[b" ", b"-"], starts: |digits| digits == b"86" },
    Shape {
        groups: &[(13, 13)],
        gaps: &[],
        starts: |digits| digits.strip_prefix(b"86").is_some_and(is_chinese_mobile),
    },
    // China, landline: 010-55154541, 0571-53785745.
    Shape { groups: &[(3, 4), (7, 8)], gaps: &[b"-"], starts: is_trunk },
    // United States and Canada: 641-380-9673, 641.380.9673, 1-825-578-1570.
    Shape { groups: &[(3, 3), (3, 3), (4, 4)], gaps: &[b"-", b"."], starts: is_area },
    Shape {
        groups: &[(1, 1), (3, 3), (3, 3), (4, 4)],
        gaps: &[b"-", b".", b" "],
        starts: |digits| digits == b"1",
    },
    // France: 04 35 21 87 23.
    Shape { groups: &[(2, 2); 5], gaps: &[b" ", b".", b"-"], starts: is_trunk },
    // Germany: 0166 9752308 (mobile), 062/7492425.
    Shape { groups: &[(4, 4), (7, 8)], gaps: &[b" ", b"-", b"/"], starts: is_german_mobile },
    Shape { groups: &[(3, 5), (5, 8)], gaps: &[b"/"], starts: is_trunk },
];

fn is_chinese_mobile(digits: &[u8]) -> bool {
    matches!(digits, [b'1', b'3'..=b'9', ..])
}

fn is_german_mobile(digits: &[u8]) -> bool {
    matches!(digits, [b'0', b'1', b'5'..=b'7', ..])
}

fn is_trunk(digits: &[u8]) -> bool {
    matches!(digits, [b'0', b'1'..=b'9', ..])
}

fn is_area(digits: &[u8]) -> bool {
    matches!(digits, [b'2'..=b'9', ..])
}

/// Returns start and end of the phone number that the window begins with; the start takes in `+` or `(`.
pub(super) fn match_phone(window: &Window<'_>) -> Option<(usize, usize)> {
    match window.before() {
        Some(b'+') => {
            let start = window.start() - 1;
            let end = match_international(window, 0)?;
            window.is_bounded_before(start).then_some((start, end))
        }
        Some(b'(') => match_parenthesis(window).map(|end| (window.start() - 1, end)),
        _ => {
            let start = window.start();
            let end = if window.first().starts_with(b"00") {
                match_international(window, 2)
            } else {
                SHAPES.iter().find_map(|shape| match_shape(window, shape))
            };
            end.filter(|_| window.is_bounded_before(start)).map(|end| (start, end))
        }
    }
}

/// Returns the end of an international number, of which `skipped` digits are no part of country code and number.
fn match_international(window: &Window<'_>, skipped: usize) -> Option<usize> {
    let country = window.first().get(skipped..)?;
    // One digit more where the national prefix is written too: `+33 (0)5`.
    let trunk = usize::from(window.len() > 1 && window.gap(1).ends_with(b"("));
    let (least, most) = match country {
        [b'1', ..] => (11, 11),
        [b'3', b'3', ..] => (11 + trunk, 11 + trunk),
        [b'8', b'6', ..] => (12, 13),
        [b'4', b'4', ..] => (12 + trunk, 12 + trunk),
        [b'0', ..] | [] => return None,
        _ => (8, 15),
    };
    // The longest number wins: digits that follow after a blank mostly belong to it.
    (1..=window.len()).rev().find_map(|n| {
        let n_digits = window.groups(n)?.map(<[u8]>::len).sum::<usize>() - skipped;
        let fits = (least..=most).contains(&n_digits) && window.is_bounded_after(window.end(n));
        fits.then(|| window.end(n))
    })
}

/// Returns the end of `(641) 380-9673`, of which the window begins behind the parenthesis, or of `(010) 55154541`.
fn match_parenthesis(window: &Window<'_>) -> Option<usize> {
    if window.len() < 2 || !matches!(window.gap(1), b")" | b") " | b")-") {
        return None;
    }
    let lengths = |n| Some(window.groups(n)?.map(<[u8]>::len));
    let american = [3, 3, 4];
    if is_area(window.first())
        && lengths(3).is_some_and(|lengths| lengths.eq(american))
        && matches!(window.gap(2), b"-" | b"." | b" ")
        && window.is_bounded_after(window.end(3))
    {
        return Some(window.end(3));
    }
    let mut chinese = lengths(2)?;
    let fits = matches!((chinese.next(), chinese.next()), (Some(3..=4), Some(7..=8)));
    (is_trunk(window.first()) && fits && window.is_bounded_after(window.end(2)))
        .then(|| window.end(2))
}

fn match_shape(window: &Window<'_>, shape: &Shape) -> Option<usize> {
    let n = shape.groups.len();
    let mut groups = window.groups(n)?;
    let fits = groups
        .clone()
        .zip(shape.groups)
        .all(|(digits, &(least, most))| (least..=most).contains(&digits.len()));
    let has_gaps = n == 1
        || shape.gaps.contains(&window.gap(1)) && (2..n).all(|at| window.gap(at) == window.gap(1));
    // The first group decides; where that is a country code or `1`, the second must be an area or a mobile number too.
    let first = groups.next()?;
    let starts = (shape.starts)(first)
        && match (first, groups.next()) {
            (b"86", Some(number)) => is_chinese_mobile(number),
            (b"1", Some(area)) => is_area(area),
            _ => true,
        };
    (fits && has_gaps && starts && window.is_bounded_after(window.end(n))).then(|| window.end(n))
}

#[cfg(test)]
mod tests {
    use super::super::found;

    #[test]
    fn numbers_of_each_shape_are_found_whole() {
        for phone in [
            "+1 908 647 7924",
            "+49 30 901820",
            "+33 1 02 03 04 05",
            "+33 (0)5 90 70 10 52",
            "+8613812345678",
            "008613812345678",
            "13812345678",
            "138-1234-5678",
            "138 1234 5678",
            "86-13812345678",
            "8613812345678",
            "010-55154541",
            "0571-53785745",
            "(010) 55154541",
            "641-380-9673",
            "641.380.9673",
            "(641) 380-9673",
            "1-825-578-1570",
            "04 35 21 87 23",
            "0166 9752308",
            "062/7492425",
        ] {
            assert_eq!(found(&format!("Tel: {phone}.")), [phone]);
            assert_eq!(found(&format!("电话{phone}，请")), [phone]);
        }
    }

    #[test]
    fn other_numbers_are_no_phones() {
        for text in [
            "2015-04-25",
            "3.13812345678",
            "978-1-978-58292-9",
            "978-641-380-9673",
            "600-2600",
            "16:27:11",
            "011-82-9201",
            "3969082743",
            "x13812345678",
            "138123456789",
            "12812345678",
            "$117,120.00",
            "C++11 13",
            "2011 2012 2013 2014",
            "1.13812345678",
            "13812345678.5",
            "0.5/0.25",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
