//! Finds the comment at the head of a source file that states its licence.

use std::ops::Range;

use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// What a comment about copyright says, in lower case.
const PHRASES: [&str; 9] =
    ["copyright", "license", "licence", "spdx-", "(c) ", "©", "版权", "版權", "许可"];

static FIND_PHRASES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(PHRASES);
    finder.expect("nine short phrases make a small automaton")
});

/// How a comment of several lines begins and ends.
const BLOCKS: [(&str, &str); 7] = [
    ("/*", "*/"),
    ("<!--", "-->"),
    ("(*", "*)"),
    ("{-", "-}"),
    ("\"\"\"", "\"\"\""),
    ("'''", "'''"),
    ("--[[", "]]"),
];

/// How a line begins that is all comment.
const MARKS: [&str; 7] = ["//", "#", "--", ";", "%", "\"", "dnl "];

/// Lines that begin like a comment and are none.
const NO_COMMENTS: [&str; 12] = [
    "#include", "#define", "#if", "#endif", "#pragma", "#import", "#[", "#![", "#region", "#else",
    "#undef", "#error",
];

/// Lines that must stay at the head of a file.
const FIRST_LINES: [&str; 5] = ["#!", "<?xml", "<?php", "<!doctype", "#lang"];

/// Returns where the licence stands in a source file, with the blank lines behind it, or `None` if none does.
///
/// A first line for the system (`#!`, `<?php`) and one with the encoding are passed over.
pub(super) fn find(text: &str) -> Option<Range<usize>> {
    let mut start = if text.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
    loop {
        let rest = text.get(start..)?;
        let line = rest.split_inclusive('\n').next()?;
        if !line.trim().is_empty() && !is_kept_first(line) {
            break;
        }
        start += line.len();
    }
    let rest = text.get(start..)?;
    let block = BLOCKS.iter().find_map(|(open, close)| {
        let inner = rest.strip_prefix(open)?;
        Some(open.len() + inner.find(close)? + close.len())
    });
    let length = block.unwrap_or_else(|| lines_of_comment(rest));
    let (comment, after) = rest.split_at_checked(length)?;
    if !FIND_PHRASES.is_match(comment) {
        return None;
    }
    // What follows a block on its last line is code, and stays.
    let blank = after.len() - after.trim_start().len();
    let indent = after.get(..blank)?.rfind('\n').map_or(0, |at| blank - at - 1);
    Some(start..start + length + blank - indent)
}

fn is_kept_first(line: &str) -> bool {
    let line = line.trim_start();
    let begins =
        |start: &&str| line.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    FIRST_LINES.iter().any(begins) && !line.starts_with("#![")
        || line.starts_with('#') && (line.contains("coding:") || line.contains("coding="))
}

/// Returns the length of the lines of comment that a text begins with.
fn lines_of_comment(text: &str) -> usize {
    let first = text.trim_start();
    let Some(mark) = MARKS.iter().find(|mark| first.starts_with(**mark)) else { return 0 };
    let is_comment = |line: &str| {
        let line = line.trim_start();
        line.starts_with(mark) && !NO_COMMENTS.iter().any(|start| line.starts_with(start))
    };
    text.split_inclusive('\n').take_while(|line| is_comment(line)).map(str::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_found_and_nothing_else() {
        for (text, rest) in [
            ("/* Copyright A */\n\nint a;", "int a;"),
            ("/* Copyright A */ int a;", "int a;"),
            ("#!/bin/sh\n# (c) 2020 A\n# all\n\n  ls", "#!/bin/sh\n  ls"),
            ("# -*- coding: utf-8 -*-\n# License: MIT\nx = 1", "# -*- coding: utf-8 -*-\nx = 1"),
            ("// SPDX-License-Identifier: MIT\n// more\n#include <a>", "#include <a>"),
            ("# Copyright A\n#include <a>", "#include <a>"),
            ("<?php\n/**\n * 版权所有\n */\necho 1;", "<?php\necho 1;"),
            ("\"\"\"Licence: MIT\"\"\"\nx", "x"),
            ("// Copyright A", ""),
        ] {
            let at = find(text).unwrap_or_else(|| panic!("{text}"));
            let left = [text.get(..at.start).unwrap(), text.get(at.end..).unwrap()].concat();
            assert_eq!(left, rest);
        }
        for text in [
            "",
            "\n\n",
            "#!/bin/sh",
            "/* Adds numbers. */\nint a;",
            "// Adds.\n\n// Copyright A\n",
            "int a; // Copyright A",
            "/* Copyright, never closed",
            "#define LICENSE 1",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
