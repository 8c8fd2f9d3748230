use super::*;
use crate::token_shards::{TokenShardWriter, TokenType};
use std::fs;
use tempfile::TempDir;

/// A dataset of a few repeated phrases over ids 0..16, which a tiny model learns quickly.
fn dataset() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (split, n) in [("train", 60), ("validation", 6)] {
        let split = folder.path().join("tokens").join(split);
        fs::create_dir_all(&split).unwrap();
        let mut writer = TokenShardWriter::create(&split.join("00000"), TokenType::U16).unwrap();
        for i in 0..n {
            let phrase: Vec<u32> = (0..12).map(|j| 1 + (i * 3 + j * (1 + i % 2)) % 15).collect();
            writer.push(&[phrase, vec![0]].concat()).unwrap();
        }
        writer.finish().unwrap();
    }
    folder
}

fn tiny() -> Train {
    Train {
        vocab_size: Some(16),
        hidden_size: 16,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        intermediate_size: 16,
        sequence_length: 8,
        batch_size: 6,
        steps: Some(60),
        warmup_steps: 5,
        learning_rate: 0.02,
        checkpoint_every_steps: 7,
        validate_every_steps: 20,
        ..Train::default()
    }
}

fn bytes(out: &TempDir) -> Vec<Vec<u8>> {
    ["model.safetensors", "config.json", "curve.jsonl", "manifest.json"]
        .map(|name| fs::read(out.path().join(name)).unwrap())
        .to_vec()
}

#[test]
fn loss_falls_below_the_unigram_entropy() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let report = run(&tiny(), data.path(), out.path(), Device::Cpu, &mut |_| true).unwrap();
    assert!(report.finished && report.steps == 60 && report.tokens_seen == 60 * 48);
    assert!(report.unigram_entropy > 2.0 && report.unigram_entropy < 16f64.ln());
    assert!(report.validation_loss.unwrap() < report.unigram_entropy - 0.5, "{report:?}");
    assert_eq!(fs::read_to_string(out.path().join("curve.jsonl")).unwrap().lines().count(), 60);
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bytes() {
    let data = dataset();
    let (whole, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = run(&tiny(), data.path(), whole.path(), Device::Cpu, &mut |_| true).unwrap();
    let until = |step| {
        let mut watch = |progress: &TrainProgress| progress.step != step;
        run(&tiny(), data.path(), stopped.path(), Device::Cpu, &mut watch).unwrap()
    };
    let report = until(10);
    assert_eq!((report.finished, report.validation_loss), (false, None));
    // A kill leaves rows of the curve beyond the checkpoint, and a half-written checkpoint.
    let curve = stopped.path().join("curve.jsonl");
    fs::write(&curve, [fs::read(&curve).unwrap(), b"{\"step\":11}\n{\"st".to_vec()].concat())
        .unwrap();
    fs::create_dir(stopped.path().join("checkpoints/step-0000000014.tmp")).unwrap();
    assert_eq!(until(33).resumed_from_step, Some(10));
    assert!(!stopped.path().join("manifest.json").exists());
    let last = until(0);
    assert_eq!((last.resumed_from_step, last.finished), (Some(33), true));
    assert_eq!(last.validation_loss, first.validation_loss);
    assert!(bytes(&whole) == bytes(&stopped), "the folders differ");
    // A finished run is only reported; another one is refused.
    assert_eq!(until(1), last);
    let other = Train { seed: 1, ..tiny() };
    let error = run(&other, data.path(), stopped.path(), Device::Cpu, &mut |_| true).unwrap_err();
    assert!(error.to_string().contains("another model"), "{error}");
}

#[test]
fn same_bytes_with_one_and_three_threads() {
    let data = dataset();
    let config = Train { steps: Some(8), micro_batch_size: 1, ..tiny() };
    let folders = [1, 3].map(|n_threads| {
        let out = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let train = || run(&config, data.path(), out.path(), Device::Cpu, &mut |_| true);
        pool.install(train).unwrap();
        out
    });
    assert!(bytes(&folders[0]) == bytes(&folders[1]), "the folders differ");
}

#[test]
fn what_cannot_be_trained_is_an_error_that_names_it() {
    let data = dataset();
    let error = |config: Train| {
        let out = tempfile::tempdir().unwrap();
        let result = run(&config, data.path(), out.path(), Device::Cpu, &mut |_| true);
        format!("{:#}", result.unwrap_err())
    };
    assert!(error(Train { beta1: 1.0, ..tiny() }).contains("beta1"));
    assert!(error(Train { num_attention_heads: 3, ..tiny() }).contains("num_attention_heads"));
    assert!(error(Train { sequence_length: 4000, ..tiny() }).contains("tokens/train"));
    assert!(error(Train { vocab_size: None, ..tiny() }).contains("tokenizer.json"));
    assert!(error(Train { vocab_size: Some(9), ..tiny() }).contains("vocab_size = 9"));
    let divergent = Train { learning_rate: 1e30, warmup_steps: 0, ..tiny() };
    assert!(error(divergent).contains("step 2"));
}

#[test]
fn unknown_keys_are_errors() {
    let error = serde_json::from_str::<Train>(r#"{"hidden_sise": 1}"#).unwrap_err();
    assert!(error.to_string().contains("hidden_sise"));
}
