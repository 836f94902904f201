//! `explain`: why a flow, a finding or a port is judged as it is, and what is known of a host.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use super::args::{Explain, ReadingArgs, SurveyArgs, Verbosity};
use super::exit::{Failure, Outcome, Status};
use super::options::SurveyOptions;
use super::reading::{InputNeeds, read};
use super::surveys::{is_survey, survey};
use super::terminal::{of_standard_output, print};
use crate::report::json::{Lookup, v1};
use crate::report::text::page::wrap;
use crate::report::{
    Subject, before_all, explain_finding, explain_flow, explain_host, explain_kind, explain_port, is_kind, port_seen,
};
use crate::survey::Survey;
use crate::text::times;

pub(super) fn run(args: Explain, verbosity: &Verbosity) -> Outcome {
    let Explain { what, sources, hosts, policy } = args;
    if let Some(text) = swapped(&what, &sources) {
        return Err(Failure::usage(text));
    }
    let subject = Subject::parse(&what).ok_or_else(|| no_subject(&what))?;
    let held_against = super::policy::load(policy.as_deref())?;
    // How soon a host answers is measured for whoever asks about one.
    let measures =
        matches!(&subject, Subject::Host(what) if !is_kind(what)) && !sources.iter().any(|path| is_survey(path));
    let (status, told) = match subject {
        Subject::Port(..) if sources.is_empty() => (Status::Good, None),
        _ => {
            let reading = ReadingArgs { health: measures, ..ReadingArgs::default() };
            let (status, told) = told(SurveyArgs { captures: sources, hosts, policy, reading }, verbosity)?;
            (status, Some(told))
        }
    };
    let survey = told.as_ref().map(SurveyRows::rows);
    let text = match (&subject, &survey) {
        (Subject::Port(transport, port), None) => Some(explain_port(&held_against, *transport, *port)),
        (Subject::Port(transport, port), Some(survey)) => {
            Some(explain_port(&held_against, *transport, *port) + &port_seen(survey, *transport, *port))
        }
        (Subject::Flow(number), Some(survey)) => explain_flow(&held_against, survey, *number - 1),
        (Subject::Finding(number), Some(survey)) => explain_finding(&held_against, survey, *number - 1),
        (Subject::Host(what), Some(survey)) => {
            explain_host(survey, what).or_else(|| explain_kind(&held_against, survey, what))
        }
        _ => None,
    };
    let Some(text) = text else {
        return Err(not_in_survey(&subject, &what, survey.as_ref()));
    };
    let width = std::io::stdout().is_terminal().then(|| of_standard_output(verbosity.color, false).width);
    print(|out| {
        if let Some(survey) = &survey {
            out.write_all(fitted(&before_all(survey), width).as_bytes())?;
        }
        out.write_all(fitted(&text, width).as_bytes())?;
        if measures && text.contains("\n  finding ") {
            out.write_all(b"  (numbered as analyze --health does)\n")?;
        }
        let other = survey.as_ref().filter(|survey| survey.policy_name() != held_against.name());
        match other {
            Some(survey) => writeln!(
                out,
                "The survey was held against the policy \"{}\"; name its file with --policy to have its rules explained.",
                crate::text::visible(survey.policy_name())
            ),
            None => Ok(()),
        }
    })?;
    Ok(status)
}

/// What can be explained, for who named something else.
const SUBJECTS: &str = "a flow of flows.csv (f17), the number of a finding (3), a kind of finding (blocked), a port (udp/5683), or \
                        a host by its address, MAC or name";

fn no_subject(what: &str) -> Failure {
    let transport_and_port = what.split_once('/').map(|(transport, port)| (transport.to_ascii_lowercase(), port));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    Failure::usage(match transport_and_port {
        Some((transport, port)) if ["tcp", "udp"].contains(&&*transport) && is_number(port) => {
            format!("\"{what}\" is no port: a port is 1 to 65535")
        }
        _ => format!("\"{what}\" is nothing that is explained; name {SUBJECTS}"),
    })
}

/// What is to be said to who names the survey or the captures first, or nothing else.
fn swapped(what: &str, sources: &[PathBuf]) -> Option<String> {
    const ENDINGS: [&str; 4] = ["json", "pcap", "pcapng", crate::state::EXTENSION];
    let path = Path::new(what);
    let is_missing = |source: &&PathBuf| !source.exists() && source.as_os_str() != "-";
    let missing = sources.iter().find(is_missing);
    // A host may be called as a file is that happens to be there.
    let is_source = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
        || path.exists() && (sources.is_empty() || missing.is_some());
    if !is_source {
        return None;
    }
    let subject = missing.and_then(|source| source.to_str()).filter(|text| Subject::parse(text).is_some());
    let rest = sources.iter().filter(|source| subject.is_none() || Some(*source) != missing);
    let rest: Vec<String> = rest.map(|source| format!(" {}", source.display())).collect();
    let more = if subject.is_none() { format!("; name {SUBJECTS}") } else { String::new() };
    Some(format!(
        "what to explain comes first: igorscope explain {} {what}{}{more}",
        subject.unwrap_or("1"),
        rest.concat()
    ))
}

fn not_in_survey(subject: &Subject, what: &str, survey: Option<&Lookup<'_>>) -> Failure {
    let (flows, findings) = survey.map_or((0, 0), |survey| (survey.flow_count(), survey.finding_count()));
    let [flows, findings] = [(flows, "flow", "flows"), (findings, "finding", "findings")]
        .map(|(number, one, many)| times(number as u64, one, many));
    let has = format!("this survey, which has {flows} (f1, f2, ...) and {findings} (1, 2, ...)");
    Failure::usage(match subject {
        Subject::Host(_) if is_kind(what) => format!("there is no finding of the kind {what} in {has}"),
        Subject::Host(_) => {
            format!("there is no host {what} in this survey, by address, MAC or name; name {SUBJECTS}")
        }
        Subject::Finding(1..=65_535) => {
            format!("there is no finding {what} in {has}; for the port: udp/{what} or tcp/{what}")
        }
        _ => format!("there is no {what} in {has}"),
    })
}

/// Lines no longer than the terminal is wide, which would break them within words. Into a pipe they stay whole.
fn fitted(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let mut out = String::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let (blanks, words) = line.split_at(indent);
        let lines = wrap(words, width.saturating_sub(indent + CONTINUED).max(CONTINUED));
        for (at, part) in lines.iter().enumerate() {
            let more = if at > 0 { " ".repeat(CONTINUED) } else { String::new() };
            out.push_str(&format!("{blanks}{more}{part}\n"));
        }
        if lines.is_empty() {
            out.push('\n');
        }
    }
    out
}

/// Columns that the rest of a line is set in by.
const CONTINUED: usize = 4;

/// What is told of: a survey.json, or the survey of captures.
enum SurveyRows {
    File(Box<v1::Survey<'static>>),
    Judged(Box<Survey>),
}

impl SurveyRows {
    fn rows(&self) -> Lookup<'_> {
        match self {
            Self::File(file) => Lookup::File(file),
            Self::Judged(survey) => Lookup::of(survey),
        }
    }
}

fn told(args: SurveyArgs, verbosity: &Verbosity) -> Result<(Status, SurveyRows), Failure> {
    match &args.captures[..] {
        [] => Err(Failure::usage("name the survey.json (or its folder) or the captures that it is in")),
        [path] if is_survey(path) => Ok((Status::Good, SurveyRows::File(Box::new(survey(path)?)))),
        _ => {
            let options = SurveyOptions::check(args)?;
            let reading = read(&options, InputNeeds::default(), verbosity)?;
            Ok((reading.status, SurveyRows::Judged(Box::new(reading.survey))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_broken_at_the_edge_of_a_terminal() {
        let text = "TCP 1901 (UPnP) is documented here and no answer was seen.\n  the cell: Igor Firmware 3.1.0 and higher\n\n    [[allowance]]\n";
        for width in [40, 47, 80, 200] {
            let fitted = fitted(text, Some(width));
            assert!(fitted.lines().all(|line| line.chars().count() <= width), "{width}: {fitted}");
            assert_eq!(fitted.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
            assert!(fitted.contains("\n\n    [[allowance]]\n"), "what stands by itself stays: {fitted}");
        }
        assert_eq!(fitted(text, None), text, "into a pipe lines stay whole");
    }
}
