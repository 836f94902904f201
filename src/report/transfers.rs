//! transfers.csv: the files that crossed by TFTP, where that was measured.

use std::io::{self, Write};
use std::net::IpAddr;

use super::column::columns;
use super::csv::write_table;
use super::json::Time;
use super::json::v1::Text;
use super::json::words::{nanos, time};
use super::value::Value;
use crate::finding::{Held, Transfer};
use crate::inventory::Host;
use crate::survey::Survey;

#[derive(Clone, Copy)]
pub(super) struct TransferRow<'a> {
    transfer: &'a Transfer,
    sender: Option<&'a Host>,
    receiver: Option<&'a Host>,
}

/// The rows of a survey, the longest transfers first.
pub(super) fn rows(survey: &Survey) -> impl ExactSizeIterator<Item = TransferRow<'_>> {
    survey.transfers.iter().map(|transfer| TransferRow {
        transfer,
        sender: survey.hosts.at(transfer.sender.0),
        receiver: survey.hosts.at(transfer.receiver.0),
    })
}

columns! {
    /// A row of transfers.csv.
    Transfers of TransferRow, in "transfers.csv", read as TransferRecord<'a>:
    "Files that crossed by TFTP: one row for each two hosts and their ports, the longest first, at most 10,000. The file is only \
     there where `--health` measured any.";

    All sender_ip: IpAddr = |r| r.transfer.sender.0;
    "address", "10.20.0.2", "Who sent the file.";
    All sender_role: Option<Text<'a>> = |r| r.sender.map(|host| host.role);
    "role", "gateway", "Its role.";
    All sender_name: Option<Text<'a>> = |r| r.sender.and_then(|host| host.name.as_deref());
    "text", "gateway-1", "Its name.";
    All sender_port: u16 = |r| r.transfer.sender.1;
    "port", "49731", "Its port.";
    All receiver_ip: IpAddr = |r| r.transfer.receiver.0;
    "address", "10.20.0.31", "Who received it.";
    All receiver_role: Option<Text<'a>> = |r| r.receiver.map(|host| host.role);
    "role", "node", "Its role.";
    All receiver_name: Option<Text<'a>> = |r| r.receiver.and_then(|host| host.name.as_deref());
    "text", "node-7", "Its name.";
    All receiver_port: u16 = |r| r.transfer.receiver.1;
    "port", "50199", "Its port.";
    All request: Option<Text<'a>> =
        |r| r.transfer.is_write.map(|write| Value::Name(if write { "write" } else { "read" }));
    "name", "read", "`read` where the receiver asked for it, `write` where the sender did; empty where the request was not captured.";
    All file: Option<Text<'a>> = |r| r.transfer.file.as_deref();
    "text", "node-4.2.bin", "Name of the file; of several on the same ports the first one's. Empty where the request was not captured.";
    All first_seen: Option<Time> = |r| r.transfer.first;
    "RFC 3339, UTC", "2025-03-04T08:15:00.000123000Z", "Time of the first packet between these ports.";
    All last_seen: Option<Time> = |r| r.transfer.last;
    "RFC 3339, UTC", "2025-03-04T08:15:12.500123000Z", "Time of the last one.";
    All duration_s: Option<f64> = |r| Value::Seconds(r.transfer.nanos, false);
    "seconds", "12.480000000",
    "For how long it went on: from blocks to their acknowledgements, and from those to the next blocks; never longer than from \
        the first packet to the last. \
        Pauses between two transfers on the same ports do not count: there the median stands for each.";
    All bytes: u64 = |r| r.transfer.bytes;
    "bytes", "262144", "What the sender sent: original frame lengths, headers and repetitions among them.";
    All bytes_per_s: u64 = |r| r.transfer.rate();
    "bytes a second", "21005", "The same by `duration_s`.";
    All blocks: u64 = |r| r.transfer.blocks;
    "count", "477", "Blocks, an option acknowledgement among them.";
    All repeated: u64 = |r| r.transfer.repeated;
    "count", "3", "Blocks that were sent again.";
    All ack_mean_s: Option<f64> = |r| Value::Seconds(r.transfer.receiving, false);
    "seconds", "0.022000000", "From a block to its acknowledgement on average: what the receiver and the way to it take.";
    All next_median_s: Option<f64> = |r| Value::Seconds(r.transfer.sending, false);
    "seconds", "0.003000000", "From an acknowledgement to the next block mostly: what the sender and the way to it take.";
    All held_up_by: Text<'a> = |r| Value::Name(r.transfer.held.name());
    "name", "receiver",
    "Whom it waited for most: `path` where many blocks were sent again, else `receiver` or `sender`, each with the way to it; \
        `unknown` where several transfers used the same ports.";
    All finished: Option<bool> = |r| r.transfer.is_finished;
    "yes or no", "yes",
    "Whether its last block, which is shorter than the others (RFC 1350 section 2), was acknowledged; empty where that cannot be told: \
        of several transfers on the same ports, and of one of a single block of 512 bytes or more.";
}

/// transfers.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_transfers(out: &mut dyn Write, survey: &Survey) -> io::Result<()> {
    write_table::<Transfers>(out, &[], rows(survey))
}

impl TransferRecord<'_> {
    /// What the row says; nothing where it names no end that is known.
    pub(super) fn read(&self) -> Option<Transfer> {
        let is_write = match self.request.as_deref() {
            Some("write") => Some(true),
            Some("read") => Some(false),
            _ => None,
        };
        Some(Transfer {
            sender: (self.sender_ip, self.sender_port),
            receiver: (self.receiver_ip, self.receiver_port),
            file: self.file.as_deref().map(str::to_owned),
            is_write,
            bytes: self.bytes,
            first: time(self.first_seen),
            last: time(self.last_seen),
            nanos: nanos(self.duration_s),
            blocks: self.blocks,
            repeated: self.repeated,
            receiving: nanos(self.ack_mean_s),
            sending: nanos(self.next_median_s),
            pause: nanos(self.next_median_s),
            has_windows: false,
            held: Held::ALL.into_iter().find(|held| held.name() == self.held_up_by)?,
            is_finished: self.finished,
        })
    }
}
