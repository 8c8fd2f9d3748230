//! What holds of every format: documents come back, and what is damaged is never taken for them.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use proptest::prelude::*;

use super::dataset::Shard;
use super::*;
use crate::disk::{seal_file, write_whole};
use crate::runner::Manifest;
use crate::shards::SPLITS;
use crate::sink::TableFile;
use crate::token_shards::{TokenShard, TokenShardWriter, TokenType};

/// Ids of documents, by split, shard and document.
pub(super) type Splits = [Vec<Vec<Vec<u32>>>; 2];

/// Writes token shards, and opens them as the dataset in `folder/data`; documents end with id 0.
pub(super) fn dataset(folder: &Path, vocab_size: usize, splits: &Splits) -> Dataset {
    let dir = folder.join("data");
    let mut opened = Vec::new();
    for (name, shards) in SPLITS.into_iter().zip(splits) {
        let mut split = Split { name, shards: Vec::new() };
        for (number, documents) in shards.iter().enumerate() {
            let place = format!("tokens/{name}/{number:05}");
            let prefix = dir.join(&place);
            write_shard(&prefix, TokenType::of_vocabulary(vocab_size), documents);
            split.shards.push(Shard {
                name: format!("{number:05}"),
                tokens: TokenShard::open(&prefix).unwrap(),
                bin: seal_file(&prefix.with_extension("bin")).unwrap(),
                idx: seal_file(&prefix.with_extension("idx")).unwrap(),
                place,
                prefix,
            });
        }
        if !split.shards.is_empty() {
            opened.push(split);
        }
    }
    let tokenizer = write_whole(&dir.join("tokenizer.json"), b"{}").unwrap();
    let manifest = serde_json::json!({
        "format": 1, "fingerprint": "f", "read": 0, "left_out": 0, "duplicate_ids": 0, "kept": 0,
        "removed": {}, "edits": {}, "stages": [], "tokens": {}, "files": [],
    });
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    Dataset { dir, manifest, splits: opened, vocab_size, end_of_document: 0, tokenizer }
}

fn write_shard(prefix: &Path, token_type: TokenType, documents: &[Vec<u32>]) {
    fs::create_dir_all(prefix.parent().unwrap()).unwrap();
    let mut writer = TokenShardWriter::create(prefix, token_type).unwrap();
    documents.iter().for_each(|document| writer.push(document).unwrap());
    writer.finish().unwrap();
    let rows = 0..documents.len() as u64;
    let ids: StringArray = rows.clone().map(|row| Some(format!("d,{row}"))).collect();
    let files: StringArray = rows.clone().map(|_| Some("in.jsonl")).collect();
    let mut end = 0;
    let ends = documents.iter().map(|document| {
        end += document.len() as u64;
        end
    });
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(ids)),
        ("file", Arc::new(files)),
        ("end", Arc::new(UInt64Array::from_iter_values(ends))),
        ("row", Arc::new(UInt64Array::from_iter_values(rows))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let path = prefix.with_extension("documents.parquet");
    let mut table = TableFile::create(&path, batch.schema(), 1).unwrap();
    table.write(&batch).unwrap();
    table.finish().unwrap();
}

/// Exports one shard of training documents into `out` of the folder that is returned.
pub(super) fn export_of(
    to: Format,
    options: &Options,
    vocab_size: usize,
    documents: &[&[u32]],
) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let documents = documents.iter().map(|document| document.to_vec()).collect();
    let dataset = dataset(folder.path(), vocab_size, &[vec![documents], Vec::new()]);
    let layout = layout(to, options, vocab_size).unwrap();
    write_export(&dataset, to, options, layout.as_ref(), &folder.path().join("out")).unwrap();
    folder
}

/// Returns the bytes of a file of the export that [`export_of`] made.
pub(super) fn file(export: &tempfile::TempDir, name: &str) -> Vec<u8> {
    fs::read(export.path().join("out").join(name)).expect(name)
}

/// Reads the documents of a split back.
fn documents(
    layout: &dyn Layout,
    dir: &Path,
    split: &str,
    padding_tokens: u64,
) -> Result<Vec<Vec<u32>>> {
    let (mut documents, mut open) = (Vec::new(), Vec::new());
    let known = Known { end_of_document: 0, padding_tokens };
    layout.read(dir, split, &known, &mut |part| {
        open.extend_from_slice(part.ids);
        if part.is_last {
            documents.push(std::mem::take(&mut open));
        }
        Ok(())
    })?;
    ensure!(open.is_empty(), "a document without its end");
    Ok(documents)
}

/// All formats, each with the options that change what it writes.
fn all() -> Vec<(Format, Options)> {
    let plain = Format::ALL.map(|(format, ..)| (format, Options::default()));
    let typed = |format, dtype| (format, Options { dtype: Some(dtype), ..Options::default() });
    let mut all = plain.to_vec();
    all.push(typed(Format::Megatron, Dtype::Int32));
    all.push(typed(Format::Olmo, Dtype::Int64));
    all.push(typed(Format::Datatrove, Dtype::Uint32));
    all.push(typed(Format::Mds, Dtype::Uint32));
    all.push(typed(Format::Litdata, Dtype::Int32));
    let default = Options::default;
    all.push((Format::Olmo, Options { copies: true, ..default() }));
    all.push((Format::Mds, Options { zstd: Some(3), ..default() }));
    all.push((Format::Mds, Options { bytes: true, sequence_tokens: Some(5), ..default() }));
    all.push((Format::Litdata, Options { block_tokens: Some(4), ..default() }));
    all.push((Format::Parquet, Options { sequence_tokens: Some(7), ..default() }));
    all.push((Format::Arrow, Options { sequence_tokens: Some(1), ..default() }));
    all
}

/// Documents of some ids, each ended by 0.
fn some_documents(vocab_size: u32) -> impl Strategy<Value = Vec<Vec<Vec<u32>>>> {
    let document = prop::collection::vec(1..vocab_size, 0..30).prop_map(|mut ids| {
        ids.push(0);
        ids
    });
    prop::collection::vec(prop::collection::vec(document, 1..8), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn all_documents_come_back_from_every_format(
        vocabulary in prop::sample::select(vec![2_u32, 300, 65_499, 65_500, 65_535, 65_536, 65_537, 200_000]),
        seed in any::<prop::sample::Index>(),
        (train, validation) in (some_documents(200_000), some_documents(200_000)),
    ) {
        // The ids of the strategy are those of the largest vocabulary, brought down to this one.
        let fit = |shards: Vec<Vec<Vec<u32>>>| -> Vec<Vec<Vec<u32>>> {
            let id = |id: u32| if id == 0 { 0 } else { 1 + (id + seed.index(7) as u32) % (vocabulary - 1) };
            shards
                .into_iter()
                .map(|shard| shard.into_iter().map(|d| d.into_iter().map(id).collect()).collect())
                .collect()
        };
        let splits = [fit(train), fit(validation)];
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(folder.path(), vocabulary as usize, &splits);
        for (number, (to, options)) in all().into_iter().enumerate() {
            let layout = match layout(to, &options, vocabulary as usize) {
                Ok(layout) => layout,
                Err(error) => {
                    let two_bytes = to == Format::Nanogpt || options.dtype == Some(Dtype::Uint16);
                    prop_assert!(two_bytes && vocabulary > 65_536, "{error:#}");
                    continue;
                }
            };
            let dir = folder.path().join(number.to_string());
            let exported = write_export(&dataset, to, &options, layout.as_ref(), &dir).unwrap();
            for (name, shards) in SPLITS.into_iter().zip(&splits) {
                if shards.is_empty() {
                    prop_assert!(!exported.manifest.splits.contains_key(name));
                    continue;
                }
                let padding = exported.manifest.splits[name].padding_tokens;
                let found = documents(layout.as_ref(), &dir, name, padding).unwrap();
                prop_assert_eq!(&found, &shards.concat(), "{:?} {}", to, name);
                let content = &exported.manifest.splits[name].content;
                prop_assert_eq!(content.documents, found.len() as u64);
                prop_assert_eq!(content.tokens, found.concat().len() as u64);
            }
            for file in &exported.manifest.files {
                let seal = seal_file(&dir.join(&file.path)).unwrap();
                prop_assert_eq!((seal.bytes, &seal.xxh3), (file.bytes, &file.xxh3), "{}", file.path);
            }
        }
    }
}

#[test]
fn a_damaged_export_is_an_error_or_other_documents_and_no_panic() {
    // Files that tell a trainer where to look, of which a reader of the documents knows nothing.
    let beside = ["blend.json", "sequences.json", "tokenizer.json", "dataset_dict.json"];
    let shard = vec![vec![258, 7, 0], vec![0], vec![9, 10, 11, 0]];
    for (to, options) in all() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(folder.path(), 300, &[vec![shard.clone()], Vec::new()]);
        let layout = layout(to, &Options { copies: true, ..options.clone() }, 300).unwrap();
        let dir = folder.path().join("out");
        let options = Options { copies: true, ..options };
        let exported = write_export(&dataset, to, &options, layout.as_ref(), &dir).unwrap();
        let padding = exported.manifest.splits["train"].padding_tokens;
        let read = || documents(layout.as_ref(), &dir, "train", padding);
        for file in &exported.manifest.files {
            if beside.contains(&file.path.as_str()) {
                continue;
            }
            let path = dir.join(&file.path);
            let whole = fs::read(&path).unwrap();
            let mut unnoticed = Vec::new();
            let mut check = |bytes: &[u8], what: String| {
                fs::write(&path, bytes).unwrap();
                if read().is_ok_and(|found| found == shard) {
                    unnoticed.push(what);
                }
            };
            // Some 200 places of each file: the libraries of Parquet and Arrow panic on many, which is caught, and costs time.
            let step = whole.len().div_ceil(200);
            for length in (0..whole.len()).step_by(step) {
                check(&whole[..length], format!("cut at {length}"));
            }
            check(&[whole.as_slice(), &[0; 8]].concat(), "8 bytes more".to_owned());
            for at in (0..whole.len()).step_by(step) {
                let bit = at % 8;
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                check(&bytes, format!("byte {at}, bit {bit}"));
            }
            fs::write(&path, &whole).unwrap();
            unnoticed.retain(|what| !is_immaterial(&file.path, &whole, what));
            assert!(unnoticed.is_empty(), "{to:?} {}: {unnoticed:?}", file.path);
            fs::remove_file(&path).unwrap();
            assert!(read().is_err(), "{to:?} {}", file.path);
            fs::write(&path, &whole).unwrap();
        }
    }
}

/// Says whether a format lets these bytes be anything.
fn is_immaterial(file: &str, whole: &[u8], what: &str) -> bool {
    let at = what.strip_prefix("byte ").and_then(|rest| rest.split(',').next()?.parse().ok());
    let behind = |key: &str| {
        let text = String::from_utf8_lossy(whole);
        text.find(key).zip(at).is_some_and(|(begin, at): (usize, usize)| begin < at)
    };
    match file.rsplit_once(['.', '/']) {
        // The name of the tokenizer, and the line for people.
        Some((_, "metadata")) => true,
        // Of the header of gzip: whether it may be text, time, level, system; zeros behind it are padding.
        Some((_, "gz")) => {
            at.is_some_and(|at| (4..10).contains(&at))
                || ["byte 3, bit 3", "8 bytes more"].contains(&what)
        }
        // The writer's name, statistics and padding; reserved bits of zstd, whose checksum covers the rest.
        Some((_, "parquet" | "arrow" | "zstd")) => at.is_some(),
        // What caches are named by; nobody needs the licence.
        Some((name, "json")) => {
            (name.ends_with("index") && behind("\"updated_at\""))
                || (name.ends_with("state") && behind("\"_fingerprint\""))
                || name.ends_with("dataset_info")
        }
        _ => false,
    }
}

#[test]
fn what_is_wrong_with_a_document_is_told_with_its_place() {
    let cases: [(&[&[u32]], &str); 4] = [
        (
            &[&[1, 0], &[1, 300, 0]],
            "tokens/train/00000: document 1: id 300 is not in the vocabulary",
        ),
        (
            &[&[1, 0], &[1, 0, 2, 0]],
            "tokens/train/00000: document 1: holds id 0, which ends documents",
        ),
        (&[&[1, 0], &[0], &[1, 2]], "tokens/train/00000: document 2: ends with id 2, not with 0"),
        (&[&[]], "tokens/train/00000: document 0: has no end of document"),
    ];
    for (documents, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let documents = documents.iter().map(|document| document.to_vec()).collect();
        let dataset = dataset(folder.path(), 300, &[vec![documents], Vec::new()]);
        let dir = folder.path().join("out");
        let layout = layout(Format::Olmo, &Options::default(), 300).unwrap();
        let exported =
            write_export(&dataset, Format::Olmo, &Options::default(), layout.as_ref(), &dir);
        let error = format!("{:#}", exported.err().unwrap());
        assert!(error.contains(expected), "{error}");
        assert!(!dir.join("manifest.json").exists());
    }
}

#[test]
fn a_type_that_a_format_lacks_or_that_is_too_narrow_is_refused() {
    let error = |to, dtype, vocab_size| {
        let options = Options { dtype: Some(dtype), ..Options::default() };
        format!("{:#}", layout(to, &options, vocab_size).err().unwrap())
    };
    let refused = error(Format::Megatron, Dtype::Uint32, 300);
    assert_eq!(refused, "megatron has no uint32 here, but uint16, int32");
    let narrow = error(Format::Olmo, Dtype::Uint16, 70_000);
    assert_eq!(narrow, "the vocabulary has 70000 ids, uint16 holds 65536");
}

#[test]
fn an_export_that_was_cut_off_has_no_manifest_and_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let splits: Splits = [vec![vec![vec![5, 0]]], Vec::new()];
    let dataset = dataset(folder.path(), 300, &splits);
    let dir = folder.path().join("out");
    // A directory in the way of a file stops the writer in the middle.
    let mut claimed = Folder::claim(&dir, &dataset.dir, false).unwrap();
    claimed.write("train/part-0-00000.npy", b"half").unwrap();
    assert!(!dir.join("manifest.json").exists());
    let layout = layout(Format::Olmo, &Options::default(), 300).unwrap();
    let again = || write_export(&dataset, Format::Olmo, &Options::default(), layout.as_ref(), &dir);
    again().unwrap();
    assert_eq!(fs::read(dir.join("train/part-0-00000.npy")).unwrap(), [5, 0, 0, 0]);
    let error = again().err().unwrap();
    assert!(error.to_string().contains("holds a finished export"), "{error:#}");
    // The dataset has lost nothing by it.
    assert_eq!(fs::read(dataset.dir.join("tokens/train/00000.bin")).unwrap(), [5, 0, 0, 0]);
}
