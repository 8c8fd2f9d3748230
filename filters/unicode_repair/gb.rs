//! Undoes the reading of GB 2312 (and so of most GBK) as Latin-1: `ÖÐ¹ú` was `中国`.

use crate::han::{is_common, read_gb2312};

/// Fewer characters than this are no evidence.
const MIN_HAN: usize = 4;

/// Appends a line as it was before it was misread, and returns whether it was.
///
/// Each run of U+00A1..=U+00FE must be whole codes of GB 2312. In Chinese every other character is among the 300 most
/// frequent; in Cyrillic or Greek that was misread likewise, one in twenty by chance.
pub(super) fn repair_line(line: &str, out: &mut String) -> bool {
    let before = out.len();
    let (mut n_han, mut n_common, mut lead) = (0, 0, None);
    for char in line.chars() {
        let byte = u8::try_from(u32::from(char)).ok().filter(|byte| (0xA1..=0xFE).contains(byte));
        let read = match (lead.take(), byte) {
            (None, None) if char.is_ascii() => Some(char),
            (None, Some(byte)) => {
                lead = Some(byte);
                continue;
            }
            (Some(lead), Some(byte)) => read_gb2312(lead, byte),
            _ => None,
        };
        let Some(read) = read else {
            out.truncate(before);
            return false;
        };
        n_han += usize::from(('\u{4E00}'..='\u{9FFF}').contains(&read));
        n_common += usize::from(is_common(read));
        out.push(read);
    }
    if lead.is_some() || n_han < MIN_HAN || 3 * n_common < n_han {
        out.truncate(before);
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repair(line: &str) -> Option<String> {
        let mut out = String::new();
        repair_line(line, &mut out).then_some(out)
    }

    #[test]
    fn chinese_is_read_again_and_other_text_stays() {
        let misread = "Ê×Ò³ 2020: ÖÐ¹úµÄÍ¼Êé¹ÝÔÚ±±¾©£¬ÈËÃÇ¿ÉÒÔÈ¥¿´Êé¡£";
        assert_eq!(
            repair(misread).as_deref(),
            Some("首页 2020: 中国的图书馆在北京，人们可以去看书。")
        );
        for other in [
            "",
            "plain",
            "é à ü",
            "Élève à Noël",
            "Ïðèâåò, ìèð, êàê äåëà ó âàñ",
            "ðÒÉ×ÅÔ, ÍÉÒ ËÁË ÄÅÌÁ",
            "中国的图书馆",
        ] {
            assert_eq!(repair(other), None, "{other}");
        }
    }
}
