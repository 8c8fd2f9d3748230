//! What a report says of a tokenizer: which words give which ids, and which tokens no text gives.

use super::{Bpe, Scratch};

impl Bpe {
    /// Appends the ids of one word, as `WordTable` counts words: what a splitter cut off, or a part of it.
    pub fn encode_word(&self, word: &[u8], ids: &mut Vec<u32>) {
        self.encode_bytes(word, false, &mut Scratch::default(), ids);
    }

    /// Says whether the bytes of a token give that token: if they do not, no text does, because a piece merges inside of
    /// the token's bytes as it would without its surroundings. Special tokens come from no text.
    pub fn is_reachable(&self, id: u32) -> bool {
        let Some(token) = self.id_to_token(id) else { return false };
        let mut ids = Vec::new();
        self.encode_word(token, &mut ids);
        ids == [id] && self.special_tokens().all(|(_, special)| special != id)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Bpe, BpeTraining};

    #[test]
    fn tokens_whose_merges_were_taken_away_are_unreachable() {
        let options = BpeTraining { vocab_size: 260, ..BpeTraining::default() };
        let trained = Bpe::train([("abc", 5), ("ab", 3)], &options).unwrap();
        let id = |bpe: &Bpe, token| bpe.token_to_id(token).unwrap();
        assert!(["a", "ab", "abc"].iter().all(|token| trained.is_reachable(id(&trained, token))));
        assert!(!trained.is_reachable(0));
        assert!(!trained.is_reachable(9999));
        let mut json: serde_json::Value = serde_json::from_str(&trained.to_json()).unwrap();
        json["model"]["merges"].as_array_mut().unwrap().remove(0);
        let cut = Bpe::from_json(&json.to_string()).unwrap();
        assert!(!cut.is_reachable(id(&cut, "ab")));
        assert!(!cut.is_reachable(id(&cut, "abc")));
        assert!(cut.is_reachable(id(&cut, "a")));
    }
}
