//! Receipts: what a task leaves when a part of its work is whole on disk.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::tally::Tally;
use crate::disk::{FileSeal, sync_folder, write_whole};

/// Says that a part of a task is done, what it counted, and which files hold its results.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The step's fingerprint.
    pub fingerprint: String,
    /// The block at which the next part begins, counted over the whole task.
    pub next_block: u64,
    /// Whether this is the task's last part.
    pub is_last: bool,
    /// What became of the rows.
    pub tally: Tally,
    /// The files, relative to the step's folder.
    pub files: Vec<FileSeal>,
    /// The weight of each range of the scanned rows, where the scan weighs them.
    pub weights: Vec<u64>,
    /// What the user is told at the end.
    pub warnings: Vec<String>,
}

/// The receipts of a step.
#[derive(Debug, Clone)]
pub struct Receipts {
    folder: PathBuf,
    fingerprint: String,
}

impl Receipts {
    /// Opens the receipts in a step's folder.
    pub fn new(folder: PathBuf, fingerprint: String) -> Receipts {
        Receipts { folder, fingerprint }
    }

    /// Returns the step's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the valid receipts of a task, part by part from the first.
    ///
    /// A receipt is valid if its fingerprint is the step's and its files are there in full length.
    pub fn parts(&self, task: u32) -> Vec<Receipt> {
        let mut parts: Vec<Receipt> = Vec::new();
        while let Some(receipt) = self.read(task, parts.len() as u32) {
            let is_last = receipt.is_last;
            parts.push(receipt);
            if is_last {
                break;
            }
        }
        parts
    }

    /// Says whether all parts of a task are done.
    pub fn is_done(&self, task: u32) -> bool {
        self.parts(task).last().is_some_and(|part| part.is_last)
    }

    /// Leaves a receipt; its files must be whole on disk by now.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn leave(&self, task: u32, part: u32, mut receipt: Receipt) -> Result<()> {
        // The names of the files must be durable before the receipt that vouches for them.
        sync_folder(&self.folder)?;
        receipt.fingerprint.clone_from(&self.fingerprint);
        let json = serde_json::to_vec(&receipt).context("cannot write a receipt as JSON")?;
        write_whole(&self.path(task, part), &json)?;
        sync_folder(&self.folder)
    }

    fn path(&self, task: u32, part: u32) -> PathBuf {
        self.folder.join(format!("{}.json", part_name(task, part)))
    }

    fn read(&self, task: u32, part: u32) -> Option<Receipt> {
        let json = fs::read(self.path(task, part)).ok()?;
        let receipt: Receipt = serde_json::from_slice(&json).ok()?;
        let is_whole = |file: &FileSeal| {
            fs::metadata(self.folder.join(&file.path)).is_ok_and(|found| found.len() == file.bytes)
        };
        let is_valid =
            receipt.fingerprint == self.fingerprint && receipt.files.iter().all(is_whole);
        is_valid.then_some(receipt)
    }
}

/// Returns the name that all files of a part begin with.
pub(super) fn part_name(task: u32, part: u32) -> String {
    format!("{task:05}-{part:05}")
}
