//! Builds a tokenizer from ranked tokens, as tiktoken does.
//!
//! Two neighbours merge when their bytes together are a token, the token of the lowest rank first. So each token is
//! the merge of every cut of it into two tokens, all of one rank. A piece that is a token whole becomes it at once.

use hashbrown::HashMap;

use super::{Bpe, BpeError, MAX_ID, Merge, Merges, Vocabulary};
use crate::Splitter;

/// Tokens with their ranks.
pub(crate) type Ranks = Vec<(Vec<u8>, u32)>;

/// Returns the tokenizer whose ids are the ranks.
///
/// # Errors
/// Fails if two tokens or ids are the same, a rank is far too high, or a byte has no token.
pub(crate) fn from_ranks(
    splitter: Splitter,
    mut ranks: Ranks,
    special_tokens: Vec<(String, u32)>,
) -> Result<Bpe, BpeError> {
    ranks.sort_unstable_by_key(|(_, rank)| *rank);
    let inconsistent = |what| Err(BpeError::Inconsistent(what));
    let mut ids: HashMap<&[u8], u32> = HashMap::with_capacity(ranks.len());
    for (token, rank) in &ranks {
        if *rank >= MAX_ID {
            return inconsistent(format!("rank {rank} is too high"));
        }
        if token.is_empty() {
            return inconsistent(format!("token {rank} is empty"));
        }
        if let Some(other) = ids.insert(token, *rank) {
            return inconsistent(format!("tokens {other} and {rank} are the same"));
        }
    }
    if let Some([(_, rank), _]) = ranks.array_windows().find(|[left, right]| left.1 == right.1) {
        return inconsistent(format!("two tokens have rank {rank}"));
    }

    let mut bytes = [0; 256];
    for (byte, id) in (0..=255u8).zip(&mut bytes) {
        *id = *ids.get(&[byte][..]).ok_or_else(|| {
            let what = format!("vocabulary without byte {byte:#04x}, which loses text");
            BpeError::Unsupported(what)
        })?;
    }
    let mut merges = Merges::default();
    for (token, id) in &ranks {
        for cut in 1..token.len() {
            let (left, right) = token.split_at(cut);
            if let (Some(&left), Some(&right)) = (ids.get(left), ids.get(right)) {
                merges.insert((left, right), Merge { rank: *id, id: *id });
            }
        }
    }

    drop(ids);
    let mut tokens = ranks;
    for (name, id) in &special_tokens {
        let what = match tokens.binary_search_by_key(id, |(_, rank)| *rank) {
            Ok(_) => format!("special token `{name}`: id {id} is the rank of another token"),
            Err(_) if *id >= MAX_ID => format!("special token `{name}`: id {id} is too high"),
            Err(_) if name.is_empty() => format!("special token {id}: is empty"),
            Err(place) => {
                tokens.insert(place, (name.clone().into_bytes(), *id));
                continue;
            }
        };
        return inconsistent(what);
    }
    let mut vocabulary = Vocabulary::default();
    for (token, id) in &tokens {
        while vocabulary.len() < *id as usize {
            vocabulary.push(&[]);
        }
        vocabulary.push(token);
    }
    Ok(Bpe::new(splitter, vocabulary, merges, bytes, special_tokens, true))
}
