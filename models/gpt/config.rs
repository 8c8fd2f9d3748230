use super::GptError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The shape of a model; keys and meaning are those of transformers' `LlamaConfig`.
///
/// The defaults make a model of about a million parameters that a laptop trains in a minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GptConfig {
    /// Ids the model knows, special tokens included. Default 4096.
    pub vocab_size: usize,
    /// Width of the residual stream. Default 128.
    pub hidden_size: usize,
    /// Blocks of attention and feed-forward network. Default 3.
    pub num_hidden_layers: usize,
    /// Heads of the queries; each is `hidden_size / num_attention_heads` wide. Default 4.
    pub num_attention_heads: usize,
    /// Heads of the keys and values, each shared by a group of query heads. Default 2.
    pub num_key_value_heads: usize,
    /// Width inside the feed-forward network. Default 256.
    pub intermediate_size: usize,
    /// Longest window in tokens. Default 512.
    pub max_position_embeddings: usize,
    /// Base of the rotary angles. Default 10,000 (RoFormer, arXiv:2104.09864, section 3.2.2).
    pub rope_theta: f64,
    /// Added to the mean square before its root. Default 1e-5 (Llama 2; `LlamaConfig` says 1e-6).
    pub rms_norm_eps: f64,
    /// Whether the output layer is the embedding table. Default true, as small models want.
    pub tie_word_embeddings: bool,
    /// Standard deviation of the first weights. Default 0.05; `LlamaConfig` says 0.02, which suits
    /// a width of a thousand and more.
    pub initializer_range: f64,
}

impl Default for GptConfig {
    fn default() -> Self {
        Self {
            vocab_size: 4096,
            hidden_size: 128,
            num_hidden_layers: 3,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            intermediate_size: 256,
            max_position_embeddings: 512,
            rope_theta: 10_000.0,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: true,
            initializer_range: 0.05,
        }
    }
}

impl GptConfig {
    /// Checks that a model of this shape can be built.
    ///
    /// # Errors
    /// [`GptError::Key`] names the first key whose value cannot be.
    pub fn validate(&self) -> Result<(), GptError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        for (key, size) in sizes {
            if size == 0 {
                return Err(GptError::key(key, "must be at least 1"));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let message = format!("{} does not divide hidden_size", self.num_attention_heads);
            return Err(GptError::key("num_attention_heads", message));
        }
        if !self.head_dim().is_multiple_of(2) {
            let message = format!("makes heads {} wide, rotation needs even", self.head_dim());
            return Err(GptError::key("num_attention_heads", message));
        }
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            let message =
                format!("{} does not divide num_attention_heads", self.num_key_value_heads);
            return Err(GptError::key("num_key_value_heads", message));
        }
        let numbers = [
            ("rope_theta", self.rope_theta),
            ("rms_norm_eps", self.rms_norm_eps),
            ("initializer_range", self.initializer_range),
        ];
        for (key, number) in numbers {
            if !(number.is_finite() && number > 0.0) {
                return Err(GptError::key(key, "must be a positive number"));
            }
        }
        Ok(())
    }

    /// Returns the width of a head.
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// Returns the `config.json` that transformers' `LlamaForCausalLM` loads.
    ///
    /// `rope_theta` stands there twice, for transformers 4 and 5.
    pub fn to_llama(&self) -> Value {
        json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "head_dim": self.head_dim(),
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.max_position_embeddings,
            "rope_theta": self.rope_theta,
            "rope_parameters": { "rope_type": "default", "rope_theta": self.rope_theta },
            "rms_norm_eps": self.rms_norm_eps,
            "tie_word_embeddings": self.tie_word_embeddings,
            "initializer_range": self.initializer_range,
            "hidden_act": "silu",
            "attention_bias": false,
            "mlp_bias": false,
            "bos_token_id": null,
            "eos_token_id": null,
            "pad_token_id": null,
            "torch_dtype": "float32",
        })
    }

    /// Reads a `config.json` of the Llama family; keys of other concern are passed over.
    ///
    /// # Errors
    /// Returns the key that is missing, mistyped, or asks for what this model does not do.
    pub fn from_llama(config: &Value) -> Result<Self, GptError> {
        let fixed = [
            ("model_type", json!("llama")),
            ("hidden_act", json!("silu")),
            ("attention_bias", json!(false)),
            ("mlp_bias", json!(false)),
        ];
        for (key, value) in fixed {
            if config.get(key).is_some_and(|found| *found != value) {
                return Err(GptError::key(key, format!("only {value} is supported")));
            }
        }
        if config.get("rope_scaling").is_some_and(|scaling| !scaling.is_null()) {
            return Err(GptError::key("rope_scaling", "is not supported"));
        }
        let read = Self {
            vocab_size: size(config, "vocab_size")?,
            hidden_size: size(config, "hidden_size")?,
            num_hidden_layers: size(config, "num_hidden_layers")?,
            num_attention_heads: size(config, "num_attention_heads")?,
            num_key_value_heads: size(config, "num_key_value_heads")?,
            intermediate_size: size(config, "intermediate_size")?,
            max_position_embeddings: size(config, "max_position_embeddings")?,
            rope_theta: number(config, "rope_theta")
                .or_else(|_| number(&config["rope_parameters"], "rope_theta"))?,
            rms_norm_eps: number(config, "rms_norm_eps")?,
            tie_word_embeddings: config["tie_word_embeddings"].as_bool().unwrap_or(false),
            initializer_range: number(config, "initializer_range").unwrap_or(0.02),
        };
        read.validate()?;
        if config.get("head_dim").is_some_and(|dim| *dim != json!(read.head_dim())) {
            return Err(GptError::key("head_dim", "must be hidden_size / num_attention_heads"));
        }
        Ok(read)
    }
}

fn size(config: &Value, key: &'static str) -> Result<usize, GptError> {
    let size = config[key].as_u64().and_then(|size| usize::try_from(size).ok());
    size.ok_or_else(|| GptError::key(key, "is missing or not a whole number"))
}

fn number(config: &Value, key: &'static str) -> Result<f64, GptError> {
    config[key].as_f64().ok_or_else(|| GptError::key(key, "is missing or not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_shapes_name_their_key() {
        let default = GptConfig::default;
        let cases = [
            (GptConfig { num_attention_heads: 3, ..default() }, "num_attention_heads"),
            (GptConfig { num_attention_heads: 128, ..default() }, "num_attention_heads"),
            (GptConfig { num_key_value_heads: 3, ..default() }, "num_key_value_heads"),
            (GptConfig { vocab_size: 0, ..default() }, "vocab_size"),
            (GptConfig { rope_theta: f64::NAN, ..default() }, "rope_theta"),
        ];
        for (config, expected) in cases {
            let Err(GptError::Key { key, .. }) = config.validate() else {
                panic!("{expected} was accepted")
            };
            assert_eq!(key, expected);
        }
        default().validate().unwrap();
    }

    #[test]
    fn llama_config_is_read_back() {
        let config = GptConfig { rope_theta: 500_000.0, ..GptConfig::default() };
        assert_eq!(GptConfig::from_llama(&config.to_llama()).unwrap(), config);
        let mut gelu = config.to_llama();
        gelu["hidden_act"] = json!("gelu");
        assert!(GptConfig::from_llama(&gelu).unwrap_err().to_string().contains("hidden_act"));
    }
}
