//! `slow-transfer`: files that crept over TFTP, and who held them up.

use super::devices::{Affected, Trouble, grouped};
use super::phrases::frame;
use super::transfers::{Held, Transfer};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::policy::FindingKind;
use crate::text::{duration, visible};

/// A transfer that crept, and its first frame.
#[derive(Clone, Debug)]
struct Slow {
    transfer: Transfer,
    at: Cited,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let limits = seen.policy.health();
    let is_slow = |(transfer, _): &&(Transfer, Cited)| {
        // Kilobytes a second are bytes in milliseconds.
        let least = u64::from(limits.transfer_rate).saturating_mul(transfer.nanos / 1_000_000);
        transfer.blocks > 1 && transfer.bytes / 1000 >= u64::from(limits.transfer_kilobytes) && transfer.bytes < least
    };
    let devices = judged.transfers.iter().filter(is_slow).filter_map(|(transfer, at)| {
        let ends = [transfer.receiver, transfer.sender].map(|(address, _)| seen.hosts.at(address));
        // The gateway sends to all of them: who receives tells transfers apart.
        let host = ends.into_iter().flatten().find(|host| host.role.is_igor())?;
        let packets = transfer.blocks.saturating_add(transfer.repeated);
        Some(Affected::host(
            host,
            packets,
            (transfer.first, transfer.last),
            Slow { transfer: transfer.clone(), at: *at },
        ))
    });
    grouped(seen, devices.collect())
}

impl Slow {
    /// `12 kB/s`.
    fn rate(&self) -> String {
        let millis = (self.transfer.nanos / 1_000_000).max(1);
        match self.transfer.bytes / millis {
            0 => format!("{} B/s", self.transfer.bytes.saturating_mul(1000) / millis),
            rate => format!("{rate} kB/s"),
        }
    }
}

impl Trouble for Slow {
    const KIND: FindingKind = FindingKind::SlowTransfer;
    const ADVICE: &'static str = "TFTP sends a block only when the one before it was acknowledged, so that its speed is that of one \
                                  way there and back. Where blocks are lost, mend the path first; where one end takes its time, look \
                                  at its load, and update fewer devices at once. A larger block size (RFC 2348) helps on long ways.";
    const NEXT: &'static str = "Mend the path, or update fewer devices at once";
    const HEADING: &'static str = "A file was transferred slowly.";
    const HEADINGS: &'static str = "{number} files were transferred slowly.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        let file = self.transfer.file.as_deref().map_or_else(String::new, |file| format!(" {}", visible(file)));
        let next = if self.transfer.has_windows { "the last block of the next window" } else { "the next block" };
        let why = match self.transfer.held {
            Held::Path if self.transfer.repeated > 0 => format!(
                "{} of {} blocks had to be sent again: the path loses them, and the sender waits before it repeats one",
                self.transfer.repeated, self.transfer.blocks
            ),
            Held::Path => "the receiver had to acknowledge blocks again: the path loses those behind them, before the capture's place"
                .to_owned(),
            Held::Receiver => format!(
                "the receiver, or the way to it, held it up: {} from a block to its acknowledgement, {} from that to the next \
                 block",
                duration(self.transfer.receiving),
                duration(self.transfer.pause)
            ),
            Held::Sender => format!(
                "the sender, or the way to it, held it up: {} from an acknowledgement to {next}, {} from a block to \
                 its acknowledgement",
                duration(self.transfer.pause),
                duration(self.transfer.receiving)
            ),
            Held::Unknown => "who held it up cannot be told, for several transfers used the same ports".to_owned(),
        };
        let end = match self.transfer.is_finished {
            Some(false) => "; the file did not come to its end",
            _ => "",
        };
        format!(
            "{}{} sent{file} to {}{} in {}, {} bytes with headers at {}, from {}; {why}{end}.",
            self.transfer.sender.0,
            context.name(self.transfer.sender.0),
            self.transfer.receiver.0,
            context.name(self.transfer.receiver.0),
            duration(self.transfer.nanos),
            self.transfer.bytes,
            self.rate(),
            frame(context, self.at)
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        let held = match self.transfer.held {
            Held::Path => "the path",
            Held::Receiver => "the receiver",
            Held::Sender => "the sender",
            Held::Unknown => return self.rate(),
        };
        format!("{}, held up by {held}", self.rate())
    }

    fn filter(&self, _: Who) -> String {
        let ip = if self.transfer.sender.0.is_ipv6() { "ipv6" } else { "ip" };
        format!(
            "({ip}.addr == {} && udp.port == {} && {ip}.addr == {} && udp.port == {})",
            self.transfer.sender.0, self.transfer.sender.1, self.transfer.receiver.0, self.transfer.receiver.1
        )
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { transfer: self.transfer.replaced(with), at: self.at }
    }
}
