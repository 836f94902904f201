//! What the vendor's document lets pass: from the fixture, cell by cell, not from the policy.

use std::collections::BTreeSet;

/// Ports that no document lists.
const UNDOCUMENTED: [u16; 6] = [22, 53, 8080, 50194, 50200, 47809];

pub(super) struct Facts {
    /// Document, direction, transport, port.
    cells: BTreeSet<(String, String, String, u16)>,
}

impl Facts {
    pub(super) fn read() -> Self {
        let text = include_str!("../../fixtures/vendor_document.csv");
        let cells = text.lines().skip(1).map(|line| {
            let cell: Vec<&str> = line.split(',').collect();
            (cell[0].to_owned(), cell[4].to_owned(), cell[5].to_owned(), cell[6].parse().unwrap())
        });
        Self { cells: cells.collect() }
    }

    fn lists(&self, document: &str, direction: &str, transport: &str, port: u16) -> bool {
        self.cells.contains(&(document.to_owned(), direction.to_owned(), transport.to_owned(), port))
    }

    /// Every port to try, by both transports.
    pub(super) fn ports(&self) -> Vec<(&'static str, u16)> {
        let documented: BTreeSet<u16> = self.cells.iter().map(|cell| cell.3).collect();
        let all: Vec<u16> = documented.into_iter().chain(UNDOCUMENTED).collect();
        ["tcp", "udp"].into_iter().flat_map(|transport| all.iter().map(move |port| (transport, *port))).collect()
    }

    /// Whether a client's role may use a port of a server's role.
    pub(super) fn pass(&self, client: &str, server: &str, transport: &str, port: u16) -> bool {
        match (client, server) {
            ("gateway", "node") | ("node", "gateway") => {
                self.lists(client, "outgoing", transport, port) && self.lists(server, "incoming", transport, port)
            }
            ("bacnet", "gateway") => self.lists("bacnet", "incoming", transport, port),
            // In no node's list, so it means any peer that is not a node.
            ("gateway", "bacnet" | "outside") if (transport, port) == ("tcp", 443) => {
                self.lists("gateway", "outgoing", transport, port)
            }
            ("gateway", "bacnet") => self.lists("bacnet", "outgoing", transport, port),
            _ => false,
        }
    }
}
