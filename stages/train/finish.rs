use super::{Train, TrainReport};
use anyhow::{Context, Result, ensure};
use models::{Gpt, TrainState};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Changes when the same configuration would give other weights.
const FORMAT: u32 = 1;

/// What a model folder is: nothing in it depends on the machine's speed.
#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    fingerprint: String,
    config: Train,
    vocab_size: usize,
    parameters: u64,
    steps: u64,
    tokens_seen: u64,
    train_loss: f64,
    validation_loss: Option<f64>,
    validation_tokens: u64,
    unigram_entropy: f64,
    /// xxh3-128 of `model.safetensors`.
    weights_xxh3: String,
}

/// Hashes all that decides a run: its configuration and the dataset's manifest and token files.
pub(super) fn fingerprint(config: &Train, data: &Path) -> Result<String> {
    let mut hash = Xxh3::new();
    hash.update(&FORMAT.to_le_bytes());
    hash.update(&serde_json::to_vec(config)?);
    for file in [data.join("manifest.json"), data.join("tokenizer").join("tokenizer.json")] {
        if file.exists() {
            hash.update(&fs::read(&file).with_context(|| file.display().to_string())?);
        }
    }
    for split in ["train", "validation"] {
        let folder = data.join("tokens").join(split);
        let at = || folder.display().to_string();
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).with_context(at)? {
            let entry = entry.with_context(at)?;
            files.push((entry.file_name(), entry.metadata().with_context(at)?.len()));
        }
        files.sort();
        for (name, bytes) in files {
            hash.update(split.as_bytes());
            hash.update(name.as_encoded_bytes());
            hash.update(&bytes.to_le_bytes());
        }
    }
    Ok(format!("{:032x}", hash.digest128()))
}

/// Returns the report of `out` if this very run is finished there; another run's model is an error.
pub(super) fn finished(out: &Path, fingerprint: &str) -> Result<Option<TrainReport>> {
    let path = out.join("manifest.json");
    if !path.exists() {
        return Ok(None);
    }
    let manifest: Manifest = read(&path)?;
    ensure!(
        manifest.fingerprint == fingerprint,
        "{}: holds another model\nhint: give another folder, or delete it",
        out.display()
    );
    Ok(Some(read(&out.join("report.json"))?))
}

/// Writes the model, the report and, last, the manifest.
pub(super) fn commit(
    config: &Train,
    data: &Path,
    out: &Path,
    model: &Gpt,
    report: &TrainReport,
    state: &TrainState,
) -> Result<()> {
    model.save(out)?;
    let tokenizer = data.join("tokenizer").join("tokenizer.json");
    if tokenizer.exists() {
        let bytes = fs::read(&tokenizer).with_context(|| tokenizer.display().to_string())?;
        write(&out.join("tokenizer.json"), &bytes)?;
    }
    write(&out.join("report.json"), &serde_json::to_vec_pretty(report)?)?;
    let weights = out.join("model.safetensors");
    let weights = fs::read(&weights).with_context(|| weights.display().to_string())?;
    let manifest = Manifest {
        format: FORMAT,
        fingerprint: state.fingerprint.clone(),
        config: config.clone(),
        vocab_size: model.config().vocab_size,
        parameters: report.parameters,
        steps: report.steps,
        tokens_seen: report.tokens_seen,
        train_loss: report.train_loss,
        validation_loss: report.validation_loss,
        validation_tokens: report.validation_tokens,
        unigram_entropy: report.unigram_entropy,
        weights_xxh3: format!("{:032x}", xxh3_128(&weights)),
    };
    write(&out.join("manifest.json"), &serde_json::to_vec_pretty(&manifest)?)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&temporary, path)).with_context(|| path.display().to_string())
}
