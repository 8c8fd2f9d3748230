//! The unit `characters`: lower-cased, all white space between two of them one blank, none at the ends.
//!
//! Marks count, so a text that was only punctuated anew is a little less similar than by words. It suits
//! scripts without blanks and texts with many misspelt or run-together words. A letter and the combining mark
//! behind it are two characters; nothing is normalised.
//!
//! Differs: NeMo takes 24 characters of the raw text; text-dedup and Data-Juicer have single characters, and
//! neither collapses blanks.

use super::hash::{SEED, fold, hash_char};

/// Appends the hash of each character of `text` to `hashes`.
pub(super) fn hash_characters(text: &str, hashes: &mut Vec<u64>) {
    // One allocation: a vector that doubles would hold up to three times as much for a moment.
    hashes.reserve(text.len());
    let mut blank = false;
    for char in text.trim().chars() {
        if char.is_whitespace() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) {
            hashes.push(hash_char(' '));
        }
        match char.is_ascii() {
            true => hashes.push(fold(SEED ^ u64::from(char.to_ascii_lowercase() as u32))),
            false => hashes.extend(char.to_lowercase().map(hash_char)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) {
        let lower: String = text.chars().flat_map(char::to_lowercase).collect();
        let plain = lower.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut hashes = Vec::new();
        hash_characters(text, &mut hashes);
        assert_eq!(hashes, plain.chars().map(hash_char).collect::<Vec<_>>(), "{text:?}");
    }

    #[test]
    fn case_and_the_kind_of_white_space_do_not_matter() {
        let [a, b] = ["  Hello,\r\n\tWORLD 上海 É\u{3000}", "hello, world 上海 é"].map(|text| {
            let mut hashes = Vec::new();
            hash_characters(text, &mut hashes);
            hashes
        });
        assert_eq!((a.len(), &a), (17, &b));
        for text in ["", " \n", "İ e\u{301}", "a  b"] {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_cut_by_the_definition(text in any::<String>()) {
            check(&text);
        }

        #[test]
        fn mixtures_are_cut_by_the_definition(text in "[a-cA-C \n\t\u{85}\u{3000}上éßİ\u{301}，]{0,60}") {
            check(&text);
        }
    }
}
