//! A survey.json back to the survey that it was written from, to be reported again.
//!
//! What the file does not hold stays unknown: the frames of findings are in their words only. Every row is untrusted:
//! what says words that are not known, or names a place that is not there, is left out, counted, and told as a caveat.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::bounds::bound;
use super::finding_endpoints::FindingEndpoints;
use super::read_flow::flow;
use super::sent::UnansweredUses;
use super::sites::{TooManySites, by_site};
use super::v1::{self, Text};
use super::words::{self, maybe, time};
use super::{health_rows, rows};
use crate::capture::{FrameId, Moment};
use crate::finding::{Finding, Kind};
use crate::flow::Limits;
use crate::inventory::{Host, HostId, Hosts, Labels};
use crate::policy::{Direction, FindingKind, Policy, Reason, Role, Severity};
use crate::protocol::Evidence;
use crate::relation::DirectionBasis;
use crate::report::finding_text::FindingText;
use crate::report::names::rules_as_cited;
use crate::report::nodes::port_columns;
use crate::report::result::ASKED_FOR;
use crate::survey::{
    Damage, Digest, EncapsulationSummary, FrameCounts, InputSummary, Judged, JudgedFlows, NonIpSummary, Survey,
};
use crate::text::times;
use crate::verdict::{Caveat, CellCoverage, CellState, Conversation, HostCoverage, Judgement, Outcome, Rule, Verdict};

/// What is done first, where an older file says it in each finding's advice only.
const NEXT: &str = "Do what the findings advise";

/// The surveys of a file's sites, as they are reported: held against nothing anew, only cited by `policy`.
///
/// # Errors
/// [`TooManySites`].
pub fn read_back(survey: v1::Survey<'static>, policy: &Arc<Policy>) -> Result<Vec<Survey>, TooManySites> {
    let rules = rules_as_cited(policy);
    let differs = survey.policy != rows::policy(policy);
    let (tool, name) = (written_by(&survey), short(&survey.policy.name));
    let parts = by_site(survey)?;
    let read = |part: v1::Survey<'static>| {
        let mut reader = RowReader { policy, rules: &rules, rows: 0, cited: 0, unnamed: 0, shared_vlans: false };
        let mut survey = reader.survey(part);
        let told = reader.told(&tool, differs.then_some(&name));
        survey.caveats.splice(0..0, told);
        survey
    };
    Ok(parts.into_iter().map(read).collect())
}

/// The program that wrote a survey.json, by name and version.
pub fn written_by(survey: &v1::Survey<'_>) -> String {
    short(&format!("{} {}", survey.tool.name, survey.tool.version))
}

/// Longest name of a program or a policy that is told: each site of a merge tells it.
const LONGEST_NAME: usize = 80;

fn short(name: &str) -> String {
    if name.chars().nth(LONGEST_NAME).is_none() {
        return name.to_owned();
    }
    name.chars().take(LONGEST_NAME).chain(['\u{2026}']).collect()
}

struct RowReader<'a> {
    policy: &'a Arc<Policy>,
    rules: &'a HashMap<String, Rule>,
    /// Rows that were left out.
    rows: u64,
    /// Rules and ports that the policy does not have.
    cited: u64,
    /// Devices of findings that no row names.
    unnamed: u64,
    /// Whether VLAN paths had to share a name.
    shared_vlans: bool,
}

impl RowReader<'_> {
    /// What was lost.
    fn told(&self, tool: &str, other_policy: Option<&String>) -> Vec<Caveat> {
        let mut told = Vec::new();
        if let Some(name) = other_policy {
            let lost = match self.cited {
                0 => String::new(),
                lost => format!(
                    " {} rules or ports that the latter does not have: the report leaves those out.",
                    times(lost, "row cites", "rows cite")
                ),
            };
            let text = format!(
                "The survey was held against another policy (\"{name}\") than the one that this report cites (\"{}\").{lost} \
                 Name its file with --policy.",
                self.policy.name()
            );
            told.push(text);
        } else if self.cited > 0 {
            told.push(format!(
                "{} rules or ports that the policy does not have.",
                times(self.cited, "row cites", "rows cite")
            ));
        }
        if self.rows > 0 {
            told.push(format!(
                "{} left out: {tool} wrote there what this igorscope does not know.",
                times(self.rows, "row of the survey.json is", "rows of the survey.json are")
            ));
        }
        if self.unnamed > 0 {
            told.push(format!(
                "{} meant by findings and named in no row of the survey.json.",
                times(self.unnamed, "device is", "devices are")
            ));
        }
        if self.shared_vlans {
            told.push("More than 4,094 odd VLAN paths stand in the survey.json: the rest share one name.".to_owned());
        }
        told.into_iter().map(|text| Caveat { kind: "read-back", text }).collect()
    }

    /// What could be read; else it is counted.
    fn known<T>(&mut self, read: Option<T>) -> Option<T> {
        self.rows += u64::from(read.is_none());
        read
    }

    /// What could be read of all rows of a table.
    fn all_known<R, T>(&mut self, rows: &[R], mut read: impl FnMut(&mut Self, &R) -> Option<T>) -> Vec<T> {
        let read = |row| {
            let read = read(self, row);
            self.known(read)
        };
        rows.iter().filter_map(read).collect()
    }

    fn survey(&mut self, mut part: v1::Survey<'static>) -> Survey {
        bound(&mut part);
        let hosts = self.hosts(&part);
        let mut places = Vec::with_capacity(part.conversations.len());
        let mut conversations = Vec::with_capacity(part.conversations.len());
        for row in &part.conversations {
            let read = self.conversation(row, &hosts);
            places.push(read.is_some().then_some(conversations.len() as u32));
            conversations.extend(self.known(read));
        }
        let place = |at: u32| places.get(at as usize).copied().flatten();
        let flows = self.flows(&part.flows, &hosts, &place, part.inputs.len());
        let sent = UnansweredUses::of(&conversations, &hosts, self.policy);
        let nodes = self.nodes(&part.nodes, &hosts, &sent);
        let coverage = self.coverage(&part.coverage, &nodes, &sent);
        let mut people = FindingEndpoints::of(&part, &hosts);
        let findings = self.all_known(&part.findings, |reader, row| reader.finding(row, &mut people, &place));
        let has_health = !part.health.is_empty();
        let measured = self.all_known(&part.health, |_, row| health_rows::read(row));
        let transfers = self.all_known(&part.transfers, |_, row| row.read());
        let text = Text::into_owned;
        Survey {
            judged: judged(part.judged),
            site: text(part.site),
            policy: Arc::clone(self.policy),
            inputs: part.inputs.into_iter().map(input).collect(),
            frames: FrameCounts {
                total: part.frames.total,
                decoded: part.frames.decoded,
                stopped: part
                    .frames
                    .stopped
                    .into_iter()
                    .map(|row| (text(row.layer), text(row.reason), row.frames))
                    .collect(),
                unread: Vec::new(),
            },
            non_ip: part
                .non_ip
                .into_iter()
                .map(|row| NonIpSummary { kind: text(row.kind), frames: row.frames, bytes: row.bytes })
                .collect(),
            encapsulations: part
                .encapsulations
                .into_iter()
                .map(|row| EncapsulationSummary {
                    kind: text(row.kind),
                    source: row.source,
                    destination: row.destination,
                    frames: row.frames,
                    bytes: row.bytes,
                })
                .collect(),
            caveats: part
                .caveats
                .into_iter()
                .map(|row| Caveat {
                    kind: ASKED_FOR.into_iter().find(|kind| *kind == row.kind).unwrap_or("read-back"),
                    text: text(row.text),
                })
                .collect(),
            hosts,
            conversations,
            findings,
            coverage,
            nodes,
            flows,
            labels: Labels::default(),
            tftp_files: HashMap::new(),
            health: health_rows::health(measured.into_iter()),
            transfers,
            limits: part.limits.map_or_else(Limits::default, |limits| Limits {
                flows: limits.max_flows as usize,
                fragments: limits.max_fragments as usize,
                health: has_health,
            }),
        }
    }

    /// The inventory, and whom else a row names.
    fn hosts(&mut self, part: &v1::Survey<'static>) -> Hosts {
        let mut hosts: BTreeMap<IpAddr, Host> = BTreeMap::new();
        for row in &part.inventory {
            let Some(role) = self.known(Role::of_name(&row.role)) else { continue };
            hosts.entry(row.address).or_insert_with(|| words::host(row.clone(), role));
        }
        let mut ends = Vec::new();
        for row in &part.conversations {
            ends.extend([(row.client_ip, &row.client_role), (row.server_ip, &row.server_role)]);
        }
        for row in &part.flows {
            ends.extend([(row.client_ip, &row.client_role), (row.server_ip, &row.server_role)]);
        }
        ends.extend(part.nodes.iter().map(|row| (row.address, &row.role)));
        for (address, role) in ends {
            hosts
                .entry(address)
                .or_insert_with(|| words::bare_host(address, Role::of_name(role).unwrap_or(Role::Host)));
        }
        Hosts::new(hosts.into_values().collect())
    }

    fn rule(&mut self, text: Option<&Text<'_>>) -> Rule {
        let Some(text) = text else { return Rule::None };
        let rule = self.rules.get(&**text).copied();
        self.cited += u64::from(rule.is_none());
        rule.unwrap_or(Rule::None)
    }

    fn conversation(&mut self, row: &v1::Conversation<'_>, hosts: &Hosts) -> Option<Conversation> {
        let first = time(row.first_seen);
        Some(Conversation {
            client: hosts.find(row.client_ip)?,
            server: hosts.find(row.server_ip)?,
            transport: words::transport(&row.transport)?,
            port: row.server_port.or(row.icmp_type.map(u16::from)).unwrap_or(0),
            verdict: Verdict::of_name(&row.verdict)?,
            reason: maybe(row.reason.as_ref(), Reason::of_name)?,
            severity: maybe(row.severity.as_ref(), Severity::of_name)?,
            outcome: Outcome::of_name(&row.outcome)?,
            stopped_answering: row.stopped_answering,
            rule: self.rule(row.rule.as_ref()),
            flows: u32::try_from(row.flows).unwrap_or(u32::MAX),
            packets: [row.client_packets, row.server_packets],
            bytes: [row.client_bytes, row.server_bytes],
            first,
            last: time(row.last_seen),
            begin: Moment { time: first, frame: FrameId::NONE },
        })
    }

    fn flows(
        &mut self,
        rows: &[v1::Flow<'_>],
        hosts: &Hosts,
        place: &impl Fn(u32) -> Option<u32>,
        inputs: usize,
    ) -> JudgedFlows {
        let mut names: HashMap<&str, u32> = HashMap::with_capacity(rows.len());
        let mut related = Vec::with_capacity(rows.len());
        let mut list = Vec::with_capacity(rows.len());
        for row in rows {
            let read =
                place(row.conversation).and_then(|at| Some((flow(row, inputs)?, self.judgement(row, hosts, at)?)));
            let Some(read) = self.known(read) else { continue };
            names.insert(&row.flow_id, list.len() as u32);
            related.push(row.related_to.as_deref());
            list.push(read);
        }
        for ((_, judgement), name) in list.iter_mut().zip(related) {
            judgement.related_to = name.and_then(|name| names.get(name).copied());
        }
        let flows = JudgedFlows::of_rows(list);
        self.shared_vlans |= flows.share_vlan_names();
        flows
    }

    fn judgement(&mut self, row: &v1::Flow<'_>, hosts: &Hosts, conversation: u32) -> Option<Judgement> {
        Some(Judgement {
            client: 0,
            basis: DirectionBasis::of_name(&row.direction_basis)?,
            client_host: hosts.find(row.client_ip)?,
            server_host: hosts.find(row.server_ip)?,
            verdict: Verdict::of_name(&row.verdict)?,
            reason: maybe(row.reason.as_ref(), Reason::of_name)?,
            severity: maybe(row.severity.as_ref(), Severity::of_name)?,
            outcome: Outcome::of_name(&row.outcome)?,
            rule: self.rule(row.rule.as_ref()),
            payload: Evidence::of_name(&row.payload)?,
            payload_protocol: maybe(row.payload_protocol.as_ref(), words::protocol)?,
            related_to: None,
            conversation,
        })
    }

    fn nodes(&mut self, rows: &[v1::Node<'_>], hosts: &Hosts, sent: &UnansweredUses) -> Vec<HostCoverage> {
        let columns = port_columns(self.policy);
        let mut nodes: BTreeMap<HostId, HostCoverage> = BTreeMap::new();
        for row in rows {
            let Some(host) = hosts.find(row.address) else { continue };
            let own = self.policy.cells().iter().zip(0u16..).filter(|(cell, _)| cell.role == hosts.role(host));
            let mut cells: BTreeMap<u16, CellState> = own.map(|(_, at)| (at, CellState::NotSeen)).collect();
            let known = columns.iter().filter_map(|column| Some((column, row.ports.get(&*column.name)?)));
            for (column, state) in known {
                let Some(state) = self.known(words::cell_state(state)) else { continue };
                for at in &column.cells {
                    if let Some(cell) = cells.get_mut(at) {
                        *cell = sent.state(state, (*at, Some(host)));
                    }
                }
            }
            if !cells.is_empty() {
                nodes.entry(host).or_insert_with(|| HostCoverage { host, cells: cells.into_iter().collect() });
            }
        }
        nodes.into_values().collect()
    }

    fn coverage(&mut self, rows: &[v1::Cell<'_>], nodes: &[HostCoverage], sent: &UnansweredUses) -> Vec<CellCoverage> {
        let policy = self.policy;
        let count = policy.cells().len();
        let mut coverage: Vec<CellCoverage> =
            (0..count).map_while(|at| u16::try_from(at).ok()).map(CellCoverage::unseen).collect();
        let places: HashMap<_, usize> = (policy.cells().iter().zip(0..))
            .map(|(cell, at)| ((&*policy.document_of(cell).name, cell.direction, cell.transport, cell.port), at))
            .collect();
        for row in rows {
            let key = Direction::of_name(&row.direction).zip(words::transport(&row.transport));
            let place = key.and_then(|(direction, transport)| {
                places.get(&(&*row.document, direction, transport, row.port)).copied()
            });
            self.cited += u64::from(place.is_none());
            let Some(seen) = place.and_then(|at| coverage.get_mut(at)) else { continue };
            let Some(state) = self.known(words::cell_state(&row.state)) else { continue };
            let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            *seen = CellCoverage {
                cell: seen.cell,
                state: sent.state(state, (seen.cell, None)),
                hosts: [row.hosts_not_seen, 0, row.hosts_one_way, row.hosts_blocked, row.hosts_carried].map(number),
                peers: number(row.peers),
                peer_states: seen.peer_states,
                flows: row.flows,
                packets: row.packets,
                bytes: row.bytes,
                first: time(row.first_seen),
                last: time(row.last_seen),
            };
        }
        // Files count what was sent to a group as one-way: the devices tell which it was.
        for (cell, _) in nodes.iter().flat_map(|node| &node.cells).filter(|(_, state)| *state == CellState::Sent) {
            if let Some(seen) = coverage.get_mut(usize::from(*cell))
                && seen.hosts[CellState::OneWay as usize] > 0
            {
                seen.hosts[CellState::OneWay as usize] -= 1;
                seen.hosts[CellState::Sent as usize] += 1;
            }
        }
        coverage
    }

    fn finding(
        &mut self,
        row: &v1::Finding<'_>,
        people: &mut FindingEndpoints<'_>,
        place: &impl Fn(u32) -> Option<u32>,
    ) -> Option<Finding> {
        let kind = words::kind(&row.reason)?;
        let client_role = maybe(row.client_role.as_ref(), Role::of_name)?;
        let [(clients, lost_clients), (servers, lost_servers)] = people.of_finding(row, kind);
        self.unnamed += lost_clients + lost_servers;
        let owned = |text: Option<&Text<'_>>| text.map_or_else(String::new, ToString::to_string);
        let silence = (kind == Kind::Other(FindingKind::StoppedAnswering)).then(|| people.silence(&clients, &servers));
        Some(Finding {
            kind,
            severity: Severity::of_name(&row.severity)?,
            verdict: maybe(row.verdict.as_ref(), Verdict::of_name)?,
            outcome: maybe(row.outcome.as_ref(), Outcome::of_name)?,
            client_role,
            clients: clients.into(),
            server_role: maybe(row.server_role.as_ref(), Role::of_name)?,
            servers: servers.into(),
            transport: maybe(row.transport.as_ref(), words::transport)?,
            server_port: row.server_port,
            flows: row.flows,
            packets: row.packets,
            bytes: row.bytes,
            first: time(row.first_seen),
            last: time(row.last_seen),
            rules: Vec::new(),
            sources: row.sources.clone(),
            conversations: row.conversations.iter().filter_map(|at| place(*at)).collect(),
            facts: Arc::new(FindingText {
                service: owned(row.service.as_ref()),
                detail: row.detail.to_string(),
                advice: row.advice.to_string(),
                rule: owned(row.rule.as_ref()),
                display_filter: owned(row.display_filter.as_ref()),
                gist: owned(row.gist.as_ref()),
                next: row.next.as_deref().unwrap_or(NEXT).to_owned(),
                silence,
                silent_times: words::silent_times(row),
            }),
        })
    }
}

fn judged(row: Option<v1::Judged<'_>>) -> Judged {
    let text = |text: Option<Text<'_>>| text.map_or_else(String::new, Text::into_owned);
    let row = row.unwrap_or_else(|| v1::Judged::unknown("the survey.json"));
    Judged { value: row.value, reason: text(row.reason), next: text(row.next) }
}

fn input(row: v1::Input<'_>) -> InputSummary {
    InputSummary {
        path: row.path.into_owned(),
        size: row.size,
        digest: row.sha256.map(|hex| Digest::known(hex.into_owned())),
        format: row.format.into_owned(),
        link_types: Vec::new(),
        frames: row.frames,
        unread: 0,
        captured_bytes: row.captured_bytes,
        wire_bytes: row.wire_bytes,
        first: time(row.first_seen),
        last: time(row.last_seen),
        damage: row.damage.map(|damage| Damage { offset: damage.offset, reason: damage.reason.into_owned() }),
    }
}
