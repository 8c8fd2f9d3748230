//! The one hash of this stage: multiply to 128 bits, fold to 64 (as in wyhash and foldhash).
//!
//! It is fixed for ever: signatures of two runs must agree.

/// Where the hash of a byte string begins.
pub(crate) const SEED: u64 = 0x2d35_8dcc_aa6c_78a5;

/// An odd number with as many ones as zeros in no order.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes all bits of `x`.
pub(crate) fn fold(x: u64) -> u64 {
    let product = u128::from(x) * u128::from(FACTOR);
    product as u64 ^ (product >> 64) as u64
}

/// Hashes bytes, each chunk of 8 with the bits of `set` set; the last chunk is filled with zeros.
pub(crate) fn hash_bytes(bytes: &[u8], set: u64) -> u64 {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let hash =
        chunks.iter().fold(SEED, |hash, chunk| fold(hash ^ (u64::from_le_bytes(*chunk) | set)));
    if rest.is_empty() {
        return hash;
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let used = u64::MAX >> (64 - 8 * rest.len());
    fold(hash ^ (u64::from_le_bytes(last) | (set & used)))
}

/// Returns what `hash_bytes` returns for the UTF-8 bytes of a character.
pub(super) fn hash_char(char: char) -> u64 {
    let mut bytes = [0; 8];
    char.encode_utf8(&mut bytes);
    fold(SEED ^ u64::from_le_bytes(bytes))
}
