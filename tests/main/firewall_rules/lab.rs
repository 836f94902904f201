//! Network namespaces of our own with a host in each, and an agent in every host.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::namespaces::{Namespaces, sh};

/// Who is in the lab.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Host {
    Gateway,
    Node,
    OtherNode,
    Bacnet,
    Outside,
    /// The switch or the router between them.
    Middle,
}

const ENDS: [Host; 5] = [Host::Gateway, Host::Node, Host::OtherNode, Host::Bacnet, Host::Outside];

impl Host {
    pub(super) const fn role(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Node | Self::OtherNode => "node",
            Self::Bacnet => "bacnet",
            Self::Outside | Self::Middle => "outside",
        }
    }

    const fn number(self) -> u8 {
        self as u8 + 1
    }
}

/// How the hosts are joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    /// All on one link, by a bridge.
    OneLink,
    /// Each on a link of its own, by a router.
    Routed,
}

pub(super) struct Lab {
    layout: Layout,
    spaces: Namespaces,
    agents: BTreeMap<Host, ChildStdin>,
    answers: Option<Receiver<String>>,
    asked: u32,
}

impl Lab {
    /// Makes the namespaces; `None`, with the reason printed, where that cannot be done here.
    pub(super) fn open(layout: Layout, needs: &[&str]) -> Option<Self> {
        let all: Vec<u8> = ENDS.into_iter().chain([Host::Middle]).map(Host::number).collect();
        let spaces = Namespaces::open("the exported rules were not tried with real traffic", needs, &all)?;
        let mut lab = Self { layout, spaces, agents: BTreeMap::new(), answers: None, asked: 0 };
        lab.join();
        lab.start();
        Some(lab)
    }

    /// IPv4 and IPv6 address of a host.
    pub(super) fn addresses(&self, host: Host) -> Vec<String> {
        let (net, number) = match self.layout {
            Layout::OneLink => (0, host.number()),
            Layout::Routed => (host.number(), 2),
        };
        match host {
            Host::Outside => vec![format!("198.51.100.{number}"), format!("2001:db8::{number}")],
            _ => vec![format!("10.77.{net}.{number}"), format!("fd77:{net}::{number}")],
        }
    }

    pub(super) fn hosts(&self) -> [Host; 5] {
        ENDS
    }

    /// The lab as an inventory.
    pub(super) fn inventory(&self) -> String {
        let list =
            |hosts: &[Host]| format!("{:?}", hosts.iter().flat_map(|host| self.addresses(*host)).collect::<Vec<_>>());
        format!(
            "gateway = {}\nnode = {}\nbacnet = {}\n",
            list(&[Host::Gateway]),
            list(&[Host::Node, Host::OtherNode]),
            list(&[Host::Bacnet])
        )
    }

    /// Runs a command line in a host, which must succeed.
    pub(super) fn must(&self, host: Host, line: &str) {
        self.spaces.must(host.number(), line);
    }

    fn join(&self) {
        let middle = self.spaces.space(Host::Middle.number());
        let ip = |line: &str| sh(&format!("ip {line}")).unwrap_or_else(|error| panic!("ip {line}: {error}"));
        let routed = self.layout == Layout::Routed;
        if routed {
            let forward = "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding";
            self.must(Host::Middle, forward);
        } else {
            ip(&format!("-n {middle} link add br0 type bridge mcast_snooping 0"));
            ip(&format!("-n {middle} link set br0 up"));
        }
        for host in ENDS {
            let number = host.number();
            let space = self.spaces.space(number);
            ip(&format!("link add eth0 netns {space} type veth peer name port{number} netns {middle}"));
            ip(&format!("-n {space} link set lo up"));
            let addresses = self.addresses(host);
            ip(&format!("-n {space} address add {}/24 brd + dev eth0", addresses[0]));
            ip(&format!("-n {space} address add {}/64 dev eth0 nodad", addresses[1]));
            if !routed {
                ip(&format!("-n {middle} link set port{number} master br0"));
            }
            ip(&format!("-n {space} link set eth0 up"));
            ip(&format!("-n {middle} link set port{number} up"));
            if routed {
                let via = |address: &str| format!("{}1", address.strip_suffix('2').unwrap_or(address));
                ip(&format!("-n {middle} address add {}/24 dev port{number}", via(&addresses[0])));
                ip(&format!("-n {middle} address add {}/64 dev port{number} nodad", via(&addresses[1])));
                ip(&format!("-n {space} route add default via {}", via(&addresses[0])));
                ip(&format!("-n {space} -6 route add default via {}", via(&addresses[1])));
            } else {
                // Those outside are on the same link here: rules of a host do not care about routers.
                ip(&format!("-n {space} route add default dev eth0"));
                ip(&format!("-n {space} -6 route add default dev eth0"));
            }
        }
    }

    /// Starts an agent in every host and waits until it listens.
    fn start(&mut self) {
        let (send, answers) = channel();
        let program = std::env::current_exe().unwrap();
        for host in ENDS {
            let mut child = self
                .spaces
                .command(host.number(), &program)
                .args(["--exact", "firewall_rules::agent::agent", "--nocapture", "--test-threads=1"])
                .env(super::agent::ADDRESSES, self.addresses(host).join(" "))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let (output, send) = (child.stdout.take().unwrap(), send.clone());
            std::thread::spawn(move || {
                // The test harness prints around the agent's own lines, even in front of one.
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if let Some((_, answer)) = line.split_once('@') {
                        let _ = send.send(answer.to_owned());
                    }
                }
            });
            self.agents.insert(host, child.stdin.take().unwrap());
            self.spaces.running.push(child);
        }
        self.answers = Some(answers);
        let ready = self.answers(ENDS.len());
        assert_eq!(ready.len(), ENDS.len(), "not every agent is ready: {ready:?}");
    }

    /// Has a host try something; the answer comes under the id.
    pub(super) fn probe(&mut self, host: Host, what: &str, arguments: &str) -> String {
        self.asked += 1;
        let id = self.asked.to_string();
        let input = self.agents.get_mut(&host).unwrap();
        writeln!(input, "{id} {what} {arguments}").unwrap();
        id
    }

    /// Waits for so many answers, by id.
    pub(super) fn answers(&mut self, count: usize) -> BTreeMap<String, String> {
        let until = Instant::now() + Duration::from_secs(60);
        let mut found = BTreeMap::new();
        let answers = self.answers.as_ref().unwrap();
        while found.len() < count {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = answers.recv_timeout(left) else { break };
            if let Some((id, answer)) = line.split_once(' ') {
                found.insert(id.to_owned(), answer.to_owned());
            }
        }
        found
    }
}
