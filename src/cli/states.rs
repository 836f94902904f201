//! States among the inputs: what they cannot give, and that nothing counts twice.

use std::collections::HashMap;
use std::path::Path;

use super::exit::Failure;
use super::options::SurveyOptions;
use crate::capture::Timestamp;
use crate::state::is_state;
use crate::survey::{Content, Digest, InputSummary, Observed, Source};
use crate::text::as_file;

/// Overlaps that are told by name.
const MOST_TOLD: usize = 5;

pub(super) fn are_among(sources: &[Source]) -> bool {
    sources.iter().any(|source| matches!(source, Source::Observed(_) | Source::State(_)))
}

/// A state holds no frames: what needs them is refused, with the way that gives it.
pub(super) fn hold_what_is_asked(sources: &[Source], options: &SurveyOptions, twice: bool) -> Result<(), Failure> {
    let Some(state) = sources.iter().find_map(Source::observed).map(|observed| &observed.state) else { return Ok(()) };
    let (what, way) = if twice {
        ("gives no --evidence", "name the captures that it was made of instead")
    } else if options.reading.filter.is_some() {
        ("cannot be filtered", "give --filter to igorscope observe, or name the captures instead")
    } else if options.reading.count.is_some() {
        ("cannot be counted off", "give --count to igorscope observe, or name the captures instead")
    } else {
        return Ok(());
    };
    Err(Failure::usage(format!("{} is a state, which holds no frames and {what}; {way}", state.display())))
}

/// What an input is called, and what tells it from others.
pub(super) struct InputIdentity {
    name: String,
    digest: Option<String>,
    content: Content,
}

/// The inputs of states.
fn observed(sources: &[Source]) -> impl Iterator<Item = InputIdentity> {
    sources.iter().filter_map(Source::observed).map(|Observed { state, head, .. }| InputIdentity {
        name: format!("{} in {}", head.name, state.display()),
        digest: head.sha256.clone(),
        content: head.content,
    })
}

/// The inputs that are captures, after they were read.
pub(super) fn captures(sources: &[Source], inputs: &[InputSummary], digests: &[Digest]) -> Vec<InputIdentity> {
    let captures = sources.iter().zip(inputs).zip(digests).filter(|((source, _), _)| source.observed().is_none());
    let identity = |((source, input), digest): ((&Source, &InputSummary), &Digest)| InputIdentity {
        name: input.path.clone(),
        digest: digest.hex().map(str::to_owned),
        content: Content::of_input(source, input),
    };
    captures.map(identity).collect()
}

/// The SHA-256 of a capture that was observed before.
pub(super) fn digest(source: &Source) -> Option<Digest> {
    source.observed()?.head.sha256.clone().map(Digest::known)
}

/// Refuses the same input twice. Other overlaps are what comes back, in words.
pub(super) fn are_each_once(sources: &[Source], captures: Vec<InputIdentity>) -> Result<Vec<String>, Failure> {
    let all: Vec<InputIdentity> = observed(sources).chain(captures).collect();
    let (mut digests, mut contents, mut beginnings) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut told = Vec::new();
    for InputIdentity { name, digest, content } in &all {
        let Some(key) = content.key() else { continue };
        let by_digest = digest.as_ref().and_then(|digest| digests.insert(digest, name));
        let by_content = contents.insert(key, name);
        if let Some(other) = by_digest.or(by_content) {
            return Err(Failure::usage(format!(
                "{name} is the same capture as {other}: counted twice, nothing would be right; name it once"
            )));
        }
        if let Some(other) = content.beginning().and_then(|beginning| beginnings.insert(beginning, name)) {
            told.push(format!("{name} begins with the same frames as {other}: what both hold counts twice"));
        }
    }
    told.extend(at_one_time(&all));
    Ok(told)
}

/// Which inputs were captured at the same time: at two places, or the same packets twice.
fn at_one_time(all: &[InputIdentity]) -> Vec<String> {
    let known = |one: &&InputIdentity| one.content.span().0 != Timestamp::UNKNOWN;
    let mut list: Vec<&InputIdentity> = all.iter().filter(known).collect();
    list.sort_by_key(|one| one.content.span());
    let mut told = Vec::new();
    let mut latest: Option<&InputIdentity> = None;
    for one in list {
        if let Some(before) = latest.filter(|before| one.content.span().0 < before.content.span().1) {
            told.push(format!(
                "{} and {} were captured at the same time: packets that both hold count twice",
                before.name, one.name
            ));
        }
        if latest.is_none_or(|before| one.content.span().1 > before.content.span().1) {
            latest = Some(one);
        }
    }
    let more = told.len().saturating_sub(MOST_TOLD);
    told.truncate(MOST_TOLD);
    told.extend((more > 0).then(|| format!("{more} more inputs were captured at the same time as others")));
    told
}

/// The words that name the captures of an input on a command line: of a state those that it was made of.
pub(super) fn words(path: &Path) -> Vec<String> {
    let inputs = if is_state(path) { Observed::open(path).unwrap_or_default() } else { Vec::new() };
    match inputs.is_empty() {
        true => vec![path.to_string_lossy().into_owned()],
        false => inputs.iter().map(|observed| as_file(&observed.head.name)).collect(),
    }
}
