//! Multiplication by a weight matrix that is stored `(output, input)`, as every checkpoint has it.
//!
//! `y = x W^T`, `dx = dy W`, `dW = dy^T x`. candle's `matmul` of a transposed weight gives the
//! same, but its gradient of the weight comes out transposed and is copied once more.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp2, Layout, Result, Shape, Tensor};

/// Multiplies `x` (tokens, input) by `weight` (output, input), both f32; returns (tokens, output).
///
/// # Errors
/// Fails if the inputs differ in width.
pub(super) fn linear(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.apply_op2(weight, Linear)
}

struct Linear;

impl Linear {
    fn forward<S: BackendStorage>(
        x: &S,
        x_layout: &Layout,
        w: &S,
        w_layout: &Layout,
    ) -> Result<(S, Shape)> {
        let (tokens, input) = x_layout.shape().dims2()?;
        let output = w_layout.shape().dim(0)?;
        let y = x.matmul(w, (1, tokens, output, input), x_layout, &w_layout.transpose(0, 1)?)?;
        Ok((y, Shape::from((tokens, output))))
    }
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Self::forward(x, x_layout, weight, weight_layout)
    }

    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        weight: &CudaStorage,
        weight_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        Self::forward(x, x_layout, weight, weight_layout)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dx = grad.matmul(&weight.detach())?; // (tokens, input)
        let dweight = grad.t()?.matmul(&x.detach())?; // (output, input)
        Ok((Some(dx), Some(dweight)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check_gradients, random};
    use super::*;

    #[test]
    fn equals_matmul_and_finite_differences() {
        check_gradients(
            &[random(&[5, 4], 1), random(&[3, 4], 2)],
            |x| linear(&x[0], &x[1]),
            |x| x[0].matmul(&x[1].t()?),
        );
    }
}
