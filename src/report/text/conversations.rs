//! The conversations, those with most packets first.

use super::page::{Page, Tone, left, right};
use super::units::{counted, short};
use crate::inventory::Host;
use crate::policy::Severity;
use crate::protocol::Transport;
use crate::report::names::Names;
use crate::survey::Survey;
use crate::text::visible;
use crate::verdict::{Conversation, Verdict};

/// Columns of packets and verdict, and the gaps.
const PACKETS: usize = 7;
const VERDICT: usize = 14;
const INDENT: usize = 2;
/// Columns of a party from which on its name stands in the place of its role.
const ROOM_FOR_NAMES: usize = 26;

pub(super) fn write(page: &mut Page<'_>, survey: &Survey, names: &Names) {
    let number = survey.conversations.len();
    if number == 0 {
        return;
    }
    let beside = counted(number as u64, "conversation", "conversations");
    page.heading("Conversations", [(Tone::Plain, beside)]);

    let free = page.terminal.width.saturating_sub(INDENT + PACKETS + 2 + VERDICT);
    let service_width = (free * 3 / 10).clamp(8, 28);
    let party_width = (free.saturating_sub(service_width) / 2).max(8);
    let indent = || (Tone::Plain, " ".repeat(INDENT));
    page.line([
        indent(),
        (Tone::Quiet, left("client", party_width)),
        (Tone::Quiet, left("server", party_width)),
        (Tone::Quiet, left("service", service_width)),
        (Tone::Quiet, right("packets", PACKETS) + "  "),
        (Tone::Quiet, "verdict".to_owned()),
    ]);
    for conversation in &survey.conversations {
        let party = |host: &Host| left(&party(host, party_width), party_width - 1) + " ";
        page.line([
            indent(),
            (Tone::Plain, party(survey.hosts.get(conversation.client))),
            (Tone::Plain, party(survey.hosts.get(conversation.server))),
            (Tone::Plain, left(&service(conversation, names), service_width - 1) + " "),
            (Tone::Plain, right(&short(conversation.packets.iter().sum()), PACKETS) + "  "),
            (tone(conversation), conversation.verdict.name().to_owned()),
        ]);
    }
}

/// Address and role, and the name where there is room for it.
fn party(host: &Host, width: usize) -> String {
    let name = host.name.as_deref().filter(|_| width >= ROOM_FOR_NAMES);
    format!("{} {}", host.address, name.map_or(host.role.name().into(), visible))
}

/// `TCP 80 HTTP`.
pub(crate) fn service(conversation: &Conversation, names: &Names) -> String {
    port_and_service(conversation, &visible(names.conversation_service(conversation)))
}

/// The same with a word for the service.
pub(in crate::report) fn port_and_service(conversation: &Conversation, service: &str) -> String {
    let transport = conversation.transport.to_string().to_uppercase();
    let port = match conversation.transport {
        Transport::Tcp | Transport::Udp => format!(" {}", conversation.port),
        Transport::Icmp | Transport::Icmpv6 => format!(" type {}", conversation.port),
        Transport::Other(_) => return format!("IP protocol {transport}"),
    };
    format!("{transport}{port} {service}").trim_end().to_owned()
}

fn tone(conversation: &Conversation) -> Tone {
    match (conversation.severity, conversation.verdict) {
        (Some(Severity::Alert), _) => Tone::Alert,
        (Some(Severity::Warning), _) => Tone::Warning,
        (Some(Severity::Notice), _) => Tone::Notice,
        (None, Verdict::Documented | Verdict::Related) => Tone::Good,
        (None, _) => Tone::Quiet,
    }
}
