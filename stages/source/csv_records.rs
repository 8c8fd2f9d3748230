//! Cuts a CSV file into records, in bounded memory whatever its quotes do.

use anyhow::Result;
use csv_core::ReadRecordResult;
use std::ops::Range;

use super::bytes::{Bytes, Fill};
use super::files::{InputFile, is_tab_separated};
use super::unreadable::MAX_KEPT_BYTES;

/// Records of a file: their fields without quotes, one after the other.
#[derive(Default)]
pub(super) struct Records {
    /// The bytes of all fields.
    pub(super) bytes: Vec<u8>,
    /// Where each field ends in `bytes`.
    pub(super) ends: Vec<usize>,
    /// The records.
    pub(super) records: Vec<Record>,
}

/// One record.
pub(super) struct Record {
    /// Its bytes in `Records::bytes`; of one that cannot be read the beginning.
    pub(super) bytes: Range<usize>,
    /// Its fields in `Records::ends`.
    pub(super) fields: Range<usize>,
    /// Why it cannot be read.
    pub(super) error: Option<String>,
}

/// Goes through a file by records.
pub(super) struct CsvCutter {
    core: csv_core::Reader,
    bytes: Bytes,
    buffer: Vec<u8>,
    used: usize,
    end: Option<Fill>,
    max_record_bytes: usize,
}

impl CsvCutter {
    /// Opens a file; names ending in `.tsv` are separated by tabs.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(file: &InputFile, max_record_bytes: usize) -> Result<CsvCutter> {
        let delimiter = if is_tab_separated(&file.path) { b'\t' } else { b',' };
        let core = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        let bytes = Bytes::open(file)?;
        Ok(CsvCutter { core, bytes, buffer: Vec::new(), used: 0, end: None, max_record_bytes })
    }

    /// Returns how many bytes of the file have been used.
    pub(super) fn position(&self) -> u64 {
        self.bytes.position()
    }

    /// Sets the longest record to read from here on.
    pub(super) fn set_max_record_bytes(&mut self, max: usize) {
        self.max_record_bytes = max;
    }

    /// Appends the next record; `false` at the end of the file.
    ///
    /// A record that is too long, or that the file breaks off in, carries an error.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn next(&mut self, to: &mut Records) -> Result<bool> {
        let (first_byte, first_field) = (to.bytes.len(), to.ends.len());
        let max_fields = first_field + (1 << 16);
        let (mut n_bytes, mut n_fields) = (first_byte, first_field);
        let mut error = None;
        loop {
            if self.used == self.buffer.len() && self.end.is_none() {
                self.buffer.clear();
                self.used = 0;
                match self.bytes.fill(&mut self.buffer)? {
                    Fill::More => {}
                    end => self.end = Some(end),
                }
            }
            if self.used == self.buffer.len()
                && let Some(Fill::Broken(broken)) = &self.end
            {
                error = Some(broken.clone());
                self.end = Some(Fill::End);
                // Whatever is left is of the record that the break is in.
                self.core.reset();
                break;
            }
            to.bytes.resize(to.bytes.len().max(n_bytes + 4096), 0);
            to.ends.resize(to.ends.len().max(n_fields + 64), 0);
            let input = &self.buffer[self.used..];
            let (outcome, n_in, n_out, n_ends) =
                self.core.read_record(input, &mut to.bytes[n_bytes..], &mut to.ends[n_fields..]);
            self.used += n_in;
            n_bytes += n_out;
            n_fields += n_ends;
            match outcome {
                ReadRecordResult::Record => break,
                ReadRecordResult::End => {
                    to.bytes.truncate(first_byte);
                    to.ends.truncate(first_field);
                    return Ok(false);
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    let more = to.bytes.len() - first_byte;
                    to.bytes.resize(to.bytes.len() + more, 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    let more = to.ends.len() - first_field;
                    to.ends.resize(to.ends.len() + more, 0);
                }
            }
            if n_bytes - first_byte > self.max_record_bytes {
                let max = self.max_record_bytes;
                error = Some(format!("a record of more than {max} bytes, which is max_line_bytes"));
                n_bytes = first_byte + MAX_KEPT_BYTES.min(max);
            }
            if n_fields > max_fields {
                error = Some("a record of more than 65,536 fields".to_owned());
                n_fields = first_field;
            }
        }
        to.bytes.truncate(n_bytes);
        to.ends.truncate(n_fields);
        for end in &mut to.ends[first_field..] {
            *end += first_byte;
        }
        to.records.push(Record {
            bytes: first_byte..n_bytes,
            fields: first_field..n_fields,
            error,
        });
        Ok(true)
    }
}
