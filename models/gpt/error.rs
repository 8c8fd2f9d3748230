use std::path::{Path, PathBuf};

/// What can go wrong with a language model.
#[derive(Debug, thiserror::Error)]
pub enum GptError {
    /// A key of the configuration that cannot be.
    #[error("{key}: {message}")]
    Key {
        /// The key, as the pipeline file spells it.
        key: &'static str,
        /// What is wrong with its value.
        message: String,
    },
    /// Token ids that the model cannot read.
    #[error("tokens: {0}")]
    Tokens(String),
    /// A device that this program or machine does not have.
    #[error("device {0}")]
    Device(String),
    /// A file that is not what it should be.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A file that could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An operation on tensors that failed; the text names it and the shapes.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl GptError {
    pub(crate) fn key(key: &'static str, message: impl Into<String>) -> Self {
        Self::Key { key, message: message.into() }
    }

    pub(crate) fn file(path: &Path, message: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), message: message.into() }
    }

    /// Names the file of an input or output error: `.map_err(GptError::io(path))`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
