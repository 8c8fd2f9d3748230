//! Root-mean-square normalisation (Zhang and Sennrich 2019, arXiv:1910.07467, equation 4).
//!
//! `y = x / sqrt(mean(x^2) + eps) * gain`, row by row. candle's own fused version has no
//! backward pass and would cut the gradient silently.

use super::rows::dot;
use super::slices::{slice, with_slices};
use candle_core::{CpuStorage, CustomOp2, D, Layout, Result, Shape, Tensor};

/// Normalises each row of `x` (tokens, width) by `gain` (width), both f32; returns (tokens, width).
///
/// # Errors
/// Fails if the widths differ.
pub(super) fn rms_norm(x: &Tensor, gain: &Tensor, eps: f64) -> Result<Tensor> {
    if x.device().is_cpu() {
        return x.apply_op2(gain, RmsNorm { eps: eps as f32 });
    }
    composed(x, gain, eps)
}

/// The same of candle's own operators: the oracle, and the road on a GPU.
pub(super) fn composed(x: &Tensor, gain: &Tensor, eps: f64) -> Result<Tensor> {
    let scale = (x.sqr()?.mean_keepdim(D::Minus1)? + eps)?.sqrt()?; // (tokens, 1)
    x.broadcast_div(&scale)?.broadcast_mul(gain)
}

struct RmsNorm {
    eps: f32,
}

impl RmsNorm {
    /// Returns `1 / sqrt(mean(x^2) + eps)` of a row.
    fn inverse_root(&self, row: &[f32]) -> f32 {
        (dot(row, row) / row.len() as f32 + self.eps).sqrt().recip()
    }

    /// With `r` the inverse root and `h = grad * gain`:
    /// `dx = r * h - x * r^3 * mean(h * x)` and `dgain = sum over rows of grad * x * r`.
    fn gradients(&self, x: &[f32], gain: &[f32], grad: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let width = gain.len();
        let mut dx = vec![0.0; x.len()];
        let mut dgain = vec![0.0; width];
        let rows = x.chunks_exact(width).zip(grad.chunks_exact(width));
        for ((x, grad), dx) in rows.zip(dx.chunks_exact_mut(width)) {
            let r = self.inverse_root(x);
            for i in 0..width {
                dgain[i] += grad[i] * x[i] * r;
                dx[i] = grad[i] * gain[i];
            }
            let pull = r * r * r * dot(dx, x) / width as f32;
            for (dx, x) in dx.iter_mut().zip(x) {
                *dx = r * *dx - x * pull;
            }
        }
        (dx, dgain)
    }
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gain: &CpuStorage,
        gain_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, gain) = (slice(x, x_layout)?, slice(gain, gain_layout)?);
        let mut y = Vec::with_capacity(x.len());
        for row in x.chunks_exact(gain.len()) {
            let r = self.inverse_root(row);
            y.extend(row.iter().zip(gain).map(|(x, gain)| x * r * gain));
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gain: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (dx, dgain) =
            with_slices([x, gain, &grad], |[x, gain, grad]| self.gradients(x, gain, grad))?;
        let device = x.device();
        let dx = Tensor::from_vec(dx, x.shape(), device)?;
        Ok((Some(dx), Some(Tensor::from_vec(dgain, gain.shape(), device)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check_gradients, random};
    use super::*;

    #[test]
    fn equals_the_composed_operators_and_finite_differences() {
        check_gradients(
            &[random(&[3, 8], 1), random(&[8], 2)],
            |x| rms_norm(&x[0], &x[1], 1e-5),
            |x| composed(&x[0], &x[1], 1e-5),
        );
    }
}
