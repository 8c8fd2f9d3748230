//! Views of candle's CPU tensors as plain slices, for operators written by hand.

use candle_core::{CpuStorage, Error, Layout, Result, Storage, Tensor};

/// Returns the values of a contiguous f32 storage.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = offsets(layout)?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// Returns the values of a contiguous f32 storage for change in place.
pub(crate) fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    let (start, end) = offsets(layout)?;
    match storage {
        CpuStorage::F32(values) => Ok(&mut values[start..end]),
        _ => Err(Error::Msg("expected f32 values".to_owned())),
    }
}

/// Runs `f` on the values of contiguous f32 tensors on the CPU.
pub(crate) fn with_slices<const N: usize, R>(
    tensors: [&Tensor; N],
    f: impl FnOnce([&[f32]; N]) -> R,
) -> Result<R> {
    let guards = tensors.map(Tensor::storage_and_layout);
    let mut slices = [&[][..]; N];
    for (values, (storage, layout)) in slices.iter_mut().zip(&guards) {
        *values = match &**storage {
            Storage::Cpu(storage) => slice(storage, layout)?,
            _ => return Err(Error::Msg("expected a tensor on the CPU".to_owned())),
        };
    }
    Ok(f(slices))
}

fn offsets(layout: &Layout) -> Result<(usize, usize)> {
    let message = || Error::Msg(format!("expected contiguous values, got {layout:?}"));
    layout.contiguous_offsets().ok_or_else(message)
}
