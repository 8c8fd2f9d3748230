use super::*;
use std::fs;

fn write(prefix: &Path, token_type: TokenType, documents: &[&[u32]]) {
    let mut writer = TokenShardWriter::create(prefix, token_type).unwrap();
    for document in documents {
        writer.push(document).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn documents_come_back_and_no_temporary_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let documents: [&[u32]; 3] = [&[1, 2, 0], &[0], &[65_499, 7, 7, 0]];
    for (name, token_type) in [("a.b", TokenType::U16), ("c", TokenType::I32)] {
        let prefix = folder.path().join(name);
        write(&prefix, token_type, &documents);
        let shard = TokenShard::open(&prefix).unwrap();
        assert_eq!((shard.n_documents(), shard.n_tokens()), (3, 8));
        for (i, document) in documents.iter().enumerate() {
            assert_eq!(shard.document(i as u64).unwrap(), *document);
        }
        assert!(shard.document(3).is_err());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn bytes_are_those_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("x");
    write(&prefix, TokenType::U16, &[&[258, 0], &[3, 4, 0]]);
    assert_eq!(fs::read(with_suffix(&prefix, ".bin")).unwrap(), [2, 1, 0, 0, 3, 0, 4, 0, 0, 0]);
    let mut expected = b"MMIDIDX\0\0".to_vec();
    expected.extend(1u64.to_le_bytes());
    expected.push(8);
    expected.extend([2u64, 3].map(u64::to_le_bytes).as_flattened());
    expected.extend([2i32, 3].map(i32::to_le_bytes).as_flattened());
    expected.extend([0i64, 4, 0, 1, 2].map(i64::to_le_bytes).as_flattened());
    assert_eq!(fs::read(with_suffix(&prefix, ".idx")).unwrap(), expected);
}

#[test]
fn an_id_that_does_not_fit_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (token_type, id) in [(TokenType::U16, 65_536), (TokenType::I32, 1 << 31)] {
        let mut writer = TokenShardWriter::create(&folder.path().join("x"), token_type).unwrap();
        let error = format!("{:#}", writer.push(&[1, id]).unwrap_err());
        assert!(error.contains(&id.to_string()), "{error}");
    }
    assert_eq!(TokenType::of_vocabulary(65_499), TokenType::U16);
    assert_eq!(TokenType::of_vocabulary(65_500), TokenType::I32);
}

#[test]
fn an_end_of_document_stands_at_the_end_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let writer = TokenShardWriter::create(&folder.path().join("x"), TokenType::U16).unwrap();
    let mut writer = writer.ended_by(0);
    writer.push(&[1, 2, 0]).unwrap();
    writer.push(&[0]).unwrap();
    for (document, expected) in [
        (&[1, 0, 2, 0][..], "stands at token 1 in document 2 of 4 tokens"),
        (&[0, 0], "stands at token 0"),
        (&[1, 2], "stands nowhere"),
        (&[], "stands nowhere"),
    ] {
        let error = format!("{:#}", writer.push(document).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn hostile_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("x");
    write(&prefix, TokenType::U16, &[&[1, 0], &[2, 0]]);
    let (index, data) = (with_suffix(&prefix, ".idx"), with_suffix(&prefix, ".bin"));
    let whole = fs::read(&index).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    let cases = [
        (whole[..20].to_vec(), "shorter than the header"),
        (whole[..60].to_vec(), "do not hold 2 sequences"),
        (with(0, b'X'), "magic"),
        (with(9, 2), "version 2"),
        (with(17, 7), "type code 7"),
        (with(25, 0xFF), "do not hold"),
        (with(26, 0), "no end"),
        (with(33, 0xFF), "do not hold"),
        (with(38, 9), "the index expects"),
        (with(58, 1), "do not cover"),
    ];
    for (bytes, expected) in cases {
        fs::write(&index, bytes).unwrap();
        let error = format!("{:#}", TokenShard::open(&prefix).err().expect(expected));
        assert!(error.contains(expected), "{error}, not {expected}");
    }
    // An offset in the middle is only seen when its document is read.
    fs::write(&index, with(57, 0x40)).unwrap();
    assert!(TokenShard::open(&prefix).is_err());
    fs::write(&index, &whole).unwrap();
    fs::write(&data, [1, 0, 0]).unwrap();
    assert!(format!("{:#}", TokenShard::open(&prefix).err().unwrap()).contains("x.bin"));
    fs::remove_file(&index).unwrap();
    assert!(TokenShards::open(folder.path()).is_err());
}

#[test]
fn windows_of_a_folder_span_shards() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("00000"), TokenType::U16, &[&[1, 2, 3]]);
    write(&folder.path().join("00001"), TokenType::U16, &[]);
    write(&folder.path().join("00002"), TokenType::I32, &[&[4], &[5, 6]]);
    let shards = TokenShards::open(folder.path()).unwrap();
    assert_eq!((shards.n_tokens(), shards.n_documents()), (6, 3));
    for start in 0..6 {
        for end in start..=6 {
            let mut ids = Vec::new();
            shards.read(start..end, &mut ids).unwrap();
            let expected: Vec<u32> = (start as u32 + 1..=end as u32).collect();
            assert_eq!(ids, expected);
        }
    }
    assert!(shards.read(0..7, &mut Vec::new()).is_err());
    fs::remove_dir_all(folder.path().join("none")).ok();
    assert!(TokenShards::open(&folder.path().join("none")).is_err());
}
