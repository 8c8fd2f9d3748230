//! Behaviour of sinks: what is written reads back, and its bytes follow from the rows alone.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use anyhow::Result;
use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMillisecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, UInt64Type};
use filters::Removal;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::*;
use crate::batch::{Origin, Place, base_fields};
use crate::config::{Format, Input, KeepRemoved};
use crate::ledger::{Cause, Original, Removed};
use crate::source::{InputFile, Reader, Source, list};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Reads the files of a folder.
fn read(folder: &Path, pattern: &str) -> (Batch, SchemaRef) {
    let paths = vec![folder.join(pattern).to_str().unwrap().to_owned()];
    let input = Input { paths, ..Input::default() };
    let source = Source::new(&input, list(&input).unwrap()).unwrap();
    let mut batches = Vec::new();
    for file in source.files().iter() {
        batches.extend(drain(&mut *source.reader(file).unwrap()).unwrap());
    }
    (join(&source.schema(), &batches), source.schema())
}

fn drain(reader: &mut dyn Reader) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    while let Some(block) = reader.next()? {
        let decoded = (block.decode)(None)?;
        assert_eq!(decoded.unreadable, []);
        batches.push(decoded.batch);
    }
    Ok(batches)
}

fn join(schema: &SchemaRef, batches: &[Batch]) -> Batch {
    let rows = concat_batches(schema, batches.iter().map(|batch| &batch.rows)).unwrap();
    let origins = batches.iter().flat_map(|batch| batch.origins.iter().copied());
    Batch::new(rows, origins.collect()).unwrap()
}

/// Reads lines as a source does.
fn batch(lines: &[Value]) -> Batch {
    let folder = folder();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(folder.path().join("a.jsonl"), text).unwrap();
    read(folder.path(), "a.jsonl").0
}

type Create = fn(&Path, SchemaRef) -> Box<dyn Sink>;

fn write_cut(mut sink: Box<dyn Sink>, batch: &Batch, cuts: &[usize]) -> FileSeal {
    let mut start = 0;
    for &cut in cuts.iter().chain([&usize::MAX]) {
        let n = cut.min(batch.n_rows() - start);
        let origins = batch.origins[start..start + n].to_vec();
        sink.write(&Batch::new(batch.rows.slice(start, n), origins).unwrap()).unwrap();
        start += n;
    }
    sink.finish().unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
    let text = String::from_utf8(text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn table(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<_> = builder.build().unwrap().collect::<Result<_, _>>().unwrap();
    concat_batches(&schema, &batches).unwrap()
}

fn any_object() -> impl Strategy<Value = Value> {
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
            prop::collection::vec((".{0,5}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    let others = prop::collection::vec(("[a-z]{1,3}|.{0,4}", value), 0..5);
    (".{0,60}", any::<u16>(), prop::option::of("[a-z]{2}"), others).prop_map(
        |(text, id, language, others)| {
            let mut object: Map<String, Value> = others.into_iter().collect();
            object.insert("text".into(), text.into());
            object.insert("id".into(), id.to_string().into());
            if let Some(language) = language {
                object.insert("language".into(), language.into());
            }
            Value::Object(object)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn jsonl_objects_come_back_as_they_were(objects in prop::collection::vec(any_object(), 1..20)) {
        let folder = folder();
        let path = folder.path().join("out.jsonl.zst");
        let batch = batch(&objects);
        let sink = JsonlSink::create(&path, batch.rows.schema(), KEPT_LEVEL).unwrap();
        write_cut(Box::new(sink), &batch, &[]);
        prop_assert_eq!(lines(&path), objects);
    }

    #[test]
    fn parquet_and_spools_give_back_the_same_rows(objects in prop::collection::vec(any_object(), 1..20)) {
        let folder = folder();
        let batch = batch(&objects);
        let path = folder.path().join("out.parquet");
        write_cut(Box::new(ParquetSink::create(&path, batch.rows.schema(), KEPT_LEVEL).unwrap()), &batch, &[]);
        let (again, schema) = read(folder.path(), "out.parquet");
        prop_assert_eq!(&again.rows, &batch.rows);
        prop_assert_eq!(&again.origins, &batch.origins);
        // What was JSONL once can become it again.
        let path = folder.path().join("out.jsonl.zst");
        write_cut(Box::new(JsonlSink::create(&path, schema, KEPT_LEVEL).unwrap()), &again, &[]);
        prop_assert_eq!(lines(&path), objects);

        let path = folder.path().join("spool");
        write_cut(Box::new(SpoolSink::create(&path, batch.rows.schema()).unwrap()), &batch, &[]);
        let batches = drain(&mut SpoolReader::open(&path).unwrap()).unwrap();
        let again = join(&batch.rows.schema(), &batches);
        prop_assert_eq!(&again.rows, &batch.rows);
        prop_assert_eq!(&again.origins, &batch.origins);
    }

    #[test]
    fn written_bytes_do_not_depend_on_batches(
        lengths in prop::collection::vec(0..400_000_usize, 1..20),
        cuts in prop::collection::vec(0..6_usize, 0..20),
    ) {
        let rows = |(i, n): (usize, &usize)| json!({
            "text": format!("{i} {}", "x ".repeat(n / 2)), "n": i, "source": (i % 3 == 0).then_some("s")
        });
        let batch = batch(&lengths.iter().enumerate().map(rows).collect::<Vec<_>>());
        let folder = folder();
        let create: [(&str, Create); 2] = [
            ("parquet", |path, schema| Box::new(ParquetSink::create(path, schema, KEPT_LEVEL).unwrap())),
            ("jsonl", |path, schema| Box::new(JsonlSink::create(path, schema, KEPT_LEVEL).unwrap())),
        ];
        for (name, create) in create {
            let path = |name: &str| folder.path().join(name);
            let whole = write_cut(create(&path("whole"), batch.rows.schema()), &batch, &[]);
            let cut = write_cut(create(&path("cut"), batch.rows.schema()), &batch, &cuts);
            prop_assert_eq!(&whole.xxh3, &cut.xxh3, "{}", name);
            prop_assert_eq!(fs::read(path("whole")).unwrap(), fs::read(path("cut")).unwrap());
        }
    }
}

/// A batch with a column of each kind that Parquet input may bring.
fn wide() -> Batch {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let inner: ArrayRef = Arc::new(StringArray::from(vec![Some("q\""), None]));
    let meta = StructArray::from(vec![(Arc::new(Field::new("k", DataType::Utf8, true)), inner)]);
    let own: [(&str, ArrayRef); 4] = [
        ("list", Arc::new(list)),
        ("score", Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN)]))),
        ("date", Arc::new(TimestampMillisecondArray::from(vec![Some(1_700_000_000_123), None]))),
        ("meta", Arc::new(meta)),
    ];
    let text = |values: [Option<&str>; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let mut columns = vec![
        text([Some("a"), Some("b")]),
        text([Some("one"), Some("\u{0}\u{7f}\u{2028}\\")]),
        text([None, Some("u")]),
        text([None, None]),
        text([Some("zh"), None]),
    ];
    let mut fields = base_fields();
    for (name, column) in own {
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let origin = |row| Origin::new(Place { file: 3, row }, "x");
    Batch::new(rows, vec![origin(7), origin(9)]).unwrap()
}

#[test]
fn columns_of_all_kinds_are_written_as_json() {
    let folder = folder();
    let path = folder.path().join("out.jsonl.zst");
    let batch = wide();
    write_cut(
        Box::new(JsonlSink::create(&path, batch.rows.schema(), KEPT_LEVEL).unwrap()),
        &batch,
        &[1],
    );
    let expected = [
        json!({"id": "a", "text": "one", "language": "zh", "list": [1, null], "score": 0.5,
            "date": "2023-11-14T22:13:20.123", "meta": {"k": "q\""}}),
        json!({"id": "b", "text": "\u{0}\u{7f}\u{2028}\\", "url": "u", "score": null, "meta": {}}),
    ];
    assert_eq!(lines(&path), expected);
}

#[test]
fn columns_of_all_kinds_survive_parquet_and_spool() {
    let folder = folder();
    let batch = wide();
    let path = folder.path().join("out.parquet");
    write_cut(
        Box::new(ParquetSink::create(&path, batch.rows.schema(), KEPT_LEVEL).unwrap()),
        &batch,
        &[1],
    );
    let (again, _) = read(folder.path(), "out.parquet");
    // NaN differs from itself.
    assert_eq!(format!("{:?}", again.rows.columns()), format!("{:?}", batch.rows.columns()));
    let path = folder.path().join("spool");
    write_cut(Box::new(SpoolSink::create(&path, batch.rows.schema()).unwrap()), &batch, &[1]);
    let again = drain(&mut SpoolReader::open(&path).unwrap()).unwrap();
    assert_eq!(again.len(), 1, "batches are joined into chunks");
    assert_eq!(again[0].origins, batch.origins);
}

#[test]
fn a_type_that_json_has_no_form_for_is_refused_at_once() {
    let month = DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano);
    let union = DataType::Union(
        [(0, Arc::new(Field::new("x", month, true)))].into_iter().collect(),
        arrow::datatypes::UnionMode::Sparse,
    );
    let fields = base_fields().into_iter().chain([Field::new("odd", union, true)]);
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let folder = folder();
    let error = JsonlSink::create(&folder.path().join("a"), schema, KEPT_LEVEL).err().unwrap();
    assert!(format!("{error:#}").contains("column `odd`: JSON has no form for"), "{error:#}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn somebodys_own_extra_column_stays_a_string() {
    let mut batch = wide();
    batch = batch
        .with_column(
            Field::new("extra", DataType::Utf8, true),
            Arc::new(StringArray::from(vec!["{\"id\":1}", "{"])),
        )
        .unwrap();
    let folder = folder();
    let path = folder.path().join("out.jsonl.zst");
    write_cut(
        Box::new(JsonlSink::create(&path, batch.rows.schema(), KEPT_LEVEL).unwrap()),
        &batch,
        &[],
    );
    assert_eq!(lines(&path)[0]["extra"], json!("{\"id\":1}"));
}

#[test]
fn an_empty_file_is_whole() {
    let folder = folder();
    let schema = wide().rows.schema();
    let path = |name: &str| folder.path().join(name);
    Box::new(ParquetSink::create(&path("a.parquet"), schema.clone(), KEPT_LEVEL).unwrap())
        .finish()
        .unwrap();
    Box::new(JsonlSink::create(&path("a.jsonl.zst"), schema.clone(), KEPT_LEVEL).unwrap())
        .finish()
        .unwrap();
    Box::new(SpoolSink::create(&path("a.spool"), schema).unwrap()).finish().unwrap();
    assert_eq!(table(&path("a.parquet")).num_rows(), 0);
    assert_eq!(lines(&path("a.jsonl.zst")), Vec::<Value>::new());
    assert!(drain(&mut SpoolReader::open(&path("a.spool")).unwrap()).unwrap().is_empty());
}

#[test]
fn an_unfinished_file_does_not_appear() {
    let folder = folder();
    let batch = wide();
    let mut sink =
        ParquetSink::create(&folder.path().join("a.parquet"), batch.rows.schema(), KEPT_LEVEL)
            .unwrap();
    sink.write(&batch).unwrap();
    drop(sink);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_damaged_spool_is_an_error() {
    let folder = folder();
    let path = folder.path().join("spool");
    let batch = wide();
    write_cut(Box::new(SpoolSink::create(&path, batch.rows.schema()).unwrap()), &batch, &[]);
    let whole = fs::read(&path).unwrap();
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        drain(&mut SpoolReader::open(&path).unwrap())
    };
    assert!(read(&whole).is_ok());
    for n in 0..whole.len() {
        assert!(read(&whole[..n]).is_err(), "cut to {n} of {} bytes", whole.len());
    }
    for i in 24..whole.len() - 24 {
        let mut damaged = whole.clone();
        damaged[i] ^= 0x55;
        assert!(read(&damaged).is_err(), "byte {i} of {}", whole.len());
    }
}

fn removed(row: u64, cause: Cause) -> Removed {
    let (source, language) = (Some("s".to_owned()), None);
    let place = Place { file: 1, row };
    Removed { place, id: format!("id{row}"), text: "the text".into(), source, language, cause }
}

fn all_causes() -> Vec<Removed> {
    let found = Some("lorem".to_owned());
    let removal = Removal { check: "min_words", value: 3.0, limit: 50.0, found };
    let of = Original::Input(Place { file: 0, row: 12 });
    let of_id = "kept".to_owned();
    vec![
        removed(1, Cause::Rule { rule: "gopher_quality".into(), removal }),
        removed(2, Cause::Duplicate { stage: "dedup_minhash", of, of_id, similarity: 0.9 }),
        removed(3, Cause::Unreadable { error: "b.jsonl: row 3: bad".into() }),
    ]
}

fn input_files() -> Arc<[InputFile]> {
    let file = |number: u32, name: &str| InputFile {
        number,
        path: name.into(),
        name: name.to_owned(),
        bytes: 0,
        modified_ns: 0,
        format: Format::Jsonl,
    };
    [file(0, "a.jsonl"), file(1, "b.jsonl")].into()
}

fn kept(keep: KeepRemoved, rows: &[Removed]) -> Option<RecordBatch> {
    let folder = folder();
    let path = folder.path().join("removed.parquet");
    let mut sink = RemovedSink::create(&path, keep, input_files());
    for row in rows {
        sink.write(std::slice::from_ref(row)).unwrap();
    }
    let seal = sink.finish().unwrap();
    assert_eq!(seal.is_some(), path.exists());
    seal.map(|_| table(&path))
}

#[test]
fn removed_rows_keep_place_and_cause() {
    let rows = kept(KeepRemoved::Full, &all_causes()).unwrap();
    let text = |name: &str| -> Vec<Option<String>> {
        let column = rows.column_by_name(name).unwrap().as_string::<i32>();
        column.iter().map(|value| value.map(str::to_owned)).collect()
    };
    let some = |values: [&str; 3]| values.map(|v| (!v.is_empty()).then(|| v.to_owned())).to_vec();
    assert_eq!(text("id"), some(["id1", "id2", "id3"]));
    assert_eq!(text("file"), some(["b.jsonl"; 3]));
    assert_eq!(text("text"), some(["the text"; 3]));
    assert_eq!(text("cause"), some(["gopher_quality.min_words", "dedup_minhash", "unreadable"]));
    assert_eq!(text("rule"), some(["gopher_quality", "dedup_minhash", ""]));
    assert_eq!(text("check"), some(["min_words", "", ""]));
    assert_eq!(text("found"), some(["lorem", "", ""]));
    assert_eq!(text("duplicate_of"), some(["", "kept", ""]));
    assert_eq!(text("duplicate_of_file"), some(["", "a.jsonl", ""]));
    assert_eq!(text("error"), some(["", "", "b.jsonl: row 3: bad"]));
    let row = rows.column_by_name("row").unwrap().as_primitive::<UInt64Type>();
    assert_eq!(row.values(), &[1, 2, 3]);
    let of = rows.column_by_name("duplicate_of_row").unwrap().as_primitive::<UInt64Type>();
    assert_eq!((of.is_null(0), of.value(1), of.is_null(2)), (true, 12, true));
    assert_eq!(rows.schema(), removed_schema());
}

#[test]
fn only_what_the_pipeline_asks_for_is_kept_of_removed_rows_but_unreadable_ones_always() {
    let ids = kept(KeepRemoved::Ids, &all_causes()).unwrap();
    assert_eq!(ids.num_rows(), 3);
    assert_eq!(ids.column_by_name("text").unwrap().null_count(), 3);
    let none = kept(KeepRemoved::None, &all_causes()).unwrap();
    let errors = none.column_by_name("error").unwrap().as_string::<i32>();
    assert_eq!((none.num_rows(), errors.value(0)), (1, "b.jsonl: row 3: bad"));
    assert!(kept(KeepRemoved::None, &all_causes()[..2]).is_none());
    assert!(kept(KeepRemoved::Full, &[]).is_none());
}
