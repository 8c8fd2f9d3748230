//! Properties, against plain sets of strings.

use super::*;

/// The words of a text, written plainly, and whether each is a character by itself.
fn plain_words(text: &str) -> Vec<(String, bool)> {
    let words = Words::new(text)
        .map(|word| (text.get(word.start..word.end).unwrap().to_lowercase(), word.alone));
    words.collect()
}

fn plain_runs(words: &[(String, bool)], share: usize, config: &Decontaminate) -> Vec<Vec<String>> {
    let weight = |word: &(String, bool)| if word.1 { config.ngram } else { config.ngram_cjk() };
    let needed = share * config.ngram_cjk();
    let run = |start: usize| {
        let mut sum = 0;
        let end = words[start..].iter().position(|word| {
            sum += weight(word);
            sum >= needed
        })?;
        Some(words[start..=start + end].iter().map(|word| word.0.clone()).collect())
    };
    (0..words.len()).map_while(run).collect()
}

/// For each document, how many n-grams of each example it has, and of how many: by sets of strings.
fn plain_overlaps(
    config: &Decontaminate,
    examples: &[String],
    texts: &[String],
) -> Vec<BTreeMap<usize, (usize, usize)>> {
    let short = config.min_example_words.min(config.ngram);
    let distinct: BTreeSet<Vec<_>> = examples.iter().map(|text| plain_words(text)).collect();
    let strings =
        |words: &[(String, bool)]| -> Vec<String> { words.iter().map(|w| w.0.clone()).collect() };
    let grams_of = |words: &[(String, bool)]| -> BTreeSet<Vec<String>> {
        let long: BTreeSet<_> = plain_runs(words, config.ngram, config).into_iter().collect();
        match plain_runs(words, short, config).is_empty() {
            _ if !long.is_empty() => long,
            true => BTreeSet::new(),
            false => BTreeSet::from([strings(words)]),
        }
    };
    let holds = |words: &[(String, bool)], gram: &[String]| {
        strings(words).windows(gram.len()).any(|window| window == gram)
    };
    let is_rare = |gram: &Vec<String>, is_whole: bool| {
        let has = |words: &&Vec<(String, bool)>| match is_whole {
            true => holds(words, gram),
            false => plain_runs(words, config.ngram, config).contains(gram),
        };
        distinct.iter().filter(has).count() <= config.max_examples
    };
    let wanted: Vec<BTreeSet<_>> = examples
        .iter()
        .map(|text| {
            let words = plain_words(text);
            let is_whole = plain_runs(&words, config.ngram, config).is_empty();
            grams_of(&words).into_iter().filter(|gram| is_rare(gram, is_whole)).collect()
        })
        .collect();
    texts
        .iter()
        .map(|text| {
            let words = plain_words(text);
            let shared = |grams: &BTreeSet<Vec<String>>| {
                grams.iter().filter(|gram| holds(&words, gram)).count()
            };
            let all = wanted.iter().map(|grams| (shared(grams), grams.len())).enumerate();
            all.filter(|(_, (n, _))| *n > 0).collect()
        })
        .collect()
}

fn corpus(words: &'static str, n_words: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(words, n_words).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn overlaps_are_those_of_sets_of_strings(
        examples in prop::collection::vec(corpus("[ab]|A,|[一二]{1,3}", 0..9), 1..6),
        texts in prop::collection::vec(corpus("[abc]|[一二]{1,3}", 0..30), 1..5),
        ngram in 2_usize..5, ngram_cjk in 2_usize..6, min_example_words in 1_usize..5,
        max_examples in 1_usize..4,
    ) {
        let sets = Sets::of(&examples.iter().map(String::as_str).collect::<Vec<_>>());
        let ngram_cjk = Some(ngram_cjk);
        let config = Decontaminate {
            ngram, ngram_cjk, min_example_words, max_examples, ..sets.config("set.jsonl")
        };
        let expected = plain_overlaps(&config, &examples, &texts);
        for (reported, expected) in report(&config, &texts).iter().zip(&expected) {
            let found: BTreeMap<_, _> = reported.iter().map(|item| (item.0.clone(), (item.1, item.2))).collect();
            let expected: BTreeMap<_, _> = expected
                .iter()
                .map(|(row, (n, of))| (format!("set.jsonl:{row}"), (*n as u64, *n as f64 / *of as f64)))
                .collect();
            prop_assert_eq!(found, expected);
        }
        let clean = texts.iter().zip(&expected).filter(|(_, found)| found.is_empty());
        let clean: Vec<_> = clean.map(|(text, _)| text).collect();
        prop_assert_eq!(run(&config, &texts, 2).len(), texts.len() - clean.len());
        prop_assert!(run(&config, &clean, 2).is_empty(), "a second run finds nothing");
    }

    #[test]
    fn an_example_in_a_document_is_found_whatever_stands_around_it(
        example in "[a-zé]{1,8}( [a-zé]{1,8}){12,20}|[一-鿿]{20,40}",
        before in any::<String>(), after in any::<String>(), others in any::<Vec<String>>(),
        batch_rows in 1_usize..4,
    ) {
        let mut examples: Vec<_> = others.iter().map(String::as_str).collect();
        examples.push(&example);
        let sets = Sets::of(&examples);
        let config = Decontaminate { columns: vec!["question".to_owned()], ..sets.config("set.jsonl") };
        let text = format!("{before} {example}\n{after}");
        let texts = [before.as_str(), &text, &after, &text];
        let removed = run(&config, &texts, batch_rows);
        let place = format!("[{}..{}]", before.len() + 1, before.len() + 1 + example.len());
        let name = format!("set.jsonl:{} {place}", others.len());
        let holds = |removed: &&Removed| {
            removed.text == text && removal(removed).found.as_ref().unwrap().contains(&name)
        };
        prop_assert_eq!(removed.iter().filter(holds).count(), 2, "{:?}", removed);
        prop_assert_eq!(removed.len(), run(&config, &texts, 4).len());
    }

    #[test]
    fn no_text_is_too_odd(text in any::<String>(), example in any::<String>()) {
        let sets = Sets::of(&[&example, ENGLISH]);
        let config = Decontaminate { ngram: 2, min_example_words: 1, ..sets.config("set.jsonl") };
        for item in report(&config, &[text.as_str()]).remove(0) {
            prop_assert!(text.get(item.3 as usize..item.4 as usize).is_some());
        }
    }
}
