//! `compare`: two surveys, what is new, gone, changed.

use super::args::{Compare, Talk};
use super::exit::{Failure, Outcome, Status};
use super::merge::survey_file;
use super::terminal::{of_standard_output, print};
use crate::report::json::read_survey;
use crate::report::{Comparison, comparison_page};

pub(super) fn run(args: &Compare, talk: &Talk) -> Outcome {
    let [old, new] = [&args.old, &args.new].map(|path| read_survey(&survey_file(path)));
    let (old, new) = (old.map_err(Failure::unusable)?, new.map_err(Failure::unusable)?);
    let comparison = Comparison::of(&old, &new);
    if !talk.quiet {
        let page = comparison_page(&comparison, &of_standard_output(talk.color, talk.verbose));
        print(|out| out.write_all(page.as_bytes()))?;
    }
    Ok(if comparison.is_same() { Status::Good } else { Status::Found })
}
