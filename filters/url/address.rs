//! Takes an address apart, whatever it looks like.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use psl::Type;

/// The longest name that the domain name system allows.
const MAX_HOST_BYTES: usize = 253;

/// What the rule needs of an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address<'u> {
    /// In lower case, without port, user and final point.
    pub(super) host: Cow<'u, str>,
    /// Path and query, with the mark before them.
    rest: &'u str,
}

impl<'u> Address<'u> {
    /// Reads `https://user@Example.com:8080/path?query#fragment`; all but the host may be missing.
    ///
    /// `None` where no host stands, as in an empty text.
    pub(super) fn read(url: &'u str) -> Option<Address<'u>> {
        let url = url.trim();
        let is_scheme = |name: &str| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        };
        let url = match url.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => rest,
            _ => url.strip_prefix("//").unwrap_or(url),
        };
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        let (authority, rest) = match url.find(['/', '?', '\\']) {
            Some(at) => url.split_at(at),
            None => (url, ""),
        };
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = match host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => host,
        };
        let host = host.trim_end_matches('.');
        if host.is_empty() {
            return None;
        }
        let is_lower = !host.chars().any(char::is_uppercase);
        let host = if is_lower { host.into() } else { host.to_lowercase().into() };
        Some(Address { host, rest })
    }

    /// Returns what tells addresses apart: host without `www.`, path without a final `/`, and query.
    pub(super) fn key(&self) -> String {
        let host = self.host.strip_prefix("www.").unwrap_or(&self.host);
        format!("{host}{}", self.rest.trim_end_matches('/'))
    }

    /// Returns the registered domain (`example.co.uk`), or the host itself if it is a number.
    ///
    /// `None` if the host is a public suffix, or too long to be one of the domain name system. Suffixes that companies
    /// registered for their customers, such as `github.io`, count only if `private`.
    pub(super) fn registered_domain(&self, private: bool) -> Option<&str> {
        let host = &*self.host;
        if host.len() > MAX_HOST_BYTES {
            return None;
        }
        if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() {
            return Some(host);
        }
        let mut name = host;
        let suffix = loop {
            let suffix = psl::suffix(name.as_bytes())?;
            let start = name.len().checked_sub(suffix.as_bytes().len())?;
            let found = name.get(start..)?;
            if private || suffix.typ() != Some(Type::Private) {
                break found;
            }
            name = found.split_once('.')?.1;
        };
        let labels = host.get(..host.len() - suffix.len())?.strip_suffix('.')?;
        let start = labels.rfind('.').map_or(0, |at| at + 1);
        host.get(start..).filter(|_| start < labels.len())
    }

    /// Returns the hosts from the whole one up to, and without, the registered domain.
    pub(super) fn below<'s>(&'s self, domain: &'s str) -> impl Iterator<Item = &'s str> {
        let mut next = Some(&*self.host);
        std::iter::from_fn(move || {
            let host = next.filter(|host| host.len() > domain.len())?;
            next = host.split_once('.').map(|(_, parent)| parent);
            Some(host)
        })
    }
}

/// Returns an address in lower case, with `%E8%89%B2` as the character that it stands for.
///
/// An address of which this would make no text stays as it is, but for the case.
pub(super) fn decode(url: &str) -> Cow<'_, str> {
    let hex = |byte: &u8| char::from(*byte).to_digit(16);
    let mut decoded = Vec::new();
    if url.contains('%') {
        let mut rest = url.as_bytes();
        while let [first, tail @ ..] = rest {
            let pair = tail.split_first_chunk::<2>().filter(|_| *first == b'%');
            rest = match pair.and_then(|([high, low], after)| Some((hex(high)?, hex(low)?, after)))
            {
                Some((high, low, after)) => {
                    decoded.push((16 * high + low) as u8);
                    after
                }
                None => {
                    decoded.push(*first);
                    tail
                }
            };
        }
    }
    let decoded = String::from_utf8(decoded).ok().filter(|text| !text.is_empty());
    let text = decoded.map_or(Cow::Borrowed(url), Cow::Owned);
    if text.chars().any(char::is_uppercase) { text.to_lowercase().into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_keys_are_read_from_any_form() {
        for (url, host, key) in [
            ("https://Example.COM", "example.com", "example.com"),
            ("http://user:pw@www.a.example:8080/x/?q=1#f", "www.a.example", "a.example/x/?q=1"),
            ("//a.example./x/", "a.example", "a.example/x"),
            ("a.example?u=http://b.example", "a.example", "a.example?u=http://b.example"),
            ("http://[::1]:80/", "[::1]", "[::1]"),
            ("http://例子.中国/页", "例子.中国", "例子.中国/页"),
        ] {
            let address = Address::read(url).unwrap();
            assert_eq!((&*address.host, &*address.key()), (host, key), "{url}");
        }
        for url in ["", " ", "http://", "/path", "#", "://", "...", "@", ":1"] {
            assert_eq!(Address::read(url), None, "{url}");
        }
    }

    #[test]
    fn registered_domains_follow_the_public_suffix_list() {
        let domain = |host: &str, private| {
            Address::read(host).unwrap().registered_domain(private).map(str::to_owned)
        };
        for (host, public, private) in [
            ("a.b.example.co.uk", "example.co.uk", "example.co.uk"),
            ("me.github.io", "github.io", "me.github.io"),
            ("a.公司.cn", "a.公司.cn", "a.公司.cn"),
            ("a.xn--55qx5d.cn", "a.xn--55qx5d.cn", "a.xn--55qx5d.cn"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.3"),
        ] {
            assert_eq!(domain(host, false).as_deref(), Some(public), "{host}");
            assert_eq!(domain(host, true).as_deref(), Some(private), "{host}");
        }
        assert_eq!(domain("co.uk", false), None);
        assert_eq!(domain(&"a.".repeat(200), false), None);
        let address = Address::read("a.b.example.com").unwrap();
        assert!(address.below("example.com").eq(["a.b.example.com", "b.example.com"]));
    }

    #[test]
    fn percent_signs_are_decoded_where_they_make_characters() {
        for (url, text) in [
            ("A%20B", "a b"),
            ("%E8%89%B2情", "色情"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%E8%89x%41", "%e8%89x%41"),
            ("%%41", "%a"),
            ("%+1", "%+1"),
        ] {
            assert_eq!(decode(url), text, "{url}");
        }
    }
}
