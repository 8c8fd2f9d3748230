//! Parquet: types, pieces, and damage.

use super::*;

#[test]
fn parquet_columns_keep_their_types_and_schemas_are_united_by_name() {
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None]);
    let meta = StructArray::from(vec![
        (Arc::new(Field::new("url", DataType::Utf8, true)), strings(&["u0", "u1"])),
        (
            Arc::new(Field::new("n", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![1, 2])) as _,
        ),
    ]);
    let a = table([
        ("raw", Arc::new(LargeStringArray::from(vec!["a", "b"])) as _),
        ("id", Arc::new(Int64Array::from(vec![Some(5), None])) as _),
        ("list", Arc::new(list.clone()) as _),
        ("metadata", Arc::new(meta.clone()) as _),
    ]);
    let words: arrow::array::DictionaryArray<arrow::datatypes::Int8Type> =
        ["p", "q", "p"].into_iter().collect();
    let b = table([
        ("tag", Arc::new(words) as _),
        ("raw", Arc::new(BinaryArray::from(vec![&b"c"[..], b"\xff", b"d"])) as _),
    ]);
    let (a, b) = (parquet_bytes(&[a], None), parquet_bytes(&[b], None));
    let files = Files::new(&[
        ("a.parquet", &a),
        ("b.parquet", &b),
        ("c.jsonl", b"{\"raw\":\"e\",\"x\":1}"),
    ])
    .mapped(&[("text", "raw"), ("url", "metadata.url")]);
    let schema: SchemaRef = files.source().unwrap().schema();
    let names: Vec<_> =
        schema.fields().iter().skip(COLUMNS.len()).map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["list", "metadata", "tag", EXTRA]);
    let found = files.read();
    assert_eq!(found.texts(), ["a", "b", "c", "d", "e"]);
    assert_eq!(found.ids(), ["5", "a.parquet:1", "b.parquet:0", "b.parquet:2", "c.jsonl:0"]);
    assert_eq!(found.column(URL), [Some("u0"), Some("u1"), None, None, None]);
    assert_eq!(found.named("tag"), [None, None, Some("p"), Some("p"), None]);
    assert_eq!(found.named(EXTRA)[4], Some("{\"x\":1}"));
    assert_eq!(found.errors(), ["b.parquet: row 1: `raw` is not UTF-8"]);
    let lists = found.rows.column_by_name("list").unwrap().slice(0, 2);
    assert_eq!(lists.as_list::<i32>(), &list);
    let metas = found.rows.column_by_name("metadata").unwrap().slice(0, 2);
    assert_eq!(metas.as_struct(), &meta);
}

#[test]
fn a_conflict_of_types_names_both_files() {
    let a = table([("text", strings(&["x"])), ("n", Arc::new(Int64Array::from(vec![1])) as _)]);
    let b = table([("text", strings(&["x"])), ("n", strings(&["1"]))]);
    let (a, b) = (parquet_bytes(&[a], None), parquet_bytes(&[b], None));
    let error = Files::new(&[("a.parquet", &a), ("b.parquet", &b)]).error();
    let expected = "DIR/b.parquet: column `n` is Utf8, but Int64 in DIR/a.parquet\nhint: ";
    assert!(error.starts_with(expected), "{error}");
    let own = table([("text", strings(&["x"])), (EXTRA, strings(&["not ours"]))]);
    let own = parquet_bytes(&[own], None);
    let error = Files::new(&[("a.parquet", &own), ("b.jsonl", b"")]).error();
    assert!(error.contains("its column `extra` is not that of"), "{error}");
}

#[test]
fn null_and_long_texts_of_parquet_are_unreadable() {
    let texts = StringArray::from(vec![Some("a"), None, Some("much too long"), Some("")]);
    let rows = table([("text", Arc::new(texts) as _), ("id", strings(&["1", "2", "3", "4"]))]);
    let bytes = parquet_bytes(&[rows], None);
    let found = Files::new(&[("a.parquet", &bytes)]).max_line_bytes(5).read();
    assert_eq!((found.texts(), found.places()), (vec!["a", ""], vec![0, 3]));
    let expected = [
        "a.parquet: row 1: `text` is null, expected a string",
        "a.parquet: row 2: a text of 13 bytes, max_line_bytes is 5",
    ];
    assert_eq!(found.errors(), expected);
    assert_eq!(found.unreadable[0].id, "2");
    let none = table([("text", strings(&[]))]);
    let found = Files::new(&[("a.parquet", &parquet_bytes(&[none], None))]).read();
    assert_eq!((found.n_blocks, found.unreadable.len()), (0, 0));
}

#[test]
fn pieces_of_parquet_are_bounded_even_where_a_dictionary_repeats_one_long_text() {
    let long = "z".repeat(300_000);
    let rows = table([("text", strings(&vec![long.as_str(); 200]))]);
    let bytes = parquet_bytes(&[rows], None);
    assert!(bytes.len() < 1_000_000, "{} bytes", bytes.len());
    let found = Files::new(&[("a.parquet", &bytes)]).read();
    assert_eq!(found.texts().len(), 200);
    assert!(found.batches.iter().all(|batch| batch.text_bytes() < 5 << 20));
}

fn small_pages(n: usize) -> (Vec<u8>, Vec<String>) {
    let texts: Vec<String> =
        (0..n).map(|i| format!("text {:x}", (i as u64 + 1) * 0x9e37_79b9_7f4a)).collect();
    let texts_ref: Vec<&str> = texts.iter().map(String::as_str).collect();
    let rows = table([("text", strings(&texts_ref))]);
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100)
        .set_max_row_group_row_count(Some(2000))
        .set_compression(Compression::ZSTD(Default::default()))
        .build();
    (parquet_bytes(&[rows], Some(properties)), texts)
}

#[test]
fn rows_before_a_corrupt_page_are_read() {
    let (whole, texts) = small_pages(5000);
    let mut corrupt = whole.clone();
    let middle = whole.len() / 2;
    corrupt[middle..middle + 600].fill(0xff);
    let found = Files::new(&[("a.parquet", &corrupt)]).read();
    let n = found.texts().len();
    assert!(n > 2000 && n < 3000, "{n}");
    assert!(found.texts().iter().zip(&texts).all(|(a, b)| a == b));
    assert_eq!(found.errors().len(), 1);
    let expected = format!("a.parquet: row {n}: row group 1, at byte ");
    assert!(found.errors()[0].starts_with(&expected), "{:?}", found.errors());
}

#[test]
fn a_parquet_file_without_a_footer_is_one_entry() {
    let (whole, _) = small_pages(300);
    for bytes in [&whole[..whole.len() - 1], &whole[..100], &whole[..3], b"PAR1PAR1"] {
        let found = Files::new(&[("a.parquet", bytes), ("b.jsonl", b"{\"text\":\"b\"}")]).read();
        assert_eq!(found.texts(), ["b"]);
        let expected = format!("a.parquet: row 0: no Parquet footer at byte {}", bytes.len());
        assert!(found.errors()[0].starts_with(&expected), "{:?}", found.errors());
    }
}

#[test]
fn a_value_that_is_not_utf8_costs_its_row_and_no_other() {
    let names: ListArray = {
        let mut lists = ListBuilder::new(StringBuilder::new());
        (0..4).for_each(|_| lists.append_value([Some("x"), None]));
        lists.finish()
    };
    let rows = table([
        ("id", strings(&["one", "two", "three", "four"])),
        ("text", strings(&["aa-text", "bb-text", "cc-text", "dd-text"])),
        ("json", strings(&["[1]", "[2]", "[3]", "[4]"])),
        ("names", Arc::new(names) as _),
        (
            "meta",
            Arc::new(StructArray::from(vec![(
                Arc::new(Field::new("tag", DataType::Utf8, true)),
                strings(&["ee-tag", "ff-tag", "gg-tag", "hh-tag"]),
            )])) as _,
        ),
    ]);
    let plain = WriterProperties::builder().set_dictionary_enabled(false).build();
    let whole = parquet_bytes(&[rows], Some(plain));
    let damaged = |value: &str| {
        let mut bytes = whole.clone();
        let at = bytes.windows(value.len()).position(|at| at == value.as_bytes()).unwrap();
        bytes[at] = 0xff;
        Files::new(&[("a.parquet", &bytes)]).read()
    };
    let found = Files::new(&[("a.parquet", &whole)]).read();
    assert_eq!(found.texts().len(), 4);
    assert_eq!(found.named("json")[3], Some("[4]"));
    for (value, row, what) in [
        ("cc-text", 2, "`text` is not UTF-8"),
        ("two", 1, "`id` is not UTF-8"),
        ("[4]", 3, "`json` is not UTF-8"),
        ("ff-tag", 1, "`meta`: Invalid argument error: Encountered non UTF-8 data: "),
    ] {
        let found = damaged(value);
        assert_eq!(found.texts().len(), 3, "{value}: {:?}", found.errors());
        assert_eq!(found.errors().len(), 1);
        let expected = format!("a.parquet: row {row}: {what}");
        assert!(found.errors()[0].starts_with(&expected), "{:?}", found.errors());
        assert!(!found.places().contains(&row));
    }
    let text = &damaged("cc-text").unreadable[0].text;
    assert_eq!(text, "\u{fffd}c-text", "what is there of it is kept");
}

/// Files that use different parts of the library: encodings, nulls, lists, compression.
fn any_parquet() -> impl Strategy<Value = Vec<u8>> {
    let made = |is_nested: bool, has_dictionary: bool, compression| {
        let texts: Vec<Option<String>> = (0..300_u64)
            .map(|i| (i % 7 != 3).then(|| format!("text {:x}", (i % 50 + 1) * 0x9e37_79b9_7f4a)))
            .collect();
        let texts = Arc::new(StringArray::from(texts)) as ArrayRef;
        let mut lists = ListBuilder::new(StringBuilder::new());
        (0..300).for_each(|i| {
            (0..i % 4).for_each(|j| lists.values().append_option((j != 1).then_some("in a list")));
            lists.append(i % 5 != 0);
        });
        let rows = match is_nested {
            false => table([("text", texts)]),
            true => table([("text", texts), ("lists", Arc::new(lists.finish()) as _)]),
        };
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(has_dictionary)
            .set_data_page_row_count_limit(100)
            .set_write_batch_size(50)
            .set_compression(compression)
            .build();
        parquet_bytes(&[rows], Some(properties))
    };
    let compression = prop_oneof![
        Just(Compression::UNCOMPRESSED),
        Just(Compression::ZSTD(Default::default())),
        Just(Compression::SNAPPY)
    ];
    (any::<bool>(), any::<bool>(), compression).prop_map(move |(a, b, c)| made(a, b, c))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_parquet_never_panics(
        whole in any_parquet(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let mut bytes = whole;
        for (at, byte) in edits {
            let i = at.index(bytes.len());
            bytes[i] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let files = Files::new(&[("a.parquet", &bytes)]);
        if files.source().is_ok() {
            files.read();
        }
    }
}
