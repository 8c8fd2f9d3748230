//! The list of input files: its order numbers them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::config::{Format, Input};

/// One file of the input, as it was when the input was listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its position in the list: the first half of a place.
    pub number: u32,
    /// Where it lies: relative if the pattern was.
    pub path: PathBuf,
    /// Its path below the fixed part of the pattern; ids and errors name it so, wherever the input lies.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified_ns: u64,
    /// What it holds.
    pub format: Format,
}

/// Endings of names, and what they stand for; each may be followed by one of `COMPRESSED`.
///
/// `.json` is one object a line here, as in C4 and its descendants.
const ENDINGS: [(&str, Format); 10] = [
    (".jsonl", Format::Jsonl),
    (".ndjson", Format::Jsonl),
    (".json", Format::Jsonl),
    (".parquet", Format::Parquet),
    (".csv", Format::Csv),
    (".tsv", Format::Csv),
    (".txt", Format::Text),
    (".text", Format::Text),
    (".md", Format::Text),
    (".rst", Format::Text),
];

const COMPRESSED: [&str; 2] = [".gz", ".zst"];

/// Lists the files of an input, in the order of its patterns, then by the bytes of their paths.
///
/// A folder stands for the files of known endings below it, hidden ones left out; a finished dataset stands for its
/// documents. A file that several patterns match is listed once, where it comes first.
///
/// # Errors
/// When a pattern matches nothing, or a file has an ending that says nothing about what it holds.
pub fn list(input: &Input) -> Result<Vec<InputFile>> {
    ensure!(!input.paths.is_empty(), "the input has no paths\nhint: set `paths` in [input]");
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    for pattern in &input.paths {
        let mut found = Vec::new();
        for (root, path) in expand(pattern)? {
            if path.is_dir() {
                let folder = documents_folder(&path)?;
                let root = if root == path { &folder } else { &root };
                walk(&folder, root, input.format, &mut found)?;
            } else {
                found.push(inspect(&root, path, input.format)?);
            }
        }
        ensure!(
            !found.is_empty(),
            "{pattern}: no file of a known ending is there\nhint: {}",
            known()
        );
        found.sort_by(|a, b| path_bytes(&a.path).cmp(path_bytes(&b.path)));
        for file in found {
            let absolute =
                std::path::absolute(&file.path).with_context(|| file.path.display().to_string())?;
            if seen.insert(absolute) {
                let number = u32::try_from(files.len()).context("more than 2^32 input files")?;
                files.push(InputFile { number, ..file });
            }
        }
    }
    Ok(files)
}

/// Says whether a name ends as files of tab-separated values do.
pub(super) fn is_tab_separated(path: &Path) -> bool {
    stem(path).ends_with(".tsv")
}

/// Looks at a file again.
///
/// # Errors
/// When it is gone, or its size or time of change are not those of the list.
pub(super) fn check_unchanged(file: &InputFile) -> Result<()> {
    let (bytes, modified_ns) = stat(&file.path)?;
    ensure!(
        (bytes, modified_ns) == (file.bytes, file.modified_ns),
        "{}: changed while it was being read: {} bytes when the input was listed, {bytes} now\n\
         hint: run again once nothing writes to it",
        file.path.display(),
        file.bytes
    );
    Ok(())
}

/// Returns the paths that a pattern stands for, each with the root that its name is relative to.
fn expand(pattern: &str) -> Result<Vec<(PathBuf, PathBuf)>> {
    let plain = PathBuf::from(pattern);
    // A name that exists is meant, even if it has brackets in it.
    if plain.is_dir() {
        return Ok(vec![(plain.clone(), plain)]);
    }
    if plain.exists() {
        return Ok(vec![(parent(&plain), plain)]);
    }
    if !pattern.contains(['*', '?', '[']) {
        bail!("{pattern}: no such file\nhint: paths are relative to the working directory");
    }
    let root = fixed_root(pattern);
    let paths = glob::glob(pattern).with_context(|| format!("{pattern}: not a glob pattern"))?;
    let paths = paths.collect::<Result<Vec<_>, _>>().with_context(|| pattern.to_owned())?;
    ensure!(
        !paths.is_empty(),
        "{pattern}: matches no file\nhint: patterns are relative to the working directory; `**` goes through folders"
    );
    Ok(paths.into_iter().map(|path| (root.clone(), path)).collect())
}

/// Returns the folders of a pattern that come before its first wildcard.
fn fixed_root(pattern: &str) -> PathBuf {
    let is_wild = |part: &&str| part.contains(['*', '?', '[']);
    let n_fixed = pattern.split('/').take_while(|part| !is_wild(part)).count();
    let fixed: Vec<_> = pattern.split('/').take(n_fixed).collect();
    match fixed.as_slice() {
        [""] => PathBuf::from("/"),
        parts => PathBuf::from(parts.join("/")),
    }
}

/// Returns the folder to read for a folder that was named: the documents, if it is a dataset of ours.
fn documents_folder(folder: &Path) -> Result<PathBuf> {
    let is_dataset = folder.join("manifest.json").is_file() && folder.join("report.json").is_file();
    if !is_dataset {
        return Ok(folder.to_path_buf());
    }
    let documents = folder.join("documents");
    ensure!(
        documents.is_dir(),
        "{}: a dataset without documents\nhint: it was made with `documents = \"none\"` in [output]",
        folder.display()
    );
    Ok(documents)
}

fn walk(
    folder: &Path,
    root: &Path,
    format: Option<Format>,
    files: &mut Vec<InputFile>,
) -> Result<()> {
    let place = || folder.display().to_string();
    for entry in fs::read_dir(folder).with_context(place)? {
        let path = entry.with_context(place)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        if is_hidden {
            continue;
        }
        if path.is_dir() {
            walk(&path, root, format, files)?;
        } else if format.or_else(|| format_of(&path)).is_some() {
            files.push(inspect(root, path, format)?);
        }
    }
    Ok(())
}

fn inspect(root: &Path, path: PathBuf, format: Option<Format>) -> Result<InputFile> {
    let shown = path.display();
    let Some(format) = format.or_else(|| format_of(&path)) else {
        bail!("{shown}: unknown ending\nhint: set `format` in [input], or use one of {}", known());
    };
    ensure!(path.to_str().is_some(), "{shown}: its name is not UTF-8\nhint: rename it");
    let (bytes, modified_ns) = stat(&path)?;
    let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
    Ok(InputFile { number: 0, path, name, bytes, modified_ns, format })
}

fn stat(path: &Path) -> Result<(u64, u64)> {
    let metadata = fs::metadata(path).with_context(|| path.display().to_string())?;
    let modified = metadata.modified().with_context(|| path.display().to_string())?;
    // Times before 1970 are no times that anybody's editor writes.
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((metadata.len(), u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
}

fn format_of(path: &Path) -> Option<Format> {
    let stem = stem(path);
    ENDINGS.iter().find(|(ending, _)| stem.ends_with(ending)).map(|(_, format)| *format)
}

/// Returns the name in lower case without the ending of its compression.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let stem = COMPRESSED.iter().find_map(|ending| name.strip_suffix(ending));
    stem.unwrap_or(&name).to_owned()
}

fn known() -> String {
    let endings: Vec<_> = ENDINGS.iter().map(|(ending, _)| *ending).collect();
    format!("known endings are {} (also with {})", endings.join(" "), COMPRESSED.join(" or "))
}

fn parent(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        folder
    }

    fn names(folder: &tempfile::TempDir, patterns: &[&str]) -> Result<Vec<String>> {
        let paths = patterns.iter().map(|p| folder.path().join(p).to_str().unwrap().to_owned());
        let input = Input { paths: paths.collect(), ..Input::default() };
        let files = list(&input)?;
        assert!(files.iter().enumerate().all(|(i, file)| file.number as usize == i));
        Ok(files.into_iter().map(|file| file.name).collect())
    }

    #[test]
    fn files_follow_the_order_of_patterns_then_of_bytes() {
        let folder = folder(&["b/2.jsonl", "b/10.jsonl", "a/x.csv", "b.parquet"]);
        let found = names(&folder, &["b/*.jsonl", "*.parquet", "a"]).unwrap();
        assert_eq!(found, ["10.jsonl", "2.jsonl", "b.parquet", "x.csv"]);
    }

    #[test]
    fn names_are_relative_to_the_fixed_part_of_the_pattern() {
        let folder = folder(&["raw/en/a.txt", "raw/zh/deep/b.txt.gz"]);
        assert_eq!(names(&folder, &["raw/**/*.txt*"]).unwrap(), ["en/a.txt", "zh/deep/b.txt.gz"]);
        assert_eq!(names(&folder, &["raw"]).unwrap(), ["en/a.txt", "zh/deep/b.txt.gz"]);
        assert_eq!(names(&folder, &["raw/en/a.txt"]).unwrap(), ["a.txt"]);
    }

    #[test]
    fn a_file_that_two_patterns_match_is_listed_once() {
        let folder = folder(&["a.jsonl", "b.jsonl"]);
        assert_eq!(names(&folder, &["b.jsonl", "*.jsonl"]).unwrap(), ["b.jsonl", "a.jsonl"]);
    }

    #[test]
    fn a_folder_leaves_out_hidden_files_and_unknown_endings() {
        let folder = folder(&["a.jsonl", ".hidden.jsonl", ".cache/x.jsonl", "README", "LOCK.lock"]);
        assert_eq!(names(&folder, &[""]).unwrap(), ["a.jsonl"]);
    }

    #[test]
    fn a_dataset_stands_for_its_documents() {
        let all = ["out/manifest.json", "out/report.json", "out/documents/00000.parquet"];
        let folder = folder(&[&all[..], &["out/removed/00000.parquet"]].concat());
        assert_eq!(names(&folder, &["out"]).unwrap(), ["00000.parquet"]);
    }

    #[test]
    fn a_pattern_without_files_is_refused() {
        let folder = folder(&["a.jsonl", "empty/LOCK"]);
        for pattern in ["*.parquet", "b.jsonl", "empty"] {
            let error = names(&folder, &[pattern]).unwrap_err().to_string();
            assert!(error.contains(pattern) && error.contains("hint: "), "{error}");
        }
        let error = list(&Input::default()).unwrap_err().to_string();
        assert!(error.contains("no paths"), "{error}");
    }

    #[test]
    fn an_unknown_ending_is_refused_unless_the_format_is_given() {
        let folder = folder(&["a.dat"]);
        let error = names(&folder, &["a.*"]).unwrap_err().to_string();
        assert!(error.contains("a.dat: unknown ending"), "{error}");
        let paths = vec![folder.path().to_str().unwrap().to_owned()];
        let input = Input { paths, format: Some(Format::Jsonl), ..Input::default() };
        assert_eq!(list(&input).unwrap()[0].name, "a.dat");
    }

    #[test]
    fn a_changed_file_is_noticed() {
        let folder = folder(&["a.jsonl"]);
        let path = folder.path().join("a.jsonl");
        let input = Input { paths: vec![path.to_str().unwrap().to_owned()], ..Input::default() };
        let file = list(&input).unwrap().remove(0);
        check_unchanged(&file).unwrap();
        fs::write(&path, "xy").unwrap();
        let error = check_unchanged(&file).unwrap_err().to_string();
        assert!(error.contains("a.jsonl: changed while it was being read"), "{error}");
        fs::remove_file(&path).unwrap();
        assert!(check_unchanged(&file).is_err());
    }
}
