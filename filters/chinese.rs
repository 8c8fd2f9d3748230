//! Rules for Chinese text: garbled characters, spam, advertising lines.
//!
//! Removes: a Chinese document when any limit below is broken; the first broken one is reported. `found` is the
//!   phrase of spam that occurred first, never what stands in an advertising line.
//! Units: Han characters are compared with all letters; rare ones and spam with the characters (Unicode scalar
//!   values) of the text without blanks; lines are what stands between newlines, blank ones left out. Ratios of an
//!   empty text are 0.
//! Chinese: documents in other languages pass, also Japanese. Simplified and traditional text are told apart by
//!   characters that occur in GB 2312 and not in Big5, or the reverse; limits may differ for `zh-Hant`.
//! Source: none of the peers has these rules; limits lie beyond what `tests/python/rule_values.py` finds in laws,
//!   articles, handbooks and classical verse, where up to 7 % of characters are rare in 99 of 100 poems; half of the
//!   characters are, in the median, where UTF-8 was read as GBK. Rare characters and `锟斤拷` are what UTF-8 becomes
//!   that is read as GBK (with U+FFFD first), `烫` and `屯` memory that nobody wrote.
//! Differs: lists of phrases were written for this project; longer ones of your own go to the rule `keywords`.
//! Cost: one look at each character, one search for all phrases, and one look at lines that hold a digit or the name
//!   of a messenger.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::han::{is_rare, is_simplified, is_traditional};
use crate::punctuation::is_punctuation;
use crate::segment::is_han;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit};

mod spam;

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chinese {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Share of letters that are Han; 0.2, since articles about programming come down to a quarter.
    pub min_han_ratio: Limit<f64>,
    /// Share of characters without blanks that are garbled: rare Han, private use, U+FFFD, `锟斤拷`, `烫烫烫`; 0.1.
    pub max_garbled_char_ratio: Limit<f64>,
    /// Share of simplified characters among those that are simplified or traditional; off.
    pub max_simplified_ratio: Limit<f64>,
    /// Share of traditional characters among those that are simplified or traditional; off.
    pub max_traditional_ratio: Limit<f64>,
    /// Share of characters without blanks that are punctuation, in texts of `min_punctuation_chars` or more; 0.01.
    pub min_punctuation_ratio: Limit<f64>,
    /// How long a text must be to need punctuation.
    pub min_punctuation_chars: u64,
    /// Characters without blanks between two marks of punctuation; off.
    pub max_unbroken_chars: Limit<u64>,
    /// Different phrases of gambling, lottery, sex, sham documents, loans, search engine spam and pirated novels; 2.
    pub max_spam_phrases: Limit<u64>,
    /// Share of characters without blanks in such phrases; 0.05.
    pub max_spam_char_ratio: Limit<f64>,
    /// Share of lines that advertise: a phone number, QQ or WeChat with a call to use it; 0.3.
    pub max_advertising_line_ratio: Limit<f64>,
    /// More phrases that count as spam.
    pub spam_phrases: Vec<String>,
}

impl Default for Chinese {
    fn default() -> Self {
        Chinese {
            name: None,
            min_han_ratio: Limit::all(0.2),
            max_garbled_char_ratio: Limit::all(0.1),
            max_simplified_ratio: Limit::off(),
            max_traditional_ratio: Limit::off(),
            min_punctuation_ratio: Limit::all(0.01),
            min_punctuation_chars: 200,
            max_unbroken_chars: Limit::off(),
            max_spam_phrases: Limit::all(2),
            max_spam_char_ratio: Limit::all(0.05),
            max_advertising_line_ratio: Limit::all(0.3),
            spam_phrases: Vec::new(),
        }
    }
}

impl Chinese {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.min_han_ratio.check_ratio("min_han_ratio")?;
        self.max_garbled_char_ratio.check_ratio("max_garbled_char_ratio")?;
        self.max_simplified_ratio.check_ratio("max_simplified_ratio")?;
        self.max_traditional_ratio.check_ratio("max_traditional_ratio")?;
        self.min_punctuation_ratio.check_ratio("min_punctuation_ratio")?;
        self.max_spam_char_ratio.check_ratio("max_spam_char_ratio")?;
        self.max_advertising_line_ratio.check_ratio("max_advertising_line_ratio")?;
        let own = self.spam_phrases.iter().map(String::as_str);
        let mut phrases: Vec<&str> = spam::phrases().collect::<Vec<_>>();
        phrases.extend(own.filter(|phrase| !phrase.is_empty()));
        let spam = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(&phrases)
            .map_err(|error| ConfigError::Unreadable {
                key: "spam_phrases",
                source: Box::new(error),
            })?;
        let phrases = phrases.into_iter().map(str::to_owned).collect();
        let name = self.name.clone().unwrap_or_else(|| "chinese".to_owned());
        Ok(Box::new(Rule { name, config: self.clone(), phrases, spam }))
    }
}

struct Rule {
    name: String,
    config: Chinese,
    phrases: Vec<String>,
    spam: AhoCorasick,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        if !doc.is_chinese() {
            return ControlFlow::Continue(());
        }
        let (config, language, text) = (&self.config, doc.tag(), doc.text());
        let found = Characters::of(text);
        let of = |limit: &Limit<f64>| limit.of(language);
        let han = ratio(found.han, found.letters);
        judge.at_least("min_han_ratio", han, of(&config.min_han_ratio))?;
        let garbled = ratio(found.garbled, found.solid);
        judge.at_most("max_garbled_char_ratio", garbled, of(&config.max_garbled_char_ratio))?;
        let marked = found.simplified + found.traditional;
        let simplified = ratio(found.simplified, marked);
        let traditional = ratio(found.traditional, marked);
        judge.at_most("max_simplified_ratio", simplified, of(&config.max_simplified_ratio))?;
        judge.at_most("max_traditional_ratio", traditional, of(&config.max_traditional_ratio))?;
        if found.solid >= config.min_punctuation_chars {
            let marks = ratio(found.punctuation, found.solid);
            judge.at_least("min_punctuation_ratio", marks, of(&config.min_punctuation_ratio))?;
        }
        let unbroken = found.unbroken as f64;
        judge.at_most("max_unbroken_chars", unbroken, config.max_unbroken_chars.of(language))?;

        let (mut different, mut first, mut chars) = (Vec::new(), None, 0);
        for phrase in self.spam.find_iter(text) {
            chars += text.get(phrase.range()).map_or(0, |phrase| phrase.chars().count() as u64);
            first.get_or_insert(phrase.pattern());
            if !different.contains(&phrase.pattern()) {
                different.push(phrase.pattern());
            }
        }
        let phrase = || first.and_then(|first| self.phrases.get(first.as_usize()).cloned());
        for (key, value, limit) in [
            ("max_spam_phrases", different.len() as f64, config.max_spam_phrases.of(language)),
            ("max_spam_char_ratio", ratio(chars, found.solid), of(&config.max_spam_char_ratio)),
        ] {
            match limit {
                Some(limit) if value > limit => judge.remove(key, value, limit, phrase())?,
                limit => judge.at_most(key, value, limit)?,
            }
        }

        let (mut n_lines, mut n_advertising) = (0, 0);
        for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
            n_lines += 1;
            n_advertising += u64::from(is_advertising(line));
        }
        let advertising = ratio(n_advertising, n_lines);
        let limit = of(&config.max_advertising_line_ratio);
        judge.at_most("max_advertising_line_ratio", advertising, limit)
    }
}

/// What one pass over the characters finds.
#[derive(Default)]
struct Characters {
    /// Those that are not blank.
    solid: u64,
    letters: u64,
    han: u64,
    garbled: u64,
    simplified: u64,
    traditional: u64,
    punctuation: u64,
    /// The longest run of solid characters without punctuation.
    unbroken: u64,
}

impl Characters {
    fn of(text: &str) -> Characters {
        let (mut found, mut run, mut trace, mut echo) = (Characters::default(), 0, 0, 0);
        for char in text.chars() {
            if char.is_whitespace() {
                continue;
            }
            found.solid += 1;
            if is_han(char) {
                found.han += 1;
                found.letters += 1;
                found.simplified += u64::from(is_simplified(char));
                found.traditional += u64::from(is_traditional(char));
                found.garbled += u64::from(is_rare(char));
            } else {
                found.letters += u64::from(char.is_alphabetic());
                found.garbled += u64::from(is_lost(char));
            }
            // `锟斤拷` is U+FFFD in UTF-8, twice, as GBK reads it; single, each of the three is an ordinary character.
            trace = match (trace, char) {
                (0 | 3, '锟') => 1,
                (1, '斤') => 2,
                (2, '拷') => {
                    found.garbled += 3;
                    3
                }
                _ => 0,
            };
            echo = if matches!(char, '烫' | '屯' | '燙') { echo + 1 } else { 0 };
            found.garbled += match echo {
                0..3 => 0,
                3 => 3,
                _ => 1,
            };
            if is_punctuation(char) {
                found.punctuation += 1;
                run = 0;
            } else {
                run += 1;
                found.unbroken = found.unbroken.max(run);
            }
        }
        found
    }
}

/// Returns whether a character says nothing: private use, not a character, or what stands for one that was lost.
fn is_lost(char: char) -> bool {
    matches!(char, '\u{FFFD}' | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'.. | '\u{80}'..='\u{9F}')
}

/// A number to call or add, by one of these names or in the form of a mobile or service number.
static CONTACT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        (?: 微\s?信 | 薇\s?信 | 威\s?信 | 扣\s?扣 | 企\s?鹅 | \b (?: q\s?q | v\s?x | wechat | weixin | line | telegram ) )
            (?: 号 | 群 | 客服 | 公众号 | 联系 | 咨询 | \s | [:：/号是为] )* [a-z0-9_-]{5,20}
        | (?: 加 | 添加 | 关注 | 扫码 | 扫一扫 | 搜索 | 咨询 ) .{0,4} (?: 微\s?信 | 薇\s?信 | 公众号 | v\s?x | q\s?q | 二维码 )
        | (?: 电话 | 热线 | 手机 | 致电 | 拨打 | 联系方式 | 垂询 | tel ) .{0,8}? (?: \+?86[\s-]? )? (?: 1[3-9][\d\s-]{9,11} | 0\d{2,3}[\s-]?\d{7,8} | [48]00[\d\s-]{7,9} )
        | (?: 点击 | 戳 ) .{0,6} (?: 链接 | 领取 | 下载 | 注册 | 购买 ) .{0,12} (?: https?:// | www\. )
        ",
    )
    .expect("the pattern is a constant")
});

fn is_advertising(line: &str) -> bool {
    CONTACT.is_match(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbled_characters_are_counted() {
        let garbled = |text| Characters::of(text).garbled;
        assert_eq!(garbled("锟斤拷锟斤拷"), 6);
        assert_eq!(garbled("烫烫烫烫"), 4);
        assert_eq!(garbled("水很烫。两斤苹果，拷贝文件。"), 0);
        assert_eq!(garbled("\u{FFFD}\u{E001}"), 2);
        assert!(garbled("鍥句功棣嗗湪鏄熸湡浜岄噸鏂板紑鏀俱€�") > 5);
    }

    #[test]
    fn lines_that_want_to_be_called_are_advertising() {
        for line in [
            "联系电话：13800138000",
            "加微信 abc12345 免费领取",
            "QQ：12345678",
            "微信号:wx_abc123",
            "全国服务热线 400-800-1234",
            "扫码关注公众号",
            "电话 021-65432100",
        ] {
            assert!(is_advertising(line), "{line}");
        }
        for line in
            ["微信发布了新版本。", "他给我打了电话。", "2020年12月31日", "QQ 是一种即时通信软件。"]
        {
            assert!(!is_advertising(line), "{line}");
        }
    }
}
