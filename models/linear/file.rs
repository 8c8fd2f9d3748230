//! The file of a linear classifier: safetensors, so that other programs can read the weights.
//!
//! Tensors `weight` (2^hash_bits, labels) and `bias` (labels), f32; the labels and the way text is cut stand as
//! JSON under the one metadata key `corpusmill_linear`. One key, because safetensors writes several in no
//! fixed order.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::features::MAX_ORDER;
use super::{Linear, LinearError};

const METADATA_KEY: &str = "corpusmill_linear";
const VERSION: u32 = 1;

/// What must be known besides the weights.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    labels: Vec<String>,
    max_ngram: usize,
    lower_case: bool,
}

pub(super) fn save(model: &Linear, path: &Path) -> Result<(), LinearError> {
    let head = Head {
        version: VERSION,
        labels: model.labels.clone(),
        max_ngram: model.max_ngram,
        lower_case: model.lower_case,
    };
    let head = serde_json::to_string(&head).expect("strings and numbers are valid JSON");
    let n_labels = model.labels.len();
    let weight = to_bytes(&model.weights);
    let bias = to_bytes(&model.bias);
    let view = |shape, data| TensorView::new(Dtype::F32, shape, data).expect("the shape fits");
    let tensors = [
        ("weight", view(vec![model.weights.len() / n_labels, n_labels], &weight)),
        ("bias", view(vec![n_labels], &bias)),
    ];
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), head)]);
    safetensors::serialize(tensors, Some(metadata))
        .map_err(|error| file_error(path, error.to_string()))
        .and_then(|bytes| std::fs::write(path, bytes).map_err(|cause| io_error(path, cause)))
}

pub(super) fn load(path: &Path) -> Result<Linear, LinearError> {
    let bytes = std::fs::read(path).map_err(|cause| io_error(path, cause))?;
    parse(&bytes).map_err(|what| file_error(path, what))
}

/// Reads a model, or says what is wrong with the bytes.
fn parse(bytes: &[u8]) -> Result<Linear, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let head = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(METADATA_KEY))
        .ok_or_else(|| format!("metadata has no `{METADATA_KEY}`"))?;
    let head: Head =
        serde_json::from_str(head).map_err(|error| format!("`{METADATA_KEY}`: {error}"))?;
    if head.version != VERSION {
        return Err(format!("version {}, known is {VERSION}", head.version));
    }
    if head.labels.len() < 2 || !head.labels.is_sorted_by(|a, b| a < b) {
        return Err("labels: not two or more different ones in order".into());
    }
    if !(1..=MAX_ORDER).contains(&head.max_ngram) {
        return Err(format!("max_ngram: {} is not in 1..={MAX_ORDER}", head.max_ngram));
    }

    let n_labels = head.labels.len();
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let (shape, weights) = read_tensor(&tensors, "weight")?;
    match *shape.as_slice() {
        [rows, columns] if columns == n_labels && rows.is_power_of_two() && rows > 1 => {}
        _ => return Err(format!("weight: shape {shape:?} does not fit {n_labels} labels")),
    }
    let (shape, bias) = read_tensor(&tensors, "bias")?;
    if shape != [n_labels] {
        return Err(format!("bias: shape {shape:?} does not fit {n_labels} labels"));
    }
    let Head { labels, max_ngram, lower_case, .. } = head;
    Ok(Linear { labels, max_ngram, lower_case, weights, bias })
}

/// Returns the shape and the values of an f32 tensor, all of them finite.
fn read_tensor(tensors: &SafeTensors<'_>, name: &str) -> Result<(Vec<usize>, Vec<f32>), String> {
    let tensor = tensors.tensor(name).map_err(|error| error.to_string())?;
    if tensor.dtype() != Dtype::F32 {
        return Err(format!("{name}: {:?}, not f32", tensor.dtype()));
    }
    let (values, _) = tensor.data().as_chunks();
    let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(format!("{name}: holds {value}")),
        None => Ok((tensor.shape().to_vec(), values)),
    }
}

fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn io_error(path: &Path, cause: std::io::Error) -> LinearError {
    LinearError::Io { path: path.to_owned(), cause }
}

fn file_error(path: &Path, what: String) -> LinearError {
    LinearError::File { path: path.to_owned(), what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Example, LinearTraining};

    fn model() -> Linear {
        let examples = [("buy now", "spam"), ("你好", "ham")];
        let options = LinearTraining { hash_bits: 8, ..LinearTraining::default() };
        Linear::train(&examples.map(|(text, label)| Example { text, label }), &options).unwrap()
    }

    fn saved(model: &Linear) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        save(model, &path).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn saved_model_loads_as_it_was_and_saves_to_the_same_bytes() {
        let bytes = saved(&model());
        let loaded = parse(&bytes).unwrap();
        assert_eq!(loaded, model());
        assert_eq!(saved(&loaded), bytes);
    }

    #[test]
    fn truncated_file_is_refused_at_every_length() {
        let bytes = saved(&model());
        for len in 0..bytes.len() {
            assert!(parse(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn weights_that_are_not_finite_are_refused() {
        for value in [f32::NAN, f32::INFINITY] {
            let mut broken = model();
            broken.weights[17] = value;
            assert_eq!(parse(&saved(&broken)), Err(format!("weight: holds {value}")));
        }
    }

    /// Reads a file of zeros with this head and these shapes, and returns what is wrong with it.
    fn refusal(head: &str, weight: [usize; 2], bias: usize) -> String {
        let zeros = [0; 4096];
        let view = |shape: &[usize]| {
            let n_bytes = shape.iter().product::<usize>() * 4;
            TensorView::new(Dtype::F32, shape.to_vec(), &zeros[..n_bytes]).unwrap()
        };
        let tensors = [("weight", view(&weight)), ("bias", view(&[bias]))];
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), head.to_owned())]);
        parse(&safetensors::serialize(tensors, Some(metadata)).unwrap()).unwrap_err()
    }

    #[test]
    fn shapes_that_do_not_fit_the_labels_are_refused() {
        let head = r#"{"version": 1, "labels": ["a", "b"], "max_ngram": 2, "lower_case": true}"#;
        assert_eq!(refusal(head, [255, 2], 2), "weight: shape [255, 2] does not fit 2 labels");
        assert_eq!(refusal(head, [256, 3], 2), "weight: shape [256, 3] does not fit 2 labels");
        assert_eq!(refusal(head, [0, 2], 2), "weight: shape [0, 2] does not fit 2 labels");
        assert_eq!(refusal(head, [256, 2], 3), "bias: shape [3] does not fit 2 labels");
    }

    #[test]
    fn heads_of_no_known_model_are_refused() {
        let head = |version, labels: &str, max_ngram| {
            format!(
                r#"{{"version": {version}, "labels": {labels}, "max_ngram": {max_ngram}, "lower_case": true}}"#
            )
        };
        let refusal = |head: String| refusal(&head, [256, 2], 2);
        assert_eq!(refusal(head(2, r#"["a", "b"]"#, 2)), "version 2, known is 1");
        assert!(refusal(head(1, r#"["b", "a"]"#, 2)).starts_with("labels: "));
        assert!(refusal(head(1, r#"["a"]"#, 2)).starts_with("labels: "));
        assert!(refusal(head(1, r#"["a", "b"]"#, 0)).starts_with("max_ngram: "));
        assert!(refusal("{}".into()).starts_with("`corpusmill_linear`: missing field"));
    }

    #[test]
    fn other_safetensors_files_are_refused() {
        let none: [(&str, TensorView<'_>); 0] = [];
        let bytes = safetensors::serialize(none, None).unwrap();
        assert_eq!(parse(&bytes).unwrap_err(), "metadata has no `corpusmill_linear`");
    }

    #[test]
    fn missing_file_is_named() {
        let error = load(Path::new("no/such/model")).unwrap_err().to_string();
        assert!(error.starts_with("no/such/model: "), "{error}");
    }
}
