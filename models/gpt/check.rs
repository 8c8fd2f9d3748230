//! Comparison of a fused operator with the composed one and with finite differences.

use candle_core::{Device, Result, Tensor, Var};

/// Returns a tensor of fixed pseudo-random values in -1..1.
pub(crate) fn random(shape: &[usize], seed: u64) -> Tensor {
    let value = |i: u64| {
        let hash = xxhash_rust::xxh3::xxh3_64_with_seed(&i.to_le_bytes(), seed);
        (hash >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = (0..shape.iter().product::<usize>() as u64).map(value).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Asserts that values and all gradients of `fused` equal those of `composed`, and that the
/// gradients of `fused` equal central differences of a weighted sum of its result.
pub(crate) fn check_gradients(
    inputs: &[Tensor],
    fused: impl Fn(&[Tensor]) -> Result<Tensor>,
    composed: impl Fn(&[Tensor]) -> Result<Tensor>,
) {
    let vars: Vec<Var> = inputs.iter().map(|x| Var::from_tensor(x).unwrap()).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let shape = fused(&tensors).unwrap().dims().to_vec();
    let weights = random(&shape, 99);
    let objective = |y: Tensor| (y * &weights).unwrap().sum_all().unwrap();
    assert_near(&fused(&tensors).unwrap(), &composed(&tensors).unwrap(), "value");
    let gradients = objective(fused(&tensors).unwrap()).backward().unwrap();
    let expected = objective(composed(&tensors).unwrap()).backward().unwrap();
    for (i, var) in vars.iter().enumerate() {
        let gradient = gradients.get(var).expect("the gradient was cut");
        assert_near(gradient, expected.get(var).unwrap(), &format!("gradient {i}"));
        let flat = gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (element, gradient) in flat.iter().enumerate() {
            let shifted = |by: f32| {
                let mut values = inputs[i].flatten_all().unwrap().to_vec1::<f32>().unwrap();
                values[element] += by;
                let mut inputs = inputs.to_vec();
                inputs[i] = Tensor::from_vec(values, inputs[i].shape(), &Device::Cpu).unwrap();
                objective(fused(&inputs).unwrap()).to_scalar::<f32>().unwrap()
            };
            let difference = (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
            assert!((difference - gradient).abs() < 5e-3, "{i}: {difference} {gradient}");
        }
    }
}

fn assert_near(a: &Tensor, b: &Tensor, what: &str) {
    assert_eq!(a.dims(), b.dims(), "{what}");
    let error = (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max_all();
    let error = error.unwrap().to_scalar::<f32>().unwrap();
    assert!(error < 2e-6, "{what} is off by {error}");
}
