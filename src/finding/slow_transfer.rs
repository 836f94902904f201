//! `slow-transfer`: files that crept over TFTP, and who held them up.

use std::net::IpAddr;

use super::devices::{Device, Trouble, grouped};
use super::phrases::{frame, lasting};
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
    blocks: u64,
    repeated: u64,
    /// From blocks to their acknowledgements, and from those to the next blocks, all together.
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
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    if !seen.health.pairs.keys().any(|pair| pair.measure == Measure::Tftp) {
        return Vec::new();
    }
    let links = (0..).zip(&seen.relations.links).filter_map(|(at, link)| Some((at, (*link)?)));
    let transfers = links.filter(|(_, link)| link.kind == LinkKind::Tftp).filter_map(|(at, link)| {
        let flow = seen.flows.view(at);
        let [a, b] = [&flow.ends[0], &flow.ends[1]].map(|end| (end.address, end.port));
        let request = link.flow.and_then(|request| seen.relations.tftp_files.get(&request));
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
    let (receiving, sending) = (blocks.times.total(), next.map_or(0, |next| next.times.total()));
    let bytes = flow.ends[side].bytes();
    let (first, last) = (flow.first(), flow.last());
    let nanos = last.nanos()?.abs_diff(first.nanos()?);
    // Kilobytes a second are bytes in milliseconds.
    let is_slow = bytes < u64::from(limits.transfer_rate).saturating_mul(nanos / 1_000_000);
    if bytes / 1000 < u64::from(limits.transfer_kilobytes) || !is_slow {
        return None;
    }
    let sent = blocks.asked.saturating_add(blocks.repeated);
    let is_lossy = blocks.repeated.saturating_mul(100) >= sent.saturating_mul(limits.repeated_percent.into());
    let held = match (is_lossy, receiving >= sending) {
        (true, _) => Held::Path,
        (false, true) => Held::Receiver,
        (false, false) => Held::Sender,
    };
    Some(Transfer {
        sender,
        receiver,
        file: None,
        bytes,
        first,
        last,
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
        let (Some(first), Some(last)) = (self.first.nanos(), self.last.nanos()) else { return "unknown".into() };
        let millis = (last.abs_diff(first) / 1_000_000).max(1);
        match self.bytes / millis {
            0 => format!("{} B/s", self.bytes.saturating_mul(1000) / millis),
            rate => format!("{rate} kB/s"),
        }
    }

    fn mean(&self, nanos: u64) -> String {
        duration(nanos / self.blocks.max(1))
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
                self.mean(self.receiving),
                self.mean(self.sending)
            ),
            Held::Sender => format!(
                "the sender, or the way to it, held it up: {} from an acknowledgement to the next block, {} from a block to \
                 its acknowledgement",
                self.mean(self.sending),
                self.mean(self.receiving)
            ),
        };
        format!(
            "{}{} sent{file} to {}{} in {}, {} bytes at {}, from {}; {why}.",
            self.sender.0,
            context.name(self.sender.0),
            self.receiver.0,
            context.name(self.receiver.0),
            lasting(self.first, self.last),
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
