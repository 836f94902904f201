//! `merge`: states of one site into one state, exactly; surveys of several sites into one file.

use super::apart;
use super::args::{Merge, Verbosity};
use super::exit::{Failure, Outcome, Status};
use super::surveys::{survey, survey_file};
use super::terminal::print;
use crate::report::json::{merge, write_merged};
use crate::report::write_file;
use crate::state::is_state;

pub(super) fn run(args: &Merge, verbosity: &Verbosity) -> Outcome {
    let read: Vec<_> = args.surveys.iter().map(|path| survey_file(path)).collect();
    apart::check(read.iter().map(|path| &**path), args.output.clone())?;
    let states: Vec<_> = args.surveys.iter().filter(|path| is_state(path)).cloned().collect();
    if !states.is_empty() {
        let Some(output) = args.output.as_deref() else {
            return Err(Failure::usage("a state is no text for standard output; name its file with -o FILE.igstate"));
        };
        if let Some(survey) = args.surveys.iter().find(|path| !is_state(path)) {
            return Err(Failure::usage(format!(
                "{} is no state, and a survey does not add to states; merge the states, analyze what comes of it, and merge \
                 the surveys",
                survey.display()
            )));
        }
        return super::observe::merge(states, output, verbosity);
    }
    let surveys: Result<Vec<_>, _> = args.surveys.iter().map(|path| survey(path)).collect();
    let merged = merge(surveys?).map_err(Failure::unusable)?;
    match &args.output {
        Some(path) => write_file(path, |out| write_merged(out, &merged))?,
        None => print(|out| write_merged(out, &merged))?,
    }
    Ok(Status::Good)
}
