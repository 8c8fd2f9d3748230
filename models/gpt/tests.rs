use super::*;

fn tiny(tie_word_embeddings: bool) -> GptConfig {
    GptConfig {
        vocab_size: 11,
        hidden_size: 8,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 12,
        max_position_embeddings: 6,
        tie_word_embeddings,
        initializer_range: 0.3,
        ..GptConfig::default()
    }
}

fn batch() -> TokenBatch {
    TokenBatch::new(&[1, 5, 2, 9, 0, 3, 7, 7, 10, 4, 6, 8], 5).unwrap()
}

#[test]
fn every_weight_has_the_gradient_of_finite_differences() {
    for tied in [true, false] {
        let model = Gpt::new(tiny(tied), 1, Device::Cpu).unwrap();
        let batch = batch();
        let n = batch.targets().len();
        let loss = || -> f64 {
            let losses = model.token_losses(&batch).unwrap();
            losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / n as f64
        };
        let (mean, gradients) = model.loss_and_gradients(&batch, n).unwrap();
        assert!((mean - loss()).abs() < 1e-6);
        for (parameter, gradient) in model.parameters().iter().zip(gradients.iter()) {
            let gradient = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(gradient.iter().any(|g| *g != 0.0), "{} has no gradient", parameter.name);
            // The direction of the gradient itself: the loss must change by its squared length.
            let norm = gradient.iter().map(|g| f64::from(g * g)).sum::<f64>().sqrt();
            let weights = parameter.values.as_tensor().copy().unwrap();
            let shifted = |by: f64| {
                let step = (gradients_like(&gradient, &weights) * (by / norm)).unwrap();
                parameter.values.set(&(&weights + step).unwrap()).unwrap();
                loss()
            };
            let difference = (shifted(2e-3) - shifted(-2e-3)) / 4e-3;
            parameter.values.set(&weights).unwrap();
            let error = (difference - norm).abs() / norm;
            assert!(error < 0.02, "{}: {difference} instead of {norm}", parameter.name);
        }
    }
}

fn gradients_like(values: &[f32], tensor: &Tensor) -> Tensor {
    Tensor::from_slice(values, tensor.shape(), tensor.device()).unwrap()
}

#[test]
fn a_later_token_leaves_earlier_logits_unchanged() {
    let model = Gpt::new(tiny(true), 2, Device::Cpu).unwrap();
    let logits = |ids: &[u32]| model.logits(ids, 6).unwrap().squeeze(0).unwrap();
    let (a, b) = (logits(&[1, 2, 3, 4, 5, 6]), logits(&[1, 2, 3, 4, 9, 6]));
    let rows = |x: &Tensor, from, n| x.narrow(0, from, n).unwrap().to_vec2::<f32>().unwrap();
    assert_eq!(rows(&a, 0, 4), rows(&b, 0, 4));
    assert_ne!(rows(&a, 4, 1), rows(&b, 4, 1));
    assert_ne!(rows(&a, 5, 1), rows(&b, 5, 1));
}

#[test]
fn sequences_of_a_batch_do_not_see_each_other() {
    let model = Gpt::new(tiny(true), 2, Device::Cpu).unwrap();
    let both = model.logits(&[1, 2, 3, 4, 5, 6], 3).unwrap().to_vec3::<f32>().unwrap();
    let second = model.logits(&[4, 5, 6], 3).unwrap().to_vec3::<f32>().unwrap();
    for (a, b) in both[1].iter().flatten().zip(second[0].iter().flatten()) {
        assert!((a - b).abs() < 1e-6);
    }
    let next = model.next_logits(&[4, 5, 6]).unwrap();
    assert!((next[3] - second[0][2][3]).abs() < 1e-6);
}

#[test]
fn a_batch_is_the_sum_of_its_parts() {
    let model = Gpt::new(tiny(true), 3, Device::Cpu).unwrap();
    let ids = [1, 5, 2, 9, 0, 3, 7, 7, 10, 4, 6, 8];
    let (whole, gradients) = model.loss_and_gradients(&batch(), 10).unwrap();
    let part = |ids| model.loss_and_gradients(&TokenBatch::new(ids, 5).unwrap(), 10).unwrap();
    let ((first, mut sum), (second, other)) = (part(&ids[..6]), part(&ids[6..]));
    sum.add(&other).unwrap();
    assert!((whole - first - second).abs() < 1e-6);
    assert!((gradients.norm().unwrap() - sum.norm().unwrap()).abs() < 1e-5);
}

#[test]
fn the_seed_decides_the_weights_and_a_folder_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let weights = |model: &Gpt| -> Vec<Vec<f32>> {
        let flat = |p: &Parameter| p.values.flatten_all().unwrap().to_vec1().unwrap();
        model.parameters().iter().map(flat).collect()
    };
    let model = Gpt::new(tiny(false), 7, Device::Cpu).unwrap();
    assert_eq!(weights(&model), weights(&Gpt::new(tiny(false), 7, Device::Cpu).unwrap()));
    assert_ne!(weights(&model), weights(&Gpt::new(tiny(false), 8, Device::Cpu).unwrap()));
    model.save(folder.path()).unwrap();
    assert_eq!(weights(&model), weights(&Gpt::open(folder.path(), Device::Cpu).unwrap()));
    std::fs::write(folder.path().join("model.safetensors"), b"short").unwrap();
    let error = Gpt::open(folder.path(), Device::Cpu).err().unwrap().to_string();
    assert!(error.contains("model.safetensors"), "{error}");
}

#[test]
fn bad_tokens_are_errors() {
    let model = Gpt::new(tiny(true), 1, Device::Cpu).unwrap();
    let error = |ids: &[u32], length| {
        let batch = TokenBatch::new(ids, length).unwrap();
        model.loss_and_gradients(&batch, 1).err().unwrap().to_string()
    };
    assert!(error(&[1, 11], 1).contains("id 11"));
    assert!(error(&[11, 1], 1).contains("id 11"));
    assert!(error(&[1; 8], 7).contains("6 positions"));
    assert!(TokenBatch::new(&[1, 2, 3], 1).is_err());
    assert!(model.next_logits(&[]).is_err());
}

#[test]
#[cfg(not(feature = "cuda"))]
fn a_device_that_was_not_built_is_an_error() {
    let error = Gpt::new(tiny(true), 1, Device::Cuda(0)).err().unwrap().to_string();
    assert!(error.contains("--features cuda"), "{error}");
}
