//! `policy export`: the policy as firewall rules, a change request or MUD, and what they would have dropped.

use std::io::Write;
use std::path::PathBuf;

use super::apart;
use super::args::{PolicyExport, Verbosity};
use super::exit::{Failure, Outcome, Status};
use super::surveys::{survey, survey_file};
use super::terminal::print;
use crate::export::{Exported, Format, Request, RuleList, rehearsal_page, rehearse};
use crate::report::write_file;
use crate::text::visible;

pub(super) fn run(args: PolicyExport, verbosity: &Verbosity) -> Outcome {
    let PolicyExport { format, side, with_supporting, log_only, against, policy, hosts, output } = args;
    let survey_json = against.as_deref().map(|path| survey_file(path).into_owned());
    let read: Vec<PathBuf> = [policy.clone(), hosts.inventory.clone(), survey_json].into_iter().flatten().collect();
    let policy = super::policy::load(policy.as_deref())?;
    // Where no device is named the rules get placeholders.
    let inventory = Some(super::options::inventory(hosts)?).filter(|inventory| !inventory.entries().is_empty());
    let list =
        RuleList::new(&Request { policy: &policy, inventory: inventory.as_ref(), side, with_supporting, log_only });
    let page = match against {
        Some(path) => {
            let survey = survey(&path)?;
            Some(rehearsal_page(&list, &survey, &rehearse(&list, &survey)))
        }
        None => None,
    };
    let exported = match format {
        Some(format) => write_rules(format, &list, output, &read, page.is_none())?,
        None => None,
    };
    if !verbosity.quiet {
        tell(&list, exported.as_ref());
    }
    if let Some(page) = page {
        print(|out| out.write_all(page.as_bytes()))?;
    }
    Ok(Status::Good)
}

/// Writes the rules to their file, or to standard output where that is free.
fn write_rules(
    format: Format,
    list: &RuleList,
    output: Option<PathBuf>,
    read: &[PathBuf],
    print_them: bool,
) -> Result<Option<Exported>, Failure> {
    let exported = format.export(list).map_err(Failure::unusable)?;
    match output {
        Some(path) => {
            let path = if path.is_dir() { path.join(&exported.file_name) } else { path };
            apart::check(read.iter().map(PathBuf::as_path), [path.clone()])?;
            write_file(&path, |out| out.write_all(exported.text.as_bytes()))?;
        }
        None if print_them => print(|out| out.write_all(exported.text.as_bytes()))?,
        None => {}
    }
    Ok(Some(exported))
}

/// What the file says at its head, on standard error too.
fn tell(list: &RuleList, exported: Option<&Exported>) {
    let mut lines: Vec<String> = Vec::new();
    let mut add = |word: &str, texts: &[String]| lines.extend(texts.iter().map(|text| format!("{word}: {text}")));
    add("not let through", &list.refused);
    add("not placed", list.hosts.unplaced());
    add("note", &list.notes);
    if let Some(exported) = exported {
        add("note", &[format!("{} lines", exported.lines())]);
        add("lost", &exported.losses);
        add("limit", &exported.limits);
    }
    let text: String = lines.iter().map(|line| format!("igorscope: {}\n", visible(line))).collect();
    // Whoever closed standard error does not want to be told.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
