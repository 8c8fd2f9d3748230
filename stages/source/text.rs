//! Plain text: one document a file.

use std::sync::Arc;

use anyhow::Result;

use super::builder::{BatchBuilder, Row};
use super::bytes::{Bytes, Fill};
use super::files::InputFile;
use super::unreadable::unreadable;
use super::{Block, Decode, Decoded, Layout, Reader};

/// Reads a file as row 0, whose id is the name of the file.
pub(super) struct TextReader {
    bytes: Option<Bytes>,
    file: InputFile,
    layout: Arc<Layout>,
}

impl TextReader {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(file: &InputFile, layout: Arc<Layout>) -> Result<TextReader> {
        Ok(TextReader { bytes: Some(Bytes::open(file)?), file: file.clone(), layout })
    }
}

impl Reader for TextReader {
    fn next(&mut self) -> Result<Option<Block>> {
        let Some(mut bytes) = self.bytes.take() else { return Ok(None) };
        let max = self.layout.max_line_bytes;
        let mut text = Vec::new();
        let mut error = loop {
            match bytes.fill(&mut text)? {
                Fill::More if text.len() <= max => {}
                Fill::Broken(broken) => break Some(broken),
                _ => break None,
            }
        };
        if text.is_empty() && error.is_none() {
            return Ok(None);
        }
        if text.len() > max && error.is_none() {
            error = Some(format!("a text of more than {max} bytes, which is max_line_bytes"));
        }
        let (file, layout) = (self.file.clone(), self.layout.clone());
        let (n_bytes, position) = (text.len() as u64, bytes.position());
        let decode: Decode<Decoded> = Box::new(move |_| decode(text, error, &file, &layout));
        Ok(Some(Block { bytes: n_bytes, position, decode }))
    }
}

fn decode(
    text: Vec<u8>,
    error: Option<String>,
    file: &InputFile,
    layout: &Layout,
) -> Result<Decoded> {
    let mut builder = BatchBuilder::new(text.len());
    let mut removed = Vec::new();
    let mut fail =
        |raw: &[u8], what: String| removed.push(unreadable(file, 0, Some(&file.name), raw, what));
    match (error, String::from_utf8(text)) {
        (None, Ok(text)) => {
            builder.push(file, 0, &Row { id: Some(file.name.clone()), text, ..Row::default() });
        }
        (None, Err(error)) => {
            let at = error.utf8_error().valid_up_to();
            fail(error.as_bytes(), format!("invalid UTF-8 at byte {at}"));
        }
        (Some(what), text) => fail(&text.map_or_else(|e| e.into_bytes(), String::into_bytes), what),
    }
    Ok(Decoded {
        batch: builder.finish(&layout.schema, |_| None)?,
        unreadable: removed,
        passed_over: 0,
    })
}
