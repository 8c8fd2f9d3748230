//! IP addresses that are reachable from anywhere.
//!
//! IPv4: four numbers from 0 to 255 without leading zeros; not four single digits. IPv6: whatever the standard library
//! reads as one. Ranges that are not global are those of IANA's special-purpose registries (RFC 6890 and followers).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use memchr::memchr_iter;

use super::numbers::Window;
use super::{Finding, Kind};

/// Returns the end of the IPv4 address that the window begins with.
pub(super) fn match_v4(window: &Window<'_>) -> Option<usize> {
    let groups = window.groups(4)?;
    let is_dotted = (1..4).all(|at| window.gap(at) == b".");
    let is_version = groups.clone().all(|digits| digits.len() == 1);
    if !is_dotted || is_version || !window.is_bounded(4) {
        return None;
    }
    let mut octets = [0; 4];
    for (octet, digits) in octets.iter_mut().zip(groups) {
        let has_leading_zero = digits.len() > 1 && digits.starts_with(b"0");
        if digits.len() > 3 || has_leading_zero {
            return None;
        }
        let value = digits.iter().fold(0, |value, digit| 10 * value + u16::from(digit - b'0'));
        *octet = u8::try_from(value).ok()?;
    }
    is_global_v4(Ipv4Addr::from(octets)).then(|| window.end(4))
}

/// Appends the IPv6 addresses of a text.
pub(super) fn find_v6(text: &str, findings: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
    let mut done = 0;
    for at in memchr_iter(b':', bytes) {
        // A colon in prose has a blank on one side.
        let goes_on = bytes.get(at + 1).is_some_and(is_part);
        if at < done || !goes_on {
            continue;
        }
        let start = at - bytes[done..at].iter().rev().take_while(|byte| is_part(byte)).count();
        let end = at + bytes[at..].iter().take_while(|byte| is_part(byte)).count();
        done = end;
        let is_alone = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let before = start.checked_sub(1).and_then(|before| bytes.get(before));
        let candidate = text.get(start..end).unwrap_or_default().trim_end_matches(':');
        let address = Ipv6Addr::from_str(candidate).ok();
        let is_in_full = !candidate.contains("::");
        let is_global = address.is_some_and(|address| is_global_v6(address, is_in_full));
        if is_alone(before) && is_alone(bytes.get(end)) && is_global {
            let end = start + candidate.len();
            findings.push(Finding { start, end, kind: Kind::Ip });
        }
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_protocol = a == 192 && b == 0 && c == 0;
    let is_benchmark = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 240
        || is_shared
        || is_protocol
        || is_benchmark
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_global_v6(address: Ipv6Addr, is_in_full: bool) -> bool {
    let [first, second, ..] = address.segments();
    // Global unicast is 2000::/3. The rest is not assigned, but who writes out all eight groups means an address.
    let is_unicast = first & 0xE000 == 0x2000;
    let is_local = first == 0 || first & 0xFE00 == 0xFC00 || first >= 0xFE80;
    let is_documentation = first == 0x2001 && second == 0xDB8 || first & 0xFFF0 == 0x3FF0;
    let is_protocol = first == 0x2001 && second < 0x200;
    (is_unicast || is_in_full && !is_local) && !is_documentation && !is_protocol
}

#[cfg(test)]
mod tests {
    use super::super::found;

    #[test]
    fn global_addresses_are_found() {
        assert_eq!(found("IP=8.130.44.12, 地址8.130.44.13。"), ["8.130.44.12", "8.130.44.13"]);
        assert_eq!(found("at 2606:4700::6810:84e5."), ["2606:4700::6810:84e5"]);
        let in_full = "7cc2:77d1:fc77:c7d5:5bd5:8b34:4d3a:47e6";
        assert_eq!(found(&format!("IP={in_full}")), [in_full]);
        assert_eq!(found("8.130.44.12:8080 8.130.44.12/24"), ["8.130.44.12", "8.130.44.12"]);
    }

    #[test]
    fn other_addresses_and_lookalikes_stay() {
        for text in [
            "127.0.0.1",
            "192.168.1.20",
            "10.0.0.12",
            "172.16.33.2",
            "100.64.1.1",
            "224.0.0.251",
            "255.255.255.0",
            "v8.130.44.12",
            "8.130.44.12.5",
            "3.2.8.6615",
            "3.1.4.2",
            "08.130.44.12",
            "::1",
            "fe80::1",
            "2001:db8::1",
            "16:27:11",
            "8d:20:0d:e7:9e:f1",
            "std::fmt",
            "a::b",
            "::",
            ":::::::",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
