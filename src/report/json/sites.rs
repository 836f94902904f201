//! A merge of several sites as a survey of each: private addresses repeat between sites, so nothing of two is ever mixed.

use std::collections::HashMap;

use super::v1::{Caveat, Frames, Judged, JudgedSite, Policy, SCHEMA_VERSION, Survey, Text, Tool};

/// Sites of one file that are told one by one.
pub(super) const MAX_SITES: usize = 1000;

/// More sites than are told one by one.
#[derive(Debug, thiserror::Error)]
#[error("it holds more than {MAX_SITES} sites; merge fewer at a time")]
pub struct TooManySites;

/// The surveys of the sites, in the order of their labels' first rows; a file of one site as it is. Those of several name no
/// program and no policy.
///
/// # Errors
/// [`TooManySites`].
pub(super) fn by_site(survey: Survey<'static>) -> Result<Vec<Survey<'static>>, TooManySites> {
    let of_inputs = survey.inputs.iter().any(|input| input.site.is_some());
    let is_merge = of_inputs
        || survey.inventory.iter().any(|host| host.site.is_some())
        || survey.judged.as_ref().is_some_and(|judged| !judged.sites.is_empty());
    if !is_merge {
        return Ok(vec![survey]);
    }
    let mut parts = Parts { places: HashMap::new(), parts: Vec::new(), whole: survey.site };
    let judged = survey.judged.map(|judged| judged.sites).unwrap_or_default();
    for JudgedSite { site, value, reason, next } in judged {
        let site = Some(site);
        parts.of(&site)?.judged = Some(Judged { value, reason, next, sites: Vec::new() });
    }
    // Rows name inputs and conversations by their places, which are others in a part.
    let mut inputs = Vec::with_capacity(survey.inputs.len());
    for mut row in survey.inputs {
        let part = parts.of(&row.site.take())?;
        inputs.push(part.inputs.len() as u32);
        part.frames.total = part.frames.total.saturating_add(row.frames);
        part.inputs.push(row);
    }
    let input = |at: &u32| inputs.get(*at as usize).copied();
    let mut conversations = Vec::with_capacity(survey.conversations.len());
    for mut row in survey.conversations {
        let part = parts.of(&row.site.take())?;
        conversations.push(part.conversations.len() as u32);
        part.conversations.push(row);
    }
    let conversation = |at: &u32| conversations.get(*at as usize).copied();
    for mut row in survey.flows {
        row.sources = row.sources.iter().filter_map(input).collect();
        row.conversation = conversation(&row.conversation).unwrap_or(u32::MAX);
        parts.of(&row.site.take())?.flows.push(row);
    }
    for mut row in survey.findings {
        row.sources = row.sources.iter().filter_map(input).collect();
        row.conversations = row.conversations.iter().filter_map(conversation).collect();
        parts.of(&row.site.take())?.findings.push(row);
    }
    macro_rules! rows {
        ($($field:ident),+) => {$(
            for mut row in survey.$field {
                parts.of(&row.site.take())?.$field.push(row);
            }
        )+};
    }
    rows!(non_ip, encapsulations, caveats, coverage, inventory, nodes);
    let mut parts = parts.parts;
    for part in &mut parts {
        part.caveats.push(Caveat {
            kind: "merged-frames".into(),
            text:
                "How many of this site's frames were read to their end is not known: a merge counts those of all sites \
                   together."
                    .into(),
            site: None,
        });
    }
    Ok(parts)
}

struct Parts {
    places: HashMap<Text<'static>, usize>,
    parts: Vec<Survey<'static>>,
    /// Label of rows that have none of their own.
    whole: Text<'static>,
}

impl Parts {
    fn of(&mut self, site: &Option<Text<'static>>) -> Result<&mut Survey<'static>, TooManySites> {
        let site = site.as_ref().unwrap_or(&self.whole);
        let place = match self.places.get(site) {
            Some(place) => *place,
            None if self.parts.len() == MAX_SITES => return Err(TooManySites),
            None => {
                self.places.insert(site.clone(), self.parts.len());
                self.parts.push(empty(site.clone()));
                self.parts.len() - 1
            }
        };
        Ok(&mut self.parts[place])
    }
}

fn empty(site: Text<'static>) -> Survey<'static> {
    Survey {
        schema_version: SCHEMA_VERSION,
        judged: None,
        tool: Tool { name: Text::default(), version: Text::default() },
        created: None,
        inputs: Vec::new(),
        frames: Frames { total: 0, decoded: 0, stopped: Vec::new(), unread: Vec::new() },
        site,
        policy: Policy::default(),
        non_ip: Vec::new(),
        encapsulations: Vec::new(),
        caveats: Vec::new(),
        flows: Vec::new(),
        conversations: Vec::new(),
        findings: Vec::new(),
        coverage: Vec::new(),
        inventory: Vec::new(),
        nodes: Vec::new(),
        limits: None,
    }
}
