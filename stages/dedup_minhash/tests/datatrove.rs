//! `compatible = "datatrove"` against what datatrove wrote.

use serde_json::Value;

use super::*;

fn compatible() -> DedupMinhash {
    DedupMinhash { compatible: Some(Compatible::Datatrove), ..DedupMinhash::default() }
}

fn rows() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/parity/datatrove/minhash.jsonl");
    let file = std::fs::read_to_string(path).unwrap();
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers(value: &Value) -> Vec<u64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn signatures_are_the_numbers_that_datatrove_writes() {
    let (cutter, mut cut) = (compatible().cutter().unwrap(), Cut::default());
    let mut n_compared = 0;
    for row in rows() {
        let (text, language) = (row["text"].as_str().unwrap(), row["language"].as_str());
        let n_ngrams = cutter.cut_ngrams(text, language, &mut cut);
        let first = numbers(&row["first_shingles"]);
        if row["n_shingles"] == 0 {
            assert_eq!(n_ngrams, 1, "{}: a short document is one n-gram", row["id"]);
            continue;
        }
        assert_eq!(row["n_shingles"], n_ngrams, "{} {language:?}", row["id"]);
        assert_eq!(&cut.ngrams[..first.len()], first, "{} {language:?}", row["id"]);
        cutter.cut(text, language, &mut cut);
        assert_eq!(cut.signature.numbers, numbers(&row["signature"]), "{}", row["id"]);
        n_compared += 1;
    }
    assert_eq!(n_compared, 8);
}

#[test]
fn near_duplicates_and_short_copies_are_removed_after_verification() {
    let far = words("a", 0, 200).replace('1', "x");
    let texts =
        [words("a", 0, 200), words("a", 3, 200), "Bye!".into(), "bye".into(), "!!".into(), far];
    let outcome = run(&compatible(), &Driver::default(), &corpus(&texts, 2));
    assert_eq!(ids(&outcome.kept), ["0:0", "1:0", "2:0", "2:1"]);
}

#[test]
fn another_seed_gives_other_signatures_and_numpy_takes_32_bits() {
    let text = words("a", 0, 50);
    let signature = |seed| {
        let mut cut = Cut::default();
        DedupMinhash { seed, ..compatible() }.cutter().unwrap().cut(&text, None, &mut cut);
        cut.signature.numbers
    };
    assert_eq!(signature(None), signature(Some(1)));
    assert_ne!(signature(None), signature(Some(0)));
    let error = DedupMinhash { seed: Some(1 << 32), ..compatible() }.cutter().err().unwrap();
    assert!(error.to_string().contains("`seed` is 4294967296"), "{error}");
}
