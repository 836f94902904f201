//! What lies below IP and could not be read, in words.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::FrameCounts;
use crate::decode::Unread;
use crate::flow::Observed;
use crate::verdict::Caveat;

/// Layers that are told by name; survey.json has all of them.
const MOST_TOLD: usize = 5;

/// The layers below IP that are not read, with their frames, most first.
pub(super) fn layers(observed: &Observed) -> Vec<(Unread, u64)> {
    let kinds = observed.other_frames.non_ip.iter();
    let mut list: Vec<_> = kinds.filter_map(|(kind, amount)| Some((kind.unread()?, amount.frames))).collect();
    list.sort_by_key(|(layer, frames)| (Reverse(*frames), *layer));
    list
}

/// How many frames they have.
pub(super) fn frames(observed: &Observed) -> u64 {
    layers(observed).iter().map(|(_, frames)| frames).sum()
}

/// The doubts that follow: nothing behind these layers was judged.
pub(super) fn caveats(frames: &FrameCounts) -> Vec<Caveat> {
    let (tags, others): (Vec<_>, Vec<_>) = frames.unread.iter().partition(|(layer, _)| layer.before_ip);
    let tag = told(
        frames,
        &tags,
        "carry a tag that is not known, with IP behind it",
        || "None of that was judged: let the mirror send its frames without the tag.",
    );
    let other = told(frames, &others, "stop below IP", || "What may be behind that was not judged.");
    [("unknown-tag", tag), ("stopped-below-ip", other)]
        .into_iter()
        .filter_map(|(kind, text)| Some(Caveat { kind, text: text? }))
        .collect()
}

fn told(
    all: &FrameCounts,
    layers: &[(Unread, u64)],
    what: &str,
    consequence: impl Fn() -> &'static str,
) -> Option<String> {
    let frames: u64 = layers.iter().map(|(_, frames)| frames).sum();
    if frames == 0 {
        return None;
    }
    let named: Vec<String> = layers.iter().take(MOST_TOLD).map(|layer| name(layer, all)).collect();
    let more = if layers.len() > MOST_TOLD { ", and others" } else { "" };
    let total = all.total;
    Some(format!("{frames} of {total} frames {what}: {}{more}. {}", named.join(", "), consequence()))
}

/// `58 (97 %) by EtherType 0x8903 (Cisco FabricPath)`.
fn name((layer, frames): &(Unread, u64), all: &FrameCounts) -> String {
    format!("{frames} ({}) by {}", percent(all.share(*frames)), words(layer))
}

/// `EtherType 0x8903 (Cisco FabricPath)`.
pub(super) fn words(layer: &Unread) -> String {
    let number = layer.number.unwrap_or(0);
    let mut text = match layer.kind {
        "ethertype" => format!("EtherType 0x{number:04x}"),
        "link-type" => format!("link type {number}"),
        "llc" => format!("LLC service access point 0x{number:02x}"),
        "snap" => format!("SNAP protocol 0x{number:04x}"),
        "ppp" => format!("PPP protocol 0x{number:04x}"),
        "address-family" => format!("address family {number}"),
        _ => layer.name.to_owned(),
    };
    if layer.number.is_some() && !layer.name.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, " ({})", layer.name);
    }
    text
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        share if share < 1.0 => "below 1 %".to_owned(),
        share => format!("{} %", share.floor()),
    }
}
