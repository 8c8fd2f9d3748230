//! What tests stand on: a folder of their own, and the binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder with inputs and outputs of one test; it is the binary's working directory.
pub(crate) struct Workbench {
    folder: tempfile::TempDir,
}

/// How a command ended and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    fn new(output: Output) -> Ended {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ended {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Fails unless the exit code is this one.
    pub(crate) fn expect(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Fails unless stderr holds each of these.
    pub(crate) fn says(self, parts: &[&str]) -> Ended {
        for part in parts {
            assert!(self.stderr.contains(part), "stderr lacks `{part}`:\n{}", self.stderr);
        }
        self
    }
}

impl Workbench {
    pub(crate) fn new() -> Workbench {
        Workbench { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes a JSONL file of documents with ids `PREFIX-0`, `PREFIX-1`, ….
    pub(crate) fn write_documents(
        &self,
        name: &str,
        prefix: &str,
        texts: impl IntoIterator<Item = String>,
    ) {
        let rows = texts.into_iter().enumerate().map(|(i, text)| {
            format!(
                "{}\n",
                serde_json::json!({ "id": format!("{prefix}-{i}"), "text": text, "n": i })
            )
        });
        self.write(name, rows.collect::<String>());
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corpusmill"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::new(self.command(args).output().unwrap())
    }

    /// Runs with text on stdin.
    pub(crate) fn run_with(&self, args: &[&str], stdin: &[u8]) -> Ended {
        self.write("stdin", stdin);
        let mut command = self.command(args);
        command.stdin(fs::File::open(self.path("stdin")).unwrap());
        Ended::new(command.output().unwrap())
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Returns the bytes of every file of a dataset that must not depend on how it was made.
    pub(crate) fn dataset(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let (root, mut files) = (self.path(name), BTreeMap::new());
        collect(&root, &root, &mut files);
        files.retain(|name, _| {
            name != "report.json" && !name.starts_with("work/") && name != "model/report.json"
        });
        files
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// Fails with the names of the files that differ.
pub(crate) fn assert_same(
    a: &BTreeMap<String, Vec<u8>>,
    b: &BTreeMap<String, Vec<u8>>,
    what: &str,
) {
    let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let differ: Vec<_> = names.into_iter().filter(|name| a.get(*name) != b.get(*name)).collect();
    assert!(differ.is_empty(), "{what}: {differ:?} differ");
}

/// Returns a folder of the repository.
pub(crate) fn fixtures(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).to_str().unwrap().to_owned()
}

/// Returns texts that differ from each other in many words.
pub(crate) fn texts(n: usize, seed: u64) -> Vec<String> {
    let words = [
        "river", "stone", "the", "of", "letter", "winter", "to", "house", "and", "with", "数据",
        "清洗",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = || {
        let n_words = 60 + draw() % 60;
        let words: Vec<String> = (0..n_words)
            .map(|_| format!("{}{}", words[(draw() % 12) as usize], draw() % 50))
            .collect();
        words.join(" ") + ".\n"
    };
    (0..n).map(|_| text()).collect()
}
