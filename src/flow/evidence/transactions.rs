//! DHCP's transactions, put together from the stretches of time that they are kept by.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::lowest::Add;
use super::{DhcpExchange, Offers, SideEvidence, Window};
use crate::capture::Moment;
use crate::decode::MacAddr;

/// Nanoseconds between two messages of one transaction at most: a client waits 64 s and asks again (RFC 2131 section 4.1).
const PAUSE: i64 = 120_000_000_000;

/// One transaction of a client. Another may have the same id: some clients begin with the same each time they start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// The client's Ethernet address.
    pub client: MacAddr,
    /// Its id.
    pub xid: u32,
    /// The stretch of time that it begins in.
    begin: i64,
    /// What was said.
    pub said: DhcpExchange,
    /// What each server gave, by its identifier.
    pub given: Vec<(Ipv4Addr, Offers)>,
    /// When each server refused, by its identifier.
    pub refused: Vec<(Ipv4Addr, Window)>,
    /// Whether the client declined the address.
    pub is_declined: bool,
}

/// Whether a client that said what it did before begins anew with what it says next: long after, or with a DISCOVER though it
/// got its address.
fn begins_anew(before: &DhcpExchange, next: &DhcpExchange) -> bool {
    let pause = next.all().begin.time.raw().saturating_sub(before.all().end.raw());
    pause > PAUSE || before.acks.count > 0 && next.discovers.count > 0 && next.discovers.begin.time > before.acks.end
}

impl SideEvidence {
    /// DHCP's transactions, by client and id, as they began.
    pub fn transactions(&self) -> Vec<Transaction> {
        let mut all: Vec<Transaction> = Vec::new();
        for ((client, xid, stretch), said) in self.dhcp.iter() {
            match all.last_mut() {
                Some(last) if (last.client, last.xid) == (*client, *xid) && !begins_anew(&last.said, said) => {
                    last.said.add(said.clone());
                }
                _ => all.push(Transaction {
                    client: *client,
                    xid: *xid,
                    begin: *stretch,
                    said: said.clone(),
                    given: Vec::new(),
                    refused: Vec::new(),
                    is_declined: false,
                }),
            }
        }
        for ((client, xid, server, stretch), offers) in self.link.offers() {
            let Some(transaction) = within(&mut all, (*client, *xid, *stretch)) else { continue };
            match transaction.given.last_mut() {
                Some((held, sum)) if held == server => sum.add(offers.clone()),
                _ => transaction.given.push((*server, offers.clone())),
            }
        }
        let mut unknown = Vec::new();
        for ((client, xid, server, stretch), refusals) in self.refusals() {
            if refusals.naks.count > 0
                && let Some(transaction) = within(&mut all, (*client, *xid, *stretch))
            {
                transaction.refused.push((*server, refusals.naks));
            }
            let Some(declined) = refusals.declined.as_ref() else { continue };
            match within(&mut all, (*client, *xid, *stretch)) {
                Some(transaction) => transaction.is_declined = true,
                None => unknown.push((*client, declined.what, declined.at)),
            }
        }
        if !unknown.is_empty() {
            decline_leases(&mut all, &unknown);
        }
        all
    }
}

/// A DECLINE may have an id of its own (RFC 2131 section 4.4.1): it is of the last transaction in which the client was given the
/// address before.
fn decline_leases(all: &mut [Transaction], declines: &[(MacAddr, Ipv4Addr, Moment)]) {
    let given = |(place, one): (usize, &Transaction)| {
        one.said.leased.as_ref().map(|leased| ((one.client, leased.what, leased.at), place))
    };
    let leases: BTreeMap<(MacAddr, Ipv4Addr, Moment), usize> = all.iter().enumerate().filter_map(given).collect();
    for decline @ (client, address, _) in declines {
        let before = leases.range(..decline).next_back().filter(|((of, what, _), _)| (of, what) == (client, address));
        if let Some(transaction) = before.and_then(|(_, place)| all.get_mut(*place)) {
            transaction.is_declined = true;
        }
    }
}

/// The transaction that something of a stretch is of.
fn within(all: &mut [Transaction], (client, xid, stretch): (MacAddr, u32, i64)) -> Option<&mut Transaction> {
    let after = all.partition_point(|one| (one.client, one.xid, one.begin) <= (client, xid, stretch));
    all.get_mut(after.checked_sub(1)?).filter(|one| (one.client, one.xid) == (client, xid))
}
