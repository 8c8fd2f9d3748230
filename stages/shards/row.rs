//! The rows of the shuffle: what is known of a document, then its ids.

use anyhow::{Context, Result, ensure};

use crate::batch::Place;

/// A document on its way through the shuffle, without its tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ShuffledRow<'a> {
    pub(super) place: Place,
    pub(super) text_bytes: u64,
    pub(super) id: &'a str,
    pub(super) source: Option<&'a str>,
    pub(super) language: Option<&'a str>,
}

/// The length that says that a string is missing.
const NO_STRING: u32 = u32::MAX;

impl<'a> ShuffledRow<'a> {
    /// Writes the row and the ids of its document: place, bytes of text, the strings with their lengths, ids.
    pub(super) fn write(&self, ids: &[u32], value: &mut Vec<u8>) {
        value.clear();
        value.extend_from_slice(&self.place.to_bytes());
        value.extend_from_slice(&self.text_bytes.to_le_bytes());
        for string in [Some(self.id), self.source, self.language] {
            let length = string.map_or(NO_STRING, |string| string.len() as u32);
            value.extend_from_slice(&length.to_le_bytes());
            value.extend_from_slice(string.unwrap_or_default().as_bytes());
        }
        ids.iter().for_each(|id| value.extend_from_slice(&id.to_le_bytes()));
    }

    /// Reads a row as `write` wrote it; the tokens go into `ids`.
    pub(super) fn parse(value: &'a [u8], ids: &mut Vec<u32>) -> Result<ShuffledRow<'a>> {
        let place = Place::from_bytes(value)?;
        let rest = value.get(Place::BYTES..).context("cut short")?;
        let (text_bytes, mut rest) = rest.split_first_chunk::<8>().context("cut short")?;
        let id = take_string(&mut rest)?.context("a document without an id")?;
        let (source, language) = (take_string(&mut rest)?, take_string(&mut rest)?);
        let (tokens, odd) = rest.as_chunks::<4>();
        ensure!(odd.is_empty(), "cut short");
        ids.clear();
        ids.extend(tokens.iter().map(|bytes| u32::from_le_bytes(*bytes)));
        let text_bytes = u64::from_le_bytes(*text_bytes);
        Ok(ShuffledRow { place, text_bytes, id, source, language })
    }
}

fn take_string<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a str>> {
    let (length, behind) = rest.split_first_chunk::<4>().context("cut short")?;
    *rest = behind;
    let length = u32::from_le_bytes(*length);
    if length == NO_STRING {
        return Ok(None);
    }
    let (string, behind) = rest.split_at_checked(length as usize).context("cut short")?;
    *rest = behind;
    Ok(Some(std::str::from_utf8(string)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_as_it_was_written() {
        let row = ShuffledRow {
            place: Place { file: 7, row: 1 << 40 },
            text_bytes: 99,
            id: "文档",
            source: None,
            language: Some(""),
        };
        let (mut value, mut ids) = (vec![1; 3], vec![5]);
        row.write(&[1, u32::MAX], &mut value);
        assert_eq!(ShuffledRow::parse(&value, &mut ids).unwrap(), row);
        assert_eq!(ids, [1, u32::MAX]);
    }

    #[test]
    fn a_row_that_is_cut_short_is_an_error() {
        let place = Place { file: 1, row: 2 };
        let row =
            ShuffledRow { place, text_bytes: 5, id: "id", source: Some("web"), language: None };
        let (mut value, mut ids) = (Vec::new(), Vec::new());
        row.write(&[7], &mut value);
        for length in 0..value.len() {
            let cut = ShuffledRow::parse(&value[..length], &mut ids).is_err();
            // With its tokens cut off whole it is a row without tokens.
            assert_eq!(cut, length != value.len() - 4, "{length}");
        }
    }
}
