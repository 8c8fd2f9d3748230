//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

/// What is remembered of a file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeal {
    /// Its path, relative to the folder that the list of seals belongs to.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// xxh3-128 of its bytes, as 32 hexadecimal digits.
    pub xxh3: String,
}

/// Bytes that are hashed and written at once.
const BLOCK: usize = 1 << 18;

/// A file under a temporary name, hashed while it is written; `finish` gives it its name.
pub struct OutFile {
    file: File,
    /// What is not yet hashed and written: both are dear by the row and cheap by the block.
    buffer: Vec<u8>,
    hasher: Xxh3Default,
    bytes: u64,
    temporary: PathBuf,
    path: PathBuf,
}

impl OutFile {
    /// Opens a temporary file beside `path`, and makes the folder if it is missing.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn create(path: &Path) -> Result<OutFile> {
        let temporary = temporary_name(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let file = File::create(&temporary).with_context(|| temporary.display().to_string())?;
        let (buffer, hasher) = (Vec::with_capacity(BLOCK), Xxh3Default::new());
        Ok(OutFile { file, buffer, hasher, bytes: 0, temporary, path: path.into() })
    }

    /// Returns the number of bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Syncs the file and gives it its name; the seal's path is the file name alone.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn finish(mut self) -> Result<FileSeal> {
        self.flush().with_context(|| self.path.display().to_string())?;
        let place = || self.path.display().to_string();
        self.file.sync_all().with_context(place)?;
        fs::rename(&self.temporary, &self.path).with_context(place)?;
        let path = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(FileSeal { path, bytes: self.bytes, xxh3: format!("{:032x}", self.hasher.digest128()) })
    }
}

impl Write for OutFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.write_all(buffer)?;
        Ok(buffer.len())
    }

    fn write_all(&mut self, buffer: &[u8]) -> io::Result<()> {
        if self.buffer.len() + buffer.len() > BLOCK {
            self.flush()?;
        }
        if buffer.len() >= BLOCK {
            self.hasher.update(buffer);
            self.file.write_all(buffer)?;
        } else {
            self.buffer.extend_from_slice(buffer);
        }
        self.bytes += buffer.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hasher.update(&self.buffer);
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        // After `finish` the name is gone; before it the file is a fragment that nobody must find.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Writes `bytes` to `path` so that the file is there whole or not at all, even after a power cut.
///
/// # Errors
/// When the disk is full or fails.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<FileSeal> {
    let mut file = OutFile::create(path)?;
    file.write_all(bytes).with_context(|| path.display().to_string())?;
    file.finish()
}

/// Makes the names in a folder durable.
///
/// # Errors
/// When the disk fails.
pub fn sync_folder(folder: &Path) -> Result<()> {
    let sync = || File::open(folder)?.sync_all();
    sync().with_context(|| folder.display().to_string())
}

/// Returns the seal of a file that exists; the path is its name alone.
///
/// # Errors
/// When it cannot be read.
pub fn seal_file(path: &Path) -> Result<FileSeal> {
    let read = || -> io::Result<(u64, u128)> {
        let mut file = File::open(path)?;
        file.rewind()?;
        let mut hasher = Xxh3Default::new();
        let mut hash = HashWriter(&mut hasher);
        let bytes = io::copy(&mut file, &mut hash)?;
        Ok((bytes, hasher.digest128()))
    };
    let (bytes, hash) = read().with_context(|| path.display().to_string())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(FileSeal { path: name, bytes, xxh3: format!("{hash:032x}") })
}

struct HashWriter<'a>(&'a mut Xxh3Default);

impl Write for HashWriter<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.update(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}
