//! Why a rule cannot be built.

/// Why a rule cannot be built from its settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A number that makes no sense where it stands, or is NaN.
    #[error("`{key}` is {value}, but must be {expected}")]
    OutOfRange {
        /// The config key.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// A lower limit above the upper one: no document could be kept.
    #[error("`{min_key}` is {min}, which is above `{max_key}` = {max}: no document could be kept")]
    Crossed {
        /// The key of the lower limit.
        min_key: &'static str,
        /// The lower limit.
        min: f64,
        /// The key of the upper limit.
        max_key: &'static str,
        /// The upper limit.
        max: f64,
    },
    /// A key that needs a value has none.
    #[error("`{key}` is empty")]
    Empty {
        /// The config key.
        key: &'static str,
    },
    /// A value that is not one of those which exist.
    #[error("`{key}` has no `{value}`; there are {known}")]
    Unknown {
        /// The config key.
        key: &'static str,
        /// Its value.
        value: String,
        /// The values that exist.
        known: String,
    },
    /// A file that a key names cannot be read.
    #[error("`{key}`")]
    Unreadable {
        /// The config key.
        key: &'static str,
        /// What went wrong, and with which file.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
