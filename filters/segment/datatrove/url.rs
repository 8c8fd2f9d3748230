//! What spaCy takes for a web address, which stays one word.
//!
//! spaCy has one regular expression (after Diego Perini's, MIT) with nested bounded repeats. Scanned by hand it is linear: a
//! host can only begin at the head, behind `://`, or behind an `@`, and it ends at the first of `:/?#`.

use super::classes::{Classes, LOWER};

/// Returns whether a word is a web address: scheme, user and port may be missing, host and top-level domain may not.
pub(super) fn is_url(word: &str, classes: &Classes) -> bool {
    if !word.contains('.') {
        return false;
    }
    let behind_scheme = word.split_once("://").filter(|(scheme, _)| is_scheme(scheme));
    let behind_at = word.match_indices('@').filter(|&(at, _)| at > 0);
    let begins_host = |rest: &str| begins_with_host(rest, classes);
    begins_host(word)
        || behind_scheme.is_some_and(|(_, rest)| begins_host(rest))
        || behind_at.into_iter().any(|(at, _)| word.get(at + 1..).is_some_and(begins_host))
}

fn is_scheme(text: &str) -> bool {
    text.chars().nth(1).is_some()
        && text.chars().all(|char| char.is_alphanumeric() || "_+-.".contains(char))
}

/// Returns whether a text is a host, then perhaps a port, then perhaps a path.
fn begins_with_host(text: &str, classes: &Classes) -> bool {
    // An `@` stops the search, so that many of them cost no more than one pass.
    let end = text.find([':', '/', '?', '#', '@']).unwrap_or(text.len());
    let Some((host, rest)) = text.split_at_checked(end) else { return false };
    let goes_on_well = match rest.split_at_checked(1) {
        None | Some(("/" | "?" | "#", _)) => true,
        Some((":", rest)) => {
            let port = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let port = rest.get(..port).unwrap_or_default();
            (2..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
        }
        Some(_) => false,
    };
    goes_on_well && (is_named_host(host, classes) || is_public_address(host))
}

fn is_named_host(host: &str, classes: &Classes) -> bool {
    let mut labels = host.rsplit('.');
    let mut chars = 0;
    let is_domain = labels.next().is_some_and(|domain| {
        domain.chars().all(|char| {
            chars += 1;
            classes.of(char) & LOWER != 0
        })
    });
    let mut n_labels = 0;
    is_domain
        && (2..=63).contains(&chars)
        && labels.all(|label| {
            n_labels += 1;
            is_label(label)
        })
        && n_labels > 0
}

fn is_label(label: &str) -> bool {
    let is_letter =
        |char: char| char.is_ascii_alphanumeric() || ('\u{A1}'..='\u{FFFF}').contains(&char);
    let mut chars = 0;
    let is_known = label.chars().all(|char| {
        chars += 1;
        is_letter(char) || char == '-' || char == '_'
    });
    is_known
        && (1..=64).contains(&chars)
        && !label.starts_with(['-', '_'])
        && !label.ends_with(['-', '_'])
}

/// Returns whether a text is an IPv4 address that is neither private nor reserved.
fn is_public_address(host: &str) -> bool {
    let is_digits = |octet: &str| octet.bytes().all(|byte| byte.is_ascii_digit());
    let mut four = [0; 4];
    let mut octets = host.split('.');
    for (at, value) in four.iter_mut().enumerate() {
        let Some(octet) = octets.next().filter(|octet| octet.len() <= 3 && is_digits(octet)) else {
            return false;
        };
        // The two in the middle may have one zero before them.
        if octet.starts_with('0') && (at == 0 || at == 3 || octet.len() == 3) {
            return false;
        }
        *value = octet.parse::<u32>().unwrap_or(u32::MAX);
    }
    let is_private =
        matches!(four, [10 | 127, ..] | [169, 254, ..] | [192, 168, ..] | [172, 16..=31, ..]);
    let is_known = four[0] <= 223 && four[1] <= 255 && four[2] <= 255 && four[3] <= 254;
    octets.next().is_none() && is_known && !is_private
}
