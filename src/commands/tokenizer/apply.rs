//! `corpusmill tokenizer encode` and `decode`: text to ids and back, between stdin and stdout.

use std::io::{self, BufRead, BufWriter, Read, Write};

use anyhow::{Context, Result};
use models::Tokenizer;
use serde_json::{Map, Value};

use crate::output::print;

/// Makes stdin one text.
pub(super) fn encode_all(tokenizer: &dyn Tokenizer) -> Result<()> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).context("stdin")?;
    Ok(print(spelt(&encode(tokenizer, &text)))?)
}

/// Makes each line of stdin a text.
pub(super) fn encode_lines(tokenizer: &dyn Tokenizer) -> Result<()> {
    each_line(|line| Ok(spelt(&encode(tokenizer, line))))
}

/// Puts `ids` in the place of `text`.
pub(super) fn encode_jsonl(tokenizer: &dyn Tokenizer) -> Result<()> {
    each_line(|line| {
        replace(line, "text", "ids", |text| {
            let text = text.as_str().context("`text` is no string")?;
            Ok(encode(tokenizer, text).into())
        })
    })
}

/// Writes the text of all ids on stdin.
pub(super) fn decode_all(tokenizer: &dyn Tokenizer) -> Result<()> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).context("stdin")?;
    let id = |word: &str| word.parse().with_context(|| format!("stdin: `{word}` is no id"));
    let ids = text.split_whitespace().map(id).collect::<Result<Vec<u32>>>()?;
    // The bytes of a token need not be UTF-8.
    Ok(io::stdout().lock().write_all(&tokenizer.decode(&ids))?)
}

/// Puts `text` in the place of `ids`.
pub(super) fn decode_jsonl(tokenizer: &dyn Tokenizer) -> Result<()> {
    each_line(|line| {
        replace(line, "ids", "text", |ids| {
            let ids: Vec<u32> =
                serde_json::from_value(ids.clone()).context("`ids` is no list of ids")?;
            let text = String::from_utf8(tokenizer.decode(&ids));
            Ok(text.context("the ids end inside a character, which JSON cannot hold")?.into())
        })
    })
}

fn encode(tokenizer: &dyn Tokenizer, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    tokenizer.encode(text, &mut ids);
    ids
}

fn spelt(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

/// Prints what `change` makes of each line of stdin.
fn each_line(mut change: impl FnMut(&str) -> Result<String>) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (number, line) in (1..).zip(io::stdin().lock().lines()) {
        let place = || format!("stdin, line {number}");
        let line = line.with_context(place)?;
        writeln!(out, "{}", change(&line).with_context(place)?)?;
    }
    Ok(out.flush()?)
}

/// Replaces the value of `from` by that of `to`, where it stood.
fn replace(
    line: &str,
    from: &str,
    to: &str,
    change: impl FnOnce(&Value) -> Result<Value>,
) -> Result<String> {
    let object: Map<String, Value> = serde_json::from_str(line).context("no JSON object")?;
    let new = change(object.get(from).with_context(|| format!("no key `{from}`"))?)?;
    let mut new = Some(new);
    let mut replaced = Map::new();
    for (key, value) in object {
        if key == from {
            replaced.extend(new.take().map(|new| (to.to_owned(), new)));
        } else if key != to {
            replaced.insert(key, value);
        }
    }
    Ok(Value::Object(replaced).to_string())
}
