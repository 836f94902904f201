//! Network namespaces of our own with a host in each, and an agent in every host.

use crate::skips::skipped;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

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
    name: String,
    made: Vec<String>,
    agents: BTreeMap<Host, (Child, ChildStdin)>,
    answers: Option<Receiver<String>>,
    asked: u32,
}

impl Lab {
    /// Makes the namespaces; `None`, with the reason printed, where that cannot be done here.
    pub(super) fn open(layout: Layout, needs: &[&str]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if let Err(reason) = possible(needs) {
            skipped(&format!("the exported rules were not tried with real traffic: {reason}"));
            return None;
        }
        let name = format!("igor-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut lab = Self { layout, name, made: Vec::new(), agents: BTreeMap::new(), answers: None, asked: 0 };
        for host in ENDS.into_iter().chain([Host::Middle]) {
            let space = lab.space(host);
            if let Err(reason) = try_run("ip", &["netns", "add", &space]) {
                skipped(&format!("the exported rules were not tried with real traffic: {reason}"));
                return None;
            }
            lab.made.push(space);
        }
        lab.join();
        lab.start();
        Some(lab)
    }

    fn space(&self, host: Host) -> String {
        format!("{}-{}", self.name, host.number())
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

    /// Runs a command in a host, which must succeed.
    pub(super) fn run(&self, host: Host, command: &[&str]) {
        let space = self.space(host);
        let arguments: Vec<&str> = ["netns", "exec", &space].into_iter().chain(command.iter().copied()).collect();
        try_run("ip", &arguments).unwrap_or_else(|error| panic!("{command:?}: {error}"));
    }

    fn join(&self) {
        let middle = self.space(Host::Middle);
        let ip = |arguments: &str| {
            let arguments: Vec<&str> = arguments.split_whitespace().collect();
            try_run("ip", &arguments).unwrap_or_else(|error| panic!("ip {arguments:?}: {error}"));
        };
        let routed = self.layout == Layout::Routed;
        if routed {
            let forward = "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding";
            self.run(Host::Middle, &["sh", "-c", forward]);
        } else {
            ip(&format!("-n {middle} link add br0 type bridge mcast_snooping 0"));
            ip(&format!("-n {middle} link set br0 up"));
        }
        for host in ENDS {
            let (space, number) = (self.space(host), host.number());
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
            let mut child = Command::new("ip")
                .args(["netns", "exec", &self.space(host)])
                .arg(&program)
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
            let input = child.stdin.take().unwrap();
            self.agents.insert(host, (child, input));
        }
        self.answers = Some(answers);
        let ready = self.answers(ENDS.len());
        assert_eq!(ready.len(), ENDS.len(), "not every agent is ready: {ready:?}");
    }

    /// Has a host try something; the answer comes under the id.
    pub(super) fn probe(&mut self, host: Host, what: &str, arguments: &str) -> String {
        self.asked += 1;
        let id = self.asked.to_string();
        let (_, input) = self.agents.get_mut(&host).unwrap();
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

impl Drop for Lab {
    fn drop(&mut self) {
        for (child, _) in self.agents.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for space in &self.made {
            let _ = try_run("ip", &["netns", "del", space]);
        }
    }
}

fn possible(needs: &[&str]) -> Result<(), String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|_| "this is no Linux".to_owned())?;
    let root = status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    if !root {
        return Err("network namespaces need root".to_owned());
    }
    for program in ["ip"].iter().chain(needs) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
        if !found {
            return Err(format!("{program} is not installed"));
        }
    }
    Ok(())
}

fn try_run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))),
    }
}
