//! Single-byte character sets in which UTF-8 is misread, as tables of what the bytes 0x80..=0xFF mean.
//!
//! The tables are those of the standards. A byte that a Windows set leaves undefined stands for the control character
//! of the same number, as in browsers.

use std::sync::LazyLock;

/// A character set, by which a misreading is undone.
#[derive(Debug)]
pub(super) struct Charset {
    /// The bytes of all characters that are not ASCII, sorted by character.
    bytes: Vec<(char, u8)>,
    /// Whether undefined bytes stand for themselves, and U+001A or U+FFFD for a byte that was lost.
    pub(super) is_windows: bool,
    /// Whether the byte 0xA0 is a no-break space, which other programs turn into a blank.
    pub(super) has_blank: bool,
}

/// All sets, in the order in which they are tried.
pub(super) static CHARSETS: LazyLock<Vec<Charset>> = LazyLock::new(|| {
    let latin_1: String = ('\u{80}'..='\u{FF}').collect();
    let tables = [
        (latin_1.as_str(), false, true),
        (WINDOWS_1252, true, true),
        (WINDOWS_1251, true, true),
        (WINDOWS_1250, true, true),
        (WINDOWS_1253, true, true),
        (WINDOWS_1254, true, true),
        (WINDOWS_1257, true, true),
        (ISO_8859_2, false, true),
        (MAC_ROMAN, false, false),
        (CP437, false, true),
    ];
    tables
        .iter()
        .map(|&(table, is_windows, has_blank)| Charset::new(table, is_windows, has_blank))
        .collect()
});

/// Returns what Windows-1252 means by a byte from 0x80 to 0x9F, given as the control character of that number.
pub(super) fn read_control(char: char) -> Option<char> {
    let at = u32::from(char).checked_sub(0x80)?;
    (at < 0x20).then(|| WINDOWS_1252.chars().nth(at as usize)).flatten()
}

impl Charset {
    fn new(table: &str, is_windows: bool, has_blank: bool) -> Charset {
        let mut bytes: Vec<(char, u8)> = table.chars().zip(0x80..=0xFF).collect();
        if is_windows {
            bytes.push(('\u{FFFD}', 0x1A));
        }
        bytes.sort_unstable();
        Charset { bytes, is_windows, has_blank }
    }

    /// Returns the byte that reads as this character, or `None` if there is none.
    pub(super) fn byte(&self, char: char) -> Option<u8> {
        if char.is_ascii() {
            return Some(char as u8);
        }
        let at = self.bytes.binary_search_by_key(&char, |&(known, _)| known).ok()?;
        Some(self.bytes[at].1)
    }

    /// Appends the bytes that read as this text; `false` if the text cannot come from the set.
    pub(super) fn encode(&self, text: &str, bytes: &mut Vec<u8>) -> bool {
        bytes.clear();
        text.chars().all(|char| self.byte(char).inspect(|&byte| bytes.push(byte)).is_some())
    }
}

/// Windows-1252.
const WINDOWS_1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8D}Ž\u{8F}\u{90}‘’“”•–—˜™š›œ\u{9D}žŸ\
     \u{A0}¡¢£¤¥¦§¨©ª«¬\u{AD}®¯°±²³´µ¶·¸¹º»¼½¾¿\
     ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß\
     àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ";

/// Windows-1251, Cyrillic.
const WINDOWS_1251: &str = "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\
     \u{A0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{AD}®Ї°±Ііґµ¶·ё№є»јЅѕї\
     АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ\
     абвгдежзийклмнопрстуфхцчшщъыьэюя";

/// Windows-1250, Central European.
const WINDOWS_1250: &str = "€\u{81}‚\u{83}„…†‡\u{88}‰Š‹ŚŤŽŹ\u{90}‘’“”•–—\u{98}™š›śťžź\
     \u{A0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{AD}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż\
     ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß\
     ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙";

/// Windows-1253, Greek.
const WINDOWS_1253: &str = "€\u{81}‚ƒ„…†‡\u{88}‰\u{8A}‹\u{8C}\u{8D}\u{8E}\u{8F}\u{90}‘’“”•–—\u{98}™\u{9A}›\u{9C}\u{9D}\u{9E}\u{9F}\
     \u{A0}΅Ά£¤¥¦§¨©ª«¬\u{AD}®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏ\
     ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡÒΣΤΥΦΧΨΩΪΫάέήί\
     ΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώÿ";

/// Windows-1254, Turkish.
const WINDOWS_1254: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8D}\u{8E}\u{8F}\u{90}‘’“”•–—˜™š›œ\u{9D}\u{9E}Ÿ\
     \u{A0}¡¢£¤¥¦§¨©ª«¬\u{AD}®¯°±²³´µ¶·¸¹º»¼½¾¿\
     ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞß\
     àáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ";

/// Windows-1257, Baltic.
const WINDOWS_1257: &str = "€\u{81}‚\u{83}„…†‡\u{88}‰\u{8A}‹\u{8C}¨ˇ¸\u{90}‘’“”•–—\u{98}™\u{9A}›\u{9C}¯˛\u{9F}\
     \u{A0}¡¢£¤¥¦§Ø©Ŗ«¬\u{AD}®Æ°±²³´µ¶·ø¹ŗ»¼½¾æ\
     ĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽß\
     ąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙";

/// ISO 8859-2, Central European.
const ISO_8859_2: &str = "\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8A}\u{8B}\u{8C}\u{8D}\u{8E}\u{8F}\u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9A}\u{9B}\u{9C}\u{9D}\u{9E}\u{9F}\
     \u{A0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{AD}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žż\
     ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß\
     ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙";

/// Mac Roman.
const MAC_ROMAN: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü\
     †°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø\
     ¿¡¬√ƒ≈∆«»…\u{A0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ\
     ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{F8FF}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";

/// Code page 437, of DOS.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ\
     áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
     └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
     αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_has_one_character_for_each_byte() {
        for charset in CHARSETS.iter() {
            let mut bytes: Vec<u8> = charset.bytes.iter().map(|&(_, byte)| byte).collect();
            bytes.retain(|&byte| byte >= 0x80);
            bytes.sort_unstable();
            assert!(bytes.into_iter().eq(0x80..=0xFF));
        }
        assert_eq!(read_control('\u{92}'), Some('’'));
        assert_eq!(read_control('a'), None);
    }
}
