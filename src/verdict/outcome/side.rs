//! What one side of a connection sent.

use super::silence::UDP_SILENCE;
use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::flow::{EndView, Repeated};
use crate::protocol::Transport;

/// What one side of a connection sent, over all VLAN paths it was seen on.
#[derive(Clone, Copy, Debug)]
pub(in crate::verdict) struct Side {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// Packets that neither open nor reset a TCP connection.
    pub(super) others: u64,
    pub(super) syns: u32,
    pub(super) syn_acks: u32,
    pub(super) resets: u32,
    /// Whether it sent a SYN again and again though it reset what was answered.
    pub(super) insists: bool,
    pub(super) flags: TcpFlags,
    pub(super) payload: bool,
    /// Whether more of its bytes were acknowledged than were captured.
    pub(super) lacks_bytes: bool,
    pub(super) asks: bool,
    /// Whether anything it sent may be an answer.
    pub(super) replies: bool,
    /// Whether it sent what goes on with an exchange.
    pub(super) proceeds: bool,
    /// When it opened its latest connection of several.
    pub(super) reopened: Timestamp,
    /// Packets that owe an answer since the other side last sent anything, and when the last was sent.
    pub(super) unanswered: u32,
    pub(super) unanswered_until: Timestamp,
    /// When the first of these was sent.
    pub(super) waits_since: Timestamp,
    /// Effective time of the last packet that may be an answer.
    pub(super) last_reply: Timestamp,
    /// What it sent again and again over UDP though it was answered, and how much besides, without copies.
    pub(super) repeated: Repeated,
    pub(super) others_sent: u64,
    /// Effective times of the first and the last packet.
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Side {
    pub(in crate::verdict) const fn packets(&self) -> u64 {
        self.packets
    }

    pub(in crate::verdict) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Effective times of its first and last packet.
    pub(in crate::verdict) const fn span(&self) -> (Timestamp, Timestamp) {
        (self.first, self.last)
    }

    /// Effective time of its last packet.
    pub(in crate::verdict) const fn last(&self) -> Timestamp {
        self.last
    }

    /// Effective time of its last packet that may be an answer.
    pub(in crate::verdict) const fn last_reply(&self) -> Timestamp {
        self.last_reply
    }

    pub(super) const SILENT: Self = Self {
        packets: 0,
        bytes: 0,
        others: 0,
        syns: 0,
        syn_acks: 0,
        resets: 0,
        insists: false,
        flags: TcpFlags(0),
        payload: false,
        lacks_bytes: false,
        asks: false,
        replies: false,
        proceeds: false,
        reopened: Timestamp::UNKNOWN,
        unanswered: 0,
        unanswered_until: Timestamp::UNKNOWN,
        waits_since: Timestamp::UNKNOWN,
        last_reply: Timestamp::UNKNOWN,
        repeated: Repeated::NONE,
        others_sent: 0,
        first: Timestamp::UNKNOWN,
        last: Timestamp::UNKNOWN,
    };

    /// What it announces is what it was asked for: it acknowledges nothing apart.
    pub(super) fn answer_by_notifications(&mut self) {
        (self.replies, self.last_reply) = (true, self.last);
    }

    /// Whether it acknowledged anything: a reset may have the flag too, and takes nothing up.
    pub(super) const fn acknowledges(&self) -> bool {
        self.flags.has(TcpFlags::ACK) && self.others > 0
    }

    #[inline]
    pub(super) fn add(&mut self, transport: Transport, end: &EndView<'_>) {
        self.packets = self.packets.saturating_add(end.packets());
        self.bytes = self.bytes.saturating_add(end.bytes());
        if transport == Transport::Tcp {
            self.syns = self.syns.saturating_add(u32::from(end.syns()));
            self.syn_acks = self.syn_acks.saturating_add(u32::from(end.syn_acks()));
            self.resets = self.resets.saturating_add(u32::from(end.resets()));
            // A retry has the same number (RFC 9293 section 3.8.1), and who tries anew another.
            self.insists |= end.resets() > 0 && end.syns() >= 3 && end.opened() == 1;
            let told = [end.syns(), end.syn_acks(), end.resets()].map(u64::from).iter().sum::<u64>();
            self.others =
                self.others.saturating_add(end.packets().saturating_sub(told.saturating_add(end.duplicates())));
            self.flags.0 |= end.tcp_flags().0;
            self.lacks_bytes |= end.syn_acks() > 0 && !end.has_payload() && end.acknowledged_beyond().is_some();
            self.reopened = self.reopened.max(end.reopened());
        }
        self.payload |= end.has_payload();
        self.asks |= end.asks();
        self.replies |= end.replies();
        self.proceeds |= end.proceeds();
        self.unanswered = end.unanswered();
        self.unanswered_until = self.unanswered_until.max(end.unanswered_until());
        if transport == Transport::Udp {
            if self.unanswered >= UDP_SILENCE.0 {
                self.waits_since = self.waits_since.earlier(end.waiting().first);
            }
            let repeated = end.repeated();
            let others = end.packets().saturating_sub(end.duplicates().saturating_add(repeated.all.into()));
            self.others_sent = self.others_sent.saturating_add(others);
            if repeated.messages > self.repeated.messages {
                self.repeated = repeated;
            }
        }
        self.last_reply = self.last_reply.max(end.last_reply());
        if end.packets() > 0 {
            self.first = self.first.earlier(end.begin().time);
        }
        self.last = self.last.max(end.end());
    }
}
