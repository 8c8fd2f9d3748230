use anyhow::{Result, ensure};
use models::{AdamWConfig, GptConfig, Schedule};
use serde::{Deserialize, Serialize};

/// How a model is trained: the keys of `[train]`.
///
/// The shape has the keys of transformers' Llama. The defaults train a model of a million
/// parameters on a laptop in about a minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Train {
    /// Ids the model knows. Absent: those of the dataset's `tokenizer/tokenizer.json`.
    pub vocab_size: Option<usize>,
    /// Width of the residual stream. Default 128.
    pub hidden_size: usize,
    /// Blocks of attention and feed-forward network. Default 3.
    pub num_hidden_layers: usize,
    /// Heads of the queries. Default 4.
    pub num_attention_heads: usize,
    /// Heads of the keys and values, each shared by a group of query heads. Default 2.
    pub num_key_value_heads: usize,
    /// Width inside the feed-forward network. Default 256.
    pub intermediate_size: usize,
    /// Longest window in tokens that the model takes. Absent: `sequence_length`.
    pub max_position_embeddings: Option<usize>,
    /// Base of the rotary angles. Default 10,000.
    pub rope_theta: f64,
    /// Added to the mean square before its root. Default 1e-5.
    pub rms_norm_eps: f64,
    /// Whether the output layer is the embedding table. Default true.
    pub tie_word_embeddings: bool,
    /// Standard deviation of the first weights. Default 0.05.
    pub initializer_range: f64,
    /// Tokens of a window. Default 128.
    pub sequence_length: usize,
    /// Windows of a step. Default 8.
    pub batch_size: usize,
    /// Windows that one thread takes at a time; the gradients of these parts are added in order,
    /// so that their number, not the number of threads, decides the rounding. Default 2.
    pub micro_batch_size: usize,
    /// Steps. Absent: one pass over the train tokens, at most `max_steps`.
    pub steps: Option<u64>,
    /// Most steps when `steps` is absent. Default 1000.
    pub max_steps: u64,
    /// Highest learning rate. Default 0.006, which suits a width of 128; wider models want less.
    pub learning_rate: f64,
    /// Share of it that is left at the end, 0..=1. Default 0.1 (Llama, arXiv:2302.13971, section 2.3).
    pub min_learning_rate_ratio: f64,
    /// Steps of the linear rise at the start. Default 30.
    pub warmup_steps: u64,
    /// Share of a weight that is taken off a step, times the learning rate. Default 0.1.
    pub weight_decay: f64,
    /// Share of the first moment that stays each step, 0..1. Default 0.9.
    pub beta1: f64,
    /// Share of the second moment that stays each step, 0..1. Default 0.95.
    pub beta2: f64,
    /// Gradients longer than this are shortened to it. Default 1.
    pub max_grad_norm: f64,
    /// Decides the first weights and the order of the windows. Default 0.
    pub seed: u64,
    /// Steps between checkpoints. Default 200.
    pub checkpoint_every_steps: u64,
    /// Steps between validations; one more is made at the end. Default 200.
    pub validate_every_steps: u64,
    /// Most validation tokens that are scored, from the start of the split. Default 100,000.
    pub max_validation_tokens: u64,
}

impl Default for Train {
    fn default() -> Self {
        let shape = GptConfig::default();
        let adam = AdamWConfig::default();
        Self {
            vocab_size: None,
            hidden_size: shape.hidden_size,
            num_hidden_layers: shape.num_hidden_layers,
            num_attention_heads: shape.num_attention_heads,
            num_key_value_heads: shape.num_key_value_heads,
            intermediate_size: shape.intermediate_size,
            max_position_embeddings: None,
            rope_theta: shape.rope_theta,
            rms_norm_eps: shape.rms_norm_eps,
            tie_word_embeddings: shape.tie_word_embeddings,
            initializer_range: shape.initializer_range,
            sequence_length: 128,
            batch_size: 8,
            micro_batch_size: 2,
            steps: None,
            max_steps: 1000,
            learning_rate: 0.006,
            min_learning_rate_ratio: 0.1,
            warmup_steps: 30,
            weight_decay: adam.weight_decay,
            beta1: adam.beta1,
            beta2: adam.beta2,
            max_grad_norm: 1.0,
            seed: 0,
            checkpoint_every_steps: 200,
            validate_every_steps: 200,
            max_validation_tokens: 100_000,
        }
    }
}

impl Train {
    /// Checks every key that does not need the dataset; the message names the key.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("sequence_length", self.sequence_length as u64),
            ("batch_size", self.batch_size as u64),
            ("micro_batch_size", self.micro_batch_size as u64),
            ("steps", self.steps.unwrap_or(1)),
            ("max_steps", self.max_steps),
            ("checkpoint_every_steps", self.checkpoint_every_steps),
            ("validate_every_steps", self.validate_every_steps),
            ("max_validation_tokens", self.max_validation_tokens),
        ];
        for (key, count) in counts {
            ensure!(count > 0, "{key}: must be at least 1");
        }
        for (key, number) in
            [("learning_rate", self.learning_rate), ("max_grad_norm", self.max_grad_norm)]
        {
            ensure!(number.is_finite() && number > 0.0, "{key}: must be a positive number");
        }
        for (key, share) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            ensure!((0.0..1.0).contains(&share), "{key}: must be at least 0 and below 1");
        }
        let ratio = self.min_learning_rate_ratio;
        ensure!((0.0..=1.0).contains(&ratio), "min_learning_rate_ratio: must be 0 to 1");
        ensure!(
            self.weight_decay.is_finite() && self.weight_decay >= 0.0,
            "weight_decay: must be 0 or more"
        );
        let shape = self.shape(self.vocab_size.unwrap_or(1));
        shape.validate()?;
        ensure!(
            self.sequence_length <= shape.max_position_embeddings,
            "sequence_length: {} exceeds max_position_embeddings",
            self.sequence_length
        );
        Ok(())
    }

    pub(super) fn shape(&self, vocab_size: usize) -> GptConfig {
        GptConfig {
            vocab_size,
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            num_key_value_heads: self.num_key_value_heads,
            intermediate_size: self.intermediate_size,
            max_position_embeddings: self.max_position_embeddings.unwrap_or(self.sequence_length),
            rope_theta: self.rope_theta,
            rms_norm_eps: self.rms_norm_eps,
            tie_word_embeddings: self.tie_word_embeddings,
            initializer_range: self.initializer_range,
        }
    }

    pub(super) fn adamw(&self) -> AdamWConfig {
        AdamWConfig {
            beta1: self.beta1,
            beta2: self.beta2,
            weight_decay: self.weight_decay,
            ..AdamWConfig::default()
        }
    }

    /// Returns the number of steps for a dataset of `n_windows` train windows.
    pub(super) fn n_steps(&self, n_windows: u64) -> u64 {
        let pass = n_windows.div_ceil(self.batch_size as u64);
        self.steps.unwrap_or(pass.min(self.max_steps))
    }

    pub(super) fn schedule(&self, steps: u64) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            final_ratio: self.min_learning_rate_ratio,
            warmup_steps: self.warmup_steps,
            steps,
        }
    }
}
