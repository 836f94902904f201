//! Where the results go: files in a folder, or one format on standard output.

use std::io::{self, Write};
use std::path::Path;

use super::args::{Format, Talk};
use super::exit::Failure;
use super::options::OutputOptions;
use super::terminal::{of_standard_output, print};
use crate::report::json::write_survey;
use crate::report::{
    Names, WriteError, create_folder, summary, write_coverage, write_file, write_findings, write_flows, write_inventory,
};
use crate::survey::Survey;

/// A survey and what is needed to write it.
struct Results<'a> {
    survey: &'a Survey,
    names: Names,
    threads: usize,
}

/// Writes what was asked for. The summary is printed even if the files could not be written.
pub(super) fn write(survey: &Survey, threads: usize, options: &OutputOptions, talk: &Talk) -> Result<(), Failure> {
    let results = Results { survey, names: Names::of(survey), threads };
    let files = match &options.folder {
        Some(folder) => results.write_files(folder, options),
        None => Ok(()),
    };
    if options.formats.contains(&Format::Text) {
        let page = summary(survey, &results.names, &of_standard_output(talk.color, talk.verbose));
        print(|out| out.write_all(page.as_bytes()))?;
    } else if options.folder.is_none() {
        let format = if options.formats.contains(&Format::Json) { "survey.json" } else { "flows.csv" };
        if let Some((_, write)) = FILES.iter().find(|(name, _)| *name == format) {
            print(|out| write(&results, out))?;
        }
    }
    Ok(files?)
}

type WriteOne = fn(&Results<'_>, &mut dyn Write) -> io::Result<()>;

const FILES: [(&str, WriteOne); 5] = [
    ("flows.csv", |results, out| write_flows(out, results.survey, &results.names, results.threads)),
    ("findings.csv", |results, out| write_findings(out, results.survey, &results.names)),
    ("coverage.csv", |results, out| write_coverage(out, results.survey, &results.names)),
    ("inventory.csv", |results, out| write_inventory(out, results.survey)),
    ("survey.json", |results, out| write_survey(out, results.survey, &results.names, None)),
];

impl Results<'_> {
    fn write_files(&self, folder: &Path, options: &OutputOptions) -> Result<(), WriteError> {
        create_folder(folder)?;
        for (name, write) in FILES {
            let format = if name.ends_with(".json") { Format::Json } else { Format::Csv };
            if options.formats.contains(&format) {
                write_file(&folder.join(name), |out| write(self, out))?;
            }
        }
        Ok(())
    }
}
