//! `analyze`: captures to results.

use super::args::{Analyze, FailOn, Verbosity};
use super::command::command;
use super::exit::{Outcome, Status};
use super::options::{OutputOptions, SurveyOptions};
use super::reading::{InputNeeds, Reading, read, say};
use super::results::{self, WriteOptions};
use super::{anonymize, apart, evidence, written};
use crate::policy::Severity;
use crate::survey::Survey;

pub(super) fn run(args: Analyze, verbosity: &Verbosity) -> Outcome {
    let output = OutputOptions::check(args.output)?;
    apart::check(args.survey.files().chain(args.anonymize_key.as_deref()), output.files())?;
    let key = args.anonymize_key.as_deref().map(anonymize::key).transpose()?;
    // The command names the site's files and addresses.
    let command = if args.anonymize { anonymize::command() } else { command(&args.survey) };
    let options = SurveyOptions::check(args.survey)?;
    let wants = InputNeeds { hashes: output.wants_hashes(), twice: output.evidence.is_some() };
    let Reading { survey, sources, status, spool } = read(&options, wants, verbosity)?;
    let writing =
        WriteOptions { threads: options.reading.threads.get(), command, rendered: String::new(), is_durable: false };
    let anonymizer = args.anonymize.then(|| anonymize::anonymizer(key.as_ref(), &survey)).transpose()?;
    let replaced = written::replaced(&output, &survey, verbosity);
    let evidence = || match &output.evidence {
        Some(path) => evidence::write(path, &survey, &sources, anonymizer.as_ref()),
        None => Ok(()),
    };
    match &anonymizer {
        Some(anonymizer) => {
            results::write_and(&anonymizer.survey(&survey), &writing, &output, verbosity, evidence)?;
        }
        None => results::write_and(&survey, &writing, &output, verbosity, evidence)?,
    }
    replaced.iter().for_each(|text| say(text));
    drop(spool);
    let status = if status == Status::Good { found(&survey, output.fail_on) } else { status };
    // What runs a command ends with it: to give back every host and flow before would take 3 to 5 % of the time.
    std::mem::forget(survey);
    Ok(status)
}

/// Whether something is grave enough to fail: that nothing was judged is graver than any finding.
pub(super) fn found(survey: &Survey, fail_on: FailOn) -> Status {
    let is_fatal = |severity| match severity {
        Severity::Alert => fail_on >= FailOn::Alert,
        Severity::Warning => fail_on >= FailOn::Warning,
        Severity::Notice => fail_on >= FailOn::Notice,
    };
    let unjudged = !survey.judged.value && fail_on >= FailOn::Unjudged;
    let fails = unjudged || survey.findings.iter().any(|finding| is_fatal(finding.severity));
    if fails { Status::Found } else { Status::Good }
}
