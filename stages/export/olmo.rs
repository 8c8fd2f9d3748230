//! OLMo-core and dolma.
//!
//! ```text
//! train/part-0-00000.npy       ids and nothing else, linked: a memory map, not what `numpy.save` writes
//! train/part-0-00000.csv.gz    a row for each document: start, end (tokens, the end exclusive), id, src, loc; no header
//! tokenizer.json               linked
//! ```
//!
//! `src` is the input file and `loc` the row in it, counted from 0. Type of an id: the smallest of uint16 and uint32 that holds the
//! vocabulary, as `NumpyDatasetConfig.get_dtype` finds it; `--dtype uint32` where a configuration names it (OLMo 2 and 3), and the ids
//! are written anew if they are stored in two bytes. OLMo-core looks for `eos_token_id` to find documents in local files and at the
//! `.csv.gz` for remote ones: both agree, since the id ends each document and stands nowhere else.
//! Differs: OLMo-core's fixed-length datasets leave out the tail of each file that fills no instance: prefer few, large shards.
//! Source: `olmo_core/data/utils.py`, `olmo_core/data/numpy_dataset.py`; dolma's `python/dolma/tokenizer/memmap_writer.py`.

use std::io::{BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use arrow::array::{Array, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::UInt64Type;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::dataset::{Dataset, Shard};
use super::dtype::Dtype;
use super::folder::Folder;
use super::payload::{Take, files_where, for_each_block, open};
use super::rewrite::{payload, tokenizer, with_ending};
use super::{Known, Layout};
use crate::token_shards::Cut;

/// Returns OLMo-core's own choice for a vocabulary, among the types that we write.
pub(super) fn dtype(vocab_size: usize) -> Dtype {
    if vocab_size > 1 << 16 { Dtype::Uint32 } else { Dtype::Uint16 }
}

pub(super) struct Olmo {
    pub(super) dtype: Dtype,
}

impl Layout for Olmo {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn write(&self, dataset: &Dataset, folder: &mut Folder) -> Result<()> {
        tokenizer(dataset, folder)?;
        for split in &dataset.splits {
            for shard in &split.shards {
                let name = format!("{}/part-0-{}", split.name, shard.name);
                payload(dataset, shard, self.dtype, folder, &format!("{name}.npy"))?;
                let name = format!("{name}.csv.gz");
                let mut gz = GzEncoder::new(folder.create(&name)?, Compression::default());
                write_rows(shard, &mut gz)?;
                let file = gz.finish().with_context(|| name.clone())?;
                folder.finish(&name, file)?;
            }
        }
        Ok(())
    }

    fn read(&self, dir: &Path, split: &str, _: &Known, take: Take<'_>) -> Result<()> {
        for data in files_where(&dir.join(split), |name| name.ends_with(".npy"))? {
            let place = || data.display().to_string();
            let rows = data.with_extension("csv.gz");
            let mut cut = Cut::new(Ends::new(MultiGzDecoder::new(open(&rows)?)))
                .with_context(|| rows.display().to_string())?;
            for_each_block(open(&data)?, self.dtype, |ids| cut.push(ids, &mut *take))
                .with_context(place)?;
            cut.finish(&mut *take).with_context(place)?;
        }
        Ok(())
    }
}

/// Writes the rows of a shard: bounds from its index, the rest from the table of documents, which must agree.
fn write_rows(shard: &Shard, to: &mut impl Write) -> Result<()> {
    let path = with_ending(&shard.prefix, ".documents.parquet");
    let place = || path.display().to_string();
    let table = ParquetRecordBatchReaderBuilder::try_new(open(&path)?).with_context(place)?;
    let (mut start, mut ends) = (0, shard.tokens.ends());
    let mut line = Vec::new();
    for batch in table.build().with_context(place)? {
        let batch = batch.with_context(place)?;
        let (ids, files) = (strings(&batch, "id"), strings(&batch, "file"));
        let (ids, files) = (ids.with_context(place)?, files.with_context(place)?);
        let (rows, table_ends) = (numbers(&batch, "row"), numbers(&batch, "end"));
        let (rows, table_ends) = (rows.with_context(place)?, table_ends.with_context(place)?);
        for row in 0..batch.num_rows() {
            let end = ends.next().context("has more rows than the shard has documents");
            let end = end.with_context(place)?.with_context(|| shard.place.clone())?;
            ensure!(
                table_ends.value(row) == end,
                "{}: document {} ends at token {}, the index says {end}",
                path.display(),
                ids.value(row),
                table_ends.value(row)
            );
            line.clear();
            write!(line, "{start},{end},")?;
            push_field(ids.value(row), &mut line);
            line.push(b',');
            push_field(files.value(row), &mut line);
            write!(line, ",{}\r\n", rows.value(row))?;
            to.write_all(&line)?;
            start = end;
        }
    }
    ensure!(ends.next().is_none(), "{}: has fewer rows than the shard has documents", place());
    Ok(())
}

fn strings<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.filter(|column| column.null_count() == 0).with_context(|| format!("has no `{name}`"))
}

fn numbers<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a UInt64Array> {
    let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<UInt64Type>());
    column.with_context(|| format!("has no `{name}`"))
}

/// Appends a field, in quotes where it needs them.
fn push_field(field: &str, line: &mut Vec<u8>) {
    if !field.contains([',', '"', '\r', '\n']) {
        line.extend_from_slice(field.as_bytes());
        return;
    }
    line.push(b'"');
    line.extend_from_slice(field.replace('"', "\"\"").as_bytes());
    line.push(b'"');
}

/// Where each document ends, by the rows of a `.csv.gz`.
struct Ends<R: Read> {
    source: BufReader<R>,
    csv: Reader,
    start: u64,
    row: u64,
}

impl<R: Read> Ends<R> {
    fn new(source: R) -> Ends<R> {
        let csv = ReaderBuilder::new().build();
        Ends { source: BufReader::with_capacity(1 << 16, source), csv, start: 0, row: 0 }
    }

    /// Reads a row; `None` behind the last.
    fn read(&mut self) -> Result<Option<u64>> {
        use std::io::BufRead;
        // Two numbers and three fields of which nothing is kept: a buffer that is full is emptied.
        let (mut bytes, mut ends) = ([0; 4096], [0; 64]);
        let (mut n_bytes, mut n_ends) = (0, 0);
        let mut bounds = None;
        loop {
            let input = self.source.fill_buf()?;
            let (outcome, n_in, n_out, n_fields) =
                self.csv.read_record(input, &mut bytes[n_bytes..], &mut ends[n_ends..]);
            self.source.consume(n_in);
            n_bytes += n_out;
            n_ends += n_fields;
            if bounds.is_none() && n_ends >= 2 {
                let field = |range: std::ops::Range<usize>| {
                    std::str::from_utf8(bytes.get(range)?).ok()?.parse::<u64>().ok()
                };
                bounds = Some((field(0..ends[0]), field(ends[0]..ends[1])));
            }
            match outcome {
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if bounds.is_some() => n_bytes = 0,
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    anyhow::bail!("row {}: not start, end, id, src, loc", self.row)
                }
            }
        }
        let Some((Some(start), Some(end))) = bounds else {
            anyhow::bail!("row {}: does not begin with two numbers", self.row)
        };
        ensure!(start == self.start, "row {}: begins at {start}, not {}", self.row, self.start);
        self.start = end;
        self.row += 1;
        Ok(Some(end))
    }
}

impl<R: Read> Iterator for Ends<R> {
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Result<u64>> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{export_of, file};
    use super::super::{Format, Options};
    use super::*;

    #[test]
    fn bytes_are_those_of_the_specification() {
        let documents: [&[u32]; 2] = [&[258, 7, 0], &[0]];
        let export = export_of(Format::Olmo, &Options::default(), 300, &documents);
        assert_eq!(file(&export, "train/part-0-00000.npy"), [2, 1, 7, 0, 0, 0, 0, 0]);
        let gz = file(&export, "train/part-0-00000.csv.gz");
        let mut csv = String::new();
        MultiGzDecoder::new(gz.as_slice()).read_to_string(&mut csv).unwrap();
        assert_eq!(csv, "0,3,\"d,0\",in.jsonl,0\r\n3,4,\"d,1\",in.jsonl,1\r\n");
        let wide = Options { dtype: Some(Dtype::Uint32), ..Options::default() };
        let export = export_of(Format::Olmo, &wide, 300, &documents);
        let bytes = file(&export, "train/part-0-00000.npy");
        assert_eq!(bytes, [2, 1, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn fields_are_quoted_as_csv_quotes_them() {
        let quoted = |field: &str| {
            let mut line = Vec::new();
            push_field(field, &mut line);
            String::from_utf8(line).unwrap()
        };
        assert_eq!(quoted("a b"), "a b");
        assert_eq!(quoted("say \"a,b\""), "\"say \"\"a,b\"\"\"");
        assert_eq!(quoted("two\nlines"), "\"two\nlines\"");
    }

    #[test]
    fn rows_are_read_whatever_the_fields_behind_the_bounds() {
        let long = "x".repeat(10_000);
        let csv = format!("0,3,\"a,\"\"b\n\",f,0\r\n3,4,{long},\"{long}\n\",9\r\n4,9,,,\r\n");
        let ends: Result<Vec<u64>> = Ends::new(csv.as_bytes()).collect();
        assert_eq!(ends.unwrap(), [3, 4, 9]);
        for (csv, expected) in [
            ("0,3,a,b,0\n4,5,a,b,0\n", "row 1: begins at 4, not 3"),
            ("start,end,id\n", "row 0: does not begin with two numbers"),
            ("0\n", "row 0: does not begin with two numbers"),
        ] {
            let error = Ends::new(csv.as_bytes()).collect::<Result<Vec<u64>>>().unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
