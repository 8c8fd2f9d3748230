use super::*;
use crate::token_shards::{TokenShardWriter, TokenType};
use models::GptConfig;
use std::fs;
use tempfile::TempDir;

/// A byte is an id; 256 ends a document.
#[derive(Debug)]
struct Bytes;

impl Tokenizer for Bytes {
    fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        ids.extend(text.bytes().map(u32::from));
    }

    fn decode(&self, ids: &[u32]) -> Vec<u8> {
        ids.iter().map(|id| u8::try_from(*id).expect("end_of_document is left out")).collect()
    }

    fn vocab_size(&self) -> usize {
        257
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        token.bytes().next().map(u32::from)
    }

    fn special_tokens(&self) -> Vec<(&str, u32)> {
        vec![("<end>", 256)]
    }
}

const TEXT: &str = "the quick brown fox 跳过了 the lazy dog";

/// A dataset, a model that knows nothing, and two held-out files of the same text.
fn folders() -> (TempDir, TempDir) {
    let (data, model) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let split = data.path().join("tokens/validation");
    fs::create_dir_all(&split).unwrap();
    let mut writer = TokenShardWriter::create(&split.join("00000"), TokenType::U16).unwrap();
    let mut ids = Vec::new();
    Bytes.encode(TEXT, &mut ids);
    ids.push(256);
    writer.push(&ids).unwrap();
    writer.push(&ids).unwrap();
    writer.finish().unwrap();
    fs::write(data.path().join("a.txt"), TEXT).unwrap();
    let row = serde_json::json!({ "text": TEXT }).to_string();
    fs::write(data.path().join("a.jsonl"), format!("{row}\n{row}\n")).unwrap();
    let config = GptConfig {
        vocab_size: 257,
        hidden_size: 8,
        num_hidden_layers: 1,
        intermediate_size: 8,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        max_position_embeddings: 16,
        initializer_range: 1e-3,
        ..GptConfig::default()
    };
    Gpt::new(config, 0, Device::Cpu).unwrap().save(model.path()).unwrap();
    (data, model)
}

#[test]
fn a_model_that_knows_nothing_scores_the_uniform_distribution() {
    let (data, model) = folders();
    let text = vec![data.path().join("a.txt"), data.path().join("a.jsonl")];
    for stride in [None, Some(3)] {
        let config = Evaluate { text: text.clone(), stride, ..Evaluate::default() };
        let report =
            run(&config, model.path(), data.path(), &Bytes, Device::Cpu, &mut |_| true).unwrap();
        let n = TEXT.len() as u64;
        let expected = [(2 * n + 1, 2 * n - 1), (n + 1, n), (2 * n + 2, 2 * n)];
        for (scores, (tokens, bytes)) in report.scores.iter().zip(expected) {
            assert_eq!((scores.tokens, scores.bytes), (tokens, bytes), "{}", scores.name);
            assert!((scores.loss - 257f64.ln()).abs() < 1e-3, "{scores:?}");
            assert!((scores.bits_per_byte - 257f64.log2()).abs() < 2e-3, "{scores:?}");
            assert!((scores.perplexity - 257.0).abs() < 0.3);
            assert!(scores.standard_error < 1e-3 && scores.unigram_entropy < 4.0);
        }
    }
}

#[test]
fn what_cannot_be_scored_is_an_error_that_names_it() {
    let (data, model) = folders();
    let error = |config: Evaluate| {
        let watch = &mut |_: &EvaluateProgress| true;
        let result = run(&config, model.path(), data.path(), &Bytes, Device::Cpu, watch);
        format!("{:#}", result.unwrap_err())
    };
    assert!(error(Evaluate { stride: Some(17), ..Evaluate::default() }).contains("stride"));
    let long = Evaluate { sequence_length: Some(17), ..Evaluate::default() };
    assert!(error(long).contains("sequence_length"));
    let text = vec![data.path().join("a.jsonl")];
    let column = Evaluate { text, text_column: "body".to_owned(), ..Evaluate::default() };
    assert!(error(column).contains("a.jsonl: row 1: no body"));
    let stopped =
        run(&Evaluate::default(), model.path(), data.path(), &Bytes, Device::Cpu, &mut |_| false);
    assert!(stopped.unwrap_err().to_string().contains("stopped"));
}
