//! A merge of several sites as a survey of each: private addresses repeat between sites, so nothing of two is ever mixed.

use std::collections::HashMap;

use super::v1::{Caveat, Judged, JudgedSite, SCHEMA_VERSION, Survey, Text};

/// Sites of one file that are told one by one.
pub(super) const MAX_SITES: usize = 1000;

/// Caveats that stand for all surveys of a site, and letters of what each of them says again.
const SHARED: usize = 8;
const LONGEST_TEXT: usize = 2000;

fn cut(text: Text<'static>) -> Text<'static> {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((at, _)) => format!("{}\u{2026}", &text[..at]).into(),
        None => text,
    }
}

/// More sites than are told one by one.
#[derive(Debug, thiserror::Error)]
#[error("it holds more than {MAX_SITES} sites; merge fewer at a time")]
pub struct TooManySites;

/// The surveys of the sites, and those of one site that stand side by side, in the order of their first rows; a file of one
/// survey as it is. Those of several name no program and no policy.
///
/// # Errors
/// [`TooManySites`].
pub(super) fn by_site(survey: Survey<'static>) -> Result<Vec<Survey<'static>>, TooManySites> {
    let of_inputs = survey.inputs.iter().any(|input| input.site.is_some() || input.survey.is_some());
    let of_hosts = survey.inventory.iter().any(|host| host.site.is_some() || host.survey.is_some());
    if !of_inputs && !of_hosts && survey.judged.as_ref().is_none_or(|judged| judged.sites.is_empty()) {
        return Ok(vec![survey]);
    }
    let mut parts = Parts { places: HashMap::new(), parts: Vec::new(), whole: survey.site };
    // Rows name inputs and conversations by their places, which are others in a part.
    let mut inputs = Vec::with_capacity(survey.inputs.len());
    for mut row in survey.inputs {
        let part = parts.of(row.site.take(), row.survey.take())?;
        inputs.push(part.inputs.len() as u32);
        part.frames.total = part.frames.total.saturating_add(row.frames);
        part.inputs.push(row);
    }
    let input = |at: &u32| inputs.get(*at as usize).copied();
    let mut conversations = Vec::with_capacity(survey.conversations.len());
    for mut row in survey.conversations {
        let part = parts.of(row.site.take(), row.survey.take())?;
        conversations.push(part.conversations.len() as u32);
        part.conversations.push(row);
    }
    let conversation = |at: &u32| conversations.get(*at as usize).copied();
    for mut row in survey.flows {
        row.sources = row.sources.iter().filter_map(input).collect();
        row.conversation = conversation(&row.conversation).unwrap_or(u32::MAX);
        parts.of(row.site.take(), row.survey.take())?.flows.push(row);
    }
    for mut row in survey.findings {
        row.sources = row.sources.iter().filter_map(input).collect();
        row.conversations = row.conversations.iter().filter_map(conversation).collect();
        parts.of(row.site.take(), row.survey.take())?.findings.push(row);
    }
    macro_rules! rows {
        ($($field:ident),+) => {$(
            for mut row in survey.$field {
                parts.of(row.site.take(), row.survey.take())?.$field.push(row);
            }
        )+};
    }
    rows!(non_ip, encapsulations, coverage, inventory, nodes, health, transfers);
    parts.share_caveats(survey.caveats)?;
    if let Some(judged) = survey.judged {
        parts.share_judged(judged);
    }
    let mut parts = parts.parts;
    for part in &mut parts {
        part.caveats.push(Caveat {
            kind: "merged-frames".into(),
            text:
                "How many of these frames were read to their end is not known: a merge counts those of all its surveys \
                   together."
                    .into(),
            site: None,
            survey: None,
        });
    }
    Ok(parts)
}

/// A site, and the number of its survey where several stand side by side.
type SiteKey = (Text<'static>, Option<u32>);

struct Parts {
    places: HashMap<SiteKey, usize>,
    parts: Vec<Survey<'static>>,
    /// Label of rows that have none of their own.
    whole: Text<'static>,
}

impl Parts {
    /// A caveat of a site that has several surveys is one of each of them.
    fn share_caveats(&mut self, caveats: Vec<Caveat<'static>>) -> Result<(), TooManySites> {
        let mut several: HashMap<Text<'static>, Vec<usize>> = HashMap::new();
        for ((site, number), place) in &self.places {
            if number.is_some() {
                several.entry(site.clone()).or_default().push(*place);
            }
        }
        several.values_mut().for_each(|places| places.sort_unstable());
        let mut shared = 0;
        for mut row in caveats {
            let (site, number) = (row.site.take(), row.survey.take());
            let site = site.unwrap_or_else(|| self.whole.clone());
            if let (None, Some(places)) = (number, several.get(&site)) {
                row.text = cut(row.text);
                let room = if shared < SHARED { MAX_SITES } else { 1 };
                places.iter().take(room).for_each(|place| self.parts[*place].caveats.push(row.clone()));
                shared += 1;
            } else {
                self.of(Some(site), number)?.caveats.push(row);
            }
        }
        Ok(())
    }

    /// Whether anything was judged of each site, or else what is said of all.
    fn share_judged(&mut self, Judged { value, reason, next, sites }: Judged<'static>) {
        let judged = |value, reason: Option<Text<'static>>, next: Option<Text<'static>>| Judged {
            value,
            reason: reason.map(cut),
            next: next.map(cut),
            sites: Vec::new(),
        };
        let whole = judged(value, reason, next);
        let of_site = |JudgedSite { site, value, reason, next }| (site, judged(value, reason, next));
        let sites: HashMap<Text<'static>, Judged<'static>> = sites.into_iter().map(of_site).collect();
        for ((site, _), place) in &self.places {
            self.parts[*place].judged = Some(sites.get(site).unwrap_or(&whole).clone());
        }
    }

    fn of(&mut self, site: Option<Text<'static>>, number: Option<u32>) -> Result<&mut Survey<'static>, TooManySites> {
        let key = (site.unwrap_or_else(|| self.whole.clone()), number);
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None if self.parts.len() == MAX_SITES => return Err(TooManySites),
            None => {
                self.parts.push(Survey { schema_version: SCHEMA_VERSION, site: label(&key), ..Survey::default() });
                self.places.insert(key, self.parts.len() - 1);
                self.parts.len() - 1
            }
        };
        Ok(&mut self.parts[place])
    }
}

fn label((site, number): &SiteKey) -> Text<'static> {
    match (site.is_empty(), number) {
        (_, None) => site.clone(),
        (true, Some(number)) => format!("survey {number}").into(),
        (false, Some(number)) => format!("{site}, survey {number}").into(),
    }
}
