//! The gate of the feed-forward network (Shazeer 2020, arXiv:2002.05202, equation 6).
//!
//! `y = silu(gate) * up` with `silu(g) = g * s(g)`, `s(g) = 1 / (1 + exp(-g))`.

use super::exp::exp;
use super::slices::{slice, with_slices};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

/// Multiplies `up` by the gate, element by element; both f32 of one shape, here (tokens, inner).
///
/// # Errors
/// Fails if the shapes differ.
pub(super) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    if gate.device().is_cpu() {
        return gate.apply_op2(up, SwiGlu);
    }
    composed(gate, up)
}

/// The same of candle's own operators: the oracle, and the road on a GPU.
pub(super) fn composed(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.silu()? * up
}

struct SwiGlu;

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (slice(gate, gate_layout)?, slice(up, up_layout)?);
        let y = gate.iter().zip(up).map(|(&gate, up)| gate * sigmoid(gate) * up).collect();
        Ok((CpuStorage::F32(y), gate_layout.shape().clone()))
    }

    /// `dup = dy * silu(g)`, `dgate = dy * up * s(g) * (1 + g * (1 - s(g)))`.
    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dgate, dup) = with_slices([gate, up, &grad.contiguous()?], |[gate, up, grad]| {
            let mut dgate = vec![0.0; gate.len()];
            let mut dup = vec![0.0; gate.len()];
            for i in 0..gate.len() {
                let s = sigmoid(gate[i]);
                dup[i] = grad[i] * gate[i] * s;
                dgate[i] = grad[i] * up[i] * s * (1.0 + gate[i] * (1.0 - s));
            }
            (dgate, dup)
        })?;
        let device = gate.device();
        let dgate = Tensor::from_vec(dgate, gate.shape(), device)?;
        Ok((Some(dgate), Some(Tensor::from_vec(dup, up.shape(), device)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check_gradients, random};
    use super::*;

    #[test]
    fn equals_the_composed_operators_and_finite_differences() {
        let inputs = [random(&[3, 4], 1), random(&[3, 4], 2)];
        check_gradients(&inputs, |x| swiglu(&x[0], &x[1]), |x| composed(&x[0], &x[1]));
    }
}
