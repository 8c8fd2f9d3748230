use super::GptError;

/// Where a model computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor, on as many threads as the caller gives it.
    #[default]
    Cpu,
    /// An NVIDIA GPU, by its number.
    Cuda(usize),
}

impl Device {
    /// Opens the device.
    ///
    /// On the CPU, candle's matrix products are kept to the thread that asks for them, in the whole
    /// process: the trainer gives each thread a part of the batch, and threads within threads only wait
    /// for each other.
    ///
    /// # Errors
    /// [`GptError::Device`] if this program was built without it or the machine has none.
    pub(crate) fn open(self) -> Result<candle_core::Device, GptError> {
        match self {
            Self::Cpu => {
                gemm::set_threading_threshold(usize::MAX);
                Ok(candle_core::Device::Cpu)
            }
            Self::Cuda(_) if !cfg!(feature = "cuda") => Err(GptError::Device(
                "cuda: this program was built without it\nhint: build with --features cuda".into(),
            )),
            Self::Cuda(number) => candle_core::Device::new_cuda(number)
                .map_err(|error| GptError::Device(format!("cuda {number}: {error}"))),
        }
    }
}
