//! What survey.json says beside its tables, from the program's own types.

use super::v1::{self, Text};
use super::values::Time;
use crate::flow::Limits;
use crate::policy::{Document, Policy};
use crate::survey::{EncapsulationSummary, FrameCounts, InputSummary, Judged, NonIpSummary};
use crate::verdict::Caveat;

/// Empty text means not known.
fn known(text: &str) -> Option<Text<'_>> {
    (!text.is_empty()).then_some(Text::Borrowed(text))
}

pub(super) fn input(input: &InputSummary) -> v1::Input<'_> {
    v1::Input {
        path: Text::Borrowed(&input.path),
        size: input.size,
        sha256: input.sha256().map(Text::Borrowed),
        format: Text::Borrowed(&input.format),
        link_types: input.link_types.iter().map(|link| link.to_string().into()).collect(),
        frames: input.frames,
        captured_bytes: input.captured_bytes,
        wire_bytes: input.wire_bytes,
        first_seen: Time::known(input.first),
        last_seen: Time::known(input.last),
        damage: input
            .damage
            .as_ref()
            .map(|damage| v1::Damage { offset: damage.offset, reason: Text::Borrowed(&damage.reason) }),
        site: None,
        survey: None,
    }
}

pub(super) fn frames(counts: &FrameCounts) -> v1::Frames<'_> {
    let stopped = counts.stopped.iter();
    v1::Frames {
        total: counts.total,
        decoded: counts.decoded,
        stopped: stopped
            .map(|(layer, reason, frames)| v1::Stopped {
                layer: Text::Borrowed(layer),
                reason: Text::Borrowed(reason),
                frames: *frames,
            })
            .collect(),
        unread: counts
            .unread
            .iter()
            .map(|(layer, frames)| v1::Unread {
                kind: layer.kind.into(),
                number: layer.number,
                name: known(layer.name),
                before_ip: layer.before_ip,
                frames: *frames,
                share: counts.share(*frames),
            })
            .collect(),
    }
}

pub(super) fn non_ip(kind: &NonIpSummary) -> v1::NonIp<'_> {
    v1::NonIp { kind: Text::Borrowed(&kind.kind), frames: kind.frames, bytes: kind.bytes, site: None, survey: None }
}

pub(super) fn encapsulation(tunnel: &EncapsulationSummary) -> v1::Encapsulation<'_> {
    v1::Encapsulation {
        kind: Text::Borrowed(&tunnel.kind),
        source: tunnel.source,
        destination: tunnel.destination,
        frames: tunnel.frames,
        bytes: tunnel.bytes,
        site: None,
        survey: None,
    }
}

/// Whether anything was judged, as survey.json has it.
pub(crate) fn judged(judged: &Judged) -> v1::Judged<'_> {
    let said = |text| (!judged.value).then_some(Text::Borrowed(text));
    v1::Judged { value: judged.value, reason: said(&judged.reason), next: said(&judged.next), sites: Vec::new() }
}

pub(super) fn limits(limits: Limits) -> v1::Limits {
    v1::Limits { max_flows: limits.flows as u64, max_fragments: limits.fragments as u64 }
}

pub(super) fn caveat(caveat: &Caveat) -> v1::Caveat<'_> {
    v1::Caveat { kind: caveat.kind.into(), text: Text::Borrowed(&caveat.text), site: None, survey: None }
}

pub(super) fn policy(policy: &Policy) -> v1::Policy<'_> {
    let document = |(at, document): (usize, &'_ Document)| v1::Document {
        name: document.name.clone().into(),
        product: document.product.clone().into(),
        minimum_version: document.minimum_version.to_string().into(),
        cells: policy.cells().iter().filter(|cell| usize::from(cell.document) == at).count() as u64,
    };
    v1::Policy {
        name: policy.name().into(),
        title: policy.title().into(),
        path: policy.path().map(|path| path.to_string_lossy()),
        documents: policy.documents().iter().enumerate().map(document).collect(),
        allowances: policy
            .allowances()
            .iter()
            .map(|entry| v1::Allowance {
                name: entry.name.as_deref().map(Text::Borrowed),
                reason: Text::Borrowed(&entry.reason),
            })
            .collect(),
        supporting: policy
            .supporting()
            .iter()
            .map(|entry| v1::Supporting {
                name: Text::Borrowed(&entry.name),
                service: Text::Borrowed(&entry.service),
                reason: Text::Borrowed(&entry.reason),
            })
            .collect(),
        antivirus: v1::Antivirus {
            paths: texts(&policy.antivirus().paths),
            processes: texts(&policy.antivirus().processes),
        },
        losses: texts(policy.losses()),
    }
}

fn texts(list: &[String]) -> Vec<Text<'_>> {
    list.iter().map(|text| Text::Borrowed(text.as_str())).collect()
}
