//! What a finding about conversations tells, whatever its topic: the port, who is concerned, what explains it, the frames,
//! and what weakens it.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::net::IpAddr;
use std::sync::Arc;

use super::conversations::Group;
use super::filter::Filter;
use super::phrases::{count, frame, times, upper};
use super::{Cited, Context, Evidence, Facts, Finding, Judged, Kind, Replace, doubts, old_version};
use crate::capture::Timestamp;
use crate::flow::TftpFile;
use crate::inventory::RoleSource;
use crate::policy::{FindingKind, Reason, Role};
use crate::protocol::Transport;
use crate::relation::{Announcement, DirectionBasis};
use crate::verdict::{Doubts, Outcome};

/// How many ports and other things are listed in a sentence.
const MAX_LISTED: usize = 10;

/// How many flows of a finding are searched for what explains it.
const MAX_LOOKED_AT: usize = 1000;

/// A kind of finding about conversations, as what it holds beside [`ConversationSummary`].
pub(super) trait Topic: Clone + Debug + Send + Sync + 'static {
    /// What kind of thing it is, in a sentence or two.
    fn what(&self, about: &About<'_>) -> String;
    /// What to do about it.
    fn advice(&self, about: &About<'_>) -> String;
    /// What decides, in a few words.
    fn gist(&self, about: &About<'_>) -> String;
    /// What to do first.
    fn next(&self, finding: &Finding, told: &ConversationSummary) -> &'static str;
    /// Whether it is the clients that went silent, or else the servers, and when their last answer came.
    fn silence(&self) -> Option<(bool, Timestamp)> {
        None
    }
    /// The same of other hosts.
    #[must_use]
    fn replaced(&self, with: &dyn Replace) -> Self;
}

/// What a topic's words are written from.
pub(super) struct About<'a> {
    pub(super) finding: &'a Finding,
    pub(super) told: &'a ConversationSummary,
    pub(super) context: &'a Context<'a>,
}

/// What every finding about conversations tells of them.
#[derive(Clone, Debug)]
pub(super) struct ConversationSummary {
    /// The port; `None` where there are several. For ICMP the type.
    pub(super) port: Option<u16>,
    /// Where there are several: the first few.
    ports: Vec<u16>,
    more_ports: usize,
    /// What the payloads prove, by name.
    proven: Vec<&'static str>,
    /// The first few conversations.
    evidence: Vec<Evidence>,
    conversations: usize,
    /// Whether nothing but the first packet told who the client is.
    client_is_guess: bool,
    announced: Option<Announcement>,
    file: Option<TftpFile>,
    has_inferred_roles: bool,
    has_old_version: bool,
    doubts: Doubts,
    filter: Filter,
}

/// What a finding tells of its conversations.
pub(super) fn told(
    judged: &Judged<'_>,
    group: &Group,
    numbers: &[u32],
    evidence: Vec<Evidence>,
    filter: Filter,
) -> ConversationSummary {
    let seen = judged.seen;
    let conversation = |number: &u32| &judged.conversations[*number as usize];
    let ports: BTreeSet<u16> = if group.port.is_none() {
        numbers.iter().map(|number| conversation(number).port).collect()
    } else {
        BTreeSet::new()
    };
    let named = numbers.iter().filter_map(|number| judged.facts[*number as usize].named);
    let proven: BTreeSet<&str> = named.map(|protocol| protocol.name()).collect();
    let hosts = || {
        let ends = numbers.iter().flat_map(|number| [conversation(number).client, conversation(number).server]);
        ends.map(|id| seen.hosts.get(id))
    };
    let is_guess = |flow: u32| {
        let judgement = judged.flows.get(flow as usize)?;
        (judgement.basis == DirectionBasis::FirstPacket).then_some(())
    };
    let files = &seen.relations.tftp_files;
    let announced = &seen.relations.announced;
    ConversationSummary {
        port: group.port,
        more_ports: ports.len().saturating_sub(MAX_LISTED),
        ports: ports.into_iter().take(MAX_LISTED).collect(),
        proven: proven.into_iter().take(MAX_LISTED).collect(),
        evidence,
        conversations: numbers.len(),
        client_is_guess: group.transport == Transport::Tcp && first_known(judged, numbers, is_guess).is_some(),
        announced: if announced.is_empty() {
            None
        } else {
            first_known(judged, numbers, |flow| announced.get(&flow).copied())
        },
        file: if files.is_empty() {
            None
        } else {
            let named = |flow| files.get(&flow).filter(|file| !file.name.is_empty()).cloned();
            first_known(judged, numbers, named)
        },
        has_inferred_roles: hosts().any(|host| host.source == RoleSource::Inferred),
        has_old_version: hosts().any(|host| old_version::is_old(seen.policy, host)),
        doubts: doubts_of_silence(judged, group, numbers),
        filter,
    }
}

/// Why the silence that a finding is about may only not have been captured.
fn doubts_of_silence(judged: &Judged<'_>, group: &Group, numbers: &[u32]) -> Doubts {
    let of_silence = matches!(group.outcome, Outcome::Unanswered | Outcome::OneWay)
        || group.kind == Kind::Other(FindingKind::StoppedAnswering);
    if !of_silence {
        return Doubts::default();
    }
    let silent = numbers.iter().map(|number| {
        let (conversation, facts) = (&judged.conversations[*number as usize], &judged.facts[*number as usize]);
        let silence = facts.uncommon().silence.map_or(0, |silence| u64::from(silence.requests));
        // Only of what is blocked the end is kept as far as order goes.
        let end = Some(facts.uncommon().end).filter(|end| *end != Timestamp::UNKNOWN).unwrap_or(conversation.last);
        (conversation, end, facts.uncommon().tries.max(silence))
    });
    judged.seen.missing.of_conversations(judged.seen.hosts, silent)
}

/// The first of a finding's flows for which something is known; few are looked at.
fn first_known<T>(judged: &Judged<'_>, numbers: &[u32], known: impl Fn(u32) -> Option<T>) -> Option<T> {
    let members = |number: &u32| judged.facts[*number as usize].members();
    numbers.iter().flat_map(members).take(MAX_LOOKED_AT).find_map(|at| known(judged.members[at]))
}

/// What a finding holds of its conversations, and what its topic does.
#[derive(Clone, Debug)]
pub(super) struct Conversations<T> {
    pub(super) told: ConversationSummary,
    pub(super) topic: T,
}

impl<T: Topic> Facts for Conversations<T> {
    fn service(&self, finding: &Finding, context: &Context<'_>) -> String {
        self.about(finding, context).service()
    }

    fn detail(&self, finding: &Finding, context: &Context<'_>) -> String {
        self.text(finding, context, true)
    }

    fn brief(&self, finding: &Finding, context: &Context<'_>) -> String {
        self.text(finding, context, false)
    }

    fn evidence(&self) -> &[Evidence] {
        &self.told.evidence
    }

    fn advice(&self, finding: &Finding, context: &Context<'_>) -> String {
        self.topic.advice(&self.about(finding, context))
    }

    fn gist(&self, finding: &Finding, context: &Context<'_>) -> String {
        self.topic.gist(&self.about(finding, context))
    }

    fn next(&self, finding: &Finding) -> &'static str {
        self.topic.next(finding, &self.told)
    }

    fn silence(&self) -> Option<(bool, Timestamp)> {
        self.topic.silence()
    }

    fn display_filter(&self, _: &Finding) -> String {
        self.told.filter.text()
    }

    fn replaced(&self, with: &dyn Replace) -> Arc<dyn Facts> {
        Arc::new(Self { told: self.told.replaced(with), topic: self.topic.replaced(with) })
    }
}

impl<T: Topic> Conversations<T> {
    fn text(&self, finding: &Finding, context: &Context<'_>, with_evidence: bool) -> String {
        let about = self.about(finding, context);
        let mut text = self.topic.what(&about);
        about.write_rest(&mut text, with_evidence);
        text
    }
}

impl<T> Conversations<T> {
    fn about<'a>(&'a self, finding: &'a Finding, context: &'a Context<'a>) -> About<'a> {
        About { finding, told: &self.told, context }
    }
}

impl About<'_> {
    /// The port's transport; findings about conversations have one.
    pub(super) fn transport(&self) -> Transport {
        self.finding.transport.unwrap_or(Transport::Other(0))
    }

    pub(super) fn client_role(&self) -> Role {
        self.finding.client_role.unwrap_or(Role::Host)
    }

    pub(super) fn server_role(&self) -> Role {
        self.finding.server_role.unwrap_or(Role::Host)
    }

    /// The vendor's word for the port, if it has one.
    pub(super) fn vendors_service(&self) -> Option<&str> {
        self.told.port.and_then(|port| self.context.policy.service(self.transport(), port))
    }

    /// The vendor's word for the port, or what the payload proves.
    fn service(&self) -> String {
        let is_wrong = self.finding.kind == Kind::Unexpected(Reason::WrongProtocol);
        match self.vendors_service() {
            Some(service) if !is_wrong => service.to_owned(),
            _ => self.told.proven.join(";"),
        }
    }

    /// The same within a sentence.
    pub(super) fn payload(&self) -> String {
        self.service().replace(';', ", ")
    }

    /// The port or ports with the service, such as `UDP 69 (TFTP)`.
    pub(super) fn port(&self) -> String {
        let transport = upper(self.transport());
        match (self.transport(), self.told.port) {
            (Transport::Other(number), _) => format!("IP protocol {number}"),
            (Transport::Icmp | Transport::Icmpv6, Some(kind)) => format!("{transport} type {kind}"),
            (_, Some(port)) => match self.vendors_service() {
                Some(service) => format!("{transport} {port} ({service})"),
                None => format!("{transport} {port}"),
            },
            (_, None) => {
                let mut list: Vec<String> = self.told.ports.iter().map(u16::to_string).collect();
                if self.told.more_ports > 0 {
                    list.push(format!("{} more", self.told.more_ports));
                }
                let each = if list.len() > 1 { "Each of " } else { "" };
                format!("{each}{transport} {}", list.join(", "))
            }
        }
    }

    /// What follows the first sentences: who is concerned, what explains it, the frames, and what weakens it.
    fn write_rest(&self, text: &mut String, with_evidence: bool) {
        let Self { finding, told, context } = self;
        if told.conversations > 1 {
            let (clients, servers) = (finding.clients.len(), finding.servers.len());
            let _ = write!(
                text,
                " {} conversations: {} with {}.",
                told.conversations,
                count(clients, self.client_role()),
                count(servers, self.server_role())
            );
        }
        if let (Kind::Unexpected(_), Some(outcome)) = (finding.kind, finding.outcome) {
            let _ = write!(text, " {}", outcome_words(outcome));
        }
        if told.client_is_guess {
            text.push_str(" Who opened the connection was not captured: it may have been the other side.");
        }
        // An SSDP message that named the address and port explains a connection, and excuses nothing.
        if let Some(Announcement { announcer, location, at, time, .. }) = &told.announced {
            let at = frame(context, Cited::new(at.frame, *time));
            let _ = write!(text, " {announcer} had announced {location} by SSDP, in {at}.");
        }
        if let Some(file) = &told.file {
            // Untrusted bytes: what does not print is written as an escape.
            let name = file.name.escape_ascii();
            let _ = write!(text, " The first file to {} is \"{name}\".", if file.write { "write" } else { "read" });
        }
        for one in told.evidence.iter().filter(|_| with_evidence) {
            let host = |address: IpAddr| format!("{address}{}", context.name(address));
            let _ = write!(
                text,
                " {} to {}: {} there, {} back, from {}.",
                host(one.client),
                host(one.server),
                times(one.packets[0], "packet", "packets"),
                one.packets[1],
                frame(context, one.at)
            );
        }
        if with_evidence && told.conversations > told.evidence.len() {
            let _ = write!(text, " And {} more.", told.conversations - told.evidence.len());
        }
        if told.has_inferred_roles {
            text.push_str(" It rests on roles that were inferred from the traffic.");
        }
        if told.has_old_version {
            text.push_str(" A version below the document's is involved, so this is advisory.");
        }
        text.push_str(&doubts::words(&told.doubts));
    }
}

impl ConversationSummary {
    fn replaced(&self, with: &dyn Replace) -> Self {
        let evidence = |one: &Evidence| Evidence {
            client: with.address(one.client),
            server: with.address(one.server),
            ..one.clone()
        };
        let announced = |one: &Announcement| {
            let mut other = *one;
            other.announcer = with.address(one.announcer);
            other.location.set_ip(with.address(one.location.ip()));
            other
        };
        Self {
            evidence: self.evidence.iter().map(evidence).collect(),
            announced: self.announced.as_ref().map(announced),
            file: self.file.as_ref().map(|file| TftpFile { name: with.left_out().into_bytes().into(), ..file.clone() }),
            doubts: doubts::replaced(&self.doubts, with),
            filter: self.filter.replaced(with),
            ..self.clone()
        }
    }
}

fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Established => "It was answered.",
        Outcome::Refused => "It was refused by a TCP reset.",
        Outcome::Rejected => "It was rejected by an ICMP error.",
        Outcome::Unanswered => "No answer was seen.",
        Outcome::OneWay => "Only the client was seen to send.",
        Outcome::Midstream => "The capture began inside it.",
    }
}
