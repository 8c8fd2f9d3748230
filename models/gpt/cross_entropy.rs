//! Mean cross-entropy of a linear output layer, without ever holding all logits.
//!
//! `loss_i = log sum_v exp(h_i . w_v) - h_i . w_target(i)`. Rows are taken in chunks: the logits of
//! a chunk become, in place, the gradient `(softmax - one at the target) / divisor`, which is
//! multiplied back at once (as Liger-Kernel, arXiv:2410.10989, section 3.2). Memory is one chunk
//! of logits, and they are computed once, not again in the backward pass.

use super::exp::exp;
use super::rows::{max, sum};
use super::slices::{slice_mut, with_slices};
use candle_core::{CpuStorage, CustomOp2, D, InplaceOp1, Layout, Result, Shape, Tensor};
use std::cell::RefCell;

/// Most logits held at a time: 16 MiB of f32.
const CHUNK_LOGITS: usize = 1 << 22;

/// Returns `sum of losses / divisor` as a scalar whose gradient reaches `hidden` (tokens, width)
/// and `head` (vocabulary, width), both f32; `targets` holds one id per token.
///
/// # Errors
/// Fails if the shapes do not fit.
pub(super) fn cross_entropy(
    hidden: &Tensor,
    head: &Tensor,
    targets: &[u32],
    divisor: usize,
) -> Result<Tensor> {
    let (fixed_hidden, fixed_head) = (hidden.detach(), head.detach());
    let scale = 1.0 / divisor as f32;
    let mut losses = Vec::with_capacity(targets.len());
    let mut dhidden = Vec::new();
    let mut dhead: Option<Tensor> = None;
    for (rows, targets) in chunks(&fixed_hidden, head, targets)? {
        let logits = rows.matmul(&fixed_head.t()?)?; // (chunk, vocabulary)
        let (chunk_losses, dlogits) = losses_and_gradient(logits, targets, scale)?;
        losses.extend(chunk_losses);
        dhidden.push(dlogits.matmul(&fixed_head)?); // (chunk, width)
        let part = dlogits.t()?.matmul(&rows)?; // (vocabulary, width)
        dhead = Some(match dhead {
            Some(sum) => (sum + part)?,
            None => part,
        });
    }
    let dhead = dhead.map_or_else(|| head.zeros_like(), Ok)?;
    let dhidden = match dhidden.len() {
        1 => dhidden.remove(0),
        _ => Tensor::cat(&dhidden, 0)?,
    };
    let loss = losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / divisor as f64;
    hidden.apply_op2(head, Known { loss: loss as f32, dhidden, dhead })
}

/// Returns the loss of each token in nats, without gradients.
///
/// # Errors
/// Fails if the shapes do not fit.
pub(super) fn token_losses(hidden: &Tensor, head: &Tensor, targets: &[u32]) -> Result<Vec<f32>> {
    let (hidden, head) = (hidden.detach(), head.detach());
    let mut losses = Vec::with_capacity(targets.len());
    for (rows, targets) in chunks(&hidden, &head, targets)? {
        let logits = rows.matmul(&head.t()?)?; // (chunk, vocabulary)
        losses.extend(if logits.device().is_cpu() {
            let vocabulary = logits.dim(1)?;
            with_slices([&logits], |[logits]| {
                let rows = logits.chunks_exact(vocabulary).zip(targets);
                rows.map(|(row, target)| log_sum_exp(row) - row[*target as usize]).collect()
            })?
        } else {
            composed(&logits, targets)?.0
        });
    }
    Ok(losses)
}

/// Cuts rows and targets into chunks of at most [`CHUNK_LOGITS`] logits.
fn chunks<'a>(
    hidden: &Tensor,
    head: &Tensor,
    targets: &'a [u32],
) -> Result<Vec<(Tensor, &'a [u32])>> {
    let size = (CHUNK_LOGITS / head.dim(0)?).max(1);
    let chunk = |(i, targets): (usize, &'a [u32])| {
        Ok((hidden.narrow(0, i * size, targets.len())?, targets))
    };
    targets.chunks(size).enumerate().map(chunk).collect()
}

fn log_sum_exp(row: &[f32]) -> f32 {
    let top = max(row);
    let mut terms = [0.0f32; 64];
    let mut total = 0.0;
    for chunk in row.chunks(terms.len()) {
        let terms = &mut terms[..chunk.len()];
        for (term, logit) in terms.iter_mut().zip(chunk) {
            *term = exp(logit - top);
        }
        total += sum(terms);
    }
    total.ln() + top
}

/// Returns the losses of a chunk and the gradient of their scaled sum by the logits.
fn losses_and_gradient(logits: Tensor, targets: &[u32], scale: f32) -> Result<(Vec<f32>, Tensor)> {
    if logits.device().is_cpu() {
        let op = SoftmaxMinusTarget { targets, scale, losses: RefCell::default() };
        logits.inplace_op1(&op)?;
        return Ok((op.losses.into_inner(), logits));
    }
    let (losses, gradient) = composed(&logits, targets)?;
    Ok((losses, (gradient * f64::from(scale))?))
}

/// The same of candle's own operators: the oracle, and the road on a GPU.
fn composed(logits: &Tensor, targets: &[u32]) -> Result<(Vec<f32>, Tensor)> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?)?;
    let weights = shifted.exp()?;
    let total = weights.sum_keepdim(D::Minus1)?; // (tokens, 1)
    let targets = Tensor::new(targets, logits.device())?.unsqueeze(1)?; // (tokens, 1)
    let losses = (total.log()? - shifted.gather(&targets, 1)?)?.squeeze(1)?;
    let minus_one = targets.ones_like()?.to_dtype(logits.dtype())?.neg()?;
    let gradient = weights.broadcast_div(&total)?.scatter_add(&targets, &minus_one, 1)?;
    Ok((losses.to_vec1()?, gradient))
}

struct SoftmaxMinusTarget<'a> {
    targets: &'a [u32],
    scale: f32,
    losses: RefCell<Vec<f32>>,
}

impl InplaceOp1 for SoftmaxMinusTarget<'_> {
    fn name(&self) -> &'static str {
        "softmax_minus_target"
    }

    fn cpu_fwd(&self, logits: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (_, vocabulary) = layout.shape().dims2()?;
        let rows = slice_mut(logits, layout)?.chunks_exact_mut(vocabulary);
        for (row, target) in rows.zip(self.targets) {
            let target = *target as usize;
            let (top, logit) = (max(row), row[target]);
            for value in row.iter_mut() {
                *value = exp(*value - top);
            }
            let total = sum(row);
            self.losses.borrow_mut().push(total.ln() + top - logit);
            let factor = self.scale / total;
            for value in row.iter_mut() {
                *value *= factor;
            }
            row[target] -= self.scale;
        }
        Ok(())
    }
}

/// A scalar whose value and gradients are known before candle builds its graph.
struct Known {
    loss: f32,
    dhidden: Tensor,
    dhead: Tensor,
}

impl CustomOp2 for Known {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.loss]), Shape::from(())))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        hidden: &candle_core::CudaStorage,
        _: &Layout,
        _: &candle_core::CudaStorage,
        _: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use candle_core::backend::{BackendDevice, BackendStorage};
        let loss = hidden.device().storage_from_slice(&[self.loss])?;
        Ok((loss, Shape::from(())))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let times = |known: &Tensor| match grad.to_scalar::<f32>()? {
            1.0 => Ok(known.clone()),
            grad => known * f64::from(grad),
        };
        Ok((Some(times(&self.dhidden)?), Some(times(&self.dhead)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check_gradients, random};
    use super::*;

    const TARGETS: [u32; 3] = [4, 0, 2];

    #[test]
    fn equals_the_composed_operators_and_finite_differences() {
        check_gradients(
            &[random(&[3, 4], 1), random(&[5, 4], 2)],
            |x| cross_entropy(&x[0], &x[1], &TARGETS, 3),
            |x| {
                let logits = x[0].matmul(&x[1].t()?)?;
                let targets = Tensor::new(&TARGETS, logits.device())?.unsqueeze(1)?;
                let total = logits.exp()?.sum_keepdim(1)?.log()?;
                (total - logits.gather(&targets, 1)?)?.mean_all()
            },
        );
    }

    #[test]
    fn token_losses_and_composed_gradient_agree() {
        let (hidden, head) = (random(&[3, 4], 1), random(&[5, 4], 2));
        let logits = hidden.matmul(&head.t().unwrap()).unwrap();
        let losses = token_losses(&hidden, &head, &TARGETS).unwrap();
        let (expected, gradient) = composed(&logits, &TARGETS).unwrap();
        let (fused, fused_gradient) = losses_and_gradient(logits, &TARGETS, 1.0).unwrap();
        for i in 0..3 {
            assert!((losses[i] - expected[i]).abs() < 1e-6);
            assert!((losses[i] - fused[i]).abs() < 1e-6);
        }
        let error = (gradient - fused_gradient).unwrap().abs().unwrap().max_all().unwrap();
        assert!(error.to_scalar::<f32>().unwrap() < 1e-6);
    }
}
