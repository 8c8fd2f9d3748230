//! Arithmetic on one row, in sixteen lanes so that the compiler makes vector code of it; the order
//! of every sum is fixed by the length of the row alone.

use super::exp::exp;

const LANES: usize = 16;

/// Returns the sum of `a * b`.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// Returns the largest value; NaN is passed over.
#[inline(always)]
pub(super) fn max(row: &[f32]) -> f32 {
    let mut tops = [f32::NEG_INFINITY; LANES];
    for chunk in row.chunks(LANES) {
        for (top, value) in tops.iter_mut().zip(chunk) {
            *top = if *value > *top { *value } else { *top };
        }
    }
    tops.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b))
}

/// Returns the sum.
#[inline(always)]
pub(super) fn sum(row: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for chunk in row.chunks(LANES) {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().sum()
}

/// Writes the softmax of `scale * scores` into `weights`, for a positive scale.
#[inline(always)]
pub(super) fn softmax(scores: &[f32], scale: f32, weights: &mut [f32]) {
    let top = max(scores);
    for (weight, score) in weights.iter_mut().zip(scores) {
        *weight = exp((score - top) * scale);
    }
    let inverse = sum(weights).recip();
    for weight in weights {
        *weight *= inverse;
    }
}
