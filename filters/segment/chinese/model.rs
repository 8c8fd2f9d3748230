//! jieba's hidden Markov model, which finds words that the dictionary lacks, names above all.
//!
//! Each character begins, continues or ends a word, or is one. The most likely such reading of a run is found by Viterbi's
//! algorithm. Order of additions and choice among equals are those of jieba-rs: where the model does not know the
//! characters, ties are the rule.

use super::tables::{NEVER, emissions};

const BEGIN: usize = 0;
const END: usize = 1;
const MIDDLE: usize = 2;
const SINGLE: usize = 3;

/// Logarithms of the likelihood that a run starts so.
const START: [f64; 4] = [-0.26268660809250016, NEVER, NEVER, -1.4652633398537678];

/// For each state the two that can come before it, with the logarithm of the likelihood. Among equals the second wins.
const BEFORE: [[(usize, f64); 2]; 4] = [
    [(END, -0.5897149736854513), (SINGLE, -0.7211965654669841)],
    [(BEGIN, -0.51082562376599), (MIDDLE, -0.33344856811948514)],
    [(BEGIN, -0.916290731874155), (MIDDLE, -1.2603623820268226)],
    [(END, -0.8085250474669937), (SINGLE, -0.6658631448798212)],
];

/// Buffers that keep their memory from one run to the next.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// For each character and state, which of the two states before was the better one: a bit a state.
    choices: Vec<u8>,
    /// Whether a word ends after each character.
    ends: Vec<bool>,
}

impl Model {
    /// Returns after which characters of a run a word ends; the last is one of them.
    pub(super) fn cut(&mut self, numbers: &[u16]) -> &[bool] {
        self.ends.clear();
        self.ends.resize(numbers.len(), true);
        let Some((&first, rest)) = numbers.split_first() else {
            return &self.ends;
        };
        let emitted = emissions(first);
        let mut likely = [0, 1, 2, 3].map(|state: usize| START[state] + emitted[state]);
        self.choices.clear();
        for &number in rest {
            let emitted = emissions(number);
            let mut choices = 0;
            let mut next = [0.0; 4];
            for state in [BEGIN, END, MIDDLE, SINGLE] {
                let [first, second] =
                    BEFORE[state].map(|(from, log)| likely[from] + log + emitted[state]);
                choices |= u8::from(second >= first) << state;
                next[state] = if second >= first { second } else { first };
            }
            self.choices.push(choices);
            likely = next;
        }
        let mut state = if likely[SINGLE] >= likely[END] { SINGLE } else { END };
        let before_last = self.ends.iter_mut().rev().skip(1);
        for (ends, choices) in before_last.zip(self.choices.iter().rev()) {
            state = BEFORE[state][usize::from(choices >> state & 1)].0;
            *ends = state == END || state == SINGLE;
        }
        &self.ends
    }
}
