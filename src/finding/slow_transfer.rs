//! `slow-transfer`: files that crept over TFTP, and who held them up.

use std::net::IpAddr;

use super::devices::{Device, Trouble, grouped};
use super::phrases::frame;
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::capture::Timestamp;
use crate::flow::FlowView;
use crate::health::{Measure, Pair};
use crate::policy::FindingKind;
use crate::relation::LinkKind;
use crate::text::{duration, visible};
use crate::verdict::Observations;

/// One transfer; times in nanoseconds.
#[derive(Clone, Debug)]
struct Transfer {
    sender: (IpAddr, u16),
    receiver: (IpAddr, u16),
    file: Option<String>,
    /// What the sender sent, headers and repetitions with it.
    bytes: u64,
    first: Timestamp,
    last: Timestamp,
    /// For how long it went on.
    nanos: u64,
    blocks: u64,
    repeated: u64,
    /// From a block to its acknowledgement on average, and from that to the next block mostly.
    receiving: u64,
    sending: u64,
    held: Held,
    at: Cited,
}

/// Who held a transfer up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    Path,
    Receiver,
    Sender,
    /// Several transfers used the same ports: what was measured is of all of them.
    Unknown,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    if !seen.health.pairs.keys().any(|pair| pair.measure == Measure::Tftp) {
        return Vec::new();
    }
    let links = (0..).zip(&seen.relations.links).filter_map(|(at, link)| Some((at, (*link)?)));
    let own_ports = links.filter(|(_, link)| link.kind == LinkKind::Tftp).map(|(at, link)| (at, link.flow));
    // Some servers send from the port that was asked.
    let mut one_port: Vec<u32> = seen.relations.tftp_files.keys().copied().collect();
    one_port.sort_unstable();
    let flows = own_ports.chain(one_port.into_iter().map(|at| (at, Some(at))));
    let transfers = flows.filter_map(|(at, request)| {
        let flow = seen.flows.view(at);
        let [a, b] = [&flow.ends[0], &flow.ends[1]].map(|end| (end.address, end.port));
        let request = request.and_then(|request| seen.relations.tftp_files.get(&request));
        let file = request.map(|file| String::from_utf8_lossy(&file.name).into_owned());
        let transfer = transfer(seen, &flow, (a, b), 0).or_else(|| transfer(seen, &flow, (b, a), 1))?;
        Some(Transfer { file, ..transfer })
    });
    let devices = transfers.filter_map(|transfer| {
        let ends = [transfer.receiver, transfer.sender].map(|(address, _)| seen.hosts.find(address));
        // The gateway sends to all of them: who receives tells transfers apart.
        let host = ends.into_iter().flatten().map(|id| seen.hosts.get(id)).find(|host| host.role.is_igor())?;
        Some(Device {
            role: host.role,
            who: Who::Address(host.address),
            packets: transfer.blocks.saturating_add(transfer.repeated),
            first: transfer.first,
            last: transfer.last,
            what: transfer,
        })
    });
    grouped(seen, devices.collect())
}

/// A flow in which one end sent blocks to the other, if it is large and slow.
fn transfer(
    seen: &Observations<'_>,
    flow: &FlowView<'_>,
    (sender, receiver): ((IpAddr, u16), (IpAddr, u16)),
    side: usize,
) -> Option<Transfer> {
    let limits = seen.policy.health();
    let pair = |measure, asker: (IpAddr, u16), answerer: (IpAddr, u16)| {
        seen.health.pairs.get(&Pair { asker: asker.0, answerer: answerer.0, port: answerer.1, measure })
    };
    let blocks = pair(Measure::Tftp, sender, receiver).filter(|sums| sums.asked > 1)?;
    let next = pair(Measure::TftpNext, receiver, sender);
    let receiving = blocks.times.total() / blocks.times.count().max(1);
    // The median, for between two transfers on the same ports hours may pass.
    let sending = next.and_then(|next| next.times.percentile(50)).unwrap_or(0);
    let bytes = flow.ends[side].bytes();
    let (first, last) = (flow.first(), flow.last());
    let nanos = receiving.saturating_add(sending).saturating_mul(blocks.times.count()).max(1);
    // Kilobytes a second are bytes in milliseconds.
    let is_slow = bytes < u64::from(limits.transfer_rate).saturating_mul(nanos / 1_000_000);
    if bytes / 1000 < u64::from(limits.transfer_kilobytes) || !is_slow {
        return None;
    }
    let sent = blocks.asked.saturating_add(blocks.repeated);
    let is_lossy = blocks.repeated.saturating_mul(100) >= sent.saturating_mul(limits.repeated_percent.into());
    let is_alone = sent <= flow.ends[side].packets() && next.is_none_or(|next| next.times.count() <= blocks.asked);
    let held = match (is_alone, is_lossy) {
        (false, _) => Held::Unknown,
        (true, true) => Held::Path,
        (true, false) if receiving >= sending => Held::Receiver,
        (true, false) => Held::Sender,
    };
    Some(Transfer {
        sender,
        receiver,
        file: None,
        bytes,
        first,
        last,
        nanos,
        blocks: blocks.asked,
        repeated: blocks.repeated,
        receiving,
        sending,
        held,
        at: Cited::new(flow.first_frame(), first),
    })
}

impl Transfer {
    /// `12 kB/s`.
    fn rate(&self) -> String {
        let millis = (self.nanos / 1_000_000).max(1);
        match self.bytes / millis {
            0 => format!("{} B/s", self.bytes.saturating_mul(1000) / millis),
            rate => format!("{rate} kB/s"),
        }
    }
}

impl Trouble for Transfer {
    const KIND: FindingKind = FindingKind::SlowTransfer;
    const ADVICE: &'static str = "TFTP sends a block only when the one before it was acknowledged, so that its speed is that of one \
                                  way there and back. Where blocks are lost, mend the path first; where one end takes its time, look \
                                  at its load, and update fewer devices at once. A larger block size (RFC 2348) helps on long ways.";
    const NEXT: &'static str = "Mend the path, or update fewer devices at once";

    fn heading(number: usize) -> String {
        match number {
            1 => "A file was transferred slowly.".into(),
            _ => format!("{number} files were transferred slowly."),
        }
    }

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        let file = self.file.as_deref().map_or_else(String::new, |file| format!(" {}", visible(file)));
        let why = match self.held {
            Held::Path => format!(
                "{} of {} blocks had to be sent again: the path loses them, and each loss costs the sender's patience",
                self.repeated, self.blocks
            ),
            Held::Receiver => format!(
                "the receiver, or the way to it, held it up: {} from a block to its acknowledgement, {} from that to the next \
                 block",
                duration(self.receiving),
                duration(self.sending)
            ),
            Held::Sender => format!(
                "the sender, or the way to it, held it up: {} from an acknowledgement to the next block, {} from a block to \
                 its acknowledgement",
                duration(self.sending),
                duration(self.receiving)
            ),
            Held::Unknown => "who held it up cannot be told, for several transfers used the same ports".to_owned(),
        };
        format!(
            "{}{} sent{file} to {}{} in {}, {} bytes with headers at {}, from {}; {why}.",
            self.sender.0,
            context.name(self.sender.0),
            self.receiver.0,
            context.name(self.receiver.0),
            duration(self.nanos),
            self.bytes,
            self.rate(),
            frame(context, self.at)
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        let held = match self.held {
            Held::Path => "the path",
            Held::Receiver => "the receiver",
            Held::Sender => "the sender",
            Held::Unknown => return self.rate(),
        };
        format!("{}, held up by {held}", self.rate())
    }

    fn filter(&self, _: Who) -> String {
        let ip = if self.sender.0.is_ipv6() { "ipv6" } else { "ip" };
        format!(
            "({ip}.addr == {} && udp.port == {} && {ip}.addr == {} && udp.port == {})",
            self.sender.0, self.sender.1, self.receiver.0, self.receiver.1
        )
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self {
            sender: (with.address(self.sender.0), self.sender.1),
            receiver: (with.address(self.receiver.0), self.receiver.1),
            file: self.file.as_ref().map(|_| with.left_out()),
            ..self.clone()
        }
    }
}
