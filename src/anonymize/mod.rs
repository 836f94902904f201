//! A survey to give away: addresses, link addresses and names replaced, each by the same everywhere.
//!
//! Verdicts are not touched: they were given before. What follows from an address alone (private, external,
//! group) follows from the other one, too, so that the evidence, analyzed again, is judged the same.

mod address;
mod frame;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use address::Cipher;
use text::{Owner, PhraseMap, without_quotes};

use crate::decode::MacAddr;
use crate::finding::{Replace, Transfer};
use crate::flow::{FlowRow, FlowView};
use crate::health::{Health, Pair, Rhythm};
use crate::inventory::{Attachment, Host, HostId, HostLink, Hosts, Labels, RoleSource};
use crate::survey::{Damage, InputSummary, Judged, JudgedFlows, Survey};
use crate::verdict::{Caveat, Conversation, HostCoverage, Judgement};

/// What is left of a text that only the site's people should read.
const LEFT_OUT: &str = "(left out)";

/// Replaces what tells whose network it is, by a key: the same key gives the same names again.
pub struct Anonymizer {
    cipher: Cipher,
    phrases: PhraseMap,
    v4: HashSet<Ipv4Addr>,
    v6: HashSet<Ipv6Addr>,
    macs: HashSet<MacAddr>,
}

impl Anonymizer {
    /// For the addresses and names of a survey.
    pub fn new(key: &[u8; 32], survey: &Survey) -> Self {
        let cipher = Cipher::new(key);
        let alias = |kind: &str, name: &str| (name.to_owned(), format!("{kind}-{:08x}", cipher.number(name)));
        let (mut phrases, mut names) = (Vec::new(), Vec::new());
        for host in survey.hosts.iter() {
            if let Some(name) = host.name.as_deref() {
                names.push((Owner::Address(host.address), name.to_owned()));
                names.extend(host.mac.map(|mac| (Owner::Mac(mac), name.to_owned())));
            }
            phrases.extend(host.name.as_deref().map(|name| alias(host.role.name(), name)));
            phrases.extend(host.lldp_name.as_deref().map(|name| alias(host.role.name(), name)));
            if let Some(at) = host.attachment.as_deref() {
                phrases.extend([alias("switch", &at.switch), alias("port", &at.port)]);
            }
        }
        if !survey.site.is_empty() {
            phrases.push(alias("site", &survey.site));
        }
        for (number, input) in (1..).zip(&survey.inputs) {
            let alias = capture_name(number, &input.path);
            let name = Path::new(&input.path).file_name().map(|name| name.to_string_lossy().into_owned());
            phrases.extend(name.map(|name| (name, alias.clone())));
            phrases.push((input.path.clone(), alias));
        }
        let policy = &survey.policy;
        if let Some(path) = policy.path() {
            phrases.push((path.to_string_lossy().into_owned(), "policy.toml".to_owned()));
            for text in policy.site_texts() {
                phrases.push((text, LEFT_OUT.to_owned()));
            }
        }
        let mut anonymizer = Self {
            cipher,
            phrases: PhraseMap::new(phrases, names),
            v4: HashSet::new(),
            v6: HashSet::new(),
            macs: HashSet::new(),
        };
        anonymizer.learn(survey);
        anonymizer
    }

    /// Whether an address of the survey is called what it is, as one in 65,536 of a network of 16 free bits is by chance.
    pub fn keeps_an_address(&self) -> bool {
        let kept = |address: IpAddr| Cipher::may_change(address) && self.cipher.address(address) == address;
        self.v4.iter().any(|address| kept((*address).into())) || self.v6.iter().any(|address| kept((*address).into()))
    }

    fn learn(&mut self, survey: &Survey) {
        let outer = survey.encapsulations.iter().flat_map(|outer| [outer.source, outer.destination]);
        let measured = survey.health.pairs.keys().flat_map(|pair| [pair.asker, pair.answerer]);
        let Health { rhythms, asked, sought, arp, .. } = &survey.health;
        let heard = [rhythms, asked, sought, arp].into_iter().flat_map(BTreeMap::keys).copied();
        for address in survey.hosts.iter().map(|host| host.address).chain(outer).chain(measured).chain(heard) {
            match address {
                IpAddr::V4(address) => drop(self.v4.insert(address)),
                IpAddr::V6(address) => drop(self.v6.insert(address)),
            }
        }
        self.macs.extend(survey.hosts.iter().flat_map(|host| host.mac.iter().chain(&host.more_macs)));
        for (flow, _) in survey.flows.iter() {
            let macs = flow.ends.iter().flat_map(|end| [end.source_mac(), end.destination_mac()]);
            self.macs.extend(macs.flatten());
        }
    }

    /// The survey with everything replaced.
    pub fn survey(&self, survey: &Survey) -> Survey {
        let hosts = Hosts::new(survey.hosts.iter().map(|host| self.host(host)).collect());
        // The order of addresses is another.
        let places: Vec<HostId> = survey
            .hosts
            .iter()
            .map(|host| hosts.find(self.cipher.address(host.address)).unwrap_or(HostId(0)))
            .collect();
        let place = |id: HostId| places.get(id.0 as usize).copied().unwrap_or(HostId(0));
        let flows = survey.flows.iter().map(|(flow, judgement)| {
            let Judgement { client_host, server_host, .. } = *judgement;
            let (client_host, server_host) = (place(client_host), place(server_host));
            (self.flow(&flow), Judgement { client_host, server_host, ..*judgement })
        });
        let conversations = survey.conversations.iter().map(|talk| Conversation {
            client: place(talk.client),
            server: place(talk.server),
            ..talk.clone()
        });
        let mut nodes: Vec<HostCoverage> =
            survey.nodes.iter().map(|node| HostCoverage { host: place(node.host), ..node.clone() }).collect();
        nodes.sort_by_key(|node| node.host);
        let mut encapsulations = survey.encapsulations.clone();
        for outer in &mut encapsulations {
            outer.source = self.cipher.address(outer.source);
            outer.destination = self.cipher.address(outer.destination);
        }
        let label = |kind: &str, text: &Option<Arc<str>>| {
            text.as_deref().map(|text| format!("{kind}-{:08x}", self.cipher.number(text)).into())
        };
        let mut transfers: Vec<_> = survey.transfers.iter().map(|transfer| transfer.replaced(self)).collect();
        transfers.sort_by_key(Transfer::order);
        let caveats = survey.caveats.iter().map(|caveat| self.caveat(caveat)).collect();
        let Judged { value, reason, next } = &survey.judged;
        Survey {
            judged: Judged {
                value: *value,
                reason: self.text(&without_quotes(reason)),
                next: self.text(&without_quotes(next)),
            },
            site: self.text(&survey.site),
            labels: Labels {
                customer: label("customer", &survey.labels.customer),
                building: label("building", &survey.labels.building),
            },
            policy: Arc::new(survey.policy.with_texts(Path::new("policy.toml"), |text| self.text(text))),
            inputs: (1..).zip(&survey.inputs).map(|(number, input)| self.input(number, input)).collect(),
            frames: survey.frames.clone(),
            non_ip: survey.non_ip.clone(),
            encapsulations,
            caveats,
            conversations: conversations.collect(),
            findings: survey.findings.iter().map(|finding| finding.replaced(self)).collect(),
            coverage: survey.coverage.clone(),
            nodes,
            flows: JudgedFlows::of_rows(flows),
            tftp_files: survey.tftp_files.keys().map(|place| (*place, LEFT_OUT.to_owned())).collect(),
            health: self.health(&survey.health),
            transfers,
            limits: survey.limits,
            hosts,
        }
    }

    fn health(&self, health: &Health) -> Health {
        let pair = |pair: &Pair| Pair {
            asker: self.cipher.address(pair.asker),
            answerer: self.cipher.address(pair.answerer),
            ..*pair
        };
        let rhythms = |rhythms: &BTreeMap<IpAddr, Rhythm>| {
            rhythms.iter().map(|(one, rhythm)| (self.cipher.address(*one), rhythm.clone())).collect()
        };
        Health {
            pairs: health.pairs.iter().map(|(one, sums)| (pair(one), sums.clone())).collect(),
            mixed: health.mixed.iter().map(pair).collect(),
            rhythms: rhythms(&health.rhythms),
            asked: rhythms(&health.asked),
            sought: rhythms(&health.sought),
            arp: rhythms(&health.arp),
            everyone: health.everyone.clone(),
            loads: health.loads.iter().map(|(one, load)| (self.cipher.address(*one), load.clone())).collect(),
            ..*health
        }
    }

    /// Of what is doubtful about the inventory only the kind is told: names and addresses of entries that match no host are
    /// known nowhere else.
    fn caveat(&self, caveat: &Caveat) -> Caveat {
        let text = match caveat.kind {
            "inventory-contradicts" | "inventory-unmatched" => {
                let lead = caveat.text.split_once(':').map_or("", |(lead, _)| lead);
                format!("{lead}. Who it is, the survey that is not anonymized tells.")
            }
            // A filter, as it was typed, stands in quotation marks.
            _ => self.text(&without_quotes(&caveat.text)),
        };
        Caveat { kind: caveat.kind, text }
    }

    /// A text without the site's words and addresses.
    pub(super) fn text(&self, text: &str) -> String {
        self.phrases.scrub(text, &self.cipher)
    }

    /// What an address is called.
    pub(super) fn address(&self, address: IpAddr) -> IpAddr {
        self.cipher.address(address)
    }

    fn host(&self, host: &Host) -> Host {
        let basis = match host.source {
            RoleSource::Declared => "the inventory".into(),
            _ => self.text(&host.basis).into(),
        };
        let alias = |name: &str| self.phrases.of(name).unwrap_or(LEFT_OUT).to_owned();
        let mut more_macs: Vec<MacAddr> = host.more_macs.iter().map(|mac| self.cipher.mac(*mac)).collect();
        more_macs.sort_unstable();
        // Field by field, so that whoever adds one has to say what becomes of it.
        Host {
            address: self.cipher.address(host.address),
            mac: host.mac.map(|mac| self.cipher.mac(mac)),
            more_macs: more_macs.into(),
            lldp_name: host.lldp_name.as_deref().map(|name| alias(name).into()),
            attachment: host
                .attachment
                .as_deref()
                .map(|at| Arc::new(Attachment { switch: alias(&at.switch), port: alias(&at.port) })),
            link: host.link.as_deref().map(|link| {
                let mut groups: Vec<IpAddr> = link.groups.iter().map(|group| self.cipher.address(*group)).collect();
                groups.sort_unstable();
                Arc::new(HostLink { groups, ..link.clone() })
            }),
            role: host.role,
            source: host.source,
            basis,
            confidence: host.confidence,
            name: host.name.as_deref().map(|name| alias(name).into()),
            version: host.version.clone(),
            heard: host.heard,
            first_seen: host.first_seen,
            last_seen: host.last_seen,
            last_sent: host.last_sent,
            first_sent: host.first_sent,
            mac_is_own: host.mac_is_own,
            packets_sent: host.packets_sent,
            bytes_sent: host.bytes_sent,
            packets_received: host.packets_received,
            bytes_received: host.bytes_received,
            serves: host.serves.clone(),
            serves_more: host.serves_more,
        }
    }

    fn flow(&self, flow: &FlowView<'_>) -> FlowRow {
        let mut row = FlowRow::of(flow);
        for end in &mut row.ends {
            end.address = self.cipher.address(end.address);
            end.source_mac = end.source_mac.map(|mac| self.cipher.mac(mac));
            end.destination_mac = end.destination_mac.map(|mac| self.cipher.mac(mac));
        }
        row
    }

    fn input(&self, number: usize, input: &InputSummary) -> InputSummary {
        let damage = input.damage.as_ref();
        InputSummary {
            path: capture_name(number, &input.path),
            damage: damage.map(|damage| Damage { offset: damage.offset, reason: self.text(&damage.reason) }),
            ..input.clone()
        }
    }
}

impl Replace for Anonymizer {
    fn address(&self, address: IpAddr) -> IpAddr {
        self.cipher.address(address)
    }

    fn mac(&self, mac: MacAddr) -> MacAddr {
        self.cipher.mac(mac)
    }

    fn left_out(&self) -> String {
        LEFT_OUT.to_owned()
    }
}

/// `capture-3.pcapng`: the ending says what it is, the name whose.
fn capture_name(number: usize, path: &str) -> String {
    let known: BTreeSet<&str> = ["pcap", "pcapng", "cap", "gz", "zst", "xz"].into();
    let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let endings: Vec<&str> = name.split('.').skip(1).filter(|ending| known.contains(ending)).collect();
    let dot = if endings.is_empty() { "" } else { "." };
    format!("capture-{number}{dot}{}", endings.join("."))
}
