//! AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2) and its learning rate.
//!
//! With gradient `g`, step `t` and learning rate `r`:
//! `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`,
//! `w -= r (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay w)`.
//! On the CPU that is two passes in place over plain slices; the moments of a weight lie side by
//! side in one tensor `(2, n)`, so that they are saved and resumed like any weights.

use crate::gpt::{GptError, Gradients, Parameter, Parameters, slice, slice_mut};
use candle_core::{CpuStorage, DType, Error, InplaceOp2, Layout, Result, Tensor};
use std::collections::HashMap;

/// The constants of AdamW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWConfig {
    /// Share of the first moment that stays each step.
    pub beta1: f64,
    /// Share of the second moment that stays each step.
    pub beta2: f64,
    /// Keeps the division finite.
    pub epsilon: f64,
    /// Share of a decaying weight that is taken off a step, times the learning rate.
    pub weight_decay: f64,
}

impl Default for AdamWConfig {
    /// The values of Llama (arXiv:2302.13971, section 2.3); PyTorch has beta2 0.999 and decay 0.01.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1 }
    }
}

/// The optimizer and its moments.
pub struct AdamW {
    config: AdamWConfig,
    steps: u64,
    moments: Vec<(String, Tensor)>,
}

impl AdamW {
    /// Starts with moments of zero for each of `parameters`.
    ///
    /// # Errors
    /// Fails if the device has no memory for them.
    pub fn new(
        config: AdamWConfig,
        parameters: &Parameters,
    ) -> std::result::Result<Self, GptError> {
        let zeros = |parameter: &Parameter| {
            let shape = (2, parameter.values.elem_count());
            let moments = Tensor::zeros(shape, DType::F32, parameter.values.device())?;
            Ok((parameter.name.clone(), moments))
        };
        let moments = parameters.iter().map(zeros).collect::<Result<_>>()?;
        Ok(Self { config, steps: 0, moments })
    }

    /// Moves every weight by one step along `gradients * scale`.
    ///
    /// # Errors
    /// Fails if the gradients are of another model.
    pub fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &Gradients,
        scale: f64,
        learning_rate: f64,
    ) -> std::result::Result<(), GptError> {
        self.steps += 1;
        let AdamWConfig { beta1, beta2, epsilon, weight_decay } = self.config;
        let collect = Collect { beta1: beta1 as f32, beta2: beta2 as f32, scale: scale as f32 };
        let power = self.steps as f64;
        for ((parameter, gradient), (_, moments)) in
            parameters.iter().zip(gradients.iter()).zip(&mut self.moments)
        {
            let decay = if parameter.decays { weight_decay * learning_rate } else { 0.0 };
            let update = Move {
                rate: (learning_rate / (1.0 - beta1.powf(power))) as f32,
                variance: (1.0 / (1.0 - beta2.powf(power))) as f32,
                epsilon: epsilon as f32,
                keep: (1.0 - decay) as f32,
            };
            if gradient.device().is_cpu() {
                moments.inplace_op2(gradient, &collect)?;
                parameter.values.inplace_op2(moments, &update)?;
            } else {
                *moments = collect.composed(moments, gradient)?;
                parameter.values.set(&update.composed(&parameter.values, moments)?)?;
            }
        }
        Ok(())
    }

    /// Returns the number of steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns the moments by name of weight: (2, n), first moments in row 0, second in row 1.
    pub fn moments(&self) -> HashMap<String, Tensor> {
        self.moments.iter().cloned().collect()
    }

    /// Goes back to saved moments.
    ///
    /// # Errors
    /// Names a weight whose moments are missing or of another shape.
    pub fn restore(
        &mut self,
        steps: u64,
        mut saved: HashMap<String, Tensor>,
    ) -> std::result::Result<(), GptError> {
        for (name, moments) in &mut self.moments {
            let found = saved.remove(name).filter(|found| found.dims() == moments.dims());
            let missing = || Error::Msg(format!("no moments that fit {name}"));
            *moments = found.ok_or_else(missing)?;
        }
        self.steps = steps;
        Ok(())
    }
}

/// Takes a gradient into the moments.
struct Collect {
    beta1: f32,
    beta2: f32,
    scale: f32,
}

impl Collect {
    /// The same of candle's own operators, for GPUs.
    fn composed(&self, moments: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        let g = (gradient.flatten_all()? * f64::from(self.scale))?;
        let (beta1, beta2) = (f64::from(self.beta1), f64::from(self.beta2));
        let first = ((moments.get(0)? * beta1)? + (&g * (1.0 - beta1))?)?;
        let second = ((moments.get(1)? * beta2)? + (g.sqr()? * (1.0 - beta2))?)?;
        Tensor::stack(&[first, second], 0)
    }
}

impl InplaceOp2 for Collect {
    fn name(&self) -> &'static str {
        "adamw_collect"
    }

    fn cpu_fwd(
        &self,
        moments: &mut CpuStorage,
        moments_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        let gradient = slice(gradient, gradient_layout)?;
        let (first, second) = slice_mut(moments, moments_layout)?.split_at_mut(gradient.len());
        for ((m, v), g) in first.iter_mut().zip(second).zip(gradient) {
            let g = g * self.scale;
            *m = self.beta1 * *m + (1.0 - self.beta1) * g;
            *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
        }
        Ok(())
    }
}

/// Moves weights along their moments.
struct Move {
    rate: f32,
    variance: f32,
    epsilon: f32,
    keep: f32,
}

impl Move {
    /// The same of candle's own operators, for GPUs.
    fn composed(&self, weights: &Tensor, moments: &Tensor) -> Result<Tensor> {
        let root =
            ((moments.get(1)? * f64::from(self.variance))?.sqrt()? + f64::from(self.epsilon))?;
        let step = (moments.get(0)? * f64::from(self.rate))?.div(&root)?;
        (weights * f64::from(self.keep))? - step.reshape(weights.shape())?
    }
}

impl InplaceOp2 for Move {
    fn name(&self) -> &'static str {
        "adamw_move"
    }

    fn cpu_fwd(
        &self,
        weights: &mut CpuStorage,
        weights_layout: &Layout,
        moments: &CpuStorage,
        moments_layout: &Layout,
    ) -> Result<()> {
        let weights = slice_mut(weights, weights_layout)?;
        let (first, second) = slice(moments, moments_layout)?.split_at(weights.len());
        for ((w, m), v) in weights.iter_mut().zip(first).zip(second) {
            *w = self.keep * *w - self.rate * m / ((v * self.variance).sqrt() + self.epsilon);
        }
        Ok(())
    }
}

/// The learning rate over a run: a linear rise, then half a cosine (SGDR, arXiv:1608.03983,
/// equation 5) down to a share of the peak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f64,
    /// What is left of it at the last step, 0..=1.
    pub final_ratio: f64,
    /// Steps of the rise.
    pub warmup_steps: u64,
    /// Steps of the run.
    pub steps: u64,
}

impl Schedule {
    /// Returns the rate of a step, counted from 0.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let falling = self.steps.saturating_sub(self.warmup_steps + 1).max(1);
        let done = ((step - self.warmup_steps) as f64 / falling as f64).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
        self.peak * (self.final_ratio + (1.0 - self.final_ratio) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn rate_rises_to_the_peak_and_falls_to_its_share() {
        let schedule = Schedule { peak: 1.0, final_ratio: 0.1, warmup_steps: 4, steps: 15 };
        assert_eq!(schedule.rate(0), 0.25);
        assert_eq!(schedule.rate(3), 1.0);
        assert_eq!(schedule.rate(4), 1.0);
        assert!((schedule.rate(9) - 0.55).abs() < 1e-12);
        assert!((schedule.rate(14) - 0.1).abs() < 1e-12);
        assert!((schedule.rate(99) - 0.1).abs() < 1e-12);
        let short = Schedule { warmup_steps: 0, steps: 1, ..schedule };
        assert_eq!(short.rate(0), 1.0);
    }

    /// The expected values follow the formula at the head of this file, in f64.
    #[test]
    fn passes_in_place_equal_the_formula_and_the_composed_operators() {
        let device = Device::Cpu;
        let weights = Var::new(&[0.5f32, -1.0], &device).unwrap();
        let mut composed_weights = weights.as_tensor().copy().unwrap();
        let moments = Tensor::zeros((2, 2), DType::F32, &device).unwrap();
        let mut composed_moments = moments.copy().unwrap();
        let (mut w, mut m, mut v) = ([0.5f64, -1.0], [0.0; 2], [0.0; 2]);
        let collect = Collect { beta1: 0.9, beta2: 0.95, scale: 0.5 };
        for step in 1..=3 {
            let update = Move {
                rate: 0.1 / (1.0 - 0.9f32.powi(step)),
                variance: 1.0 / (1.0 - 0.95f32.powi(step)),
                epsilon: 1e-8,
                keep: 1.0 - 0.1 * 0.01,
            };
            let gradient = [0.2 * step as f32, -0.4];
            let g = Tensor::new(&gradient, &device).unwrap();
            moments.inplace_op2(&g, &collect).unwrap();
            weights.inplace_op2(&moments, &update).unwrap();
            composed_moments = collect.composed(&composed_moments, &g).unwrap();
            composed_weights = update.composed(&composed_weights, &composed_moments).unwrap();
            for i in 0..2 {
                let g = f64::from(gradient[i]) * 0.5;
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.95 * v[i] + 0.05 * g * g;
                let corrected = v[i] / (1.0 - 0.95f64.powi(step));
                let step = m[i] / (1.0 - 0.9f64.powi(step)) / (corrected.sqrt() + 1e-8);
                w[i] -= 0.1 * (step + 0.01 * w[i]);
            }
        }
        let weights = weights.to_vec1::<f32>().unwrap();
        let composed_weights = composed_weights.to_vec1::<f32>().unwrap();
        for i in 0..2 {
            assert!((f64::from(weights[i]) - w[i]).abs() < 1e-6);
            assert!((weights[i] - composed_weights[i]).abs() < 1e-6);
        }
    }
}
