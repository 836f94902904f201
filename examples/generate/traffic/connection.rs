//! TCP connections: opened, used, closed, refused, unanswered, or met midstream.

use super::frame::{ACK, FIN, PSH, RST, SYN, Segment};
use super::wire::{End, MICRO, SECOND, Wire};

/// Bytes of payload in a full segment.
const MSS: usize = 1460;

/// A connection under way; its clock runs on with each thing that is sent.
pub(crate) struct Connection<'w> {
    wire: &'w mut Wire,
    ends: [End; 2],
    seq: [u32; 2],
    /// Nanoseconds since the epoch.
    pub(crate) at: u64,
    round_trip: u64,
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

impl<'w> Connection<'w> {
    /// A connection that was there before the capture began.
    pub(crate) fn midstream(wire: &'w mut Wire, at: u64, client: End, server: End) -> Self {
        let seq = [wire.random.next() as u32, wire.random.next() as u32];
        let round_trip = wire.round_trip(client.0, server.0);
        Self { wire, ends: [client, server], seq, at, round_trip }
    }

    /// The three-way handshake.
    pub(crate) fn open(wire: &'w mut Wire, at: u64, client: End, server: End) -> Self {
        let mut it = Self::midstream(wire, at, client, server);
        it.segment(CLIENT, SYN, &[]);
        it.at += it.round_trip;
        it.segment(SERVER, SYN | ACK, &[]);
        it.at += 30 * MICRO;
        it.segment(CLIENT, ACK, &[]);
        it
    }

    fn segment(&mut self, side: usize, flags: u8, payload: &[u8]) {
        let ack = if flags & ACK != 0 { self.seq[1 - side] } else { 0 };
        let window = if flags & RST != 0 { 0 } else { 64_240 };
        let segment = Segment { seq: self.seq[side], ack, flags, window, payload };
        self.wire.tcp(self.at, self.ends[side], self.ends[1 - side], segment);
        let takes_one = u32::from(flags & (SYN | FIN) != 0);
        self.seq[side] = self.seq[side].wrapping_add(payload.len() as u32 + takes_one);
    }

    fn send(&mut self, side: usize, payload: &[u8]) {
        self.at += self.round_trip / 2 + 40 * MICRO;
        let mut parts = payload.chunks(MSS).peekable();
        let mut unacknowledged = 0;
        while let Some(part) = parts.next() {
            let push = if parts.peek().is_none() { PSH } else { 0 };
            self.segment(side, ACK | push, part);
            self.at += 14 * MICRO;
            unacknowledged += 1;
            // RFC 9293 section 3.8.6.3: at least every second full segment is acknowledged.
            if unacknowledged == 2 || push != 0 {
                self.at += self.round_trip / 2;
                self.segment(1 - side, ACK, &[]);
                unacknowledged = 0;
            }
        }
    }

    /// The client sends.
    pub(crate) fn up(&mut self, payload: &[u8]) -> &mut Self {
        self.send(CLIENT, payload);
        self
    }

    /// The server sends.
    pub(crate) fn down(&mut self, payload: &[u8]) -> &mut Self {
        self.send(SERVER, payload);
        self
    }

    pub(crate) fn note(&mut self, text: &str) -> &mut Self {
        self.wire.note(text);
        self
    }

    pub(crate) fn pause(&mut self, nanos: u64) -> &mut Self {
        self.at += nanos;
        self
    }

    /// The client closes, the server follows.
    pub(crate) fn close(&mut self) {
        self.at += 200 * MICRO;
        self.segment(CLIENT, FIN | ACK, &[]);
        self.at += self.round_trip;
        self.segment(SERVER, FIN | ACK, &[]);
        self.at += 30 * MICRO;
        self.segment(CLIENT, ACK, &[]);
    }

    /// The server breaks it off after data.
    pub(crate) fn reset(&mut self) {
        self.at += self.round_trip;
        self.segment(SERVER, RST | ACK, &[]);
    }
}

/// A SYN that is answered by RST, tried `tries` times as Windows does (500 ms apart).
pub(crate) fn refused(wire: &mut Wire, at: u64, client: End, server: End, tries: u64) {
    let seq = wire.random.next() as u32;
    for number in 0..tries {
        let syn = at + number * (SECOND / 2);
        wire.tcp(syn, client, server, Segment { seq, ack: 0, flags: SYN, window: 64_240, payload: &[] });
        let back = syn + wire.round_trip(client.0, server.0);
        let ack = seq.wrapping_add(1);
        wire.tcp(back, server, client, Segment { seq: 0, ack, flags: RST | ACK, window: 0, payload: &[] });
    }
}

/// A SYN and its retries (RFC 6298: after 1, 3, 7 ... seconds) that nothing answers.
pub(crate) fn unanswered(wire: &mut Wire, at: u64, client: End, server: End, retries: u32) {
    let seq = wire.random.next() as u32;
    for number in 0..=retries {
        let after = ((1_u64 << number) - 1) * SECOND;
        wire.tcp(at + after, client, server, Segment { seq, ack: 0, flags: SYN, window: 64_240, payload: &[] });
    }
}
