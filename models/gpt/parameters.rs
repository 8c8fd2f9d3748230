//! The weights of a model: named, in a fixed order, one f32 tensor each.
//!
//! Whatever computes with them (candle's automatic gradients, or an engine of its own) and
//! whatever changes them (the optimizer) meet in this list and in [`super::Gradients`].

use super::{GptConfig, GptError};
use candle_core::{DType, Device, Tensor, Var};
use std::collections::HashMap;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// One weight matrix or vector.
pub struct Parameter {
    /// Its name in transformers' Llama layout.
    pub name: String,
    /// Its values, f32.
    pub values: Var,
    /// Whether weight decay pulls it towards zero: matrices do, embeddings and gains of norms do
    /// not (as OLMo 2, arXiv:2501.00656, section 3).
    pub decays: bool,
}

/// All weights of a model, in a fixed order.
pub struct Parameters(Vec<Parameter>);

impl Parameters {
    /// Draws the first weights: gains are 1, matrices are normal with the configured deviation,
    /// those that write into the residual stream divided by the root of twice the number of
    /// layers (GPT-2, section 2.3).
    pub(super) fn init(config: &GptConfig, seed: u64, device: &Device) -> Result<Self, GptError> {
        let residual = config.initializer_range / (2.0 * config.num_hidden_layers as f64).sqrt();
        let mut list = Vec::new();
        for (name, shape) in layout(config) {
            let values = if shape.len() == 1 {
                vec![1.0; shape[0]]
            } else {
                let into_residual = name.ends_with("o_proj.weight") || name.contains("down_proj");
                let deviation = if into_residual { residual } else { config.initializer_range };
                normal(xxh3_64_with_seed(name.as_bytes(), seed), deviation, shape.iter().product())
            };
            list.push(Parameter::new(name, Tensor::from_vec(values, shape, device)?)?);
        }
        Ok(Self(list))
    }

    /// Reads the weights from a safetensors file that names them as transformers does.
    pub(super) fn open(config: &GptConfig, path: &Path, device: &Device) -> Result<Self, GptError> {
        let mut tensors = candle_core::safetensors::load(path, device)
            .map_err(|error| GptError::file(path, error.to_string()))?;
        let mut list = Vec::new();
        for (name, shape) in layout(config) {
            let Some(tensor) = tensors.remove(&name) else {
                return Err(GptError::file(path, format!("{name} is missing")));
            };
            if tensor.dims() != shape {
                let message = format!("{name} is {:?}, expected {shape:?}", tensor.dims());
                return Err(GptError::file(path, message));
            }
            list.push(Parameter::new(name, tensor.to_dtype(DType::F32)?)?);
        }
        Ok(Self(list))
    }

    /// Returns the weights in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.0.iter()
    }

    /// Returns the number of single weights.
    pub fn n_weights(&self) -> u64 {
        self.iter().map(|parameter| parameter.values.elem_count() as u64).sum()
    }

    /// Returns the tensors by name, as they are saved.
    pub fn by_name(&self) -> HashMap<String, Tensor> {
        self.iter().map(|p| (p.name.clone(), p.values.as_tensor().clone())).collect()
    }
}

impl Parameter {
    fn new(name: String, tensor: Tensor) -> Result<Self, GptError> {
        let decays = tensor.rank() > 1 && name.contains("_proj");
        Ok(Self { name, values: Var::from_tensor(&tensor)?, decays })
    }
}

/// Lists name and shape of every weight: projections are `(output, input)`.
fn layout(config: &GptConfig) -> Vec<(String, Vec<usize>)> {
    let (width, inner) = (config.hidden_size, config.intermediate_size);
    let shared = config.num_key_value_heads * config.head_dim();
    let table = vec![config.vocab_size, width];
    let mut list = vec![("model.embed_tokens.weight".to_owned(), table.clone())];
    for layer in 0..config.num_hidden_layers {
        let block = [
            ("input_layernorm", vec![width]),
            ("self_attn.q_proj", vec![width, width]),
            ("self_attn.k_proj", vec![shared, width]),
            ("self_attn.v_proj", vec![shared, width]),
            ("self_attn.o_proj", vec![width, width]),
            ("post_attention_layernorm", vec![width]),
            ("mlp.gate_proj", vec![inner, width]),
            ("mlp.up_proj", vec![inner, width]),
            ("mlp.down_proj", vec![width, inner]),
        ];
        list.extend(
            block.map(|(name, shape)| (format!("model.layers.{layer}.{name}.weight"), shape)),
        );
    }
    list.push(("model.norm.weight".to_owned(), vec![width]));
    if !config.tie_word_embeddings {
        list.push(("lm_head.weight".to_owned(), table));
    }
    list
}

/// Returns `n` values that are nearly normal with mean 0 and the given deviation.
///
/// Each is the sum of the four 16-bit pieces of one hash of (key, index): the same on every
/// machine and thread, with tails that end at 3.46 deviations.
fn normal(key: u64, deviation: f64, n: usize) -> Vec<f32> {
    const MEAN: f64 = 4.0 * 65_535.0 / 2.0;
    let unit = deviation / (4.0 * (65_536.0f64.powi(2) - 1.0) / 12.0).sqrt();
    let value = |index: u64| {
        let hash = mix(key.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let sum: u64 = [0, 16, 32, 48].iter().map(|shift| (hash >> shift) & 0xFFFF).sum();
        ((sum as f64 - MEAN) * unit) as f32
    };
    (0..n as u64).map(value).collect()
}

/// Scrambles a counter: the finaliser of SplitMix64 (Steele et al. 2014, figure 16).
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_weights_are_normal_and_follow_the_seed() {
        let values = normal(1, 0.5, 100_000);
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / 1e5;
        let variance = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((variance - 0.25).abs() < 0.005, "{variance}");
        assert_eq!(values, normal(1, 0.5, 100_000));
        assert_ne!(values, normal(2, 0.5, 100_000));
    }
}
