//! What is known of single Han characters: common or rare, simplified or traditional.
//!
//! GB 2312 holds what is used in simplified text (6,763 characters), the first level of Big5 what is used in
//! traditional text (5,401); both levels of Big5 hold 13,053. `han/make.py` writes the three lists.

use std::sync::LazyLock;

use crate::segment::is_han;

/// GB 2312 in the order of its codes from 0xB0A1, 94 a row; U+3000 for what is not assigned.
static GB2312: LazyLock<Vec<char>> =
    LazyLock::new(|| include_str!("han/gb2312.txt").chars().filter(|&char| char != '\n').collect());

static CLASSES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut classes = vec![0; (LAST - FIRST + 1) as usize];
    let lists = [
        (include_str!("han/gb2312.txt"), IN_GB2312),
        (include_str!("han/big5.txt"), IN_BIG5 | IN_BIG5_AT_ALL),
        (include_str!("han/big5_rare.txt"), IN_BIG5_AT_ALL),
        (COMMON, IS_COMMON),
    ];
    for (list, class) in lists {
        for at in list.chars().filter_map(place) {
            classes[at] |= class;
        }
    }
    classes
});

const FIRST: u32 = 0x4E00;
const LAST: u32 = 0x9FFF;

const IN_GB2312: u8 = 1;
const IN_BIG5: u8 = 2;
const IN_BIG5_AT_ALL: u8 = 4;
const IS_COMMON: u8 = 8;

/// The 300 most frequent characters of Chinese laws, essays on technology, handbooks and classical prose, counted for
/// this list with equal weight.
const COMMON: &str = "的一人用有以在和是行不个第可应条法定中会为当者十理这我上你管作其工规本要了关设或文部民使对时政下生业发能务国件地们二大到如建机门出方事所于三他安自来开并保数进动公程主成经它之制分等市员实单同得区合产后提内全将通位过年及处由多面代就相家新施责器任据构物计入性品重更需前四而表果日五府子服加水现些资例常体依标与照统组查项式也明接级系护户何种信改情目令因请从都向化证源学正供道置意权间知最解监但取期按点运外山量然高交案准名议度问利具院原元划未列此持立好序选展看存求检被技里包命防专指很网样职城容报说电调共境备六委题么次示小月金码起已决收章装息社没图编天变结无营许卫环告确基特支力字款活非复还平术给督创企译违";

fn place(char: char) -> Option<usize> {
    let code = u32::from(char);
    (FIRST..=LAST).contains(&code).then(|| (code - FIRST) as usize)
}

fn class(char: char) -> u8 {
    place(char).map_or(0, |at| CLASSES[at])
}

/// Returns whether a character is written in simplified text only.
pub(crate) fn is_simplified(char: char) -> bool {
    class(char) & (IN_GB2312 | IN_BIG5_AT_ALL) == IN_GB2312
}

/// Returns whether a character is written in traditional text only.
pub(crate) fn is_traditional(char: char) -> bool {
    class(char) & (IN_GB2312 | IN_BIG5) == IN_BIG5
}

/// Returns whether a character is Han, but in neither of the sets that ordinary text keeps to.
pub(crate) fn is_rare(char: char) -> bool {
    is_han(char) && class(char) & (IN_GB2312 | IN_BIG5) == 0
}

/// Returns whether a character is among the 300 most frequent.
pub(crate) fn is_common(char: char) -> bool {
    class(char) & IS_COMMON != 0
}

/// Returns the Han character or the mark of a code of GB 2312.
pub(crate) fn read_gb2312(lead: u8, trail: u8) -> Option<char> {
    let column = trail.checked_sub(0xA1).filter(|&column| column < 94)?;
    let char = match lead {
        0xA1 => MARKS.chars().nth(usize::from(column))?,
        // Full-width ASCII, in which only the sign of the yuan and the overline differ.
        0xA3 => char::from_u32(0xFF01 + u32::from(column))?,
        0xB0..=0xF7 => *GB2312.get(usize::from(lead - 0xB0) * 94 + usize::from(column))?,
        _ => return None,
    };
    (char != '\u{3000}' || (lead, trail) == (0xA1, 0xA1)).then_some(char)
}

/// The first row of GB 2312.
const MARKS: &str = "\u{3000}、。·ˉˇ¨〃々—～‖…‘’“”〔〕〈〉《》「」『』〖〗【】±×÷∶∧∨∑∏∪∩∈∷√⊥∥∠⌒⊙∫∮≡≌≈∽∝≠≮≯≤≥∞∵∴♂♀°′″℃＄¤￠￡‰§№☆★○●◎◇◆□■△▲※→←↑↓〓";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_the_size_of_the_standards() {
        let count =
            |is: fn(char) -> bool| ('\u{4E00}'..='\u{9FFF}').filter(|&char| is(char)).count();
        assert_eq!(count(|char| class(char) & IN_GB2312 != 0), 6_763);
        assert_eq!(count(|char| class(char) & IN_BIG5 != 0), 5_401);
        assert_eq!(count(is_common), 300);
        assert_eq!(MARKS.chars().count(), 94);
    }

    #[test]
    fn characters_are_told_apart() {
        assert!("图书馆这国说".chars().all(|char| is_simplified(char) && !is_traditional(char)));
        assert!("圖書館這國說".chars().all(|char| is_traditional(char) && !is_simplified(char)));
        assert!("的一在人".chars().all(|char| !is_traditional(char) && !is_simplified(char)));
        assert!("鐨鍦㈠㱼".chars().filter(|&char| is_rare(char)).count() >= 2);
        assert!(!is_rare('国') && !is_rare('國') && !is_rare('a'));
        assert_eq!(read_gb2312(0xD6, 0xD0), Some('中'));
        assert_eq!(read_gb2312(0xA3, 0xAC), Some('，'));
        assert_eq!(read_gb2312(0xD7, 0xFF), None);
    }
}
