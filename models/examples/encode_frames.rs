//! Encodes texts for `tests/python/tokenizer_parity.py`, which compares the ids with those of other libraries.
//!
//! `encode_frames TOKENIZER [ENCODING]` reads frames on stdin, each a length in bytes (u32, little-endian) and so many
//! bytes of UTF-8, and answers each with a byte of flags, the number of ids, the ids, the length of the decoded text and
//! that text. Flag 1: decoding gives the normalized text. Flag 2: the normalized text is the text.

use std::error::Error;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use corpusmill_models::{LoadOptions, load_with};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: encode_frames TOKENIZER [ENCODING]")?;
    let options = LoadOptions { encoding: args.next(), ..LoadOptions::default() };
    let tokenizer = load_with(Path::new(&path), &options)?.tokenizer;
    let mut input = BufReader::new(std::io::stdin().lock());
    let mut output = BufWriter::new(std::io::stdout().lock());
    let (mut text, mut ids) = (Vec::new(), Vec::new());
    loop {
        let mut length = [0; 4];
        match input.read_exact(&mut length) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            read => read?,
        }
        text.resize(u32::from_le_bytes(length) as usize, 0);
        input.read_exact(&mut text)?;
        let text = std::str::from_utf8(&text)?;
        ids.clear();
        tokenizer.encode(text, &mut ids);
        let decoded = tokenizer.decode(&ids);
        let normalized = tokenizer.normalize(text);
        let comes_back = decoded == normalized.as_bytes();
        output.write_all(&[u8::from(comes_back) | u8::from(normalized == text) << 1])?;
        output.write_all(&u32::try_from(ids.len())?.to_le_bytes())?;
        for id in &ids {
            output.write_all(&id.to_le_bytes())?;
        }
        output.write_all(&u32::try_from(decoded.len())?.to_le_bytes())?;
        output.write_all(&decoded)?;
        // Whoever waits for the answers sends no more before they have come.
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    Ok(())
}
