//! Reads a pipeline file, and finds all its mistakes at once.
//!
//! Each table, each stage and each rule is read by itself. Where a key is wrong, it is noted and taken out, and the
//! rest is read as if it had not been there; so one run of `check` shows everything that has to be changed.

use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use stages::filter::{FilterConfig, rule_name};
use stages::pipeline::{LoneStage, Pipeline, Setting, StageConfig};
use toml::Spanned;
use toml::de::{DeString, DeValue};

mod document;
mod mistake;
mod read;
mod size;
mod value;

use document::Document;
use mistake::Mistake;
pub(crate) use mistake::{Mistakes, suggest};
pub(crate) use size::parse_size;

use crate::trial::{Filters, Test};

/// A pipeline, and what the file says besides.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// What decides the bytes of the dataset.
    pub(crate) pipeline: Pipeline,
    /// What does not.
    pub(crate) options: Options,
}

/// How a run works, whatever it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    /// Threads; `None` for as many as there are cores.
    pub(crate) threads: Option<usize>,
    /// Bytes of memory that the steps share.
    pub(crate) memory: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { threads: None, memory: 4 << 30 }
    }
}

/// The keys that a pipeline file may have at its top.
const KEYS: [&str; 9] =
    ["seed", "threads", "memory", "input", "output", "stage", "train", "evaluate", "test"];

/// Reads the pipeline file at `path`; `change` is what the command line says against it, before values are checked.
///
/// # Errors
/// All mistakes of the file.
pub(crate) fn load(
    path: &Path,
    change: impl FnOnce(&mut Pipeline) -> anyhow::Result<()>,
) -> anyhow::Result<Loaded> {
    let text = document::read(path)?;
    let document = Document::parse(path, &text)?;
    let mut file = File::new(&document);
    for (key, value) in &document.table {
        file.read_top(key, value);
    }
    change(&mut file.pipeline)?;
    file.check_values();
    if file.mistakes.is_empty() {
        file.run_tests();
    }
    let File { pipeline, options, mistakes, .. } = file;
    if mistakes.is_empty() {
        return Ok(Loaded { pipeline, options });
    }
    Err(Mistakes::new(&document, mistakes).into())
}

/// Reads `[train]` and `[evaluate]` of a file, which may be a whole pipeline or hold nothing else.
///
/// # Errors
/// All mistakes of the two tables.
pub(crate) fn load_models(path: &Path) -> anyhow::Result<Pipeline> {
    let text = document::read(path)?;
    let document = Document::parse(path, &text)?;
    let mut file = File::new(&document);
    for (key, value) in &document.table {
        file.read_top(key, value);
    }
    let of_models = |key: &str| Some(value::extent(document.table.get(key)?));
    let tables: Vec<_> = ["train", "evaluate"].into_iter().filter_map(of_models).collect();
    file.mistakes.retain(|mistake| tables.iter().any(|table| table.contains(&mistake.span.start)));
    match file.mistakes.is_empty() {
        true => Ok(file.pipeline),
        false => Err(Mistakes::new(&document, file.mistakes).into()),
    }
}

/// What has been read so far.
struct File<'a> {
    document: &'a Document<'a>,
    pipeline: Pipeline,
    options: Options,
    mistakes: Vec<Mistake>,
    /// Where each stage of the pipeline stands in the file.
    places: Vec<&'a Value<'a>>,
    /// Whether a stage could not even be named, so that the order of stages says nothing.
    lacks_stage: bool,
    /// The names of all rules so far.
    rule_names: Vec<String>,
    tests: Vec<(&'a Value<'a>, Test)>,
}

type Key<'a> = Spanned<DeString<'a>>;
type Value<'a> = Spanned<DeValue<'a>>;

impl<'a> File<'a> {
    fn new(document: &'a Document<'a>) -> File<'a> {
        File {
            document,
            pipeline: Pipeline::default(),
            options: Options::default(),
            mistakes: Vec::new(),
            places: Vec::new(),
            lacks_stage: false,
            rule_names: Vec::new(),
            tests: Vec::new(),
        }
    }

    fn read_top(&mut self, key: &'a Key<'a>, value: &'a Value<'a>) {
        match key.get_ref().as_ref() {
            "seed" => self.pipeline.seed = self.read(value, "seed").unwrap_or_default(),
            "threads" => self.options.threads = self.read_threads(value),
            "memory" => self.read_memory(value),
            "input" => self.pipeline.input = self.read(value, "input").unwrap_or_default(),
            "output" => self.pipeline.output = self.read(value, "output").unwrap_or_default(),
            "stage" => self.read_stages(key, value),
            "train" => self.pipeline.train = self.read(value, "train"),
            "evaluate" => self.pipeline.evaluate = self.read(value, "evaluate"),
            "test" => self.read_tests(value),
            name => self.mistakes.push(mistake::unknown_key(name, &KEYS, key.span(), None)),
        }
    }

    fn read<T: DeserializeOwned>(&mut self, value: &Value<'_>, what: &str) -> Option<T> {
        read::read(value, what, &mut self.mistakes)
    }

    fn read_tests(&mut self, value: &'a Value<'a>) {
        match value.get_ref() {
            DeValue::Array(tests) => {
                for test in tests.iter() {
                    let read = self.read(test, "test").map(|read| (test, read));
                    self.tests.extend(read);
                }
            }
            _ => {
                let mistake =
                    Mistake::new(value.span(), "`test` must be a list of tables".to_owned());
                self.mistakes.push(mistake.with_hint("write each test as `[[test]]`"));
            }
        }
    }

    /// Runs the tests of the file; one that fails is a mistake of it.
    fn run_tests(&mut self) {
        let tests = std::mem::take(&mut self.tests);
        let Some((first, _)) = tests.first() else { return };
        match Filters::build(&self.pipeline) {
            Ok(filters) => {
                for (place, test) in &tests {
                    if let Some(wrong) = test.run(&filters) {
                        self.blame(place, "test", anyhow::Error::msg(wrong));
                    }
                }
            }
            Err(error) => self.blame(first, "test", error),
        }
    }

    fn read_threads(&mut self, value: &Value<'_>) -> Option<usize> {
        let threads = self.read(value, "threads")?;
        if threads == 0 {
            let message = "`threads` is 0, expected 1 or more".to_owned();
            let hint = "leave it out to use all cores";
            self.mistakes.push(Mistake::new(value.span(), message).with_hint(hint));
        }
        Some(threads)
    }

    fn read_memory(&mut self, value: &Value<'_>) {
        let Some(text) = self.read::<String>(value, "memory") else { return };
        match parse_size(&text) {
            Ok(bytes) => self.options.memory = bytes,
            Err(error) => {
                self.mistakes.push(Mistake::new(value.span(), format!("`memory`: {error}")))
            }
        }
    }

    fn read_stages(&mut self, key: &'a Key<'a>, value: &'a Value<'a>) {
        let DeValue::Array(stages) = value.get_ref() else {
            let mistake = Mistake::new(key.span(), "`stage` must be a list of tables".to_owned());
            self.mistakes.push(mistake.with_hint("write each stage as `[[stage]]`"));
            return;
        };
        for stage in stages.iter() {
            let read = self.read_stage(stage);
            match read {
                Some(config) => {
                    self.pipeline.stages.push(config);
                    self.places.push(stage);
                }
                None => self.lacks_stage = true,
            }
        }
    }

    /// Reads one `[[stage]]`: a table with one key, which names the stage; a filter may have more.
    fn read_stage(&mut self, stage: &Value<'_>) -> Option<StageConfig> {
        let names = &StageConfig::NAMES;
        if let DeValue::Table(table) = stage.get_ref()
            && table.contains_key("filter")
            && table.keys().all(|key| !names[1..].contains(&key.get_ref().as_ref()))
        {
            return self.read_filter(stage).map(StageConfig::Filter);
        }
        let (key, _) = value::only_entry(stage, "stage", names, &mut self.mistakes)?;
        let name = key.get_ref().as_ref();
        if !names.contains(&name) {
            let mistake = mistake::unknown_name("stage", name, names, key.span());
            self.mistakes.push(mistake);
            return None;
        }
        self.read::<LoneStage>(stage, name).map(StageConfig::from)
    }

    /// Reads a filter stage: each rule by itself, then the keys beside them.
    fn read_filter(&mut self, stage: &Value<'_>) -> Option<FilterConfig> {
        let mut options = stage.clone();
        let list = value::take_array(&mut options, "filter");
        let rules = list.iter().filter_map(|rule| self.read_rule(rule)).collect();
        let config: FilterConfig = self.read(&options, "filter")?;
        Some(FilterConfig { rules, ..config })
    }

    /// Reads one rule of a filter stage, `{ gopher_quality = { … } }`.
    fn read_rule(&mut self, rule: &Value<'_>) -> Option<filters::Config> {
        let names = &filters::Config::ALL;
        let (key, _) = value::only_entry(rule, "rule", names, &mut self.mistakes)?;
        let name = key.get_ref().as_ref();
        if !names.contains(&name) {
            self.mistakes.push(mistake::unknown_name("rule", name, names, key.span()));
            return None;
        }
        let config: filters::Config = self.read(rule, name)?;
        // `Pipeline::build` stops at the first rule of a stage that is refused.
        if let Err(error) = config.build() {
            self.blame(rule, name, error.into());
        }
        self.check_name(rule, &config);
        Some(config)
    }

    /// Refuses a second rule of the same name: a report could not tell whose removals it counts.
    fn check_name(&mut self, rule: &Value<'_>, config: &filters::Config) {
        let name = rule_name(config);
        if self.rule_names.contains(&name) {
            let message = format!("another rule is called `{name}`");
            let hint = format!("give one of them a name: `{{ {name} = {{ name = \"…\" }} }}`");
            self.mistakes.push(Mistake::new(rule.span(), message).with_hint(hint));
        }
        self.rule_names.push(name);
    }

    /// Builds what was read, and takes down what is refused.
    fn check_values(&mut self) {
        let train = self.pipeline.train.as_ref().map(|train| train.validate());
        if let (Some(Err(error)), Some(place)) = (train, self.document.table.get("train")) {
            self.blame(place, "train", error);
        }
        if self.lacks_stage {
            return;
        }
        // What is refused does not depend on these sizes, which follow from the input.
        let setting = Setting { seed: self.pipeline.seed, n_ranges: 4, n_intervals: 16 };
        for refused in self.pipeline.build(setting).err().unwrap_or_default() {
            match refused.stage {
                Some(i) => {
                    let name = self.pipeline.stages[i].name();
                    self.blame(self.places[i], name, refused.error);
                }
                None => self.blame_file(refused.error),
            }
        }
    }

    /// Takes down a refused value at the key that its message names, unless its table has a mistake already: what
    /// was wrong there has a default in its place, which cannot be blamed.
    fn blame(&mut self, place: &Value<'_>, what: &str, error: anyhow::Error) {
        if !self.has_mistake(&value::extent(place)) {
            let message = format!("{error:#}");
            let span = value::find_named(place, &message).unwrap_or_else(|| place.span());
            let message = message.strip_prefix(&format!("{what}: ")).unwrap_or(&message);
            self.mistakes.push(Mistake::refused(span, &format!("{what}: {message}")));
        }
    }

    /// The same for what is wrong with the file as a whole.
    fn blame_file(&mut self, error: anyhow::Error) {
        let message = format!("{error:#}");
        let whole = Spanned::new(0..0, DeValue::Table(self.document.table.clone()));
        let span = value::find_named(&whole, &message).unwrap_or_default();
        let holds = |value: &&Value<'_>| value::extent(value).contains(&span.start);
        let table = self.document.table.iter().map(|(_, value)| value).find(holds);
        if !table.is_some_and(|table| self.has_mistake(&value::extent(table))) {
            self.mistakes.push(Mistake::refused(span, &message));
        }
    }

    fn has_mistake(&self, extent: &Range<usize>) -> bool {
        self.mistakes.iter().any(|mistake| extent.contains(&mistake.span.start))
    }
}
