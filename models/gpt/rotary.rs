//! Rotary position embedding (RoFormer, arXiv:2104.09864, section 3.2.2).
//!
//! Within each head of width `d`, the pair `(x[i], x[i + d/2])` at position `t` turns by the angle
//! `t * theta^(-2i/d)`. Pairs are half a head apart, as in transformers' Llama, not neighbours as
//! in the paper. The gradient turns back by the same angle.

use super::slices::{slice, with_slices};
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};
use std::sync::Arc;

/// Cosine and sine of every angle, computed once for a model: each (positions, head width / 2).
pub(super) struct Rotary {
    tables: Arc<Tables>,
    cosine: Tensor,
    sine: Tensor,
}

struct Tables {
    cosine: Vec<f32>,
    sine: Vec<f32>,
    half: usize,
}

impl Rotary {
    /// Tabulates the angles of `positions` positions.
    pub(super) fn new(
        theta: f64,
        head_dim: usize,
        positions: usize,
        device: &Device,
    ) -> Result<Self> {
        let half = head_dim / 2;
        let angles: Vec<f64> = (0..positions * half)
            .map(|i| (i / half) as f64 * theta.powf(-2.0 * (i % half) as f64 / head_dim as f64))
            .collect();
        let cosine: Vec<f32> = angles.iter().map(|angle| angle.cos() as f32).collect();
        let sine: Vec<f32> = angles.iter().map(|angle| angle.sin() as f32).collect();
        Ok(Self {
            cosine: Tensor::from_slice(&cosine, (positions, half), device)?,
            sine: Tensor::from_slice(&sine, (positions, half), device)?,
            tables: Arc::new(Tables { cosine, sine, half }),
        })
    }

    /// Turns `x` (sequences * length, heads * head width), f32; row `r` is at position `r % length`.
    ///
    /// # Errors
    /// Fails if `length` exceeds the tabulated positions.
    pub(super) fn apply(&self, x: &Tensor, length: usize) -> Result<Tensor> {
        if x.device().is_cpu() {
            return x.apply_op1(Turn { tables: self.tables.clone(), length, back: false });
        }
        self.composed(x, length)
    }

    /// The same of candle's own operators: the oracle, and the road on a GPU.
    pub(super) fn composed(&self, x: &Tensor, length: usize) -> Result<Tensor> {
        let (rows, width) = x.dims2()?;
        let half = self.tables.half;
        let table = |table: &Tensor| table.narrow(0, 0, length)?.reshape((1, length, 1, half));
        let (cosine, sine) = (table(&self.cosine)?, table(&self.sine)?);
        let x = x.reshape((rows / length, length, width / (2 * half), 2 * half))?;
        let (a, b) = (x.narrow(3, 0, half)?, x.narrow(3, half, half)?); // (sequences, length, heads, half)
        let turned_a = (a.broadcast_mul(&cosine)? - b.broadcast_mul(&sine)?)?;
        let turned_b = (b.broadcast_mul(&cosine)? + a.broadcast_mul(&sine)?)?;
        Tensor::cat(&[turned_a, turned_b], 3)?.reshape((rows, width))
    }
}

struct Turn {
    tables: Arc<Tables>,
    length: usize,
    back: bool,
}

impl Turn {
    fn turn(&self, x: &[f32], width: usize) -> Vec<f32> {
        let Tables { cosine, sine, half } = &*self.tables;
        let mut y = vec![0.0; x.len()];
        for (row, (x, y)) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).enumerate() {
            let angles = (row % self.length) * half..(row % self.length + 1) * half;
            let (cosine, sine) = (&cosine[angles.clone()], &sine[angles]);
            for (x, y) in x.chunks_exact(2 * half).zip(y.chunks_exact_mut(2 * half)) {
                let ((a, b), (turned_a, turned_b)) = (x.split_at(*half), y.split_at_mut(*half));
                for i in 0..*half {
                    let sine = if self.back { -sine[i] } else { sine[i] };
                    turned_a[i] = a[i] * cosine[i] - b[i] * sine;
                    turned_b[i] = b[i] * cosine[i] + a[i] * sine;
                }
            }
        }
        y
    }
}

impl CustomOp1 for Turn {
    fn name(&self) -> &'static str {
        "rotary"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, width) = layout.shape().dims2()?;
        Ok((CpuStorage::F32(self.turn(slice(x, layout)?, width)), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let back = Self { tables: self.tables.clone(), length: self.length, back: true };
        let (_, width) = x.dims2()?;
        let dx = with_slices([&grad.contiguous()?], |[grad]| back.turn(grad, width))?;
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check_gradients, random};
    use super::*;

    #[test]
    fn equals_the_composed_operators_and_finite_differences() {
        let rotary = Rotary::new(100.0, 4, 6, &Device::Cpu).unwrap();
        check_gradients(
            &[random(&[6, 8], 1)],
            |x| rotary.apply(&x[0], 3),
            |x| rotary.composed(&x[0], 3),
        );
    }
}
