//! Tells text that was decoded with the wrong character set from text that looks odd but is right.
//!
//! UTF-8 that was read as a single-byte set shows neighbours that no orthography has: a small letter with an accent
//! before a currency sign, a capital one behind a fraction. The classes of characters and the pairs and triples of
//! classes are facts of ftfy 6 (its `badness.py`; MIT, Robyn Speer), written down here as a table.

use std::sync::LazyLock;

use regex::Regex;

/// Classes of characters that occur in misread UTF-8, as the inside of a bracket of a regular expression.
const CLASSES: &[(&str, &str)] = &[
    ("common", "\u{A0}\u{AD}\u{B7}\u{B4}\u{2013}\u{2014}\u{2015}\u{2026}\u{2019}"),
    ("control", "\u{80}-\u{9F}"),
    ("bad", "¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\u{FFFD}ªº"),
    ("law", "¶§"),
    ("currency", "¢£¥₧€"),
    ("open", "¡«¿©\u{384}\u{385}‘‚“„•‹\u{F8FF}"),
    ("close", "®»˝”›™"),
    ("numeric", "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№"),
    ("face", "Ò-ÖÙ-Üò-öø-üŐŌŪŲ°"),
    ("upper", "À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ"),
    ("lower", "ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ"),
    ("UPPER", "ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я"),
    ("LOWER", "α-ωάέήίΰа-џ"),
    ("box", "│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓"),
    ("letter", "a-zA-Z"),
    ("small", "a-z"),
    ("word", r"\w"),
    ("blank", r"\s"),
];

/// What shows a misreading: neighbours, each one of these classes, or of the characters behind a `=`.
const NEIGHBOURS: &[&[&str]] = &[
    &["control"],
    &["bad lower upper box open close currency numeric law", "bad"],
    &["letter", "LOWER UPPER", "bad"],
    &["bad", "lower upper box open close currency numeric law"],
    &["lower LOWER box close currency numeric", "upper"],
    &["box close currency numeric", "lower"],
    &["lower box close", "currency"],
    &["blank", "upper", "currency"],
    &["upper box", "numeric law"],
    &["lower upper box currency close", "open", "numeric"],
    &["lower upper currency numeric box law", "close", "open"],
    &["currency numeric box", "open"],
    &["small", "upper", "open currency"],
    &["box", "face"],
    &["lower upper currency numeric open close law", "box"],
    &["box", "close"],
    &["lower upper", "open close", "word"],
    // `œ` and degrees stand among plain letters, if anywhere.
    &["=Œœ", "=^A-Za-z"],
    &["upper", "=°"],
    // Windows-1252: frequent pairs that are in no pair of classes, Arabic, scripts of South Asia, `à` and `á`.
    &["=ÂÃÎÐ", "open close =€œŠš¢£Ÿž\u{A0}\u{AD}®©°·»–—´"],
    &["=×", "=²³"],
    &[
        "=ØÙ",
        "common currency bad numeric open =ŸŠ®°µ»",
        "=ØÙ",
        "common currency bad numeric open =ŸŠ®°µ»",
    ],
    &["=à", "=²µ¹¼½¾"],
    &["=Ã", "=\u{A0}¡"],
    &["small", "=ÃÂ", "= "],
    &["small", "blank", "=ÃÂ", "= "],
    &["small close =.,?!", "= ", "=Â", "= ", "open close = "],
    // Mac Roman.
    &["=√", "=±∂†≠®™´≤≥¥µø"],
    &["=≈", "=°¢"],
    &["=‚", "=Ä", "=ìîïòôúùû†°¢π"],
    &["=‚", "=âó", "=àä°ê"],
    // Windows-1251 and 1253, where the pairs are words: three in a row are needed.
    &["=в", "=Ђ"],
    &["=ВГРС", "control bad open close currency =°µ", "=ВГРС"],
    &["=Г", "=ў", "=В", "=Ђ", "=В", "=^\n", "letter = "],
    &["=β", "=€", "=™\u{A0}Ά\u{AD}®°"],
    &["=ΒΓΞΟ", "control bad open close currency =°", "=ΒΓΞΟ"],
    // Windows-1257.
    &["=ā", "=€"],
];

static UNLIKELY: LazyLock<Regex> = LazyLock::new(|| {
    let mut pattern = String::from("^[ÃÂ] ");
    for neighbours in NEIGHBOURS {
        pattern.push('|');
        for classes in *neighbours {
            pattern.push('[');
            // A set that is spelled out comes last, since it may hold a blank.
            let (names, spelled) = classes.split_once('=').unwrap_or((classes, ""));
            for name in names.split_whitespace() {
                let class = CLASSES.iter().find(|(known, _)| *known == name);
                pattern.push_str(class.map_or("", |(_, members)| members));
            }
            pattern.push_str(spelled);
            pattern.push(']');
        }
    }
    Regex::new(&pattern).expect("the pattern is a constant")
});

/// Returns whether a line holds neighbours that hardly occur but in misread UTF-8.
pub(super) fn is_bad(line: &str) -> bool {
    UNLIKELY.is_match(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misread_text_is_told_from_odd_text() {
        for bad in
            ["It’s â€œgoodâ€\u{9D}", "cafÃ©", "schÃ¶n", "√©t√©", "вЂ“ да", "Ã\u{A0} la carte"]
        {
            assert!(is_bad(bad), "{bad}");
        }
        for good in [
            "",
            "The price is £5 – ‘cheap’, she said: “£4½ was too much.”",
            "Élève naïve à Noël; «voilà», dit-il. L’œuvre coûte 5 €.",
            "Größe: 30 °C ± 2 %, § 5 Abs. 3 – „gut“ © 2020 ™",
            "Он сказал: «Привет, мир!» № 5 — всё",
            "上海的图书馆“重新”开放……（2020年）",
            "Η Ελλάδα είναι «ωραία» χώρα",
            "(ô_ô) ┬─┬ ノ( ゜-゜ノ)",
        ] {
            assert!(!is_bad(good), "{good}: {:?}", UNLIKELY.find(good));
        }
    }
}
