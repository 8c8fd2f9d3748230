use super::GptError;
use super::slices::{slice, slice_mut, with_slices};
use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor};

/// The derivative of a loss by each weight, in the order of [`super::Parameters`].
pub struct Gradients(Vec<Tensor>);

impl Gradients {
    /// Takes one contiguous f32 tensor per parameter, each of its parameter's shape.
    pub fn new(tensors: Vec<Tensor>) -> Self {
        Self(tensors)
    }

    /// Returns the tensors in the order of the parameters.
    pub fn iter(&self) -> std::slice::Iter<'_, Tensor> {
        self.0.iter()
    }

    /// Adds the gradients of another part of the same batch.
    ///
    /// # Errors
    /// Fails if the two are of different models.
    pub fn add(&mut self, other: &Self) -> std::result::Result<(), GptError> {
        for (sum, part) in self.0.iter_mut().zip(&other.0) {
            if sum.device().is_cpu() {
                sum.inplace_op2(part, &AddInPlace)?;
            } else {
                *sum = (&*sum + part)?;
            }
        }
        Ok(())
    }

    /// Returns the length of all gradients taken as one vector, summed in f64 in a fixed order.
    ///
    /// # Errors
    /// Fails if a tensor is not f32.
    pub fn norm(&self) -> std::result::Result<f64, GptError> {
        let mut sum = 0.0;
        for tensor in &self.0 {
            sum += if tensor.device().is_cpu() {
                with_slices([tensor], |[values]| sum_of_squares(values))?
            } else {
                f64::from(tensor.sqr()?.sum_all()?.to_scalar::<f32>()?)
            };
        }
        Ok(sum.sqrt())
    }
}

fn sum_of_squares(values: &[f32]) -> f64 {
    let mut lanes = [0.0f64; 8];
    for chunk in values.chunks(8) {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(value * value);
        }
    }
    lanes.iter().sum()
}

struct AddInPlace;

impl InplaceOp2 for AddInPlace {
    fn name(&self) -> &'static str {
        "add_in_place"
    }

    fn cpu_fwd(
        &self,
        sum: &mut CpuStorage,
        sum_layout: &Layout,
        part: &CpuStorage,
        part_layout: &Layout,
    ) -> Result<()> {
        let part = slice(part, part_layout)?;
        for (sum, part) in slice_mut(sum, sum_layout)?.iter_mut().zip(part) {
            *sum += part;
        }
        Ok(())
    }
}
