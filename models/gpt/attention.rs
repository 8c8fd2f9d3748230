//! Causal attention with shared keys and values (GQA: Ainslie et al. 2023, arXiv:2305.13245).
//!
//! `y = softmax(q k^T / sqrt(d), over the keys up to the query's position) v`, per sequence and
//! head; a group of query heads reads one head of keys and values. The queries of a group are
//! stacked, so that each shared head is one matrix product and nothing is repeated.

use super::rows::{dot, softmax};
use super::slices::{slice, with_slices};
use candle_core::{CpuStorage, CustomOp1, D, DType, Layout, Result, Shape, Tensor};

/// The sizes that attention needs.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    /// Heads of keys and values.
    pub(super) shared: usize,
    /// Query heads to one of them.
    pub(super) group: usize,
    /// Width of a head.
    pub(super) width: usize,
}

/// Attends from `q` (sequences * length, shared * group * width) to `k` and `v`
/// (sequences * length, shared * width), all f32; returns the shape of `q`.
///
/// # Errors
/// Fails if rows or widths do not fit.
pub(super) fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    heads: Heads,
    length: usize,
) -> Result<Tensor> {
    let Heads { shared, group, width } = heads;
    let sequences = q.dim(0)? / length;
    let split = |x: &Tensor, group: usize| {
        x.reshape((sequences, length, shared, group, width))?
            .permute((0, 2, 3, 1, 4))? // (sequences, shared, group, length, width)
            .contiguous()?
            .reshape((sequences * shared, group * length, width))
    };
    let (q, k, v) = (split(q, group)?, split(k, 1)?, split(v, 1)?);
    let scores = q.matmul(&k.t()?)?; // (sequences * shared, group * length, length)
    let weights = causal_softmax(&scores, 1.0 / (width as f64).sqrt())?;
    let y = weights.matmul(&v)?; // (sequences * shared, group * length, width)
    y.reshape((sequences, shared, group, length, width))?
        .permute((0, 3, 1, 2, 4))? // (sequences, length, shared, group, width)
        .contiguous()?
        .reshape((sequences * length, shared * group * width))
}

/// Softmax of `scale * scores` (batch, group * length, length), f32, where the query in row `r`
/// stands at position `r % length` and sees the keys up to it; later keys get weight 0.
fn causal_softmax(scores: &Tensor, scale: f64) -> Result<Tensor> {
    if scores.device().is_cpu() {
        return scores.apply_op1(CausalSoftmax { scale: scale as f32 });
    }
    composed(scores, scale)
}

/// The same of candle's own operators: the oracle, and the road on a GPU.
fn composed(scores: &Tensor, scale: f64) -> Result<Tensor> {
    let (_, rows, length) = scores.dims3()?;
    let position = |n: u32| Tensor::arange(0, n, scores.device());
    let row = (0..rows).map(|row| (row % length) as u32).collect::<Vec<_>>();
    let row = Tensor::from_vec(row, (1, rows, 1), scores.device())?;
    let key = position(length as u32)?.reshape((1, 1, length))?;
    let hidden = key.broadcast_gt(&row)?.to_dtype(DType::F32)?; // (1, group * length, length)
    let scores = (scores * scale)?.broadcast_add(&(hidden * -1e30)?)?;
    let top = scores.max_keepdim(D::Minus1)?.detach();
    let weights = scores.broadcast_sub(&top)?.exp()?;
    weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)
}

struct CausalSoftmax {
    scale: f32,
}

impl CustomOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal_softmax"
    }

    fn cpu_fwd(&self, scores: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let length = layout.shape().dim(D::Minus1)?;
        let scores = slice(scores, layout)?;
        let mut weights = vec![0.0; scores.len()];
        let rows = scores.chunks_exact(length).zip(weights.chunks_exact_mut(length));
        for (row, (scores, weights)) in rows.enumerate() {
            let seen = row % length + 1;
            softmax(&scores[..seen], self.scale, &mut weights[..seen]);
        }
        Ok((CpuStorage::F32(weights), layout.shape().clone()))
    }

    /// `dscores = scale * w * (dw - sum of w * dw over the row)`.
    fn bwd(&self, scores: &Tensor, weights: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let length = scores.dim(D::Minus1)?;
        let dscores = with_slices([weights, &grad.contiguous()?], |[weights, grad]| {
            let mut dscores = vec![0.0; weights.len()];
            let rows = weights.chunks_exact(length).zip(grad.chunks_exact(length));
            let rows = rows.zip(dscores.chunks_exact_mut(length)).enumerate();
            for (row, ((weights, grad), dscores)) in rows {
                let seen = row % length + 1;
                let (weights, grad) = (&weights[..seen], &grad[..seen]);
                let mean = dot(weights, grad);
                for ((d, w), g) in dscores.iter_mut().zip(weights).zip(grad) {
                    *d = self.scale * w * (g - mean);
                }
            }
            dscores
        })?;
        Ok(Some(Tensor::from_vec(dscores, scores.shape(), scores.device())?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check_gradients, random};
    use super::*;

    #[test]
    fn softmax_equals_the_composed_operators_and_finite_differences() {
        check_gradients(
            &[random(&[2, 6, 3], 1)],
            |x| causal_softmax(&x[0], 0.7),
            |x| composed(&x[0], 0.7),
        );
    }

    #[test]
    fn shared_heads_equal_repeated_ones() {
        let (length, width) = (3, 4);
        let heads = |shared, group| Heads { shared, group, width };
        let inputs = [random(&[6, 16], 1), random(&[6, 8], 2), random(&[6, 8], 3)];
        let repeat = |x: &Tensor| {
            x.reshape((6, 2, 1, width))?.broadcast_as((6, 2, 2, width))?.reshape((6, 16))
        };
        check_gradients(
            &inputs,
            |x| attention(&x[0], &x[1], &x[2], heads(2, 2), length),
            |x| attention(&x[0], &repeat(&x[1])?, &repeat(&x[2])?, heads(4, 1), length),
        );
    }
}
