//! Mistakes of pipeline files, as the user sees them.

use crate::workbench::{Workbench, fixtures};

fn mistakes(pipeline: &str) -> String {
    let bench = Workbench::new();
    bench.write("web.toml", pipeline);
    let ended = bench.run(&["check", "web.toml"]).expect(2);
    assert!(ended.stdout.is_empty());
    ended.stderr
}

#[test]
fn all_mistakes_of_a_file_are_shown_at_once() {
    let shown = mistakes(
        r#"sead = 3
threads = 0
memory = "4"

[input]
pahts = ["a"]
format = "jsonlines"

[output]
dir = "x"
documents = "parquett"

[[stage]]
filter = [
  { gopher_qualty = {} },
  { gopher_quality = { min_wrods = 3, max_bullet_line_ratio = "中文" } },
  { c4 = {}, pii = {} },
  { keywords = {} },
]

[[stage]]
tokenize = { train = { vocab_sise = 10 } }

[train]
batch_size = 0
"#,
    );
    let expected = "\
corpusmill: web.toml: 12 mistakes

web.toml:1:1: unknown key `sead`
  |
1 | sead = 3
  | ^^^^
hint: did you mean `seed`?

web.toml:2:11: `threads` is 0, expected 1 or more
  |
2 | threads = 0
  |           ^
hint: leave it out to use all cores

web.toml:3:10: `memory`: `4` has no unit, expected a size such as 4GiB or 512MiB
  |
3 | memory = \"4\"
  |          ^^^

web.toml:6:1: input: unknown key `pahts`
  |
6 | pahts = [\"a\"]
  | ^^^^^
hint: did you mean `paths`?

web.toml:7:10: input: `format`: there is no `jsonlines`
  |
7 | format = \"jsonlines\"
  |          ^^^^^^^^^^^
hint: did you mean `jsonl`?

web.toml:11:13: output: `documents`: there is no `parquett`
   |
11 | documents = \"parquett\"
   |             ^^^^^^^^^^
hint: did you mean `parquet`?

web.toml:15:5: unknown rule `gopher_qualty`
   |
15 |   { gopher_qualty = {} },
   |     ^^^^^^^^^^^^^
hint: did you mean `gopher_quality`?

web.toml:16:24: gopher_quality: unknown key `min_wrods`
   |
16 |   { gopher_quality = { min_wrods = 3, max_bullet_line_ratio = \"中文\" } },
   |                        ^^^^^^^^^
hint: did you mean `min_words`?

web.toml:16:63: gopher_quality: `max_bullet_line_ratio`: string \"中文\", expected a number, or false to switch the check off, or { zh = …, other = … }
   |
16 |   { gopher_quality = { min_wrods = 3, max_bullet_line_ratio = \"中文\" } },
   |                                                               ^^^^^^

web.toml:17:14: a rule has one name, but here are `c4` and `pii`
   |
17 |   { c4 = {}, pii = {} },
   |              ^^^
hint: give each rule its own braces

web.toml:18:5: keywords: `keywords` is empty
   |
18 |   { keywords = {} },
   |     ^^^^^^^^

web.toml:22:24: tokenize.train: unknown key `vocab_sise`
   |
22 | tokenize = { train = { vocab_sise = 10 } }
   |                        ^^^^^^^^^^
hint: did you mean `vocab_size`?
";
    // What was wrong before counts on; the last one is checked by itself.
    let (before, train) = shown.split_at(shown.find("\n\nweb.toml:25:1").unwrap_or(shown.len()));
    assert_eq!(before.replace("13 mistakes", "12 mistakes"), expected.trim_end());
    assert_eq!(
        train,
        "\n\nweb.toml:25:1: train: batch_size: must be at least 1\n   |\n25 | batch_size = 0\n   | ^^^^^^^^^^\n"
    );
}

#[test]
fn broken_syntax_is_shown_where_it_breaks() {
    assert_eq!(
        mistakes("seed = 0\n[input\npaths = []\n").lines().nth(2).unwrap(),
        "web.toml:2:7: unclosed table, expected `]`"
    );
}

#[test]
fn an_unknown_stage_is_an_error_and_its_name_is_guessed() {
    let shown =
        mistakes("[[stage]]\ndedup_minhsh = {}\n[input]\npaths = [\"a\"]\n[output]\ndir = \"o\"\n");
    assert!(shown.contains("web.toml:2:1: unknown stage `dedup_minhsh`"), "{shown}");
    assert!(shown.contains("hint: did you mean `dedup_minhash`?"), "{shown}");
    assert!(shown.contains("1 mistake\n"), "{shown}");
}

#[test]
fn what_is_missing_is_shown_at_its_table() {
    let shown = mistakes("seed = 1\n\n[output]\n\n[input]\npaths = []\n");
    assert!(shown.contains("web.toml:6:1: `input.paths` names no file"), "{shown}");
    let shown = mistakes("[output]\n[input]\npaths = [\"a\"]\n");
    assert!(shown.contains("web.toml:1:1: `output.dir` is missing"), "{shown}");
}

#[test]
fn the_order_of_stages_is_checked() {
    let shown = mistakes(
        "[input]\npaths = [\"a\"]\n[output]\ndir = \"o\"\n[[stage]]\nshards = {}\n[[stage]]\ndedup_exact = {}\n",
    );
    assert!(
        shown.contains("web.toml:6:1: shards: `shards` needs a `tokenize` stage before it"),
        "{shown}"
    );
}

#[test]
fn two_rules_of_one_name_are_refused() {
    let rules = "{ keywords = { keywords = [\"a\"] } }, { keywords = { keywords = [\"b\"] } }";
    let pipeline = |rules: &str| {
        format!("[input]\npaths = [\"a\"]\n[output]\ndir = \"o\"\n[[stage]]\nfilter = [{rules}]\n")
    };
    let shown = mistakes(&pipeline(rules));
    assert!(shown.contains("another rule is called `keywords`"), "{shown}");
    let named = rules.replacen("{ keywords = {", "{ keywords = { name = \"ads\",", 1);
    assert!(mistakes(&pipeline(&named)).contains("a: no such file"));
}

#[test]
fn a_misspelt_value_of_a_list_is_guessed() {
    let shown = mistakes(
        "[input]\npaths = [\"a\"]\n[output]\ndir = \"o\"\n[[stage]]\nfilter = [{ language = { keep = [\"zhh\"] } }]\n",
    );
    assert!(shown.contains("web.toml:6:26: language: `keep` has no `zhh`"), "{shown}");
    assert!(shown.contains("hint: did you mean `zh`?"), "{shown}");
}

#[test]
fn an_unknown_stage_for_until_is_refused() {
    let bench = Workbench::new();
    bench.write(
        "web.toml",
        "[input]\npaths = [\"a\"]\n[output]\ndir = \"o\"\n[[stage]]\ndedup_exact = {}\n",
    );
    bench
        .run(&["check", "web.toml", "--until", "tokenize"])
        .expect(2)
        .says(&["--until: there is no stage `tokenize`"]);
}

#[test]
fn the_command_line_may_name_the_output_that_the_file_leaves_out() {
    let bench = Workbench::new();
    bench.write("web.toml", "[input]\npaths = [\"a.jsonl\"]\n");
    bench.write("a.jsonl", "{\"text\": \"a\"}\n");
    bench.run(&["check", "web.toml"]).expect(2).says(&["`output.dir` is missing"]);
    bench.run(&["check", "web.toml", "--output", "out"]).expect(0);
}

#[test]
fn every_example_and_every_recipe_is_a_pipeline_without_mistakes() {
    let bench = Workbench::new();
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let recipes = examples.join("recipes");
    for entry in examples.read_dir().unwrap().chain(recipes.read_dir().unwrap()) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            // The inputs are not here: that is the first thing that may be wrong.
            let text = std::fs::read_to_string(&path).unwrap();
            bench.write("example.toml", text.replace("fixtures/models", &fixtures("models")));
            let ended = bench.run(&["check", "example.toml"]).expect(2);
            assert!(
                ended.stderr.starts_with("corpusmill: input: "),
                "{}: {}",
                path.display(),
                ended.stderr
            );
        }
    }
}
