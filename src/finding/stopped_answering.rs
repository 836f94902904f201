//! `stopped-answering`: documented conversations that worked and then went silent while requests went on.

use std::fmt::Write as _;

use super::arp::asked_by;
use super::conversation_summary::{About, ConversationSummary, Topic};
use super::conversations::Group;
use super::phrases::{people, times};
use super::{Finding, Judged, Kind, Replace};
use crate::capture::Timestamp;
use crate::policy::{Case, FindingKind, Policy};
use crate::protocol::Transport;
use crate::verdict::{Conversation, MOST_REQUESTS, Silence, SilentParty, Verdict};

/// How conversations went silent.
#[derive(Clone, Debug)]
pub(super) struct Silences(Vec<Silence>);

/// The group of a conversation that is allowed and stopped to be answered.
pub(super) fn group(policy: &Policy, conversation: &Conversation, plain: Group) -> Option<Group> {
    let is_worth_telling = matches!(conversation.verdict, Verdict::Documented | Verdict::SiteApproved);
    (conversation.stopped_answering && is_worth_telling).then(|| {
        let Group { client, server, transport, .. } = plain;
        let case = Case::Finding(FindingKind::StoppedAnswering);
        let severity = policy.severity(case, client, server, transport, conversation.port);
        Group { severity, kind: Kind::Other(FindingKind::StoppedAnswering), ..plain }
    })
}

pub(super) fn topic(judged: &Judged<'_>, numbers: &[u32]) -> Silences {
    Silences(numbers.iter().filter_map(|number| judged.facts[*number as usize].uncommon().silence).collect())
}

impl Silences {
    /// Whether all of them are of a kind.
    fn are(&self, kinds: &[SilentParty]) -> bool {
        !self.0.is_empty() && self.0.iter().all(|silence| kinds.contains(&silence.how))
    }

    /// Whether it is the clients that no longer acknowledge what the servers send.
    fn are_of_clients(&self) -> bool {
        self.are(&[SilentParty::Client, SilentParty::Unasked])
    }
}

impl Topic for Silences {
    /// When the last answers came, and how much came to nothing since.
    fn what(&self, about: &About<'_>) -> String {
        let port = about.port();
        let is_first = self.are(&[
            SilentParty::Unasked,
            SilentParty::New,
            SilentParty::NowAndThen,
            SilentParty::Anew,
            SilentParty::Reset,
            SilentParty::Mute,
            SilentParty::Undelivered,
        ]);
        let what = match () {
            () if self.are(&[SilentParty::Unasked]) => {
                "works one way: what the server sent to be acknowledged never was."
            }
            () if self.are(&[SilentParty::Reset]) => {
                "accepts connections, and resets or closes each without an answer."
            }
            () if self.are(&[SilentParty::Mute]) => {
                "accepts connections, acknowledges what its client says, and answers nothing."
            }
            () if self.are(&[SilentParty::New]) => {
                "goes on where it was opened before, and new connections come to nothing."
            }
            () if self.are(&[SilentParty::Gone]) => {
                let by = about.finding.servers.first().map_or("ARP", |who| asked_by(*who));
                &format!(
                    "worked, and then its server was looked for by {by} and did not answer: it is off or unplugged, or lost its \
                     address."
                )
            }
            () if self.are(&[SilentParty::NowAndThen]) => {
                "works now and then: connections came to nothing again and again, and those between them worked."
            }
            () if self.are(&[SilentParty::Anew]) => {
                "worked, and each connection that was opened later came to nothing."
            }
            () if self.are(&[SilentParty::Undelivered]) => {
                "carries answers that do not arrive: each was captured, and the client asked the same again as if there were none."
            }
            () if self.are_of_clients() => "worked, and then what the server sent was no longer acknowledged.",
            () => "worked, and then went silent while requests went on.",
        };
        let mut text = format!("{port} {what}");
        let answers = self.0.iter().map(|silence| silence.since);
        let (Some(first), Some(last)) = (answers.clone().min(), answers.max()) else { return text };
        let requests: u64 = self.0.iter().map(|silence| u64::from(silence.requests)).sum();
        let at_least = if self.0.iter().any(|silence| silence.requests == MOST_REQUESTS) { "at least " } else { "" };
        let requests = times(requests, "try", "tries");
        let _ = match (first == last, last.nanos()) {
            (_, None) => write!(text, " {at_least}{requests} came to nothing since."),
            (_, Some(_)) if is_first => write!(text, " Since {first:.3} {at_least}{requests} came to nothing."),
            (true, _) => {
                write!(text, " The last answer came at {last:.3}; {at_least}{requests} came to nothing since.")
            }
            (false, _) => {
                write!(
                    text,
                    " The last answers came from {first:.3} to {last:.3}; {at_least}{requests} came to nothing since."
                )
            }
        };
        text
    }

    fn advice(&self, about: &About<'_>) -> String {
        let of_clients = self.are_of_clients();
        let silent = if of_clients { &about.finding.clients } else { &about.finding.servers };
        if self.are(&[SilentParty::New]) {
            return format!(
                "Compare with the rules of when it was opened: a filter that was loaded lets pass what is open and nothing \
                 new. Or {} has no room for more connections: restart what holds them.",
                people(silent)
            );
        }
        if self.are(&[SilentParty::Gone]) {
            return format!(
                "Look whether {} is on and has its address, and at its cable and switch port.",
                people(silent)
            );
        }
        if self.are(&[SilentParty::NowAndThen]) {
            return format!(
                "Look for what passes one connection and not the next on the way to {}: one of several links or servers that is \
                 dead, a table that is full, or a device that is off at times.",
                people(silent)
            );
        }
        if self.are(&[SilentParty::Anew]) {
            return format!(
                "The client has one port, which each connection begins from. Look whether the service of {} still runs, or holds \
                 on to an older connection of that port (RFC 5961): restart it. Else look for a filter that was loaded.",
                people(silent)
            );
        }
        if self.are(&[SilentParty::Reset]) {
            return format!(
                "Look into the log of what filters by content on the way to {} (a next-generation firewall, intrusion \
                 prevention): it resets in the server's name what it does not let pass. Else look why the service breaks off.",
                people(silent)
            );
        }
        if self.are(&[SilentParty::Mute]) {
            return format!(
                "Look whether the service of {} hangs, and restart it. Where small answers come and large ones do not, the way \
                 back loses what is large, as over a tunnel (RFC 2923): try a smaller MTU. Else something on the way holds back \
                 what it has not looked through.",
                people(silent)
            );
        }
        if self.are(&[SilentParty::Undelivered]) {
            let clients = people(&about.finding.clients);
            return format!(
                "The answers do not reach {clients}: look between the place of this capture and {clients}, and at {clients} itself, \
                 for a filter that was switched on or a session that a firewall forgot."
            );
        }
        if self.are(&[SilentParty::Unasked]) {
            let silent = people(silent);
            return format!(
                "Look at the way to {silent}: small answers pass there, and what is sent unasked may be filtered, or what is large \
                 lost. Else look whether {silent} can answer what it is asked."
            );
        }
        let large = if of_clients && about.finding.transport == Some(Transport::Tcp) {
            " Or what is large does not pass, as over a tunnel, while what is small does (RFC 2923): try a smaller MTU."
        } else {
            ""
        };
        format!(
            "Look at what happened to {} after the last answer: a restart, a link that went down, a filter that was switched \
             on, or a session that a firewall forgot.{large}",
            people(silent)
        )
    }

    fn gist(&self, _: &About<'_>) -> String {
        let requests: u64 = self.0.iter().map(|silence| u64::from(silence.requests)).sum();
        let at_least = if self.0.iter().any(|silence| silence.requests == MOST_REQUESTS) { "at least " } else { "" };
        format!("{at_least}{} in vain", times(requests, "try", "tries"))
    }

    fn next(&self, _: &Finding, _: &ConversationSummary) -> &'static str {
        match () {
            () if self.are(&[SilentParty::Unasked]) => "See what keeps the server's own messages from their client",
            () if self.are(&[SilentParty::Reset]) => "See who resets the connections of this port",
            () if self.are(&[SilentParty::Gone]) => "See whether the device is on, and its cable",
            () if self.are(&[SilentParty::Undelivered]) => "See what keeps the answers from their client",
            () if self.are(&[SilentParty::Mute]) => "See why the service says nothing",
            () if self.are(&[SilentParty::New, SilentParty::NowAndThen, SilentParty::Anew]) => {
                "See what keeps new connections from their server"
            }
            () => "See what happened after the last answer",
        }
    }

    fn silence(&self) -> Option<(bool, Timestamp)> {
        let last = self.0.iter().map(|silence| silence.since).max()?;
        Some((self.are_of_clients(), last))
    }

    fn replaced(&self, _: &dyn Replace) -> Self {
        self.clone()
    }
}
