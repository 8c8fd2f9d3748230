use super::super::tests::{dataset, export_of, file};
use super::super::{Format, Options, write_export};
use super::*;

const CONFIG: &str = r#"{"column_encodings":["ndarray:uint16"],"column_names":["tokens"],"column_sizes":[null],"compression":null,"format":"mds","hashes":[],"size_limit":67108864,"version":2}"#;

#[test]
fn bytes_are_those_of_the_specification() {
    let documents: [&[u32]; 2] = [&[258, 7, 0], &[0]];
    let export = export_of(Format::Mds, &Options::default(), 300, &documents);
    let begin = 4 + 3 * 4 + CONFIG.len() as u32;
    let mut expected = 2_u32.to_le_bytes().to_vec();
    expected.extend([begin, begin + 12, begin + 20].map(u32::to_le_bytes).as_flattened());
    expected.extend(CONFIG.bytes());
    // Length of the column, one dimension in one byte, its size, ids.
    expected.extend([8, 0, 0, 0, 4, 3, 2, 1, 7, 0, 0, 0]);
    expected.extend([4, 0, 0, 0, 4, 1, 0, 0]);
    assert_eq!(file(&export, "train/shard.00000.mds"), expected);
    let index: Value = serde_json::from_slice(&file(&export, "train/index.json")).unwrap();
    let mut entry: Map<String, Value> = serde_json::from_str(CONFIG).unwrap();
    let raw = json!({ "basename": "shard.00000.mds", "bytes": expected.len(), "hashes": {} });
    entry.insert("raw_data".to_owned(), raw);
    entry.insert("zip_data".to_owned(), Value::Null);
    entry.insert("samples".to_owned(), json!(2));
    assert_eq!(index, json!({ "version": 2, "shards": [entry] }));
}

#[test]
fn arrays_of_more_than_255_ids_tell_their_size_in_more_bytes() {
    let layout = Mds::new(Dtype::Uint16, false, None, None);
    let mut bytes = Vec::new();
    layout.encode(&[1; 300], &mut bytes).unwrap();
    assert_eq!(bytes[..8], [91, 2, 0, 0, 5, 44, 1, 1]);
    bytes.clear();
    layout.encode(&[1; 70_000], &mut bytes).unwrap();
    assert_eq!(bytes[4..9], [6, 112, 17, 1, 0]);
    let mut ids = Vec::new();
    layout.decode(&bytes, &mut ids).unwrap();
    assert_eq!(ids, [1; 70_000]);
}

#[test]
fn shards_end_before_they_pass_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let shard = (1..40).map(|i| vec![i, 0]).collect();
    let dataset = dataset(folder.path(), 300, &[vec![shard], Vec::new()]);
    let dir = folder.path().join("out");
    let layout = Mds { size_limit: 400, ..Mds::new(Dtype::Uint16, false, Some(3), Some(1)) };
    write_export(&dataset, Format::Mds, &Options::default(), &layout, &dir).unwrap();
    let index = std::fs::read(dir.join("train/index.json")).unwrap();
    let index: Index = serde_json::from_slice(&index).unwrap();
    assert!(index.shards.len() > 1);
    let entries = index.shards.into_iter().map(|entry| Entry::parse(entry, &layout).unwrap());
    let entries: Vec<Entry> = entries.collect();
    assert!(entries.iter().all(|entry| entry.raw_data.bytes <= 400));
    assert_eq!(entries.iter().map(|entry| entry.samples).sum::<u64>(), 26);
}
