//! Firewall rules and profiles as the registry holds them: `[MS-FASP]` section 2.2 and `[MS-GPFAS]` section 2.2.2.19,
//! printed by `reg query` or written by `reg export`.

use std::ops::RangeInclusive;

use crate::policy::Direction;
use crate::protocol::Transport;

/// Ports from 1 to the last: a rule for all of them is for any.
const ANY: usize = 65_535;

/// Fields of a rule that narrow nothing: what it is called and where that is kept, and how answers are let through (\[MS-FASP\]
/// section 2.2.37).
const HARMLESS: [&str; 9] = ["Desc", "EmbedCtxt", "Edge", "Defer", "App", "Svc", "LSM", "TTK", "TTK2_22"];

/// A rule that is switched on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FirewallRule {
    /// Its name, or where that is kept in a DLL's resources, the number there.
    pub name: String,
    /// Whether it lets through; else it blocks.
    pub allows: bool,
    /// Which way, seen from the machine.
    pub direction: Direction,
    /// IP's number; `None` is any.
    pub protocol: Option<u8>,
    /// Ports of the machine's own end; empty is any.
    pub local: Vec<RangeInclusive<u16>>,
    /// Ports of the other end; empty is any.
    pub remote: Vec<RangeInclusive<u16>>,
    /// The program or service that it is for; `None` is every one.
    pub program: Option<String>,
    /// Whether it holds for some addresses only, at either end.
    pub is_for_addresses: bool,
    /// Whether anything else narrows it: a store app, a user, an interface, IPsec, or a condition that is not known here.
    pub is_narrow: bool,
    /// Profiles that it holds in; empty is all.
    pub profiles: Vec<String>,
    /// Whether a group policy brought it.
    pub is_policy: bool,
}

impl FirewallRule {
    /// Whether it speaks of a port of this transport at the server's end.
    pub fn covers(&self, transport: Transport, port: u16) -> bool {
        let ports = self.server_ports();
        self.protocol.is_none_or(|number| number == transport.number())
            && (ports.is_empty() || ports.iter().any(|range| range.contains(&port)))
    }

    /// Whether it holds for everything that comes to the ports that it speaks of: the other end's port is the client's, which is
    /// any, and nothing else narrows it.
    pub fn is_whole(&self) -> bool {
        let clients = if self.direction == Direction::Incoming { &self.remote } else { &self.local };
        !self.is_narrow
            && clients.iter().map(|range| usize::from(range.end().saturating_sub(*range.start())) + 1).sum::<usize>()
                % ANY
                == 0
    }

    /// Whether it is for the program of this name or path, by the last part of both.
    pub fn program_is(&self, process: &str) -> bool {
        let name = |path: &str| path.rsplit('\\').next().unwrap_or_default().to_lowercase();
        self.program.as_deref().is_some_and(|program| name(program) == name(process))
    }

    /// Ports of the server: the machine's own for what comes in, the other's for what goes out.
    pub fn server_ports(&self) -> &[RangeInclusive<u16>] {
        if self.direction == Direction::Incoming { &self.local } else { &self.remote }
    }
}

/// A profile of the firewall.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// `Domain`, `Private` or `Public`.
    pub name: String,
    /// Whether the firewall is on.
    pub is_on: bool,
    /// Whether what no rule names may come in.
    pub lets_in: bool,
    /// Whether what no rule names may go out.
    pub lets_out: bool,
    /// Whether a group policy says so.
    pub is_policy: bool,
}

/// What a text held.
#[derive(Default, Debug)]
pub(super) struct Read {
    pub(super) rules: Vec<FirewallRule>,
    pub(super) profiles: Vec<Profile>,
    /// Rules whose form is not known.
    pub(super) unread: usize,
}

pub(super) fn read(text: &str, is_policy: bool) -> Read {
    let mut read = Read::default();
    let mut profile: Option<usize> = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some(key) = key(line) {
            profile = profile_name(key).map(|name| {
                let (name, is_on) = (name.to_owned(), true);
                read.profiles.push(Profile { name, is_on, lets_in: false, lets_out: true, is_policy });
                read.profiles.len() - 1
            });
        } else if let Some(text) = rule_text(line) {
            match rule(text, is_policy) {
                Some(Some(rule)) => read.rules.push(rule),
                Some(None) => {}
                None => read.unread += 1,
            }
        } else if let (Some((name, number)), Some(profile)) =
            (number(line), profile.and_then(|at| read.profiles.get_mut(at)))
        {
            match name {
                "EnableFirewall" => profile.is_on = number != 0,
                "DefaultInboundAction" => profile.lets_in = number == 0,
                "DefaultOutboundAction" => profile.lets_out = number == 0,
                _ => {}
            }
        }
    }
    read
}

/// `HKEY_LOCAL_MACHINE\...` of `reg query`, `[HKEY_LOCAL_MACHINE\...]` of a file.
fn key(line: &str) -> Option<&str> {
    let line = line.trim_start_matches('[').trim_end_matches(']');
    line.starts_with("HKEY_").then_some(line)
}

fn profile_name(key: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 4] = [
        ("DomainProfile", "Domain"),
        ("StandardProfile", "Private"),
        ("PrivateProfile", "Private"),
        ("PublicProfile", "Public"),
    ];
    let last = key.rsplit('\\').next()?;
    // Profiles that Windows came with stand beside those in force.
    if key.contains("\\Defaults\\") {
        return None;
    }
    NAMES.iter().find(|(of, _)| *of == last).map(|(_, name)| *name)
}

/// The value of a rule: it begins with the version of its form, `v2.30|`.
fn rule_text(line: &str) -> Option<&str> {
    let action = line.find("|Action=")?;
    let begin = line.get(..action)?.rfind('v')?;
    Some(line.get(begin..)?.trim_end_matches('"'))
}

/// `EnableFirewall    REG_DWORD    0x1`, or `"EnableFirewall"=dword:00000001`.
fn number(line: &str) -> Option<(&str, u32)> {
    if let Some((name, value)) = line.split_once("\"=dword:") {
        return Some((name.trim_start_matches('"'), u32::from_str_radix(value, 16).ok()?));
    }
    let (name, value) = line.split_once("REG_DWORD")?;
    Some((name.trim(), u32::from_str_radix(value.trim().strip_prefix("0x")?, 16).ok()?))
}

/// `None` if the form is not known, `Some(None)` if the rule is switched off or of no interest.
fn rule(text: &str, is_policy: bool) -> Option<Option<FirewallRule>> {
    let mut rule = FirewallRule {
        name: String::new(),
        allows: false,
        direction: Direction::Incoming,
        protocol: None,
        local: Vec::new(),
        remote: Vec::new(),
        program: None,
        is_for_addresses: false,
        is_narrow: false,
        profiles: Vec::new(),
        is_policy,
    };
    let (mut is_active, mut has_direction) = (false, false);
    // Ports by a word (RPC, Teredo, IPHTTPS, ...) are taken by Windows itself, not by number.
    let (mut local_words, mut remote_words) = (false, false);
    let mut fields = text.split('|');
    let version = fields.next()?.strip_prefix('v')?;
    version.split_once('.').filter(|(major, _)| *major == "2")?;
    for field in fields.filter(|field| !field.is_empty()) {
        let Some((name, value)) = field.split_once('=') else {
            rule.is_narrow = true;
            continue;
        };
        match name {
            "Action" => {
                rule.allows = match value {
                    "Allow" | "ByPass" | "Bypass" => true,
                    "Block" => false,
                    _ => return None,
                }
            }
            "Active" => is_active = value.eq_ignore_ascii_case("TRUE"),
            "Dir" => {
                has_direction = true;
                rule.direction =
                    if value.eq_ignore_ascii_case("Out") { Direction::Outgoing } else { Direction::Incoming };
            }
            "Protocol" => rule.protocol = if value == "256" { None } else { Some(value.parse().ok()?) },
            "LPort" | "LPort2_10" => local_words |= !add(&mut rule.local, value),
            "RPort" | "RPort2_10" => remote_words |= !add(&mut rule.remote, value),
            "App" | "Svc" if value != "System" && value != "*" => {
                rule.program = Some(rule.program.take().map_or(value.to_owned(), |app| format!("{app} ({value})")));
            }
            "Profile" => rule.profiles.push(value.to_owned()),
            "Name" => rule.name = value.to_owned(),
            _ if ["LA4", "RA4", "LA6", "RA6", "LA42", "RA42", "LA62", "RA62"].contains(&name) => {
                rule.is_for_addresses = true;
            }
            _ => rule.is_narrow |= !HARMLESS.contains(&name),
        }
    }
    let has_no_number = (local_words && rule.local.is_empty()) || (remote_words && rule.remote.is_empty());
    Some((is_active && has_direction && !has_no_number).then_some(rule))
}

/// `80`, `5000-5010`, or several of them with commas. Whether they are numbers.
fn add(ports: &mut Vec<RangeInclusive<u16>>, value: &str) -> bool {
    value.split(',').all(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = first.trim().parse().ok().zip(last.trim().parse().ok());
        range.map(|(first, last)| ports.push(first..=last)).is_some()
    })
}
