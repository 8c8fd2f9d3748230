//! The language of a document in eight bytes, to look limits and word lists up by.

use std::fmt;

/// A language as BCP-47 writes it, of primary subtag and script: `zh`, `zh-hant`, `sr-cyrl`; in lower case.
///
/// All of Chinese that is written with Han characters is `zh`: `cmn`, `yue`, `wuu` and `lzh` are read as that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Tag([u8; 8]);

impl Tag {
    /// Chinese.
    pub const ZH: Tag = Tag(*b"zh\0\0\0\0\0\0");

    /// English.
    pub const EN: Tag = Tag(*b"en\0\0\0\0\0\0");

    /// What a document has whose language nobody knows.
    pub const UNKNOWN: Tag = Tag([0; 8]);

    /// Reads a tag as pipeline files and models write it: `zh-Hant`, `cmn_Hani`, `en-GB`; region and variants are left out.
    ///
    /// `None` if it is none.
    pub fn read(name: &str) -> Option<Tag> {
        let mut parts = name.split(['-', '_']);
        let primary = parts.next()?.to_ascii_lowercase();
        let is_word = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !(2..=3).contains(&primary.len()) || !is_word(&primary) {
            return None;
        }
        let mut tag = Tag::default();
        match primary.as_str() {
            "cmn" | "yue" | "wuu" | "lzh" => tag.0[..2].copy_from_slice(b"zh"),
            primary => tag.0[..primary.len()].copy_from_slice(primary.as_bytes()),
        }
        let script = parts.find(|part| part.len() == 4 && is_word(part));
        if let Some(script) = script.map(str::to_ascii_lowercase)
            // Han is no script to tell Chinese apart by.
            && script != "hani"
        {
            let end = tag.as_str().len();
            tag.0[end] = b'-';
            tag.0.get_mut(end + 1..end + 5)?.copy_from_slice(script.as_bytes());
        }
        Some(tag)
    }

    /// Returns the tag without its script.
    pub fn primary(self) -> Tag {
        let mut primary = Tag::default();
        let end = self.0.iter().position(|&byte| byte == b'-').unwrap_or(self.0.len());
        primary.0[..end].copy_from_slice(&self.0[..end]);
        primary
    }

    /// Returns the tag as text, empty if it is unknown.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_keeps_primary_subtag_and_script() {
        for (name, expected) in [
            ("en", "en"),
            ("en-GB", "en"),
            ("zh-Hant-TW", "zh-hant"),
            ("cmn_Hani", "zh"),
            ("yue-Hant", "zh-hant"),
            ("srp_Cyrl", "srp-cyrl"),
            ("kmr", "kmr"),
            ("zha", "zha"),
        ] {
            assert_eq!(Tag::read(name).map(|tag| tag.as_str().to_owned()), Some(expected.into()));
        }
        for name in ["", "e", "english", "e1", "*", "-"] {
            assert_eq!(Tag::read(name), None, "{name}");
        }
        assert_eq!(Tag::read("zh-Hant").map(Tag::primary), Some(Tag::ZH));
        assert_eq!(Tag::UNKNOWN.primary(), Tag::UNKNOWN);
    }
}
