//! The embedded lists; NOTICE beside this file says whose they are.

/// Language and words, one a line, of each list.
pub(super) const LISTS: [(&str, &str); 27] = [
    ("ar", include_str!("ar.txt")),
    ("cs", include_str!("cs.txt")),
    ("da", include_str!("da.txt")),
    ("de", include_str!("de.txt")),
    ("en", include_str!("en.txt")),
    ("eo", include_str!("eo.txt")),
    ("es", include_str!("es.txt")),
    ("fa", include_str!("fa.txt")),
    ("fi", include_str!("fi.txt")),
    ("fil", include_str!("fil.txt")),
    ("fr", include_str!("fr.txt")),
    ("hi", include_str!("hi.txt")),
    ("hu", include_str!("hu.txt")),
    ("it", include_str!("it.txt")),
    ("ja", include_str!("ja.txt")),
    ("kab", include_str!("kab.txt")),
    ("ko", include_str!("ko.txt")),
    ("nl", include_str!("nl.txt")),
    ("no", include_str!("no.txt")),
    ("pl", include_str!("pl.txt")),
    ("pt", include_str!("pt.txt")),
    ("ru", include_str!("ru.txt")),
    ("sv", include_str!("sv.txt")),
    ("th", include_str!("th.txt")),
    ("tlh", include_str!("tlh.txt")),
    ("tr", include_str!("tr.txt")),
    ("zh", include_str!("zh.txt")),
];

/// The words of Quebec, which are looked for besides the French ones in documents whose language is `fr-CA`: some are
/// plain words in France.
pub(super) const QUEBEC: &str = include_str!("fr-CA-u-sd-caqc.txt");

/// Languages under another name than that of their list.
pub(super) const ALIASES: [(&str, &str); 4] =
    [("nb", "no"), ("nn", "no"), ("tl", "fil"), ("prs", "fa")];

/// Words that are left out of the lists, because they are parts of harmless text: those of datatrove (`性` and three
/// Japanese ones), single Han characters of everyday words (milk, egg, dry, adultery as a crime), `成人` (adult),
/// `挿入` (insertion), and `13.`, which begins many a number.
pub(super) const ALLOWED: [(&str, &[&str]); 2] = [
    ("ja", &["sm", "グロ", "女の子", "挿入"]),
    (
        "zh",
        &[
            "性", "13.", "成人", "乳", "卵", "奶", "奸", "妓", "姦", "幹", "淫", "爛", "賤", "逼",
            "撚", "柒", "鳩",
        ],
    ),
];
