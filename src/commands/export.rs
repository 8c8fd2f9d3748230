//! `corpusmill export`: the token shards of a dataset as a trainer's own reader takes them.

use stages::export::{Exported, Options, export as write};

use crate::args;
use crate::failure::Failure;
use crate::output::{note, print_json};
use crate::prepare::finished;
use crate::table::{bytes, count};

/// Writes an export, and says what it holds.
pub(crate) fn export(args: &args::Export) -> Result<(), Failure> {
    finished(&args.dir).map_err(Failure::refused)?;
    let options = Options {
        dtype: args.dtype,
        sequence_tokens: args.sequence_tokens,
        block_tokens: args.block_tokens,
        zstd: args.zstd,
        bytes: args.bytes,
        copies: args.copy,
    };
    let Exported { manifest, dir, linked, copied } =
        write(&args.dir, args.to, &options, &args.output)?;
    for (name, split) in &manifest.splits {
        let padding = match split.padding_tokens {
            0 => String::new(),
            n => format!(", and {} more to fill the last block", count(n)),
        };
        note(format_args!(
            "{name}: {} documents, {} tokens{padding}; read back the same",
            count(split.content.documents),
            count(split.content.tokens)
        ));
    }
    let n_files = manifest.files.len() as u64;
    let size = manifest.files.iter().map(|file| file.bytes).sum();
    note(format_args!(
        "{}: {}, {}, {} files of {}, {} of them hard links to the dataset",
        dir.display(),
        manifest.to.name(),
        manifest.dtype.name(),
        count(n_files),
        bytes(size),
        count(linked)
    ));
    if copied > 0 && !args.copy {
        note(format_args!(
            "{} files were copied: there are no hard links from {} to {}",
            count(copied),
            args.dir.display(),
            dir.display()
        ));
    }
    if args.json {
        print_json(&manifest)?;
    }
    Ok(())
}
