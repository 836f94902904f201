//! `compare`: two surveys, what is fixed, new, still open.

use super::apart;
use super::args::{Compare, Verbosity};
use super::exit::{Outcome, Status};
use super::surveys::{survey, survey_file};
use super::terminal::{of_standard_output, print, zone};
use crate::report::{Comparison, HtmlOptions, comparison_page, write_comparison_html, write_file};

pub(super) fn run(args: &Compare, verbosity: &Verbosity) -> Outcome {
    let read = [&args.old, &args.new].map(|path| survey_file(path));
    apart::check(read.iter().map(|path| &**path), args.output.clone())?;
    let (old, new) = (survey(&args.old)?, survey(&args.new)?);
    let comparison = Comparison::of(&old, &new);
    let html = HtmlOptions { zone: zone(), command: Vec::new(), rendered: String::new() };
    let written = args
        .output
        .as_deref()
        .map_or(Ok(()), |path| write_file(path, |out| write_comparison_html(out, &comparison, &html)));
    if !verbosity.quiet {
        let page = comparison_page(&comparison, &of_standard_output(verbosity.color, verbosity.verbose));
        print(|out| out.write_all(page.as_bytes()))?;
    }
    written?;
    Ok(if comparison.is_same() { Status::Good } else { Status::Found })
}
