//! `corpusmill verify`: whether a dataset is what its manifest says.

use anyhow::anyhow;
use serde_json::json;
use stages::verify::{Verified, verify as check};

use crate::args;
use crate::failure::Failure;
use crate::output::{note, print, print_json};
use crate::prepare::finished;
use crate::table::{bytes, count};

/// Prints every problem of a dataset.
pub(crate) fn verify(args: &args::Folder) -> Result<(), Failure> {
    finished(&args.dir).map_err(Failure::refused)?;
    let Verified { files, bytes: size, documents, tokens, decoded, problems } = check(&args.dir)?;
    if args.json {
        print_json(&json!({
            "files": files, "bytes": size, "documents": documents, "tokens": tokens,
            "decoded": decoded, "problems": problems,
        }))?;
    } else {
        problems.iter().try_for_each(print)?;
        note(format_args!(
            "{}: {} files of {}, {} documents, {} tokens; {} documents decoded from their tokens",
            args.dir.display(),
            count(files),
            bytes(size),
            count(documents),
            count(tokens),
            count(decoded)
        ));
    }
    match problems.len() {
        0 => Ok(()),
        n => Err(Failure::Failed(anyhow!("{}: {n} problems", args.dir.display()))),
    }
}
