//! A decoder-only causal language model in the shape of Llama (arXiv:2302.13971, section 2.2):
//! RMSNorm before each part, rotary positions, SwiGLU, and keys and values shared by groups of
//! query heads.
//!
//! Per layer: `x += Wo attention(Wq n(x), Wk n(x), Wv n(x))`, `x += Wd (silu(Wg n(x)) * Wu n(x))`.
//!
//! Everything is f32. Activations are `(tokens, width)`, where `tokens = sequences * length`.
//! candle takes the gradients; the operators that it lacks or is slow at stand one to a file here,
//! each beside a composed version that tests compare it with and that GPUs run.

mod attention;
#[cfg(test)]
mod check;
mod config;
mod cross_entropy;
mod device;
mod error;
mod exp;
mod gradients;
mod linear;
mod parameters;
mod rms_norm;
mod rotary;
mod rows;
mod slices;
mod swiglu;
#[cfg(test)]
mod tests;

pub use config::GptConfig;
pub use device::Device;
pub use error::GptError;
pub use gradients::Gradients;
pub use parameters::{Parameter, Parameters};
pub(crate) use slices::{slice, slice_mut};

use attention::{Heads, attention};
use candle_core::Tensor;
use cross_entropy::{cross_entropy, token_losses};
use linear::linear;
use rms_norm::rms_norm;
use rotary::Rotary;
use std::path::Path;
use swiglu::swiglu;

/// A language model as the trainer sees it: weights by name, and the loss of a batch.
///
/// [`Gpt`] is the plain implementation; a faster engine stands behind the same trait and is
/// compared with it.
pub trait LanguageModel: Send + Sync {
    /// Returns the weights. The optimizer changes their values in place between calls.
    fn parameters(&self) -> &Parameters;

    /// Returns `sum of the losses of all targets / divisor` in nats, and its gradients. A batch cut
    /// into parts is the sum of its parts when `divisor` is the number of targets of the whole.
    ///
    /// # Errors
    /// Fails on ids beyond the vocabulary and windows beyond the positions.
    fn loss_and_gradients(
        &self,
        batch: &TokenBatch,
        divisor: usize,
    ) -> Result<(f64, Gradients), GptError>;

    /// Returns the loss of each target in nats, in the order of `batch.targets()`.
    ///
    /// # Errors
    /// As [`Self::loss_and_gradients`].
    fn token_losses(&self, batch: &TokenBatch) -> Result<Vec<f32>, GptError>;

    /// Returns the logits of the token that follows `ids`.
    ///
    /// # Errors
    /// As [`Self::loss_and_gradients`].
    fn next_logits(&self, ids: &[u32]) -> Result<Vec<f32>, GptError>;
}

/// Windows of `length + 1` tokens: the first `length` are read, the last `length` predicted.
pub struct TokenBatch {
    inputs: Vec<u32>,
    targets: Vec<u32>,
    length: usize,
}

impl TokenBatch {
    /// Cuts `ids` into windows of `length + 1` tokens.
    ///
    /// # Errors
    /// Fails if `ids` is empty or not a whole number of windows.
    pub fn new(ids: &[u32], length: usize) -> Result<Self, GptError> {
        if length == 0 || ids.is_empty() || !ids.len().is_multiple_of(length + 1) {
            let message = format!("{} ids are not windows of {length} + 1", ids.len());
            return Err(GptError::Tokens(message));
        }
        let windows = || ids.chunks_exact(length + 1);
        let inputs = windows().flat_map(|window| &window[..length]).copied().collect();
        let targets = windows().flat_map(|window| &window[1..]).copied().collect();
        Ok(Self { inputs, targets, length })
    }

    /// Returns the ids that are read, (sequences, length) row by row.
    pub fn inputs(&self) -> &[u32] {
        &self.inputs
    }

    /// Returns the ids that follow each of [`Self::inputs`].
    pub fn targets(&self) -> &[u32] {
        &self.targets
    }

    /// Returns the tokens of a sequence.
    pub fn length(&self) -> usize {
        self.length
    }
}

/// The model, with gradients by candle.
pub struct Gpt {
    config: GptConfig,
    parameters: Parameters,
    rotary: Rotary,
    layers: Vec<Layer>,
    embedding: Tensor,
    norm: Tensor,
    head: Tensor,
    device: candle_core::Device,
}

/// The weights of one layer, the same tensors as in [`Parameters`].
struct Layer {
    input_norm: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    inner_norm: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
}

impl Gpt {
    /// Builds a model with first weights drawn from `seed`: the same on every machine.
    ///
    /// # Errors
    /// [`GptError::Key`] if the shape is impossible, [`GptError::Device`] if there is no such device.
    pub fn new(config: GptConfig, seed: u64, device: Device) -> Result<Self, GptError> {
        config.validate()?;
        let device = device.open()?;
        let parameters = Parameters::init(&config, seed, &device)?;
        Self::build(config, parameters, device)
    }

    /// Opens a folder with `config.json` and `model.safetensors` in transformers' Llama layout.
    ///
    /// # Errors
    /// Names the file that is missing or broken, and the key or weight in it.
    pub fn open(folder: &Path, device: Device) -> Result<Self, GptError> {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(GptError::io(&path))?;
        let config =
            serde_json::from_str(&text).map_err(|e| GptError::file(&path, e.to_string()))?;
        let config =
            GptConfig::from_llama(&config).map_err(|e| GptError::file(&path, e.to_string()))?;
        let device = device.open()?;
        let parameters = Parameters::open(&config, &folder.join("model.safetensors"), &device)?;
        Self::build(config, parameters, device)
    }

    fn build(
        config: GptConfig,
        parameters: Parameters,
        device: candle_core::Device,
    ) -> Result<Self, GptError> {
        let mut weights = parameters.iter().map(|p| p.values.as_tensor().clone());
        let mut next = || weights.next().expect("the list has every weight of the configuration");
        let embedding = next();
        let layers = (0..config.num_hidden_layers)
            .map(|_| Layer {
                input_norm: next(),
                query: next(),
                key: next(),
                value: next(),
                output: next(),
                inner_norm: next(),
                gate: next(),
                up: next(),
                down: next(),
            })
            .collect();
        let norm = next();
        let head = if config.tie_word_embeddings { embedding.clone() } else { next() };
        drop(weights);
        let positions = config.max_position_embeddings;
        let rotary = Rotary::new(config.rope_theta, config.head_dim(), positions, &device)?;
        Ok(Self { config, parameters, rotary, layers, embedding, norm, head, device })
    }

    /// Writes `config.json` and `model.safetensors` into `folder`, as [`Self::open`] and
    /// transformers' `LlamaForCausalLM` read them.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn save(&self, folder: &Path) -> Result<(), GptError> {
        crate::checkpoint::save_model(folder, self)
    }

    pub(crate) fn device(&self) -> &candle_core::Device {
        &self.device
    }

    /// Returns the shape of the model.
    pub fn config(&self) -> &GptConfig {
        &self.config
    }

    /// Returns the logits (sequences, length, vocabulary) of `inputs` (sequences, length), f32.
    ///
    /// # Errors
    /// Fails on ids beyond the vocabulary and windows beyond the positions.
    pub fn logits(&self, inputs: &[u32], length: usize) -> Result<Tensor, GptError> {
        let hidden = self.hidden(inputs, length)?; // (tokens, width)
        let logits = linear(&hidden, &self.head)?; // (tokens, vocabulary)
        Ok(logits.reshape((inputs.len() / length, length, self.config.vocab_size))?)
    }

    /// Returns the normalised end of the residual stream, (tokens, width).
    fn hidden(&self, inputs: &[u32], length: usize) -> Result<Tensor, GptError> {
        self.check(inputs)?;
        if inputs.is_empty() || !inputs.len().is_multiple_of(length) {
            let message = format!("{} ids are not sequences of {length}", inputs.len());
            return Err(GptError::Tokens(message));
        }
        if length > self.config.max_position_embeddings {
            let most = self.config.max_position_embeddings;
            return Err(GptError::Tokens(format!("a window of {length} exceeds {most} positions")));
        }
        let eps = self.config.rms_norm_eps;
        let ids = Tensor::new(inputs, &self.device)?;
        let mut x = self.embedding.index_select(&ids, 0)?; // (tokens, width)
        for layer in &self.layers {
            let normed = rms_norm(&x, &layer.input_norm, eps)?; // (tokens, width)
            x = (x + self.attend(layer, &normed, length)?)?; // (tokens, width)
            let normed = rms_norm(&x, &layer.inner_norm, eps)?; // (tokens, width)
            let gate = linear(&normed, &layer.gate)?; // (tokens, inner)
            let up = linear(&normed, &layer.up)?; // (tokens, inner)
            x = (x + linear(&swiglu(&gate, &up)?, &layer.down)?)?; // (tokens, width)
        }
        Ok(rms_norm(&x, &self.norm, eps)?)
    }

    fn attend(&self, layer: &Layer, normed: &Tensor, length: usize) -> candle_core::Result<Tensor> {
        let shared = self.config.num_key_value_heads;
        let group = self.config.num_attention_heads / shared;
        let heads = Heads { shared, group, width: self.config.head_dim() };
        let q = self.rotary.apply(&linear(normed, &layer.query)?, length)?; // (tokens, width)
        let k = self.rotary.apply(&linear(normed, &layer.key)?, length)?; // (tokens, shared * head)
        let v = linear(normed, &layer.value)?; // (tokens, shared * head)
        let y = attention(&q, &k, &v, heads, length)?; // (tokens, width)
        linear(&y, &layer.output)
    }

    /// Refuses ids beyond the vocabulary, which would otherwise read or count elsewhere.
    fn check(&self, ids: &[u32]) -> Result<(), GptError> {
        let vocabulary = self.config.vocab_size;
        match ids.iter().find(|id| **id as usize >= vocabulary) {
            Some(id) => Err(GptError::Tokens(format!("id {id} exceeds vocab_size = {vocabulary}"))),
            None => Ok(()),
        }
    }
}

impl LanguageModel for Gpt {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn loss_and_gradients(
        &self,
        batch: &TokenBatch,
        divisor: usize,
    ) -> Result<(f64, Gradients), GptError> {
        self.check(&batch.targets)?;
        let hidden = self.hidden(&batch.inputs, batch.length)?;
        let loss = cross_entropy(&hidden, &self.head, &batch.targets, divisor)?;
        let mut gradients = loss.backward()?;
        let take = |parameter: &Parameter| {
            let missing = || candle_core::Error::Msg(format!("{}: no gradient", parameter.name));
            gradients.remove(&parameter.values).ok_or_else(missing)?.contiguous()
        };
        let gradients = self.parameters.iter().map(take).collect::<candle_core::Result<_>>()?;
        Ok((f64::from(loss.to_scalar::<f32>()?), Gradients::new(gradients)))
    }

    fn token_losses(&self, batch: &TokenBatch) -> Result<Vec<f32>, GptError> {
        self.check(&batch.targets)?;
        let hidden = self.hidden(&batch.inputs, batch.length)?;
        Ok(token_losses(&hidden, &self.head, &batch.targets)?)
    }

    fn next_logits(&self, ids: &[u32]) -> Result<Vec<f32>, GptError> {
        let hidden = self.hidden(ids, ids.len())?;
        let last = hidden.narrow(0, ids.len().saturating_sub(1), 1)?; // (1, width)
        Ok(linear(&last, &self.head)?.squeeze(0)?.to_vec1()?)
    }
}
