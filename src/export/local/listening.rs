//! What listens, as `netstat -ano` prints it, with the names of processes by `tasklist /fo csv /nh`.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};

use crate::protocol::Transport;

/// A port that others can reach, but for the firewall.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listening {
    /// TCP or UDP.
    pub transport: Transport,
    /// Its number.
    pub port: u16,
    /// The program, by name or else by number.
    pub process: String,
}

/// Each port once a process, whatever the addresses. Words are of the system's language, and none is read.
pub(super) fn read(netstat: &str, tasklist: &str) -> Vec<Listening> {
    let names: HashMap<&str, &str> = tasklist.lines().filter_map(process).collect();
    let found: BTreeSet<Listening> = netstat.lines().filter_map(|line| listening(line, &names)).collect();
    found.into_iter().collect()
}

/// `"svchost.exe","1044","Services","0","14.312 K"`: number and name.
fn process(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.trim().strip_prefix('"')?.split("\",\"");
    let name = fields.next()?;
    Some((fields.next()?, name))
}

fn listening(line: &str, names: &HashMap<&str, &str>) -> Option<Listening> {
    let mut words = line.split_whitespace();
    let (kind, local, remote) = (words.next()?, words.next()?, words.next()?);
    let (transport, waits) = match kind {
        "TCP" => (Transport::Tcp, ["0.0.0.0:0", "[::]:0"].contains(&remote)),
        "UDP" => (Transport::Udp, remote == "*:*"),
        _ => return None,
    };
    let (address, port) = local.rsplit_once(':')?;
    let address = address.trim_matches(['[', ']']).split('%').next()?;
    let address: IpAddr = address.parse().ok()?;
    let is_own = address.is_loopback() || address == IpAddr::V6(Ipv6Addr::LOCALHOST);
    if !waits || is_own {
        return None;
    }
    let number = words.last().unwrap_or_default();
    let process = names.get(number).map_or_else(|| format!("process {number}"), |name| (*name).to_owned());
    Some(Listening { transport, port: port.parse().ok()?, process })
}
