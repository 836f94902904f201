//! `explain`: why a flow, a finding or a port is judged as it is, and what is known of a host.

use std::io::IsTerminal as _;

use super::args::{Explain, ReadingArgs, SurveyArgs, Talk};
use super::exit::{Failure, Outcome, Status};
use super::merge::{is_survey, survey_file};
use super::options::SurveyOptions;
use super::reading::{Wants, read};
use super::terminal::{of_standard_output, print};
use crate::report::json::{Lookup, read_survey, v1};
use crate::report::text::page::wrap;
use crate::report::{Subject, before_all, explain_finding, explain_flow, explain_host, explain_port, port_seen};
use crate::survey::Survey;

pub(super) fn run(args: Explain, talk: &Talk) -> Outcome {
    let Explain { what, sources, hosts, policy } = args;
    let subject = Subject::parse(&what).ok_or_else(|| {
        Failure::usage(format!(
            "\"{what}\" is no flow, finding, port or host; name a flow of flows.csv (f17), the number of a finding (3), a \
             port (udp/5683), or a host by its address, MAC or name"
        ))
    })?;
    let held_against = super::policy::load(policy.as_deref())?;
    let (status, told) = match subject {
        Subject::Port(..) if sources.is_empty() => (Status::Good, None),
        _ => {
            let reading = ReadingArgs::default();
            let (status, told) = told(SurveyArgs { captures: sources, hosts, policy, reading }, talk)?;
            (status, Some(told))
        }
    };
    let survey = told.as_ref().map(Told::rows);
    let text = match (&subject, &survey) {
        (Subject::Port(transport, port), None) => Some(explain_port(&held_against, *transport, *port)),
        (Subject::Port(transport, port), Some(survey)) => {
            Some(explain_port(&held_against, *transport, *port) + &port_seen(survey, *transport, *port))
        }
        (Subject::Flow(number), Some(survey)) => explain_flow(&held_against, survey, *number - 1),
        (Subject::Finding(number), Some(survey)) => explain_finding(&held_against, survey, *number - 1),
        (Subject::Host(what), Some(survey)) => explain_host(survey, what),
        _ => None,
    };
    let Some(text) = text else {
        let (flows, findings) = survey.map_or((0, 0), |survey| (survey.flow_count(), survey.finding_count()));
        if let Subject::Host(what) = &subject {
            return Err(Failure::usage(format!(
                "there is no host {what} in this survey, by address, MAC or name; name a flow of flows.csv (f17), the number of a \
                 finding (3), a port (udp/5683) or a host"
            )));
        }
        return Err(Failure::usage(format!(
            "there is no {what} in this survey, which has {flows} flows (f1, f2, ...) and {findings} findings (1, 2, ...)"
        )));
    };
    let width = std::io::stdout().is_terminal().then(|| of_standard_output(talk.color, false).width);
    print(|out| {
        if let Some(survey) = &survey {
            out.write_all(fitted(&before_all(survey), width).as_bytes())?;
        }
        out.write_all(fitted(&text, width).as_bytes())?;
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
enum Told {
    File(Box<v1::Survey<'static>>),
    Judged(Box<Survey>),
}

impl Told {
    fn rows(&self) -> Lookup<'_> {
        match self {
            Self::File(file) => Lookup::File(file),
            Self::Judged(survey) => Lookup::of(survey),
        }
    }
}

fn told(args: SurveyArgs, talk: &Talk) -> Result<(Status, Told), Failure> {
    match &args.captures[..] {
        [] => Err(Failure::usage("name the survey.json (or its folder) or the captures that it is in")),
        [path] if is_survey(path) => {
            let survey = read_survey(&survey_file(path)).map_err(Failure::unusable)?;
            Ok((Status::Good, Told::File(Box::new(survey))))
        }
        _ => {
            let options = SurveyOptions::check(args)?;
            let reading = read(&options, Wants::default(), talk)?;
            Ok((reading.status, Told::Judged(Box::new(reading.survey))))
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
