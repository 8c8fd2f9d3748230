//! Sets of millions of domains or addresses in eight bytes each.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::PathBuf;

use xxhash_rust::xxh3::xxh3_64;

use super::address::Address;
use crate::ConfigError;

/// The xxh3-64 hashes of the entries, sorted.
///
/// An entry that is not listed is taken for one that is with odds of one in 2^64 for each listed one: with five million,
/// about three in 10^13.
#[derive(Debug, Default)]
pub(super) struct BlockList {
    hashes: Vec<u64>,
}

impl BlockList {
    pub(super) fn contains(&self, entry: &str) -> bool {
        !self.hashes.is_empty() && self.hashes.binary_search(&xxh3_64(entry.as_bytes())).is_ok()
    }

    /// Returns whether nothing is listed, so that nothing need be looked up.
    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Reads hosts: those of a key, and those of files.
    pub(super) fn of_hosts(
        inline: &[String],
        key: &'static str,
        files: &[PathBuf],
    ) -> Result<BlockList, ConfigError> {
        let mut hashes = Vec::new();
        let mut add = |host: &str| {
            if let Some(address) = Address::read(host) {
                hashes.push(xxh3_64(address.host.as_bytes()));
            }
        };
        inline.iter().for_each(|host| add(host));
        for path in files {
            each_line(path, key, |line| hosts_of(line).for_each(&mut add))?;
        }
        Ok(BlockList::new(hashes))
    }

    /// Reads whole addresses: those of a key, and those of files.
    pub(super) fn of_urls(
        inline: &[String],
        key: &'static str,
        files: &[PathBuf],
    ) -> Result<BlockList, ConfigError> {
        let mut hashes = Vec::new();
        let mut add = |url: &str| {
            if let Some(address) = Address::read(url) {
                hashes.push(xxh3_64(address.key().as_bytes()));
            }
        };
        inline.iter().for_each(|url| add(url));
        for path in files {
            each_line(path, key, |line| {
                if !line.starts_with('#') {
                    add(line);
                }
            })?;
        }
        Ok(BlockList::new(hashes))
    }

    fn new(mut hashes: Vec<u64>) -> BlockList {
        hashes.sort_unstable();
        hashes.dedup();
        hashes.shrink_to_fit();
        BlockList { hashes }
    }
}

/// Returns the hosts of a line: `example.com`, `0.0.0.0 example.com www.example.com # ads`, `||example.com^`,
/// `*.example.com`; none of a comment or an exception.
fn hosts_of(line: &str) -> impl Iterator<Item = &str> {
    let is_comment = line.starts_with(['#', '!', '[']) || line.starts_with("@@");
    let line = if is_comment { "" } else { line };
    let mut fields = line.split_whitespace().take_while(|field| !field.starts_with('#')).peekable();
    // A line of nothing but an address blocks that.
    let first = fields.next();
    let is_hosts_line =
        first.is_some_and(|field| field.parse::<IpAddr>().is_ok()) && fields.peek().is_some();
    let first = first.filter(|_| !is_hosts_line);
    let n_more = if is_hosts_line { usize::MAX } else { 0 };
    first.into_iter().chain(fields.take(n_more)).map(|host| {
        let host = host.strip_prefix("||").or_else(|| host.strip_prefix("*.")).unwrap_or(host);
        host.split_once('^').map_or(host, |(host, _)| host)
    })
}

fn each_line(
    path: &PathBuf,
    key: &'static str,
    mut visit: impl FnMut(&str),
) -> Result<(), ConfigError> {
    let unreadable = |error: std::io::Error| ConfigError::Unreadable {
        key,
        source: format!("{}: {error}", path.display()).into(),
    };
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(unreadable)?);
    let mut bytes = Vec::new();
    while file.read_until(b'\n', &mut bytes).map_err(unreadable)? > 0 {
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_start_matches('\u{FEFF}').trim();
        if !line.is_empty() {
            visit(line);
        }
        bytes.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_all_formats_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        let lines = "\u{FEFF}# comment\r\nOne.example\r\n0.0.0.0 two.example three.example # ads\n\
                     ||four.example^$third-party\n*.five.example\n! note\n@@||six.example^\n\n\
                     :: seven.example\n10.0.0.1\nhttp://eight.example/path\n";
        let mut bytes = lines.as_bytes().to_vec();
        bytes.push(0xFF);
        std::fs::write(&path, bytes).unwrap();
        let inline = ["www.nine.example".to_owned()];
        let list =
            BlockList::of_hosts(&inline, "domain_files", std::slice::from_ref(&path)).unwrap();
        for host in ["one", "two", "three", "four", "five", "seven", "eight"] {
            assert!(list.contains(&format!("{host}.example")), "{host}");
        }
        assert!(list.contains("10.0.0.1") && list.contains("www.nine.example"));
        assert!(!list.contains("six.example") && !list.contains("0.0.0.0"));
        let missing = [folder.path().join("nothing")];
        let error = BlockList::of_urls(&[], "url_files", &missing).unwrap_err();
        assert_eq!(error.to_string(), "`url_files`");
    }
}
