//! Behaviour of sources: formats, bad inputs, and that no row vanishes.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int64Array, LargeStringArray, ListArray, ListBuilder,
    RecordBatch, StringArray, StringBuilder, StructArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, SchemaRef};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::TempDir;

mod parquet;

use super::*;
use crate::batch::{EXTRA, ID, LANGUAGE, SOURCE, URL};
use crate::ledger::Cause;

/// An input in a folder of its own.
struct Files {
    folder: TempDir,
    input: Input,
}

/// What was read of it.
struct Found {
    rows: RecordBatch,
    batches: Vec<Batch>,
    unreadable: Vec<Removed>,
    n_blocks: usize,
}

impl Files {
    fn new(files: &[(&str, &[u8])]) -> Files {
        let folder = tempfile::tempdir().unwrap();
        let mut input = Input::default();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
            input.paths.push(folder.path().join(name).to_str().unwrap().to_owned());
        }
        Files { folder, input }
    }

    fn mapped(mut self, columns: &[(&str, &str)]) -> Files {
        let columns = columns.iter().map(|(column, name)| (column.to_string(), name.to_string()));
        self.input.columns = columns.collect();
        self
    }

    fn max_line_bytes(mut self, max: usize) -> Files {
        self.input.max_line_bytes = max;
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn source(&self) -> Result<Source> {
        Source::new(&self.input, list(&self.input)?)
    }

    fn error(&self) -> String {
        let error = self.source().err().expect("an error");
        format!("{error:#}").replace(self.folder.path().to_str().unwrap(), "DIR")
    }

    fn read(&self) -> Found {
        let source = self.source().unwrap();
        let mut found = Found {
            rows: RecordBatch::new_empty(source.schema()),
            batches: Vec::new(),
            unreadable: Vec::new(),
            n_blocks: 0,
        };
        for file in source.files().iter() {
            let mut reader = source.reader(file).unwrap();
            while let Some(block) = reader.next().unwrap() {
                assert!(block.position <= file.bytes, "{} of {}", block.position, file.bytes);
                let decoded = (block.decode)(None).unwrap();
                assert_eq!(decoded.batch.rows.schema(), source.schema());
                found.batches.push(decoded.batch);
                found.unreadable.extend(decoded.unreadable);
                found.n_blocks += 1;
            }
        }
        let rows = found.batches.iter().map(|batch| &batch.rows);
        found.rows = concat_batches(&source.schema(), rows).unwrap();
        found
    }
}

impl Found {
    fn column(&self, column: usize) -> Vec<Option<&str>> {
        self.rows.column(column).as_string::<i32>().iter().collect()
    }

    fn named(&self, name: &str) -> Vec<Option<&str>> {
        self.rows.column_by_name(name).unwrap().as_string::<i32>().iter().collect()
    }

    fn texts(&self) -> Vec<&str> {
        self.column(TEXT).into_iter().flatten().collect()
    }

    fn ids(&self) -> Vec<&str> {
        self.column(ID).into_iter().flatten().collect()
    }

    fn places(&self) -> Vec<u64> {
        let origins = self.batches.iter().flat_map(|batch| &batch.origins);
        origins.map(|origin| origin.place.row).collect()
    }

    fn errors(&self) -> Vec<&str> {
        let error = |removed: &'_ Removed| match &removed.cause {
            Cause::Unreadable { .. } => true,
            _ => panic!("a row that is not unreadable"),
        };
        let rows = self.unreadable.iter().filter(|removed| error(removed));
        rows.map(|removed| match &removed.cause {
            Cause::Unreadable { error } => error.as_str(),
            _ => unreachable!(),
        })
        .collect()
    }
}

fn jsonl(text: impl AsRef<[u8]>) -> Found {
    Files::new(&[("a.jsonl", text.as_ref())]).read()
}

/// Returns the one error of a line between two good ones.
fn line_error(line: &[u8]) -> String {
    let good = b"{\"text\":\"good\"}\n";
    let found = jsonl([good, line, b"\n", good].concat());
    assert_eq!(found.texts(), ["good", "good"], "{}", String::from_utf8_lossy(line));
    assert_eq!(found.places(), [0, 2]);
    assert_eq!(found.unreadable.len(), 1);
    assert_eq!(found.unreadable[0].text, String::from_utf8_lossy(line));
    found.errors()[0].to_owned()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    // As the command line tool does; without it a damaged literal is not noticed.
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn parquet_bytes(batches: &[RecordBatch], properties: Option<WriterProperties>) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batches[0].schema(), properties).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn table<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

// JSONL.

#[test]
fn a_line_becomes_columns_and_the_rest_of_it_stays_as_it_stood() {
    let found = jsonl(
        "{\"n\":1e400, \"text\":\"a\\nb\",\"id\":7,\"url\":\"u\",\"language\":null,\"big\":123456789012345678901234567890,\
         \"meta\":{\"k\": [1, 2.50]},\"source\":{\"a\": 1}}\n{\"text\":\"\"}\n",
    );
    assert_eq!(found.texts(), ["a\nb", ""]);
    assert_eq!(found.ids(), ["7", "a.jsonl:1"]);
    assert_eq!(found.column(URL), [Some("u"), None]);
    assert_eq!(found.column(SOURCE), [Some("{\"a\": 1}"), None]);
    assert_eq!(found.column(LANGUAGE), [None, None]);
    let extra = "{\"n\":1e400,\"big\":123456789012345678901234567890,\"meta\":{\"k\": [1, 2.50]}}";
    assert_eq!(found.named(EXTRA), [Some(extra), None]);
}

#[test]
fn columns_are_mapped_by_name_and_by_path() {
    let line = r#"{"raw_content":"t","meta":{"url":"u","lang":["zh"],"x":1},"key":"k","d.o.t":"s","text":"gone"}"#;
    let found = Files::new(&[("a.jsonl", line.as_bytes())])
        .mapped(&[
            ("text", "raw_content"),
            ("url", "meta.url"),
            ("id", "key"),
            ("source", "d.o.t"),
            ("language", "meta.lang"),
        ])
        .read();
    assert_eq!(found.texts(), ["t"]);
    assert_eq!(found.ids(), ["k"]);
    assert_eq!(found.column(URL), [Some("u")]);
    assert_eq!(found.column(SOURCE), [Some("s")]);
    assert_eq!(found.column(LANGUAGE), [Some("[\"zh\"]")]);
    let parent = r#"{"meta":{"url":"u","lang":["zh"],"x":1}}"#;
    assert_eq!(found.named(EXTRA), [Some(parent)], "what a path reads stays in its parent");

    let nested = Files::new(&[("a.jsonl", br#"{"doc":{"body":"a\u4e2d"},"url":"u"}"#)])
        .mapped(&[("text", "doc.body"), ("id", "url")])
        .read();
    assert_eq!(nested.texts(), ["a中"]);
    assert_eq!((nested.ids(), nested.column(URL)), (vec!["u"], vec![Some("u")]));
}

#[test]
fn the_last_of_several_members_with_one_name_counts() {
    let found = jsonl(r#"{"text":null,"a":1,"b":2,"text":"x","a":3,"id":1,"text":"y","id":2}"#);
    assert_eq!((found.texts(), found.ids()), (vec!["y"], vec!["2"]));
    assert_eq!(found.named(EXTRA), [Some("{\"a\":3,\"b\":2}")]);
    let many: Vec<_> = (0..100).map(|i| format!("\"k{}\":{i}", i % 40)).collect();
    let found = jsonl(format!("{{\"text\":\"\",{}}}", many.join(",")));
    let extra: Value = serde_json::from_str(found.named(EXTRA)[0].unwrap()).unwrap();
    assert_eq!(extra.as_object().unwrap().len(), 40);
    assert_eq!((&extra["k0"], &extra["k39"]), (&json!(80), &json!(79)));
}

#[test]
fn lines_end_with_or_without_carriage_returns_and_blank_lines_are_counted_but_no_rows() {
    let found = jsonl("\u{feff}{\"text\":\"a\"}\r\n\n  \r\n{\"text\":\"b\\u2028\u{2028}\"}");
    assert_eq!(found.texts(), ["a", "b\u{2028}\u{2028}"]);
    assert_eq!(found.places(), [0, 3]);
    assert!(found.unreadable.is_empty());
}

#[test]
fn an_empty_file_gives_no_block() {
    for name in ["a.jsonl", "a.csv", "a.txt", "a.jsonl.gz", "a.jsonl.zst"] {
        for bytes in [vec![], gzip(b""), zst(b"")] {
            let found = Files::new(&[(name, &bytes)]).read();
            assert_eq!((found.n_blocks, found.unreadable.len()), (0, 0), "{name}");
        }
    }
}

#[test]
fn a_line_that_is_no_object_with_a_text_is_unreadable_and_the_others_are_read() {
    for (line, expected) in [
        (&b"{\"text\":null}"[..], "`text` is null, expected a string"),
        (b"{\"text\":[\"a\"]}", "`text` is a list"),
        (b"{\"text\":{\"a\":1}}", "`text` is an object"),
        (b"{\"text\":-1.5}", "`text` is a number"),
        (b"{\"text\":false}", "`text` is a boolean"),
        (b"{\"a\":1}", "`text` is missing"),
        (b"{}", "`text` is missing"),
        (b"[]", "invalid JSON"),
        (b"\"text\"", "invalid JSON"),
        (b"{\"text\":\"a\"} {}", "invalid JSON at byte"),
        (b"{\"text\":\"a\"}x", "invalid JSON"),
        (b"{\"text\":\"a\",}", "invalid JSON"),
        (b"{\"text\":\"a\",\"b\":[1,2,}", "invalid JSON"),
        (b"{\"text\":\"a\",\"b\":{\"c\":01}}", "invalid JSON"),
        (b"{\"text\":\"a\",\"b\":[nul]}", "invalid JSON"),
        (b"{\"text\":\"a\",\"b\":\"\\x\"}", "invalid JSON"),
        (b"{\"text\":\"a\",\"b\":\"\x01\"}", "invalid JSON"),
        (b"{\"text\":\"a\",\"b\":[\"\\u12g4\"]}", "a broken \\u escape in `b`"),
        (b"{\"text\":\"a\",\"b\":\"\\u12", "invalid JSON"),
        (b"{\"text\":\"a\x00b\"}", "invalid JSON"),
        (b"\0\0\0\0", "invalid JSON"),
        (b"{\"text\":\"\\ud800\"}", "invalid JSON"),
        (b"{\"text\":\"abc", "invalid JSON"),
        (b"{\"text\":\"a\",\"b\":\"\xff\"}", "invalid UTF-8 at byte 17"),
        (b"{\"text\":\"\xed\xa0\x80\"}", "invalid UTF-8 at byte 9"),
    ] {
        let error = line_error(line);
        assert!(error.starts_with("a.jsonl: row 1: "), "{error}");
        assert!(error.contains(expected), "{error}, expected {expected}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn an_unreadable_row_has_its_id_where_that_can_be_read() {
    let found = jsonl("{\"id\":\"x\",\"text\":1}\n{\"id\":\n");
    assert_eq!(found.unreadable[0].id, "x");
    assert_eq!(found.unreadable[1].id, "a.jsonl:1");
    assert_eq!(found.unreadable[1].place, crate::batch::Place { file: 0, row: 1 });
}

#[test]
fn deep_nesting_is_unreadable_and_does_not_overflow_the_stack() {
    for opening in ["[", "{\"a\":"] {
        let line = format!("{{\"text\":\"a\",\"b\":{}", opening.repeat(200_000));
        let closed = format!("{{\"text\":\"a\",\"b\":{}{}}}", "[".repeat(513), "]".repeat(513));
        for line in [line, closed] {
            let found = jsonl(line);
            assert_eq!(found.errors(), ["a.jsonl: row 0: nested deeper than 512"]);
            assert!(found.unreadable[0].text.len() <= unreadable::MAX_KEPT_BYTES);
        }
    }
    let text = "[{\\\"".repeat(200_000);
    let nested = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let found = jsonl(format!("{{\"text\":\"{text}\",\"b\":{nested}}}"));
    assert_eq!(found.texts()[0].len(), 600_000, "brackets in strings nest nothing");
}

#[test]
fn a_long_line_is_unreadable_and_streamed_past() {
    let good = "{\"text\":\"good\"}\n";
    for n in [100, 101, 70_000, 3_000_000] {
        let long = format!("{{\"text\":\"{}\"}}\n", "x".repeat(n - 11));
        let bytes = [good, &long, good].concat();
        let found = Files::new(&[("a.jsonl", bytes.as_bytes())]).max_line_bytes(100).read();
        let expected = if n == 100 { vec![0, 1, 2] } else { vec![0, 2] };
        assert_eq!(found.places(), expected, "{n}");
        if n > 100 {
            assert_eq!(
                found.errors(),
                [format!("a.jsonl: row 1: a line of {n} bytes, max_line_bytes is 100")]
            );
            assert_eq!(found.unreadable[0].text.len(), n.min(unreadable::MAX_KEPT_BYTES));
        }
    }
}

#[test]
fn a_line_of_100_mb_is_read_in_bounded_memory() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(b"{\"text\":\"a\"}\n{\"text\":\"").unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        encoder.write_all(&piece).unwrap();
    }
    encoder.write_all(b"\"}\n{\"text\":\"b\"}\n").unwrap();
    let bytes = encoder.finish().unwrap();
    let files = Files::new(&[("a.jsonl.zst", &bytes)]).max_line_bytes(4 << 20);
    let source = files.source().unwrap();
    let mut reader = source.reader(&source.files()[0]).unwrap();
    let mut largest = 0;
    while let Some(block) = reader.next().unwrap() {
        largest = largest.max(block.bytes);
    }
    assert!(largest < 100);
    let found = files.read();
    assert_eq!(found.places(), [0, 2]);
    assert!(found.errors()[0].contains("row 1: a line of 104857611 bytes"), "{:?}", found.errors());
}

#[test]
fn blocks_are_whole_lines_of_a_mebibyte() {
    let line = format!("{{\"text\":\"{}\"}}\n", "y".repeat(5000));
    let n = 1000;
    let found = jsonl(line.repeat(n));
    assert_eq!(found.texts().len(), n);
    let per_block = lines::BLOCK_BYTES.div_ceil(line.len());
    assert_eq!(found.n_blocks, n.div_ceil(per_block));
    assert!(found.batches[..found.n_blocks - 1].iter().all(|b| b.n_rows() == per_block));
    assert_eq!(found.places(), (0..n as u64).collect::<Vec<_>>());
}

// Compression.

#[test]
fn many_members_and_frames_read_as_one_file_whatever_its_name() {
    let lines: Vec<_> = (0..3000).map(|i| format!("{{\"text\":\"text {i}\"}}\n")).collect();
    let plain = jsonl(lines.concat());
    for compress in [gzip, zst] {
        // Members end within lines.
        let whole = lines.concat();
        let members: Vec<u8> = whole.as_bytes().chunks(7777).flat_map(compress).collect();
        for name in ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"] {
            let found = Files::new(&[(name, &members)]).read();
            assert_eq!(found.texts(), plain.texts());
            assert!(found.unreadable.is_empty());
        }
    }
    let skippable =
        [&b"\x50\x2a\x4d\x18\x03\0\0\0abc"[..], &zst(lines.concat().as_bytes())].concat();
    assert_eq!(Files::new(&[("a.jsonl.zst", &skippable)]).read().texts(), plain.texts());
}

#[test]
fn rows_before_a_break_are_read_and_the_break_is_one_entry_with_its_byte() {
    let lines: Vec<_> = (0..50_000).map(|i| format!("{{\"text\":\"{}\"}}\n", i * 7919)).collect();
    let plain = lines.concat();
    for (name, compress) in [("gzip", gzip as fn(&[u8]) -> Vec<u8>), ("zstd", zst)] {
        let whole = compress(plain.as_bytes());
        let cut = whole.len() / 2;
        let trailing = [&whole[..], b"garbage behind it"].concat();
        for (bytes, is_whole) in [(&whole[..cut], false), (&trailing, true)] {
            let found = Files::new(&[("a.jsonl", bytes)]).read();
            let n = found.texts().len();
            assert_eq!(found.places(), (0..n as u64).collect::<Vec<_>>());
            assert!(found.texts().iter().zip(&lines).all(|(a, b)| b.contains(a)));
            assert_eq!(found.unreadable.len(), 1, "{name} {:?}", found.errors());
            let error = found.errors()[0];
            let expected = format!("a.jsonl: row {n}: the {name} stream breaks at byte ");
            assert!(error.starts_with(&expected), "{error}");
            assert_eq!(found.unreadable[0].place.row, n as u64);
            let at = error.strip_prefix(&expected).and_then(|rest| rest.split(' ').next());
            let at: usize = at.unwrap().parse().unwrap();
            assert_eq!(n == lines.len(), is_whole);
            assert!(if is_whole { at >= whole.len() } else { at == cut }, "{error}, cut at {cut}");
        }
    }
}

#[test]
fn rows_of_a_corrupt_stream_are_accounted_for() {
    let plain: String = (0..50_000).map(|i| format!("{{\"text\":\"{}\"}}\n", i * 7919)).collect();
    for (name, compress) in [("gzip", gzip as fn(&[u8]) -> Vec<u8>), ("zstd", zst)] {
        let mut bytes = compress(plain.as_bytes());
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].fill(0xff);
        let found = Files::new(&[("a.jsonl", &bytes)]).read();
        // gzip notices only after a while, so there may be rows of garbage before the break.
        let mut places = found.places();
        assert!(places.len() > 1000, "{name}: {} rows, {:?}", places.len(), found.errors());
        places.extend(found.unreadable.iter().map(|removed| removed.place.row));
        places.sort_unstable();
        assert_eq!(places, (0..places.len() as u64).collect::<Vec<_>>());
        let last = found.errors().last().copied().unwrap_or_default();
        assert!(last.contains(&format!("the {name} stream breaks at byte ")), "{name}: {last}");
    }
}

#[test]
fn the_line_that_a_file_breaks_off_in_is_kept_in_the_entry_of_the_break() {
    let text = "{\"text\":\"a\"}\n{\"text\":\"bcd\"}\n";
    let whole = gzip(text.as_bytes());
    // The last 8 bytes are the checksum: all lines are there, and yet the file is not whole.
    let found = Files::new(&[("a.jsonl.gz", &whole[..whole.len() - 8])]).read();
    assert_eq!((found.texts(), found.unreadable.len()), (vec!["a", "bcd"], 1));
    let frames = [zst(b"{\"text\":\"a\"}\n{\"text\":\"bc"), zst(b"d\"}\n")].concat();
    let found = Files::new(&[("a.jsonl.zst", &frames[..frames.len() - 8])]).read();
    assert_eq!(found.texts(), ["a"]);
    assert_eq!(found.errors().len(), 1);
    assert!(found.unreadable[0].text.starts_with("{\"text\":\"bc"), "{:?}", found.unreadable);
}

// Text and CSV.

#[test]
fn a_text_file_is_one_document_named_by_its_file() {
    let files: &[(&str, &[u8])] = &[
        ("a.txt", b"\xef\xbb\xbfone\ntwo\n"),
        ("b.md", b"x\xff"),
        ("c.txt", b"far too long"),
        ("d.txt.gz", &gzip("中文".as_bytes())),
    ];
    let found = Files::new(files).max_line_bytes(10).read();
    assert_eq!(found.ids(), ["a.txt", "d.txt.gz"]);
    assert_eq!(found.texts(), ["one\ntwo\n", "中文"]);
    let expected = [
        "b.md: row 0: invalid UTF-8 at byte 1",
        "c.txt: row 0: a text of more than 10 bytes, which is max_line_bytes",
    ];
    assert_eq!(found.errors(), expected);
    assert_eq!(found.unreadable[1].text, "far too long");
    let cut = zst(&[b'x'; 1000]);
    let found = Files::new(&[("e.txt", &cut[..cut.len() - 2])]).read();
    assert!(found.errors()[0].contains("e.txt: row 0: the zstd stream breaks"));
}

#[test]
fn a_csv_file_has_quoted_newlines_and_its_own_columns() {
    let csv = "\u{feff}id,body,tag\n1,\"a\nb \"\"q\"\"\",x\n\n,plain,\"\"\n3,bad\n4,last,y";
    for bytes in [csv.as_bytes().to_vec(), gzip(csv.as_bytes()), zst(csv.as_bytes())] {
        let found = Files::new(&[("a.csv", &bytes)]).mapped(&[("text", "body")]).read();
        assert_eq!(found.texts(), ["a\nb \"q\"", "plain", "last"]);
        assert_eq!(found.ids(), ["1", "a.csv:1", "4"]);
        assert_eq!(found.named("tag"), [Some("x"), Some(""), Some("y")]);
        assert_eq!(found.errors(), ["a.csv: row 2: 2 fields, expected 3"]);
        assert_eq!(found.places(), [0, 1, 3]);
        assert_eq!(found.rows.num_columns(), COLUMNS.len() + 1);
    }
    let found = Files::new(&[("a.tsv", b"text\tn\na,b\t1\n")]).read();
    assert_eq!(found.texts(), ["a,b"]);
}

#[test]
fn bad_csv_rows_are_unreadable() {
    let found = Files::new(&[("a.csv", b"text,b\nx\xff,1\ngood,2\n")]).read();
    assert_eq!(found.errors(), ["a.csv: row 0: invalid UTF-8 at byte 1 of its fields"]);
    // A quote that is never closed swallows the rest, and only that.
    let long = format!("text,b\ngood,1\n\"{}", "never closed\n".repeat(200_000));
    let found = Files::new(&[("a.csv", long.as_bytes())]).max_line_bytes(1000).read();
    assert_eq!(found.texts(), ["good"]);
    let expected = "a.csv: row 1: a record of more than 1000 bytes, which is max_line_bytes";
    assert_eq!(found.errors(), [expected]);
    let commas = format!("text,b\n{}\ngood,1\n", ",".repeat(200_000));
    let found = Files::new(&[("a.csv", commas.as_bytes())]).read();
    assert_eq!((found.texts(), found.places()), (vec!["good"], vec![1]));
    let whole = zst("text,b\n".repeat(100_000).as_bytes());
    let found = Files::new(&[("a.csv", &whole[..whole.len() - 1])]).read();
    assert_eq!(found.errors().len(), 1);
    assert!(found.errors()[0].contains("the zstd stream breaks"), "{:?}", found.errors());
}

#[test]
fn a_table_without_a_text_is_refused_before_the_first_row() {
    let csv = Files::new(&[("a.csv", b"id,body\n1,x\n")]);
    assert_eq!(
        csv.error(),
        "DIR/a.csv: no column `text` for the text; its columns are id, body\n\
         hint: set `columns = { text = \"…\" }` in [input]"
    );
    let rows = table([("body", strings(&["x"]))]);
    let parquet = Files::new(&[("a.parquet", &parquet_bytes(&[rows], None))]);
    assert!(parquet.error().contains("DIR/a.parquet: no column `text`"));
    let error = Files::new(&[("a.csv", b"text\nx\n")]).mapped(&[("url", "link")]).error();
    assert_eq!(error, "input.columns.url: no file has a column `link`");
    let error = Files::new(&[("a.csv", b"text\nx\n")]).mapped(&[("txt", "text")]).error();
    assert!(error.starts_with("input.columns.txt: not a column that can be mapped\nhint: "));
    let error = Files::new(&[("a.csv", b"text,b,b\nx,1,2\n")]).error();
    assert_eq!(error, "DIR/a.csv: two columns are called `b`");
    let numbers = table([("text", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]);
    let error = Files::new(&[("a.parquet", &parquet_bytes(&[numbers], None))]).error();
    assert_eq!(error, "DIR/a.parquet: column `text` is Int64, expected a string for `text`");
}

#[test]
fn a_file_that_changes_or_vanishes_is_an_error_and_no_row() {
    let files = Files::new(&[("a.jsonl", b"{\"text\":\"a\"}")]);
    let source = files.source().unwrap();
    std::fs::write(files.path("a.jsonl"), "{\"text\":\"abc\"}").unwrap();
    assert!(source.reader(&source.files()[0]).is_err());
    std::fs::remove_file(files.path("a.jsonl")).unwrap();
    let error = format!("{:#}", source.reader(&source.files()[0]).err().unwrap());
    assert!(error.contains("a.jsonl"), "{error}");
}

// Properties.

/// A line of a file, and whether it is a document, unreadable, or neither.
fn any_line() -> impl Strategy<Value = (Vec<u8>, u8)> {
    prop_oneof![
        ".{0,40}".prop_map(|t| (json!({"text": t, "n": 1}).to_string().into_bytes(), 1)),
        "[a-z\"{}\\[\\]:,]{1,20}".prop_map(|t| (format!("x{t}").into_bytes(), 2)),
        prop::collection::vec(0x80..0xff_u8, 1..10).prop_map(|bytes| (bytes, 2)),
        Just((b"{\"text\":null}".to_vec(), 2)),
        "[ \t]{0,3}".prop_map(|t| (t.into_bytes(), 0)),
        (100..9000_usize)
            .prop_map(|n| (json!({"text": "y".repeat(n)}).to_string().into_bytes(), 3)),
    ]
}

/// JSON that is sometimes broken.
fn any_json() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 64.0)),
        ".{0,20}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..5)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    });
    let edit =
        (any::<prop::sample::Index>(), prop::sample::select(&b"{}[]\",:\\0-.eEtn \x01\x7fu"[..]));
    (value, prop::option::of(edit)).prop_map(|(value, edit)| {
        let mut line = json!({"text": "t", "v": value}).to_string().into_bytes();
        if let Some((index, byte)) = edit {
            let at = index.index(line.len());
            line[at] = byte;
        }
        line
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_row_vanishes(lines in prop::collection::vec(any_line(), 0..200), compression in 0..3, cut in 0..100_usize) {
        let max = 4096;
        let text: Vec<u8> = lines.iter().flat_map(|(line, _)| [line, &b"\n"[..]].concat()).collect();
        let whole = match compression { 0 => text, 1 => gzip(&text), _ => zst(&text) };
        let found = Files::new(&[("a.jsonl", &whole)]).max_line_bytes(max).read();
        let is_long = |line: &[u8]| line.len() > max;
        let n_good = lines.iter().filter(|(l, kind)| *kind == 1 || (*kind == 3 && !is_long(l))).count();
        let n_bad = lines.iter().filter(|(l, kind)| *kind == 2 || (*kind == 3 && is_long(l))).count();
        prop_assert_eq!(found.texts().len(), n_good);
        prop_assert_eq!(found.unreadable.len(), n_bad);
        let mut places = found.places();
        places.extend(found.unreadable.iter().map(|removed| removed.place.row));
        places.sort_unstable();
        let expected: Vec<u64> =
            (0..).zip(&lines).filter(|(_, (_, kind))| *kind != 0).map(|(i, _)| i).collect();
        prop_assert_eq!(places, expected);
        // Cut short, every line is a document or unreadable as before, up to the one that has the break.
        if compression > 0 && cut > 0 {
            let short = &whole[..whole.len() - cut.min(whole.len() - 1)];
            let found = Files::new(&[("a.jsonl", short)]).max_line_bytes(max).read();
            prop_assert!(found.unreadable.len() <= n_bad + 1);
            prop_assert!(!found.unreadable.is_empty());
        }
    }

    #[test]
    fn a_line_is_read_if_and_only_if_serde_json_reads_it(line in any_json()) {
        let members: Option<BTreeMap<String, &RawValue>> = serde_json::from_slice(&line).ok();
        let text = members.as_ref().and_then(|members| members.get("text"));
        let text = text.and_then(|text| serde_json::from_str::<String>(text.get()).ok());
        let found = jsonl(&line);
        match (members, text) {
            (Some(mut members), Some(text)) => {
                prop_assert_eq!(found.errors(), Vec::<&str>::new());
                prop_assert_eq!(found.texts(), [text]);
                members.retain(|name, _| !COLUMNS.contains(&name.as_str()));
                let extra = found.named(EXTRA)[0].unwrap_or("{}");
                let extra: BTreeMap<String, &RawValue> = serde_json::from_str(extra).unwrap();
                let spell = |members: BTreeMap<String, &RawValue>| -> Vec<_> {
                    members.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect()
                };
                prop_assert_eq!(spell(extra), spell(members));
            }
            _ => prop_assert_eq!(found.errors().len(), 1, "{}", String::from_utf8_lossy(&line)),
        }
    }
}
