use proptest::prelude::*;

use super::*;

/// A model in memory, as protobuf.
#[derive(Clone)]
struct Builder {
    pieces: Vec<(String, f32, u64)>,
    trainer: Vec<u8>,
    normalizer: Vec<u8>,
}

const NORMAL: u64 = 1;
const UNKNOWN: u64 = 2;
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;
const UNUSED: u64 = 5;
const BYTE: u64 = 6;

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn message(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    varint(number << 3 | 2, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

impl Builder {
    /// A model of two words, with all bytes.
    fn new(is_bpe: bool) -> Self {
        let mut pieces =
            vec![("<unk>".to_owned(), 0.0, UNKNOWN), ("</s>".to_owned(), 0.0, CONTROL)];
        pieces.extend((0..=255u8).map(|byte| (format!("<0x{byte:02X}>"), 0.0, BYTE)));
        let words = ["▁", "a", "b", "▁a", "ab", "▁ab", "::"];
        pieces.extend(
            words.iter().zip(1..).map(|(word, i)| ((*word).to_owned(), -(i as f32), NORMAL)),
        );
        pieces.last_mut().unwrap().2 = USER_DEFINED;
        let trainer = vec![3 << 3, if is_bpe { 2 } else { 1 }, 0x98, 0x02, 1];
        Self { pieces, trainer, normalizer: Vec::new() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (text, score, kind) in &self.pieces {
            let mut piece = Vec::new();
            message(1, text.as_bytes(), &mut piece);
            piece.push(2 << 3 | 5);
            piece.extend_from_slice(&score.to_le_bytes());
            piece.push(3 << 3);
            varint(*kind, &mut piece);
            message(1, &piece, &mut out);
        }
        message(2, &self.trainer, &mut out);
        message(3, &self.normalizer, &mut out);
        out
    }

    fn read(&self) -> SentencePiece {
        read(&self.bytes()).unwrap()
    }

    fn refusal(&self) -> String {
        read(&self.bytes()).unwrap_err().to_string()
    }
}

fn encode(model: &SentencePiece, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    model.encode(text, &mut ids);
    ids
}

#[test]
fn words_bytes_and_symbols_are_cut_by_both_models() {
    for is_bpe in [false, true] {
        let model = Builder::new(is_bpe).read();
        assert!(is_model(&Builder::new(is_bpe).bytes()));
        let (prefix_ab, ab, colons) = (258 + 5, 258 + 4, 258 + 6);
        assert_eq!(
            encode(&model, "ab  ab::ab\u{e9}"),
            [prefix_ab, prefix_ab, colons, ab, 197, 171]
        );
        assert_eq!(model.decode(&[prefix_ab, prefix_ab, 1]), b"ab ab</s>");
        assert_eq!(model.normalize("  a\u{2581} b "), "a  b");
        assert_eq!(model.token_to_id("</s>"), Some(1));
        assert_eq!(model.special_tokens(), [("<unk>", 0), ("</s>", 1)]);
        assert_eq!((model.vocab_size(), model.unknown()), (265, None));
        assert!(encode(&model, "  ").is_empty());
    }
}

#[test]
fn model_without_bytes_says_that_it_loses_text() {
    let mut builder = Builder::new(true);
    builder.pieces.retain(|piece| piece.2 != BYTE);
    builder.trainer.truncate(2);
    let model = builder.read();
    assert_eq!(model.unknown(), Some(0));
    assert_eq!(encode(&model, "xy ab"), [2, 0, 7]);
    assert_eq!(model.normalize("xy ab"), " \u{2047}  ab");
}

#[test]
fn what_is_not_applied_exactly_is_refused_by_the_name_of_its_field() {
    let with = |change: &dyn Fn(&mut Builder)| {
        let mut builder = Builder::new(true);
        change(&mut builder);
        builder.refusal()
    };
    type Change<'c> = &'c dyn Fn(&mut Builder);
    let cases: [(Change<'_>, &str); 11] = [
        (&|b| b.trainer[1] = 3, "trainer_spec.model_type WORD: not supported"),
        (&|b| b.trainer[1] = 9, "trainer_spec.model_type: 9 is unknown"),
        (
            &|b| b.trainer.extend([0xc0, 0x01, 1]),
            "trainer_spec.treat_whitespace_as_suffix: not supported",
        ),
        (&|b| b.trainer[4] = 0, "pieces[2].type: BYTE without byte_fallback"),
        (&|b| b.pieces[3].2 = UNUSED, "pieces[3].type UNUSED: not supported"),
        (&|b| b.pieces[3].2 = NORMAL, "pieces: byte_fallback without all 256 bytes"),
        (&|b| b.pieces[3].0 = "x".into(), "pieces[3].piece: `x` is no byte"),
        (&|b| b.pieces[3].0.clear(), "pieces[3].piece: is empty"),
        (&|b| b.pieces[0].2 = CONTROL, "pieces: none is of type UNKNOWN"),
        (&|b| b.pieces[259].0 = "▁".into(), "pieces[259].piece: `▁` is there twice"),
        (&|b| b.pieces[259].1 = f32::NAN, "pieces[259].score: is no number"),
    ];
    for (change, expected) in cases {
        assert_eq!(with(change), expected);
    }
}

#[test]
fn truncated_model_is_refused_or_a_shorter_one() {
    let bytes = Builder::new(false).bytes();
    for len in 0..bytes.len() {
        let _ = read(bytes.split_at(len).0);
    }
}

proptest! {
    #[test]
    fn changed_models_are_read_or_refused(
        at in 0usize..5000,
        value: u8,
        text in "[ab:▁é ]{0,20}",
        is_bpe: bool,
    ) {
        let mut bytes = Builder::new(is_bpe).bytes();
        let at = at % bytes.len();
        bytes[at] = value;
        if let Ok(model) = read(&bytes) {
            encode(&model, &text);
        }
    }

    #[test]
    fn normalized_text_comes_back(text: String, words in "[ab: \u{2581}]{0,12}", is_bpe: bool) {
        let model = Builder::new(is_bpe).read();
        for text in [text, words] {
            let decoded = model.decode(&encode(&model, &text));
            prop_assert_eq!(String::from_utf8(decoded).unwrap(), model.normalize(&text));
        }
    }
}
