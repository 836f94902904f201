//! iptables and ip6tables: one shell script that hands both families to `iptables-restore`.
//!
//! iptables knows no sets, so every pair of ends gets a chain of its own, and one jump a member.

use std::fmt::Write as _;

use ipnet::IpNet;

use super::format::{MANY, Written, commented, header};
use super::hosts::{Family, Hosts, plain};
use super::rules::{Helper, Rule, RuleList};
use super::{Base, End, HostSet, RuleDirection, Side, text};
use crate::policy::PortSet;
use crate::protocol::Transport;

/// Longest comment that the comment match keeps is 255 bytes.
const COMMENT: usize = 200;

pub(super) fn write(list: &RuleList) -> Written {
    let losses = losses(list);
    let tables: Vec<ChainTable<'_>> = Family::ALL.map(|family| ChainTable::new(list, family, false)).into();
    let limits = limits(tables.iter().map(ChainTable::len).sum());
    let mut lines = header(list, &losses, &limits);
    lines.push("Load as root: sh FILE --test (checks only), then sh FILE; loading it again replaces it".to_owned());
    if list.log_only {
        let flush = |command| {
            let flush = bases(list, false).into_iter().map(move |(_, chain)| format!("{command} -t mangle -F {chain}"));
            flush.collect::<Vec<_>>().join("; ")
        };
        lines.push(format!("Stop logging: {}; {}", flush("iptables"), flush("ip6tables")));
    }
    let mut out = format!("#!/bin/sh\n{}set -euf\n\n", commented("#", &lines));
    for set in list.used_sets() {
        for family in Family::ALL {
            variable(&mut out, set, family, &list.hosts);
        }
    }
    out.push_str("# One line for each member of a list.\n");
    out.push_str("each() { for member in $2; do echo \"$1 $member $3\"; done; }\n");
    for (family, table) in Family::ALL.into_iter().zip(tables) {
        let (command, restore) = commands(family);
        let _ = writeln!(out, "\n# IPv{}\n{{", family.digit());
        if list.needs_tftp() {
            ChainTable::new(list, family, true).print(&mut out);
        }
        table.print(&mut out);
        let _ = writeln!(out, "}} | {restore} -w --noflush \"$@\"");
        hooks(&mut out, command, list);
    }
    Written { text: out, losses, limits }
}

fn limits(rules: usize) -> Vec<String> {
    let many = (rules > MANY).then(|| {
        format!("{rules} rules once the lists are written out, which are tried one after the other; nftables keeps lists as sets")
    });
    many.into_iter().collect()
}

fn losses(list: &RuleList) -> Vec<String> {
    let recent = "iptables remembers who asked a group (match recent), but not from which port: for some seconds answers may go to \
                  any port from 1024 on; nftables tells the port, too";
    list.has_discovery().then(|| recent.to_owned()).into_iter().chain(list.multicast_loss()).collect()
}

/// What becomes of packets that no rule lets through.
const fn refusal(list: &RuleList) -> &'static str {
    if list.log_only { WOULD_DROP } else { "DROP" }
}

const WOULD_DROP: &str = "igor-would-drop";

/// Rules that only log stand in a table where accepting decides nothing.
const fn table_name(list: &RuleList, raw: bool) -> &'static str {
    match (raw, list.log_only) {
        (true, _) => "raw",
        (false, true) => "mangle",
        (false, false) => "filter",
    }
}

const fn commands(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::V4 => ("iptables", "iptables-restore"),
        Family::V6 => ("ip6tables", "ip6tables-restore"),
    }
}

fn variable_name(set: HostSet, family: Family) -> String {
    format!("{}{}", set.name().to_uppercase(), family.digit())
}

fn variable(out: &mut String, set: HostSet, family: Family, hosts: &Hosts) {
    let name = variable_name(set, family);
    if hosts.is_placeholder(set) {
        let _ = writeln!(
            out,
            "# Fill in the IPv{} addresses and blocks of the {}, separated by blanks.",
            family.digit(),
            set.words()
        );
        let _ = writeln!(out, "{name}=${{{name}:-}}\n");
        return;
    }
    for member in hosts.of_family(set, family) {
        if let Some(member_name) = &member.name {
            let _ = writeln!(out, "# {member}: {}", text::line(member_name, 200));
        }
    }
    let blocks: Vec<String> = hosts.of_family(set, family).flat_map(|member| member.blocks()).map(plain).collect();
    match blocks.as_slice() {
        [] => {
            let _ = writeln!(out, "{name}=''\n");
        }
        blocks => {
            let _ = writeln!(out, "{name}='\n{}\n'\n", blocks.join("\n"));
        }
    }
}

/// What one chain does for one pair of ends.
struct ChainRules<'a> {
    way: RuleDirection,
    from: &'a End,
    to: &'a End,
    rules: Vec<String>,
}

fn pairs(list: &RuleList, family: Family, raw: bool) -> Vec<ChainRules<'_>> {
    let mut pairs: Vec<ChainRules<'_>> = Vec::new();
    let mut add = |way, from, to, rules: Vec<String>| match pairs
        .iter_mut()
        .find(|pair| (pair.way, pair.from, pair.to) == (way, from, to))
    {
        Some(pair) => {
            pair.rules.extend(rules.into_iter().filter(|rule| !pair.rules.contains(rule)).collect::<Vec<_>>())
        }
        None => pairs.push(ChainRules { way, from, to, rules }),
    };
    if raw {
        for rule in list.rules.iter().filter(|rule| rule.helper == Some(Helper::Tftp)) {
            let rules = matches(rule).into_iter().map(|matched| format!("{matched} -j CT --helper tftp"));
            add(rule.way, &rule.from, &rule.to, rules.collect());
        }
        return pairs;
    }
    for rule in &list.rules {
        let Some(Helper::Discovery { protocol, answerers, seconds }) = &rule.helper else { continue };
        for answerer in answerers {
            let line = format!(
                "-p udp --dport 1024:65535 -m recent --name igor-{protocol}{} --rcheck --seconds {seconds} --rdest \
                 -m comment --comment \"answers to {protocol} requests to a group\" -j ACCEPT",
                family.digit()
            );
            add(rule.way.back(), answerer, &rule.from, vec![line]);
        }
    }
    for rule in list.rules.iter().filter(|rule| rule.fits(family)) {
        let remember = match &rule.helper {
            Some(Helper::Discovery { protocol, .. }) => {
                format!(" -m recent --name igor-{protocol}{} --set --rsource", family.digit())
            }
            _ => String::new(),
        };
        let comment = text::quoted(&rule.citation, COMMENT);
        let rules = matches(rule).into_iter().map(|matched| {
            let line = format!("{matched}{remember} -m comment --comment \"{comment}\" -j ACCEPT");
            line.trim_start().to_owned()
        });
        add(rule.way, &rule.from, &rule.to, rules.collect());
    }
    // What notices a request to a group stands before wider rules that would let it through unnoticed.
    pairs.sort_by_key(|pair| !matches!(pair.to.base, Base::Group(_)));
    pairs
}

/// Transport and ports, one line for each range.
fn matches(rule: &Rule) -> Vec<String> {
    let Some(transport) = rule.transport else { return vec![String::new()] };
    let each = |flag: &str, set: &PortSet| -> Vec<String> {
        if set.0.is_empty() {
            return vec![String::new()];
        }
        set.words(':').iter().map(|ports| format!(" {flag} {ports}")).collect()
    };
    // ICMP types are matched one by one.
    let types = |flag: &str| -> Vec<String> {
        let singles = rule.types.0.iter().flat_map(|range| range.clone()).map(|kind| kind..=kind);
        each(flag, &PortSet(singles.collect()))
    };
    let protocol = format!(
        "-p {}",
        match transport {
            Transport::Icmpv6 => "ipv6-icmp".to_owned(),
            other => other.to_string(),
        }
    );
    let tails: Vec<String> = match transport {
        Transport::Icmp => types("--icmp-type"),
        Transport::Icmpv6 => types("--icmpv6-type"),
        Transport::Other(_) => vec![String::new()],
        Transport::Tcp | Transport::Udp => {
            let (client, server) = (each("--sport", &rule.client_ports), each("--dport", &rule.ports));
            client.iter().flat_map(|client| server.iter().map(move |server| format!("{client}{server}"))).collect()
        }
    };
    tails.into_iter().map(|tail| format!("{protocol}{tail}")).collect()
}

const fn base_chain(way: RuleDirection, raw: bool) -> &'static str {
    match (way, raw) {
        (RuleDirection::In, false) => "igor-in",
        (RuleDirection::Out, false) => "igor-out",
        (RuleDirection::Through, false) => "igor-judge",
        (RuleDirection::Out, true) => "igor-help-out",
        (_, true) => "igor-help-in",
    }
}

/// The base chains of a table, and the built-in chains that call them.
fn bases(list: &RuleList, raw: bool) -> Vec<(&'static str, &'static str)> {
    match (list.side, raw) {
        (Side::Firewall, false) => vec![("FORWARD", "igor-fwd")],
        (Side::Firewall, true) => vec![("PREROUTING", "igor-help-in")],
        (_, false) => vec![("INPUT", "igor-in"), ("OUTPUT", "igor-out")],
        (_, true) => vec![("PREROUTING", "igor-help-in"), ("OUTPUT", "igor-help-out")],
    }
}

/// A line for the restore command.
enum Line {
    /// As it stands.
    Plain(String),
    /// Once for each member of a set.
    Each { before: String, set: HostSet, after: String },
}

/// How an end is matched: each way by a line of its own.
enum Match {
    All,
    By(String),
    Set(HostSet),
}

/// One table of one family.
struct ChainTable<'a> {
    list: &'a RuleList,
    family: Family,
    raw: bool,
    chains: Vec<String>,
    lines: Vec<Line>,
}

impl<'a> ChainTable<'a> {
    fn new(list: &'a RuleList, family: Family, raw: bool) -> Self {
        let chains = bases(list, raw).iter().map(|(_, chain)| (*chain).to_owned()).collect();
        let mut table = Self { list, family, raw, chains, lines: Vec::new() };
        if !raw {
            table.open();
        }
        for (nth, pair) in pairs(list, family, raw).iter().enumerate() {
            table.pair(nth + 1, pair);
        }
        if !raw {
            let judges: &[&str] = if list.side == Side::Firewall { &["igor-judge"] } else { &["igor-in", "igor-out"] };
            judges.iter().for_each(|chain| table.plain(format!("-A {chain} -j {}", refusal(list))));
        }
        table
    }

    /// Rules once its lists are written out.
    fn len(&self) -> usize {
        let rules = |line: &Line| match line {
            Line::Plain(_) => 1,
            Line::Each { set, .. } => self.list.hosts.of_family(*set, self.family).count(),
        };
        self.lines.iter().map(rules).sum()
    }

    fn plain(&mut self, line: String) {
        self.lines.push(Line::Plain(line));
    }

    fn each(&mut self, before: String, set: HostSet, after: String) {
        self.lines.push(Line::Each { before, set, after });
    }

    /// What holds before any rule: whom a firewall judges, loopback, known connections.
    fn open(&mut self) {
        if self.list.log_only {
            self.chains.push(WOULD_DROP.to_owned());
            self.plain(format!(
                "-A {WOULD_DROP} -m limit --limit 10/second --limit-burst 20 -j LOG --log-prefix \"igor would drop: \""
            ));
            self.plain(format!("-A {WOULD_DROP} -j ACCEPT"));
        }
        let mut judges = vec![("igor-in", Some("-i lo")), ("igor-out", Some("-o lo"))];
        if self.list.side == Side::Firewall {
            judges = vec![("igor-judge", None)];
            self.chains.push("igor-judge".to_owned());
            for set in &self.list.guarded {
                for flag in ["-s", "-d"] {
                    self.each(format!("-A igor-fwd {flag}"), *set, "-j igor-judge".to_owned());
                }
            }
        }
        for (chain, loopback) in judges {
            if let Some(loopback) = loopback {
                self.plain(format!("-A {chain} {loopback} -j ACCEPT"));
            }
            self.plain(format!("-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"));
            self.plain(format!("-A {chain} -m conntrack --ctstate INVALID -j {}", refusal(self.list)));
        }
    }

    fn pair(&mut self, number: usize, pair: &ChainRules<'_>) {
        let (froms, tos) = (self.ends("-s", pair.from), self.ends("-d", pair.to));
        if froms.is_empty() || tos.is_empty() {
            return;
        }
        let base = base_chain(pair.way, self.raw);
        let chain = format!("{base}-{number}");
        self.plain(format!("# {} to {}", pair.from.words(), pair.to.words()));
        self.jump(base, "-s", froms, &chain);
        for (flag, end) in [("-s", pair.from), ("-d", pair.to)] {
            for set in &end.except {
                self.each(format!("-A {chain} {flag}"), *set, "-j RETURN".to_owned());
            }
        }
        let last = match tos.as_slice() {
            [Match::All] => chain,
            _ => {
                let last = format!("{chain}t");
                self.jump(&chain, "-d", tos, &last);
                last
            }
        };
        if !self.chains.contains(&last) {
            self.chains.push(last.clone());
        }
        for rule in &pair.rules {
            self.plain(format!("-A {last} {rule}"));
        }
    }

    fn jump(&mut self, from: &str, flag: &str, matches: Vec<Match>, to: &str) {
        for matched in matches {
            match matched {
                Match::All => self.plain(format!("-A {from} -j {to}")),
                Match::By(text) => self.plain(format!("-A {from} {text} -j {to}")),
                Match::Set(set) => self.each(format!("-A {from} {flag}"), set, format!("-j {to}")),
            }
        }
        self.chains.push(to.to_owned());
    }

    /// The ways to match an end; none where nobody of the family is there.
    fn ends(&self, flag: &str, end: &End) -> Vec<Match> {
        match &end.base {
            Base::Any | Base::ThisHost => vec![Match::All],
            Base::Set(set) if self.list.hosts.may_match(*set, self.family) => vec![Match::Set(*set)],
            Base::Set(_) => Vec::new(),
            Base::Blocks(blocks) => self.blocks(flag, blocks.iter().copied()),
            Base::Group(groups) => {
                let mut ways = self.blocks(flag, groups.blocks());
                if groups.broadcast && self.family == Family::V4 {
                    let which = if flag == "-s" { "src" } else { "dst" };
                    ways.push(Match::By(format!("-m addrtype --{which}-type BROADCAST")));
                }
                ways
            }
        }
    }

    fn blocks(&self, flag: &str, blocks: impl Iterator<Item = IpNet>) -> Vec<Match> {
        let own = blocks.filter(|block| self.family.holds(block.addr()));
        own.map(|block| Match::By(format!("{flag} {}", plain(block)))).collect()
    }

    /// As shell commands that print it.
    fn print(&self, out: &mut String) {
        let name = table_name(self.list, self.raw);
        let declared = self.chains.iter().map(|chain| format!(":{chain} - [0:0]\n")).collect::<String>();
        let mut open = false;
        let mut text = |out: &mut String, line: Option<&str>| match (line, open) {
            (Some(line), true) => {
                let _ = writeln!(out, "{line}");
            }
            (Some(line), false) => {
                let _ = writeln!(out, "cat <<'RULES'\n{line}");
                open = true;
            }
            (None, true) => {
                out.push_str("RULES\n");
                open = false;
            }
            (None, false) => {}
        };
        text(out, Some(&format!("*{name}\n{}", declared.trim_end())));
        for line in &self.lines {
            match line {
                Line::Plain(line) => text(out, Some(line)),
                Line::Each { before, set, after } => {
                    text(out, None);
                    let _ = writeln!(out, "each '{before}' \"${}\" '{after}'", variable_name(*set, self.family));
                }
            }
        }
        text(out, Some("COMMIT"));
        text(out, None);
    }
}

/// Calls the chains from the built-in ones, once.
fn hooks(out: &mut String, command: &str, list: &RuleList) {
    for raw in [true, false].into_iter().filter(|raw| !raw || list.needs_tftp()) {
        let table = table_name(list, raw);
        for (built_in, chain) in bases(list, raw) {
            let _ = writeln!(
                out,
                "[ \"${{1:-}}\" = --test ] || {command} -w -t {table} -C {built_in} -j {chain} 2>/dev/null || \
                 {command} -w -t {table} -I {built_in} -j {chain}"
            );
        }
    }
}
