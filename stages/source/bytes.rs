//! The bytes of an input file, decompressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Context, Result};
use flate2::bufread::MultiGzDecoder;

use super::files::InputFile;

/// Bytes to ask for at once. A broken gzip stream loses what it gave in the same call, hence not more.
const CHUNK: u64 = 64 << 10;

/// How filling a buffer ended.
pub(super) enum Fill {
    /// There may be more.
    More,
    /// The file ended as it should.
    End,
    /// The compressed stream is truncated or corrupt from here on.
    Broken(String),
}

/// Reads a file and decompresses it by what it begins with, whatever its name says.
pub(super) struct Bytes {
    decoder: Decoder,
    at_start: bool,
    path: String,
}

enum Decoder {
    Plain(Counted),
    Gzip(Box<MultiGzDecoder<Counted>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Counted>>),
}

impl Bytes {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub(super) fn open(file: &InputFile) -> Result<Bytes> {
        let path = file.path.display().to_string();
        let decoder = open_decoder(file).with_context(|| path.clone())?;
        Ok(Bytes { decoder, at_start: true, path })
    }

    /// Appends the next bytes, without a byte order mark at the beginning of the file.
    ///
    /// How many follows from the file alone, so that what is cut by it is the same in every run.
    ///
    /// # Errors
    /// When the disk fails; a broken stream is no error but a `Fill`.
    pub(super) fn fill(&mut self, buffer: &mut Vec<u8>) -> Result<Fill> {
        let start = buffer.len();
        let read = match &mut self.decoder {
            Decoder::Plain(reader) => reader.take(CHUNK).read_to_end(buffer),
            Decoder::Gzip(reader) => reader.take(CHUNK).read_to_end(buffer),
            Decoder::Zstd(reader) => reader.take(CHUNK).read_to_end(buffer),
        };
        if std::mem::take(&mut self.at_start) && buffer[start..].starts_with(b"\xef\xbb\xbf") {
            buffer.drain(start..start + 3);
        }
        match read {
            Ok(n) if n as u64 == CHUNK => Ok(Fill::More),
            Ok(_) => Ok(Fill::End),
            Err(error) if self.counted().failed => Err(error).with_context(|| self.path.clone()),
            Err(error) => {
                let name = match self.decoder {
                    Decoder::Zstd(_) => "zstd",
                    _ => "gzip",
                };
                let position = self.position();
                Ok(Fill::Broken(format!(
                    "the {name} stream breaks at byte {position} of the file: {error}"
                )))
            }
        }
    }

    /// Returns how many bytes of the file have been used.
    pub(super) fn position(&self) -> u64 {
        self.counted().position
    }

    fn counted(&self) -> &Counted {
        match &self.decoder {
            Decoder::Plain(reader) => reader,
            Decoder::Gzip(reader) => reader.get_ref(),
            Decoder::Zstd(reader) => reader.get_ref(),
        }
    }
}

fn open_decoder(file: &InputFile) -> io::Result<Decoder> {
    let inner = BufReader::with_capacity(256 << 10, File::open(&file.path)?);
    let mut reader = Counted { inner, position: 0, failed: false };
    let magic = reader.fill_buf()?.first_chunk::<4>().copied().unwrap_or_default();
    Ok(match magic {
        [0x1f, 0x8b, ..] => Decoder::Gzip(Box::new(MultiGzDecoder::new(reader))),
        // A frame, or a skippable frame before it.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            Decoder::Zstd(Box::new(zstd::stream::read::Decoder::with_buffer(reader)?))
        }
        _ => Decoder::Plain(reader),
    })
}

/// Counts the bytes that a decoder took, and tells a failing disk from a broken stream.
struct Counted {
    inner: BufReader<File>,
    position: u64,
    failed: bool,
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.inner.fill_buf() {
            Ok(bytes) => Ok(bytes),
            Err(error) => {
                self.failed = error.kind() != io::ErrorKind::Interrupted;
                Err(error)
            }
        }
    }

    fn consume(&mut self, n: usize) {
        self.position += n as u64;
        self.inner.consume(n);
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}
