//! Which flows of a survey that goes on have said all they have to say, and may be folded.
//!
//! Only those that nothing rests on but counts: documented or harmless, that worked, that no other flow
//! belongs to and that belong to none, idle for longer than any answer may take. Everything else stays as it
//! is, so that verdicts, outcomes and findings come out as they do offline.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::capture::Timestamp;
use crate::decode::{TcpFlags, VlanPath};
use crate::flow::{EndView, FlowView, Observation};
use crate::policy::Role;
use crate::protocol::Transport;
use crate::relation::Relations;
use crate::survey::Survey;
use crate::verdict::{Judgement, Outcome, Verdict};

/// Rows that a conversation may have without any being folded: a client that keeps its port has one, and
/// whether its port is a new one each time shows only with some.
const ROWS: u32 = 8;
/// What owes an answer and has none at the end of a flow, from which it may tell of a server that fell silent.
const SILENT_RUN: u32 = 3;

/// A flow, as it is found in the table again.
type FoldKey = (FoldConnection, VlanPath);
/// The same on whatever VLAN path.
type FoldConnection = ([(IpAddr, u16); 2], Transport);

/// The flows that may be folded, each with its client's end.
#[derive(Debug, Default)]
pub(super) struct Idle(HashMap<FoldKey, usize>);

impl Idle {
    /// Looks for them in a survey that was just judged, whose relations speak of its flows.
    pub(super) fn find(survey: &Survey, relations: &Relations, now: Timestamp, after: Duration) -> Self {
        let flows = &survey.flows;
        let (Some(now), Ok(after)) = (now.nanos(), i64::try_from(after.as_nanos())) else { return Self::default() };
        let related = related(relations);
        let mut rows: HashMap<u32, u32> = HashMap::new();
        let mut paths: HashMap<FoldConnection, u32> = HashMap::new();
        for (flow, judgement) in flows.iter() {
            *rows.entry(judgement.conversation).or_default() += 1;
            *paths.entry(connection(&flow)).or_default() += 1;
        }
        let is_idle = |flow: &FlowView<'_>| flow.last().nanos().is_some_and(|last| now.saturating_sub(last) > after);
        let idle = flows.iter().zip(0_u32..).filter_map(|((flow, judgement), at)| {
            let foldable = is_idle(&flow)
                && flow.folded == 0
                && rows.get(&judgement.conversation).is_some_and(|rows| *rows > ROWS)
                // A connection on several paths is judged over all of them.
                && paths.get(&connection(&flow)) == Some(&1)
                && !related.contains(&at)
                && is_settled(survey, &flow, judgement);
            foldable.then(|| (key(&flow), usize::from(judgement.client & 1)))
        });
        Self(idle.collect())
    }

    pub(super) fn fold(&self, whole: &mut Observation) {
        if !self.0.is_empty() {
            whole.fold(|flow| self.0.get(&key(flow)).copied());
        }
    }
}

fn connection(flow: &FlowView<'_>) -> FoldConnection {
    (flow.ends.each_ref().map(|end| (end.address, end.port)), flow.transport)
}

fn key(flow: &FlowView<'_>) -> FoldKey {
    (connection(flow), flow.vlan())
}

/// The flows that others belong to or are quoted by, and those that belong to others.
fn related(relations: &Relations) -> HashSet<u32> {
    let mut related: HashSet<u32> = HashSet::new();
    for (at, link) in (0..).zip(&relations.links) {
        if let Some(link) = link {
            related.insert(at);
            related.extend(link.flow);
        }
    }
    related.extend(relations.answered.keys());
    related.extend(relations.vain.keys());
    related.extend(relations.announced.keys());
    related.extend(relations.announced.values().filter_map(|announcement| announcement.flow));
    related.extend(relations.rejections.iter().map(|(flow, _)| flow));
    related
}

/// Whether its sum with others of its kind is judged as it is.
fn is_settled(survey: &Survey, flow: &FlowView<'_>, judgement: &Judgement) -> bool {
    let harmless = matches!(
        judgement.verdict,
        Verdict::Documented | Verdict::SiteApproved | Verdict::Supporting | Verdict::Bystander
    );
    let [a, b] = &flow.ends;
    if !harmless || judgement.severity.is_some() || a.address == b.address {
        return false;
    }
    let client = &flow.ends[usize::from(judgement.client & 1)];
    let server = &flow.ends[usize::from(1 - (judgement.client & 1))];
    let both_ways = client.packets() > 0 && server.packets() > 0;
    let to_group = survey.hosts.role(judgement.server_host) == Role::Group;
    match (flow.transport, judgement.outcome) {
        (Transport::Tcp, Outcome::Established | Outcome::Midstream) => {
            let shaken = client.syns() == 0 || server.syn_acks() > 0;
            // The same connection again and again tells of a device that starts again and again.
            let shaken = shaken && client.syns().min(server.syn_acks()) <= 1;
            let closed = server.tcp_flags().0 & (TcpFlags::RST | TcpFlags::FIN) != 0;
            // A server that never says anything is told by how many connections there were.
            let is_served = server.has_payload() || !client.has_payload();
            both_ways && shaken && is_served && client.tcp_flags().has(TcpFlags::ACK) && (closed || !is_cut_off(client))
        }
        (Transport::Udp, Outcome::Established) => both_ways && !is_cut_off(client) && !is_cut_off(server),
        (Transport::Udp, Outcome::OneWay) => to_group || !client.asks(),
        _ => false,
    }
}

fn is_cut_off(end: &EndView<'_>) -> bool {
    end.unanswered() >= SILENT_RUN
}

#[cfg(test)]
mod tests;
