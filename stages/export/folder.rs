//! The folder of an export: ours from the first file to the manifest, which comes last.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::disk::{FileSeal, OutFile, sync_folder, write_whole};
use crate::runner::MANIFEST;

/// Marks a folder whose export has not come to its end: what else lies in it will be written anew.
const UNFINISHED: &str = "unfinished-export";

/// Files that are being exported.
pub(super) struct Folder {
    dir: PathBuf,
    copies: bool,
    /// Every file, by its name in the folder.
    pub(super) files: Vec<FileSeal>,
    /// Files that share their bytes with the dataset.
    pub(super) linked: u64,
    /// Files that were copied though a link was wanted, as the file system allows none.
    pub(super) copied: u64,
}

impl Folder {
    /// Makes the folder, or takes up one whose export was interrupted, of which nothing is kept.
    ///
    /// # Errors
    /// When it holds anything else, or lies inside `dataset`.
    pub(super) fn claim(dir: &Path, dataset: &Path, copies: bool) -> Result<Folder> {
        let place = || dir.display().to_string();
        let dir = std::path::absolute(dir).with_context(place)?;
        let dataset = dataset.canonicalize().with_context(|| dataset.display().to_string())?;
        let existing = dir.ancestors().find_map(|folder| folder.canonicalize().ok());
        ensure!(
            existing.is_none_or(|folder| !folder.starts_with(&dataset)),
            "{}: lies inside the dataset, which an export leaves as it is",
            dir.display()
        );
        if dir.join(MANIFEST).exists() {
            bail!(
                "{}: holds a finished export or dataset\nhint: name another folder, or delete this one",
                dir.display()
            );
        }
        let is_ours = dir.join(UNFINISHED).exists();
        if dir.exists() {
            for entry in dir.read_dir().with_context(place)? {
                let path = entry.with_context(place)?.path();
                ensure!(is_ours, "{}: holds something else than an export", dir.display());
                if path.file_name().is_some_and(|name| name == UNFINISHED) {
                    continue;
                }
                let removed =
                    if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.with_context(|| path.display().to_string())?;
            }
        }
        let note = b"An export was interrupted here. Running it again empties this folder first.\n";
        write_whole(&dir.join(UNFINISHED), note)?;
        let dir = dir.canonicalize().with_context(place)?;
        Ok(Folder { dir, copies, files: Vec::new(), linked: 0, copied: 0 })
    }

    /// Returns the folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Opens a file that is to be written.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn create(&self, name: &str) -> Result<OutFile> {
        OutFile::create(&self.dir.join(name))
    }

    /// Ends a file that [`Folder::create`] opened.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub(super) fn finish(&mut self, name: &str, file: OutFile) -> Result<()> {
        let seal = file.finish()?;
        self.add(name, seal);
        Ok(())
    }

    /// Notes a file that is on disk.
    pub(super) fn add(&mut self, name: &str, seal: FileSeal) {
        self.files.push(FileSeal { path: name.to_owned(), ..seal });
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub(super) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let seal = write_whole(&self.dir.join(name), bytes)?;
        self.add(name, seal);
        Ok(())
    }

    /// Gives a file of the dataset, whose seal is known, a second name here: a hard link, or a copy where there can be none.
    ///
    /// # Errors
    /// When the disk is full or fails, and when a copy is not what the seal says.
    pub(super) fn link(&mut self, from: &Path, name: &str, seal: &FileSeal) -> Result<()> {
        let to = self.dir.join(name);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        if !self.copies && fs::hard_link(from, &to).is_ok() {
            self.linked += 1;
            self.add(name, seal.clone());
            return Ok(());
        }
        let mut source = fs::File::open(from).with_context(|| from.display().to_string())?;
        let mut file = self.create(name)?;
        std::io::copy(&mut source, &mut file).with_context(|| to.display().to_string())?;
        let copy = file.finish()?;
        ensure!(
            copy.xxh3 == seal.xxh3,
            "{}: its bytes changed while they were copied",
            from.display()
        );
        self.copied += 1;
        self.add(name, copy);
        Ok(())
    }

    /// Makes all files durable, and writes the manifest: from then on the export is finished.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub(super) fn commit(&self, manifest: &impl Serialize) -> Result<()> {
        for entry in self.dir.read_dir().with_context(|| self.dir.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                sync_folder(&path)?;
            }
        }
        let json = serde_json::to_vec_pretty(manifest).context("cannot write the manifest")?;
        write_whole(&self.dir.join(MANIFEST), &json)?;
        let marker = self.dir.join(UNFINISHED);
        fs::remove_file(&marker).with_context(|| marker.display().to_string())?;
        sync_folder(&self.dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::seal_file;

    #[test]
    fn only_an_empty_folder_or_an_interrupted_export_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (dataset, dir) = (folder.path().join("data"), folder.path().join("out/x"));
        fs::create_dir_all(&dataset).unwrap();
        let claim = |dir: &Path| Folder::claim(dir, &dataset, false);
        let error = |dir: &Path| format!("{:#}", claim(dir).err().unwrap());
        fs::create_dir_all(&dir).unwrap();
        claim(&dir).unwrap().write("train/a", b"1").unwrap();
        // Cut off: the next export begins with nothing.
        let second = claim(&dir).unwrap();
        assert!(!dir.join("train").exists());
        second.commit(&"manifest").unwrap();
        assert!(!dir.join(UNFINISHED).exists());
        assert!(error(&dir).contains("finished export"));
        fs::remove_file(dir.join(MANIFEST)).unwrap();
        fs::write(dir.join("mine.txt"), "mine").unwrap();
        assert!(error(&dir).contains("something else"));
        assert!(dir.join("mine.txt").exists());
        assert!(error(&dataset.join("exports/megatron")).contains("inside the dataset"));
        assert!(error(&dataset).contains("inside the dataset"));
        assert!(!dataset.join("exports").exists());
    }

    #[test]
    fn a_link_shares_the_bytes_and_a_copy_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (dataset, from) = (folder.path().join("data"), folder.path().join("data/x.bin"));
        fs::create_dir_all(&dataset).unwrap();
        fs::write(&from, b"ids").unwrap();
        let seal = seal_file(&from).unwrap();
        let same_file = |path: &Path| {
            use std::os::unix::fs::MetadataExt;
            fs::metadata(path).unwrap().ino() == fs::metadata(&from).unwrap().ino()
        };
        for (name, copies) in [("linked", false), ("copied", true)] {
            let dir = folder.path().join(name);
            let mut out = Folder::claim(&dir, &dataset, copies).unwrap();
            out.link(&from, "train/x.ds", &seal).unwrap();
            assert_eq!(same_file(&dir.join("train/x.ds")), !copies);
            assert_eq!(out.files, [FileSeal { path: "train/x.ds".to_owned(), ..seal.clone() }]);
            assert_eq!((out.linked, out.copied), if copies { (0, 1) } else { (1, 0) });
        }
        let mut out = Folder::claim(&folder.path().join("changed"), &dataset, true).unwrap();
        let other = FileSeal { xxh3: "0".repeat(32), ..seal };
        let error = out.link(&from, "x", &other).unwrap_err();
        assert!(error.to_string().contains("changed while they were copied"));
    }
}
