//! Whether anything was judged: a survey that looked at nothing is no all-clear, and says so before all else.

use crate::inventory::{Host, HostId, Hosts};
use crate::policy::{Reason, Role};
use crate::verdict::{Caveat, Conversation, Missing, Outcome, Verdict};

use super::{FrameCounts, Options, unread};

/// Whether a survey judged anything of Igor's hosts; if not, why, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    /// Whether anything that two of Igor's hosts exchange was held against the vendor's document.
    pub value: bool,
    /// Why not, in a sentence; empty if something was judged.
    pub reason: String,
    /// What to do next, in a sentence or two; empty if something was judged.
    pub next: String,
}

impl Judged {
    /// Something was.
    pub(crate) const fn yes() -> Self {
        Self { value: true, reason: String::new(), next: String::new() }
    }

    fn no(reason: impl Into<String>, next: impl Into<String>) -> Self {
        Self { value: false, reason: reason.into(), next: next.into() }
    }
}

/// How to get both directions of what goes between the gateway and its nodes.
const MIRROR: &str = "Capture at a port to which the switch copies the gateway's port, both directions (often called \
                      \"both\", or rx and tx), or on the gateway itself.";

const SEE_QUALITY: &str = "See what lies below IP under Quality, and capture where frames are plain Ethernet.";

/// The first reason that holds why nothing was judged.
pub(super) fn judged(
    hosts: &Hosts,
    conversations: &[Conversation],
    frames: &FrameCounts,
    missing: &Missing,
    options: &Options,
) -> Judged {
    nothing_read(conversations, frames, options)
        .or_else(|| no_exchange(hosts, conversations, frames, options))
        .or_else(|| no_igor_host(hosts, options))
        .or_else(|| nothing_of_igor(hosts, conversations, missing, options))
        .unwrap_or_else(Judged::yes)
}

/// What to do next: what was asked for comes before what the capture is to blame for.
fn next(options: &Options, advice: &str) -> String {
    match (&options.reading.filter, options.reading.count) {
        (Some(filter), _) => format!(
            "Widen the filter \"{filter}\", or leave it out; behind a VLAN tag a filter needs \"vlan and ...\". {advice}"
        ),
        (None, Some(count)) => format!("Read more than {count} frames. {advice}"),
        (None, None) => advice.to_owned(),
    }
}

fn nothing_read(conversations: &[Conversation], frames: &FrameCounts, options: &Options) -> Option<Judged> {
    if frames.total == 0 {
        return Some(match &options.reading.filter {
            Some(filter) => Judged::no(format!("The filter \"{filter}\" left no frame."), next(options, "")),
            None => Judged::no("Nothing was captured.", format!("Check the cable and the mirror. {MIRROR}")),
        });
    }
    (conversations.is_empty() && frames.decoded == 0).then(|| {
        let broken =
            || frames.stopped.first().map_or_else(String::new, |(layer, reason, _)| format!(": {layer}, {reason}"));
        let why = frames.unread.first().map_or_else(broken, |(layer, _)| format!(": mostly {}", unread::words(layer)));
        Judged::no(format!("Not one frame could be decoded{why}."), SEE_QUALITY)
    })
}

fn no_exchange(
    hosts: &Hosts,
    conversations: &[Conversation],
    frames: &FrameCounts,
    options: &Options,
) -> Option<Judged> {
    if conversations.iter().any(|conversation| is_between_two(hosts, conversation)) {
        return None;
    }
    Some(if frames.is_mostly_unread() {
        let (unread, total) = (frames.unread_frames(), frames.total);
        Judged::no(
            format!("{unread} of {total} frames could not be read below IP, and the others tell of no exchange."),
            SEE_QUALITY,
        )
    } else {
        Judged::no(
            "No exchange of two hosts was captured: only what goes to groups and to everybody, or is not IP.",
            next(options, &format!("Check the mirror. {MIRROR}")),
        )
    })
}

fn no_igor_host(hosts: &Hosts, options: &Options) -> Option<Judged> {
    let igors = || hosts.iter().filter(|host| host.role.is_igor());
    if igors().any(|host| host.heard) {
        return None;
    }
    let known = igors().count();
    Some(if known > 0 {
        let advice = format!("Check that the inventory is this site's, and that its addresses are right. {MIRROR}");
        Judged::no(format!("None of the {known} Igor hosts of the inventory was heard."), next(options, &advice))
    } else if options.inventory.is_complete() {
        Judged::no(
            "The inventory lists no Igor host, and lets none be inferred.",
            "List the gateway and the nodes in it, or leave out `infer = false`.",
        )
    } else {
        let advice = "Say who the gateway is (--gateway ADDRESS) or give an inventory (--inventory FILE); or capture where \
                      they are heard.";
        Judged::no("No Igor gateway, node or BACnet system is known here.", next(options, advice))
    })
}

fn nothing_of_igor(
    hosts: &Hosts,
    conversations: &[Conversation],
    missing: &Missing,
    options: &Options,
) -> Option<Judged> {
    let mut of_igor = conversations.iter().filter(|conversation| is_judged(hosts, conversation)).peekable();
    if of_igor.peek().is_none() {
        return Some(Judged::no(
            "Igor's hosts were heard, but nothing that they exchange with one another, beside what every network needs.",
            next(options, MIRROR),
        ));
    }
    of_igor.all(cannot_be_told).then(|| match missing.one_way && options.reading.filter.is_none() {
        true => Judged::no(
            "The capture shows one direction only: whether anything was answered cannot be told.",
            format!("Fix the mirror and capture again. {MIRROR}"),
        ),
        false => Judged::no(
            "Of what Igor's hosts exchange one direction only was seen: whether anything was answered cannot be told.",
            next(options, &format!("Capture for longer, and check that the mirror shows both directions. {MIRROR}")),
        ),
    })
}

fn is_between_two(hosts: &Hosts, conversation: &Conversation) -> bool {
    [conversation.client, conversation.server].iter().all(|host| hosts.role(*host) != Role::Group)
}

/// An exchange of two of Igor's hosts; what every network needs (DHCP, DNS, ...) says nothing of the vendor's ports.
fn is_judged(hosts: &Hosts, conversation: &Conversation) -> bool {
    !matches!(conversation.verdict, Verdict::Bystander | Verdict::Supporting)
        && [conversation.client, conversation.server].iter().all(|host| hosts.role(*host).is_igor())
}

/// Whether nothing shows that it worked or did not; what is unexpected is so whatever came of it.
fn cannot_be_told(conversation: &Conversation) -> bool {
    let half = conversation.packets.contains(&0);
    let is_unexpected =
        conversation.verdict == Verdict::Unexpected && conversation.reason != Some(Reason::RequestNotCaptured);
    !is_unexpected && matches!(conversation.outcome, Outcome::OneWay | Outcome::Midstream) && half
}

/// The caveat about a port that shows only groups, or only one host's exchanges.
pub(super) fn no_mirror(hosts: &Hosts, conversations: &[Conversation], frames: &FrameCounts) -> Option<Caveat> {
    if frames.total == 0 || frames.decoded == 0 || frames.is_mostly_unread() {
        // Whom the frames went to is not known.
        return None;
    }
    let mut between_two = conversations.iter().filter(|conversation| is_between_two(hosts, conversation));
    let Some(first) = between_two.next() else {
        let text =
            "Only frames to groups and to everybody were captured, which every port of a network gets: this is no \
                    mirror port, and says nothing of what two hosts exchange."
                .to_owned();
        return Some(Caveat { kind: "no-mirror", text });
    };
    // Whoever had part in all of it; hardly ever anybody is left after a few.
    let mut common = vec![first.client, first.server];
    for conversation in between_two {
        let has_part = |device: &HostId| {
            [conversation.client, conversation.server].iter().any(|end| is_one_device(hosts, *device, *end))
        };
        common.retain(has_part);
        if common.is_empty() {
            return None;
        }
    }
    if let [one] = common[..]
        && hosts.role(one) == Role::Gateway
    {
        // Its port is the one to mirror.
        return None;
    }
    let name = |id: &HostId| {
        let Host { role, address, name, .. } = hosts.get(*id);
        let name = name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        format!("{} {address}{name}", role.name())
    };
    let who: Vec<String> = common.iter().map(name).collect();
    let of = if who.len() == 1 { "of" } else { "between" };
    let text = format!(
        "All exchanges in the capture are {of} {}: it shows what passes one port, not a mirror of all. What other hosts \
         exchange is not here.",
        who.join(" and ")
    );
    Some(Caveat { kind: "no-mirror", text })
}

fn is_one_device(hosts: &Hosts, a: HostId, b: HostId) -> bool {
    let own_mac = |id| Some(hosts.get(id)).filter(|host| host.mac_is_own).and_then(|host| host.mac);
    a == b || own_mac(a).is_some_and(|mac| own_mac(b) == Some(mac))
}
