//! `--evidence`: the frames of the findings, from inputs that are read a second time.

use std::io;
use std::path::Path;

use crate::anonymize::Anonymizer;
use crate::evidence::write_evidence;
use crate::report::{WriteError, write_file};
use crate::survey::{Digest, Source, Survey};

/// Writes the file, unless an input is no longer what was analyzed.
pub(super) fn write(
    path: &Path,
    survey: &Survey,
    sources: &[Source],
    anonymizer: Option<&Anonymizer>,
) -> Result<(), WriteError> {
    write_file(path, |out| {
        let files: Vec<&Path> = sources.iter().map(|source| source.file().unwrap_or(Path::new("-"))).collect();
        write_evidence(out, survey, &files, anonymizer)?;
        for (input, digest) in survey.inputs.iter().zip(Digest::begin(files.into_iter().map(Path::to_owned))) {
            if input.sha256().is_some_and(|hex| digest.hex() != Some(hex)) {
                let changed =
                    format!("{} changed since it was analyzed; analyze it again when it is at rest", input.path);
                return Err(io::Error::other(changed));
            }
        }
        Ok(())
    })
}
