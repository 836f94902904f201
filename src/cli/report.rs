//! `report`: a survey.json rendered again.

use std::path::Path;

use super::args::{Format, ReadingArgs, Report, SurveyArgs, Verbosity};
use super::exit::{Failure, Outcome, Status};
use super::options::{OutputOptions, SurveyOptions, all_threads};
use super::reading::{InputNeeds, read, say};
use super::results::{self, WriteOptions};
use super::surveys::{is_survey, survey, survey_file};
use super::{apart, policy, written};
use crate::report::json::{read_back, written_by};
use crate::report::{ReportFolder, write_file, write_sites_html};
use crate::survey::Survey;

pub(super) fn run(args: Report, verbosity: &Verbosity) -> Outcome {
    let path = match &args.sources[..] {
        [path] if is_survey(path) => survey_file(path),
        paths if paths.iter().any(|path| is_survey(path)) => {
            return Err(Failure::usage(
                "name one survey.json, or states and captures; `igorscope merge` makes one of several",
            ));
        }
        _ => return judge(args, verbosity),
    };
    if args.hosts.says_anything() {
        return Err(Failure::usage(
            "a survey.json was judged already: who its hosts are can be told of states and captures only",
        ));
    }
    let written = args.output.iter().flat_map(|folder| {
        results::files(folder, &[Format::Csv, Format::Html].into()).chain([folder.join(SITES)]).collect::<Vec<_>>()
    });
    apart::check(std::iter::once(&*path).chain(args.policy.as_deref()), written)?;
    let survey = survey(&path)?;
    let policy = policy::load(args.policy.as_deref())?;
    policy::tell_losses(&policy, verbosity);
    let rendered = written_by(&survey);
    let sites = read_back(survey, &policy).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    let threads = all_threads().get();
    let writing = WriteOptions { threads, command: command(&args, &path), rendered, is_durable: false };
    match &sites[..] {
        [survey] => write(survey, &writing, args.output.as_deref(), verbosity)?,
        _ => write_sites(sites, &writing, args.output.as_deref(), verbosity)?,
    }
    Ok(Status::Good)
}

/// States and captures, which are judged first.
fn judge(args: Report, verbosity: &Verbosity) -> Outcome {
    let Report { sources, hosts, policy, output } = args;
    let survey = SurveyArgs { captures: sources, hosts, policy, reading: ReadingArgs::default() };
    let command = super::command::command(&survey);
    let files: &[Format] = if output.is_some() { &[Format::Csv, Format::Html, Format::Json] } else { &[] };
    let formats = files.iter().copied().chain([Format::Text]).collect();
    let output = OutputOptions { folder: output, formats, ..OutputOptions::default() };
    apart::check(survey.files(), output.files())?;
    let options = SurveyOptions::check(survey)?;
    let reading = read(&options, InputNeeds { hashes: output.folder.is_some(), twice: false }, verbosity)?;
    let writing =
        WriteOptions { threads: options.reading.threads.get(), command, rendered: String::new(), is_durable: false };
    let replaced = written::replaced(&output, &reading.survey, verbosity);
    results::write(&reading.survey, &writing, &output, verbosity)?;
    replaced.iter().for_each(|text| say(text));
    Ok(reading.status)
}

/// The command line that renders the same again.
fn command(args: &Report, survey: &Path) -> Vec<String> {
    let mut words = vec!["igorscope".to_owned(), "report".to_owned()];
    if let Some(file) = &args.policy {
        words.extend(["--policy".to_owned(), file.to_string_lossy().into_owned()]);
    }
    words.extend(["-o".to_owned(), "report".to_owned(), survey.to_string_lossy().into_owned()]);
    words
}

/// The results of one site; survey.json is there already.
fn write(survey: &Survey, writing: &WriteOptions, folder: Option<&Path>, verbosity: &Verbosity) -> Result<(), Failure> {
    let files: &[Format] = if folder.is_some() { &[Format::Csv, Format::Html] } else { &[] };
    write_as(survey, writing, folder, files.iter().copied().chain([Format::Text]), verbosity)
}

fn write_as(
    survey: &Survey,
    writing: &WriteOptions,
    folder: Option<&Path>,
    formats: impl IntoIterator<Item = Format>,
    verbosity: &Verbosity,
) -> Result<(), Failure> {
    let (folder, formats) = (folder.map(Path::to_owned), formats.into_iter().collect());
    let options = OutputOptions { folder, formats, ..OutputOptions::default() };
    let replaced = written::replaced(&options, survey, verbosity);
    results::write(survey, writing, &options, verbosity)?;
    replaced.iter().for_each(|text| say(text));
    Ok(())
}

/// Each site into a folder of its own, and index.html, which lists them.
fn write_sites(
    sites: Vec<Survey>,
    writing: &WriteOptions,
    folder: Option<&Path>,
    verbosity: &Verbosity,
) -> Result<(), Failure> {
    let Some(folder) = folder else {
        return sites.iter().try_for_each(|survey| write(survey, writing, None, verbosity));
    };
    let whole = ReportFolder::begin(folder)?;
    let named = sites.into_iter().zip(1..).map(|(survey, number)| (folder_name(number, &survey.site), survey));
    let sites: Vec<(String, Survey)> = named.collect();
    for (name, survey) in &sites {
        write_as(survey, writing, Some(&folder.join(name)), [Format::Csv, Format::Html], verbosity)?;
    }
    write_file(&folder.join(SITES), |out| write_sites_html(out, &sites, &writing.html()))?;
    whole.finish()?;
    // Whoever stops reading the text has all files.
    sites.iter().try_for_each(|(_, survey)| write(survey, writing, None, verbosity))
}

/// The page that lists several sites.
const SITES: &str = "index.html";

/// Letters of a label that the name of its folder keeps.
const LONGEST_NAME: usize = 40;

/// `1-harbour-street-4`: a label is untrusted text, and its number keeps it apart from others and from names that a
/// system keeps for itself.
fn folder_name(number: usize, label: &str) -> String {
    let mut name = number.to_string();
    let words = label.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    for word in words {
        let room = LONGEST_NAME.saturating_sub(name.len() + 1);
        if room == 0 {
            break;
        }
        name.push('-');
        name.extend(word.chars().take(room).map(|letter| letter.to_ascii_lowercase()));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_makes_a_harmless_name() {
        for (label, name) in [
            ("Harbour Street 4", "1-harbour-street-4"),
            ("", "1"),
            ("../../etc/passwd", "1-etc-passwd"),
            ("CON", "1-con"),
            ("\u{1f480}\0\n<script>", "1-script"),
        ] {
            assert_eq!(folder_name(1, label), name, "{label:?}");
        }
        assert_eq!(folder_name(1000, &"x".repeat(800)).len(), LONGEST_NAME);
        assert!(folder_name(7, &"ab ".repeat(300)).len() <= LONGEST_NAME);
    }
}
