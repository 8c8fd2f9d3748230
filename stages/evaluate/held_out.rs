use anyhow::{Context, Result};
use models::Tokenizer;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Tokenizes a text file, which is one document, or JSON lines, which are one each.
pub(super) fn read(
    path: &Path,
    column: &str,
    tokenizer: &dyn Tokenizer,
    end_of_document: u32,
) -> Result<Vec<u32>> {
    let mut ids = vec![end_of_document];
    let mut push = |text: &str| {
        tokenizer.encode(text, &mut ids);
        ids.push(end_of_document);
    };
    read_documents(path, column, &mut push).with_context(|| path.display().to_string())?;
    Ok(ids)
}

fn read_documents(path: &Path, column: &str, push: &mut dyn FnMut(&str)) -> Result<()> {
    let file = BufReader::new(File::open(path)?);
    let name = path.to_string_lossy();
    let plain = name.strip_suffix(".zst");
    let mut reader: Box<dyn BufRead> = match plain {
        Some(_) => Box::new(BufReader::new(zstd::Decoder::with_buffer(file)?)),
        None => Box::new(file),
    };
    if !plain.unwrap_or(&name).ends_with(".jsonl") {
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        push(&text);
        return Ok(());
    }
    for (row, line) in reader.lines().enumerate() {
        let at = || format!("row {}", row + 1);
        let line: serde_json::Value =
            serde_json::from_str(&line.with_context(at)?).with_context(at)?;
        let text = line[column].as_str().with_context(|| format!("{}: no {column}", at()))?;
        push(text);
    }
    Ok(())
}
