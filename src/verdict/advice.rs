//! What to do about a finding, by what it is and who is concerned: the first row that holds.

use crate::policy::{Reason, Role};

/// One row; an empty list holds for everything.
struct Row {
    reasons: &'static [Reason],
    /// The client's and the server's role, in either order if `either`.
    roles: Option<(Option<Role>, Option<Role>)>,
    either: bool,
    ports: &'static [u16],
    advice: &'static str,
}

const fn between(a: Role, b: Role) -> Row {
    Row { reasons: &[], roles: Some((Some(a), Some(b))), either: true, ports: &[], advice: "" }
}

const fn from_to(a: Option<Role>, b: Option<Role>) -> Row {
    Row { reasons: &[], roles: Some((a, b)), either: false, ports: &[], advice: "" }
}

const ROWS: &[Row] = &[
    Row {
        reasons: &[Reason::WrongProtocol],
        roles: None,
        either: true,
        ports: &[],
        advice: "Find the program that uses this port: stop it or move it, because the documented service cannot run \
                 beside it. If the host is no Igor device, correct the inventory.",
    },
    Row {
        reasons: &[Reason::RequestNotCaptured],
        roles: None,
        either: true,
        ports: &[],
        advice: "Set the mirror to both directions (\"both\", or rx and tx) and capture again: only then can it be told \
                 whether this belongs to a documented transfer.",
    },
    Row {
        ports: &[53, 123],
        advice: "Give the nodes a DNS and time server on site (usually by DHCP), or allow this one in the site's policy \
                 file.",
        ..from_to(Some(Role::Node), Some(Role::External))
    },
    Row {
        advice: "Nodes need nothing outside the site. Find out what the node looks for, and block it at the firewall \
                 until that is clear. If the address is the site's own, name it with --site.",
        ..from_to(Some(Role::Node), Some(Role::External))
    },
    Row {
        advice: "Close this at the firewall: neither nodes nor the gateway are to be reached from outside. If the \
                 address is the site's own, name it with --site.",
        ..from_to(Some(Role::External), None)
    },
    Row {
        advice: "The vendor lists no such use between gateway and node. Ask the vendor which product needs it (a newer \
                 version may); until that is answered, do not open a firewall for it.",
        ..between(Role::Gateway, Role::Node)
    },
    Row {
        advice: "Nodes are to speak to the gateway, not to each other. Check that both are nodes, then what they \
                 exchange; a node that searches the network deserves a look.",
        ..between(Role::Node, Role::Node)
    },
    Row {
        advice: "Only the gateway is to speak with nodes. Find out whose machine this is; if it is a commissioning or \
                 maintenance tool, write an [[allowance]] for it.",
        ..between(Role::Node, Role::Host)
    },
    Row {
        advice: "BACnet systems are to speak with the gateway, which speaks for the nodes. Point the BACnet system to \
                 the gateway.",
        ..between(Role::Node, Role::Bacnet)
    },
    Row {
        reasons: &[Reason::WrongDirection],
        ports: &[80],
        advice: "The vendor's table can be read both ways here. Ask the vendor whether the BACnet system is to open \
                 this port on the gateway before a firewall is opened for it.",
        ..from_to(Some(Role::Bacnet), Some(Role::Gateway))
    },
    Row {
        advice: "Find out which service of the node announces itself this way, and ask the vendor.",
        ..from_to(Some(Role::Node), Some(Role::Group))
    },
    Row {
        advice: "A Windows machine announces more than the vendor lists. Switch the service off on the gateway if \
                 nobody needs it, or write an [[allowance]] for it.",
        ..from_to(Some(Role::Gateway), Some(Role::Group))
    },
    Row {
        reasons: &[Reason::UndocumentedPeer],
        advice: "The port is one of the gateway's own. If this is an operator's or administrator's machine, write an \
                 [[allowance]] for it; if not, find out who it is.",
        ..from_to(None, Some(Role::Gateway))
    },
    Row {
        reasons: &[Reason::UndocumentedPeer],
        advice: "The port is one that the gateway uses towards others. Find out what it wants from this host, and \
                 write an [[allowance]] if it is meant.",
        ..from_to(Some(Role::Gateway), None)
    },
    Row {
        advice: "The gateway is a Windows machine, and more than the vendor's services may answer on it. Close the port \
                 on the gateway's firewall, or write an [[allowance]] for who needs it (remote desktop, file sharing, \
                 monitoring).",
        ..from_to(None, Some(Role::Gateway))
    },
    Row {
        advice: "Find the program on the gateway that connects there (updates, monitoring, backup), and write an \
                 [[allowance]] if it is meant.",
        ..from_to(Some(Role::Gateway), None)
    },
    Row {
        advice: "Not a matter of the vendor's document. Find out whether the BACnet system is meant to do this, and \
                 write an [[allowance]] if so.",
        ..from_to(None, None)
    },
];

/// What to do about unexpected flows.
pub(super) fn unexpected(reason: Reason, client: Role, server: Role, port: u16) -> &'static str {
    ROWS.iter().find(|row| row.holds(reason, client, server, port)).map_or("", |row| row.advice)
}

impl Row {
    fn holds(&self, reason: Reason, client: Role, server: Role, port: u16) -> bool {
        let roles = |a: Role, b: Role| {
            self.roles.is_none_or(|(c, s)| c.is_none_or(|role| role == a) && s.is_none_or(|role| role == b))
        };
        (self.reasons.is_empty() || self.reasons.contains(&reason))
            && (self.ports.is_empty() || self.ports.contains(&port))
            && (roles(client, server) || self.either && roles(server, client))
    }
}
