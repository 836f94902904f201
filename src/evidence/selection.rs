//! Which frames belong to which findings.
//!
//! A frame belongs to a finding if it is of one of its flows, or an ICMP error that quotes one. Of a
//! fragmented datagram all parts belong that come after the one with the ports.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::capture::{Frame, Timestamp};
use crate::decode::{self, IpPacket, Network, VlanPath};
use crate::finding::Finding;
use crate::flow::{self, FlowView};
use crate::protocol::{Transport, icmp};
use crate::survey::Survey;
use crate::verdict::{Judgement, Verdict};

/// Datagrams whose later parts are waited for.
const DATAGRAMS: usize = 1 << 16;

/// Both ends, the smaller first, and the protocol: flows that differ in their VLAN path at most.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct FiveTuple([(IpAddr, u16); 2], u8);

impl FiveTuple {
    fn new(a: (IpAddr, u16), b: (IpAddr, u16), protocol: u8) -> Self {
        Self([a.min(b), a.max(b)], protocol)
    }
}

/// Sender, receiver, protocol and identification of a datagram in parts.
type Datagram = (IpAddr, IpAddr, u8, u32);

/// Which flows are of which findings.
#[derive(Debug)]
pub(crate) struct FrameSelection {
    flows: HashMap<(FiveTuple, VlanPath), Vec<u32>>,
    /// The same whatever the VLAN path: an ICMP error quotes none.
    on_any_path: HashMap<FiveTuple, Vec<u32>>,
    parts: HashMap<Datagram, Vec<u32>>,
    /// What the comment says of each finding; `None` for those that are not wanted.
    comments: Vec<Option<String>>,
    /// The two hosts of each flow that is wanted, and when the first of their findings began.
    #[cfg_attr(not(feature = "live"), allow(dead_code))]
    begins: HashMap<(IpAddr, IpAddr), Timestamp>,
}

impl FrameSelection {
    /// The findings that `say` has a comment for; it gets each with its number, from 1.
    pub(crate) fn of(survey: &Survey, say: impl Fn(usize, &Finding) -> Option<String>) -> Self {
        let comments: Vec<_> = (1..).zip(&survey.findings).map(|(number, finding)| say(number, finding)).collect();
        let mut of_conversation: HashMap<u32, Vec<u32>> = HashMap::new();
        let numbered = (0..).zip(&survey.findings).zip(&comments);
        for ((number, finding), _) in numbered.filter(|(_, comment)| comment.is_some()) {
            for conversation in &finding.conversations {
                of_conversation.entry(*conversation).or_default().push(number);
            }
        }
        let mut begins: HashMap<(IpAddr, IpAddr), Timestamp> = HashMap::new();
        let mut flows: HashMap<(FiveTuple, VlanPath), Vec<u32>> = HashMap::new();
        let mut on_any_path: HashMap<FiveTuple, Vec<u32>> = HashMap::new();
        for (flow, judgement) in survey.flows.iter() {
            let Some(findings) = of_conversation.get(&judgement.conversation) else { continue };
            let findings: Vec<u32> =
                findings.iter().copied().filter(|at| is_meant(survey, *at, &flow, judgement)).collect();
            if findings.is_empty() {
                continue;
            }
            let [a, b] = &flow.ends;
            let first = findings.iter().filter_map(|at| survey.findings.get(*at as usize)).map(|finding| finding.first);
            if let Some(first) = first.filter(|time| time.nanos().is_some()).min() {
                let begin = begins.entry(pair(a.address, b.address)).or_insert(first);
                *begin = first.min(*begin);
            }
            let port = |port| flow.icmp_type.map_or(port, |kind| u16::from_be_bytes([flow.icmp_code, kind]));
            let key = FiveTuple::new((a.address, port(a.port)), (b.address, port(b.port)), flow.transport.number());
            let known = on_any_path.entry(key).or_default();
            known.extend(findings.iter().filter(|finding| !known.contains(finding)).copied().collect::<Vec<_>>());
            flows.insert((key, flow.vlan()), findings);
        }
        on_any_path.values_mut().for_each(|findings| findings.sort_unstable());
        Self { flows, on_any_path, parts: HashMap::new(), comments, begins }
    }

    /// The findings of a frame.
    pub(crate) fn findings(&mut self, frame: &Frame<'_>) -> Option<Vec<u32>> {
        let packet = decode::decode(frame);
        let Network::Ip(ip) = &packet.network else { return None };
        if flow::is_icmp_error(ip) {
            return self.on_any_path.get(&quoted(ip)?).cloned();
        }
        let datagram = (ip.source, ip.destination, ip.protocol, ip.identification);
        let Some(ports) = flow::ports_of(ip) else {
            return self.parts.get(&datagram).cloned();
        };
        let key = FiveTuple::new((ip.source, ports.0), (ip.destination, ports.1), ip.protocol);
        let findings = self.flows.get(&(key, packet.vlan))?;
        if ip.fragment.is_some_and(|fragment| fragment.more) && self.parts.len() < DATAGRAMS {
            self.parts.insert(datagram, findings.clone());
        }
        Some(findings.clone())
    }

    /// What to say of a frame of a finding.
    pub(crate) fn comment(&self, finding: u32) -> Option<&String> {
        self.comments.get(finding as usize)?.as_ref()
    }

    /// The two hosts of a frame, if it went between those of a finding before that began.
    #[cfg(feature = "live")]
    pub(crate) fn history(&self, frame: &Frame<'_>) -> Option<(IpAddr, IpAddr)> {
        let packet = decode::decode(frame);
        let Network::Ip(ip) = &packet.network else { return None };
        let pair = pair(ip.source, ip.destination);
        self.begins.get(&pair).is_some_and(|begin| frame.time < *begin).then_some(pair)
    }
}

fn pair(a: IpAddr, b: IpAddr) -> (IpAddr, IpAddr) {
    (a.min(b), a.max(b))
}

/// `unexpected, undocumented-peer`.
pub(crate) fn reason(finding: &Finding) -> String {
    let verdict = finding.verdict.map_or_else(String::new, |verdict| format!("{verdict}, "));
    let outcome = finding.outcome.map_or_else(String::new, |outcome| format!(", {outcome}"));
    format!("{verdict}{}{outcome}", finding.kind.name())
}

/// Whether a finding means this flow of its conversation: one that calls a conversation unexpected means those
/// of its flows that are.
pub(crate) fn is_meant(survey: &Survey, finding: u32, flow: &FlowView<'_>, judgement: &Judgement) -> bool {
    let Some(finding) = survey.findings.get(finding as usize) else { return false };
    let Some(conversation) = survey.conversations.get(judgement.conversation as usize) else { return false };
    finding.verdict != Some(Verdict::Unexpected)
        || !flow.transport.has_ports()
        || (judgement.verdict, judgement.reason) == (conversation.verdict, conversation.reason)
}

/// The flow that an ICMP error quotes.
fn quoted(ip: &IpPacket<'_>) -> Option<FiveTuple> {
    let decode::Transport::Icmp { body, .. } = ip.transport else { return None };
    let quoted = decode::quoted(body, ip.source.is_ipv6())?;
    let ports = match quoted.icmp_type {
        Some(kind) => {
            let exchange = icmp::exchange(ip.source.is_ipv6(), kind, 0);
            (exchange, exchange)
        }
        None if Transport::from(quoted.protocol).has_ports() => quoted.ports?,
        None => (0, 0),
    };
    Some(FiveTuple::new((quoted.source, ports.0), (quoted.destination, ports.1), quoted.protocol))
}
