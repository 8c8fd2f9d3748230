//! E-mail addresses: `name@domain.tld`.
//!
//! The name is of ASCII letters, digits and `._%+-`, and begins with a letter or digit. The domain has at least two
//! labels, none empty or with a hyphen at an end, and the last is of two or more letters that are no file extension
//! (`logo@2x.png`). Quotes, `=` and `:` are no part of it, though RFC 5322 allows some: they come from what surrounds it.

use memchr::memchr_iter;

use super::{Finding, Kind};

const FILE_EXTENSIONS: [&str; 10] =
    ["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "json", "html"];

/// Appends the e-mail addresses of a text.
pub(super) fn find(text: &str, findings: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for at in memchr_iter(b'@', bytes) {
        let name = bytes[from..at].iter().rev().take_while(|&&byte| is_name(byte)).count();
        let start = bytes[at - name..at].iter().position(u8::is_ascii_alphanumeric);
        let domain = bytes[at + 1..].iter().take_while(|&&byte| is_domain(byte)).count();
        let domain = trim_end(&bytes[at + 1..at + 1 + domain]);
        if let Some(start) = start
            && names_a_host(domain)
        {
            let (start, end) = (at - name + start, at + 1 + domain.len());
            findings.push(Finding { start, end, kind: Kind::Email });
        }
        // No name reaches over an `@`, so no byte is looked at twice for each of many.
        from = at + 1;
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte)
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-'
}

/// Leaves out the full stop of the sentence.
fn trim_end(mut domain: &[u8]) -> &[u8] {
    while let [rest @ .., b'.' | b'-'] = domain {
        domain = rest;
    }
    domain
}

fn names_a_host(domain: &[u8]) -> bool {
    let mut labels = domain.rsplit(|&byte| byte == b'.');
    let last = labels.next().unwrap_or_default();
    let is_label =
        |label: &[u8]| !label.is_empty() && !label.starts_with(b"-") && !label.ends_with(b"-");
    let is_extension =
        FILE_EXTENSIONS.iter().any(|known| last.eq_ignore_ascii_case(known.as_bytes()));
    let mut n_labels = 0;
    last.len() >= 2
        && last.iter().all(u8::is_ascii_alphabetic)
        && !is_extension
        && labels.inspect(|_| n_labels += 1).all(is_label)
        && n_labels > 0
}

#[cfg(test)]
mod tests {
    use super::super::found;

    #[test]
    fn addresses_end_where_the_sentence_goes_on() {
        assert_eq!(found("Ask <a.b+c@mail.example.co.uk>."), ["a.b+c@mail.example.co.uk"]);
        assert_eq!(found("mailto:x@example.com?subject=1"), ["x@example.com"]);
        assert_eq!(found("邮箱：wang_li@qq.com。请联系"), ["wang_li@qq.com"]);
        assert_eq!(
            found("to='o@example.org', 'p@example.org'."),
            ["o@example.org", "p@example.org"]
        );
    }

    #[test]
    fn handles_code_and_file_names_are_no_addresses() {
        for text in ["@user739", "foo@bar", "logo@2x.png", "a@b..com", "a@-b.com", "@", "a@", "@@@"]
        {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
