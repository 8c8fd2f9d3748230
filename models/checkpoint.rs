//! A whole training run on disk: weights, optimizer and place in the data.
//!
//! A checkpoint is a folder `step-0000000500` with `config.json` and `model.safetensors` as
//! transformers' `LlamaForCausalLM` loads them, `optimizer.safetensors` and `state.json`. It is
//! written under a temporary name, synced and renamed: there is a whole checkpoint or none. A run
//! that goes on from one takes the same steps, bit for bit on a CPU, as one never stopped.

use crate::gpt::{Gpt, GptError, LanguageModel};
use crate::optimizer::AdamW;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Where a run stands, beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// Steps taken; the next batch follows from it.
    pub step: u64,
    /// Targets learned from so far.
    pub tokens: u64,
    /// Smoothed loss in nats/token, for progress.
    pub smoothed_loss: f64,
    /// Hash of all that decides the run: a checkpoint of another run is not gone on from.
    pub fingerprint: String,
}

/// A checkpoint on disk.
pub struct Checkpoint {
    folder: PathBuf,
    state: TrainState,
}

impl Checkpoint {
    /// Writes a checkpoint into `checkpoints` and then deletes the earlier ones.
    ///
    /// # Errors
    /// Names the file that could not be written; earlier checkpoints are then still there.
    pub fn save(
        checkpoints: &Path,
        model: &Gpt,
        optimizer: &AdamW,
        state: &TrainState,
    ) -> Result<(), GptError> {
        let name = format!("step-{:010}", state.step);
        let folder = checkpoints.join(&name);
        if folder.exists() {
            return Ok(()); // Same run, same step: the same bytes.
        }
        let temporary = checkpoints.join(format!("{name}.tmp"));
        if temporary.exists() {
            fs::remove_dir_all(&temporary).map_err(GptError::io(&temporary))?;
        }
        fs::create_dir_all(&temporary).map_err(GptError::io(&temporary))?;
        save_model(&temporary, model)?;
        save_tensors(&temporary.join("optimizer.safetensors"), &optimizer.moments())?;
        let json = serde_json::to_string_pretty(state).expect("numbers and strings are JSON");
        write_whole(&temporary.join("state.json"), json.as_bytes())?;
        sync(&temporary)?;
        fs::rename(&temporary, &folder).map_err(GptError::io(&folder))?;
        sync(checkpoints)?;
        for old in entries(checkpoints)?.into_iter().filter(|old| *old != folder) {
            fs::remove_dir_all(&old).map_err(GptError::io(&old))?;
        }
        Ok(())
    }

    /// Finds the last whole checkpoint in `checkpoints`, if there is one.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn find(checkpoints: &Path) -> Result<Option<Self>, GptError> {
        if !checkpoints.exists() {
            return Ok(None);
        }
        let mut folders = entries(checkpoints)?;
        folders.retain(|folder| folder.extension().is_none());
        let Some(folder) = folders.into_iter().max() else { return Ok(None) };
        let path = folder.join("state.json");
        let text = fs::read(&path).map_err(GptError::io(&path))?;
        let state =
            serde_json::from_slice(&text).map_err(|e| GptError::file(&path, e.to_string()))?;
        Ok(Some(Self { folder, state }))
    }

    /// Returns where the run stood.
    pub fn state(&self) -> &TrainState {
        &self.state
    }

    /// Returns the folder, which [`Gpt::open`] opens.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives `optimizer` its moments back.
    ///
    /// # Errors
    /// Names the file that is broken or belongs to another model.
    pub fn restore(&self, model: &Gpt, optimizer: &mut AdamW) -> Result<(), GptError> {
        let path = self.folder.join("optimizer.safetensors");
        candle_core::safetensors::load(&path, model.device())
            .map_err(GptError::from)
            .and_then(|moments| optimizer.restore(self.state.step, moments))
            .map_err(|e| GptError::file(&path, e.to_string()))
    }
}

/// Lists the checkpoints, and the `.tmp` folders that a killed run left half written.
fn entries(checkpoints: &Path) -> Result<Vec<PathBuf>, GptError> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(checkpoints).map_err(GptError::io(checkpoints))? {
        let entry = entry.map_err(GptError::io(checkpoints))?;
        if entry.file_name().to_string_lossy().starts_with("step-") {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// Writes `config.json` and `model.safetensors` into a folder, each whole or not at all.
pub(crate) fn save_model(folder: &Path, model: &Gpt) -> Result<(), GptError> {
    let config = serde_json::to_string_pretty(&model.config().to_llama()).expect("it is JSON");
    write_whole(&folder.join("config.json"), config.as_bytes())?;
    save_tensors(&folder.join("model.safetensors"), &model.parameters().by_name())
}

fn save_tensors(
    path: &Path,
    tensors: &HashMap<String, candle_core::Tensor>,
) -> Result<(), GptError> {
    // candle's own writer leaves a file that nobody but its owner may read.
    let bytes = safetensors::serialize(tensors, None)
        .map_err(|error| GptError::file(path, error.to_string()))?;
    write_whole(path, &bytes)
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), GptError> {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, bytes).map_err(GptError::io(&temporary))?;
    sync(&temporary)?;
    fs::rename(&temporary, path).map_err(GptError::io(path))
}

/// Waits until a file or folder is on disk.
fn sync(path: &Path) -> Result<(), GptError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(GptError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpt::{Device, GptConfig, TokenBatch};
    use crate::optimizer::AdamWConfig;

    fn model(seed: u64) -> (Gpt, AdamW) {
        let config = GptConfig { vocab_size: 8, hidden_size: 8, ..GptConfig::default() };
        let model = Gpt::new(config, seed, Device::Cpu).unwrap();
        let optimizer = AdamW::new(AdamWConfig::default(), model.parameters()).unwrap();
        (model, optimizer)
    }

    fn step(model: &Gpt, optimizer: &mut AdamW) {
        let batch = TokenBatch::new(&[1, 2, 3, 4, 5, 6], 5).unwrap();
        let (_, gradients) = model.loss_and_gradients(&batch, 5).unwrap();
        optimizer.step(model.parameters(), &gradients, 1.0, 0.01).unwrap();
    }

    fn weights(model: &Gpt) -> Vec<Vec<f32>> {
        let flat = |p: &crate::Parameter| p.values.flatten_all().unwrap().to_vec1().unwrap();
        model.parameters().iter().map(flat).collect()
    }

    #[test]
    fn training_goes_on_bit_for_bit_and_only_the_last_checkpoint_stays() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Checkpoint::find(folder.path()).unwrap().is_none());
        fs::create_dir(folder.path().join("step-0000000009.tmp")).unwrap();
        assert!(Checkpoint::find(folder.path()).unwrap().is_none());
        let (one, mut optimizer) = model(1);
        let mut state =
            TrainState { step: 0, tokens: 7, smoothed_loss: 0.1 + 0.2, fingerprint: "x".into() };
        for n in 1..=2 {
            step(&one, &mut optimizer);
            state.step = n;
            Checkpoint::save(folder.path(), &one, &optimizer, &state).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let checkpoint = Checkpoint::find(folder.path()).unwrap().unwrap();
        assert_eq!(*checkpoint.state(), state);
        let two = Gpt::open(checkpoint.folder(), Device::Cpu).unwrap();
        let (_, mut restored) = model(2);
        checkpoint.restore(&two, &mut restored).unwrap();
        step(&one, &mut optimizer);
        step(&two, &mut restored);
        assert_eq!(weights(&one), weights(&two));
        fs::write(checkpoint.folder().join("optimizer.safetensors"), b"short").unwrap();
        let error = checkpoint.restore(&two, &mut restored).unwrap_err().to_string();
        assert!(error.contains("optimizer.safetensors"), "{error}");
    }
}
