//! The lighting mix: sessions of the vendor's services between a gateway and 2,000 nodes, 8,192 of them at a time.

use std::io;

use super::{Limit, Sink};
use crate::traffic::frame::{ACK, FIN, PSH, SYN};
use crate::traffic::payload::{bacnet, coap, dns, http, ssdp, tftp, tls};
use crate::traffic::random::Random;
use crate::traffic::stamp::{Ends, Stamp};

const NODES: u64 = 2_000;
const SESSIONS: usize = 8_192;
const GATEWAY: u32 = u32::from_be_bytes([10, 20, 0, 10]);
const ROUTER: u32 = u32::from_be_bytes([10, 20, 0, 1]);
const HEAD_END: u32 = u32::from_be_bytes([10, 20, 0, 40]);
const CLOUD: u32 = u32::from_be_bytes([203, 0, 113, 80]);
const SSDP_GROUP: u32 = u32::from_be_bytes([239, 255, 255, 250]);
const PC: u32 = u32::from_be_bytes([10, 30, 0, 25]);

/// Who asks whom.
#[derive(Clone, Copy)]
enum Pair {
    GatewayToNode,
    NodeToGateway,
    NodeToRouter,
    NodeToGroup,
    HeadEndToGateway,
    GatewayToCloud,
    /// A bystander.
    PcToRouter,
}

/// How a session runs.
#[derive(Clone, Copy)]
enum Course {
    /// Question and answer in turn.
    Turns,
    /// Nothing comes back.
    OneWay,
    /// A request to port 69, then data from a fresh port and its acknowledgments.
    Tftp,
    /// Handshake, data, close.
    Tcp,
}

struct Kind {
    /// Sessions of this kind in a hundred.
    share: u64,
    pair: Pair,
    course: Course,
    port: u16,
    /// Most packets in a session (the fewest are a quarter of it).
    packets: u64,
    /// Question (TFTP: the request), answer, and for TCP the two without payload.
    up: Stamp,
    down: Stamp,
    bare: Stamp,
    /// Where in question and answer the low byte of their number stands: no sender uses one twice in a row.
    numbered: Option<[usize; 2]>,
}

/// A kind before its frames are made: share, pair, course, port, packets, question, answer.
type Row<'a> = (u64, Pair, Course, u16, u64, &'a [u8], &'a [u8]);

fn kinds() -> Vec<Kind> {
    use Course::{OneWay, Tcp, Tftp, Turns};
    use Pair::{GatewayToCloud, GatewayToNode, HeadEndToGateway, NodeToGateway, NodeToGroup, NodeToRouter, PcToRouter};
    let random = &mut Random::new(7);
    let firmware = |random: &mut Random, length: usize| [&[0xf7, 1], &random.bytes(length)[..]].concat();
    let state = coap::request(coap::CON, coap::GET, 7, b"abcd", "light/state", &[]);
    let level = coap::content(coap::ACK, 7, b"abcd", None, "{\"node\":7,\"level\":40,\"lux\":410,\"mA\":212}");
    let event = coap::request(coap::CON, coap::PUT, 9, b"ef", "events/motion", b"{\"node\":7,\"motion\":true}");
    let changed = coap::message(coap::ACK, coap::CHANGED, 9, b"ef", &[], &[]);
    let location = "http://10.20.4.7:1900/description.xml";
    let light = "urn:schemas-upnp-org:device:DimmableLight:1";
    let notify = ssdp::notify("239.255.255.250:1900", location, light, "uuid:49676f72-0000-4000-8000-000000000007");
    let rrq = tftp::read("firmware/node-3.1.4.bin", &[]);
    let block = tftp::data(7, &random.bytes(512));
    let image = [firmware(random, 1_024), firmware(random, 6)];
    let status = http::answer("200 OK", "text/html", &"<tr><td>41</td><td>380</td></tr>\n".repeat(26));
    let config = [random.bytes(240), random.bytes(620)];
    let description = http::answer("200 OK", "text/xml", &ssdp::description("node-07"));
    let points = [bacnet::read_property(7, 3), bacnet::read_property_ack(7, 3, 40.0)];
    let name = "gateway.lighting.example";
    let names = [dns::query(7, true, name, dns::A), dns::answer(7, name, GATEWAY.into())];
    let times = [dns::ntp(3, 1_773_734_400), dns::ntp(4, 1_773_734_400)];
    let hello = tls::client_hello(random, "cloud.igor.example");
    let answer = &tls::server_hello(random)[..1_400];
    let get = http::get("10.20.4.7", "/status");
    let table: [Row<'_>; 16] = [
        (29, GatewayToNode, Turns, 5683, 80, &state, &level),
        (17, NodeToGateway, Turns, 5683, 40, &event, &changed),
        (6, NodeToGroup, OneWay, 1900, 6, &notify, &[]),
        (7, NodeToGateway, Tftp, 69, 120, &rrq, &block),
        (2, GatewayToNode, Turns, 1050, 8, &firmware(random, 80), &image[1]),
        (4, GatewayToNode, Turns, 50_195, 80, &image[0], &image[1]),
        (2, GatewayToNode, Turns, 50_197, 80, &image[0], &image[1]),
        (8, GatewayToNode, Tcp, 80, 40, &get, &status),
        (3, NodeToGateway, Tcp, 80, 14, &get, &status),
        (6, GatewayToNode, Tcp, 88, 60, &config[0], &config[1]),
        (3, GatewayToNode, Tcp, 1900, 14, &get, &description),
        (3, HeadEndToGateway, Turns, 47_808, 200, &points[0], &points[1]),
        (3, NodeToRouter, Turns, 53, 2, &names[0], &names[1]),
        (4, NodeToRouter, Turns, 123, 8, &times[0], &times[1]),
        (1, GatewayToCloud, Tcp, 443, 60, &hello, answer),
        (1, PcToRouter, Turns, 53, 4, &names[0], &names[1]),
    ];
    let kind = |(share, pair, course, port, packets, up, down): Row<'_>| {
        let stamp = |payload: &[u8]| if matches!(course, Tcp) { Stamp::tcp(payload) } else { Stamp::udp(payload) };
        let bare = if matches!(course, Tftp) { stamp(&tftp::ack(7)) } else { stamp(&[]) };
        let numbered = match port {
            5683 => Some([3, 3]),
            // Behind BVLC and NPDU: a request names its segments first.
            47_808 => Some([8, 7]),
            53 => Some([1, 1]),
            // Times of transmission and origin.
            123 => Some([47, 31]),
            _ => None,
        };
        Kind { share, pair, course, port, packets, up: stamp(up), down: stamp(down), bare, numbered }
    };
    table.into_iter().map(kind).collect()
}

/// A session under way.
struct Session {
    kind: u8,
    /// From client to server.
    ends: Ends,
    /// TFTP: the two ends of the data.
    data: Ends,
    step: u32,
    steps: u32,
    seq: [u32; 2],
}

fn begin(random: &mut Random, kinds: &[Kind]) -> Session {
    let mut lot = random.below(kinds.iter().map(|kind| kind.share).sum());
    let number = kinds
        .iter()
        .position(|kind| match lot.checked_sub(kind.share) {
            Some(rest) => {
                lot = rest;
                false
            }
            None => true,
        })
        .unwrap_or(0);
    let kind = &kinds[number];
    let low = random.below(NODES) as u32;
    // Eight subnets of 250.
    let node = u32::from_be_bytes([10, 20, 4, 1]) + (low / 250) * 256 + low % 250;
    let (client, server) = match kind.pair {
        Pair::GatewayToNode => (GATEWAY, node),
        Pair::NodeToGateway => (node, GATEWAY),
        Pair::NodeToRouter => (node, ROUTER),
        Pair::NodeToGroup => (node, SSDP_GROUP),
        Pair::HeadEndToGateway => (HEAD_END, GATEWAY),
        Pair::GatewayToCloud => (GATEWAY, CLOUD),
        Pair::PcToRouter => (PC, ROUTER),
    };
    let port = match kind.pair {
        Pair::HeadEndToGateway => 47_808,
        Pair::NodeToGroup => 1_900,
        _ => random.between(51_000, 65_000) as u16,
    };
    let ends = Ends::new((client, port), (server, kind.port));
    let data = Ends::new((server, random.between(51_000, 65_000) as u16), (client, port));
    let packets = random.between(kind.packets / 4, kind.packets);
    let steps = if matches!(kind.course, Course::Tcp) { packets.max(8) } else { packets.max(1) } as u32;
    let seq = [random.next() as u32, random.next() as u32];
    Session { kind: number as u8, ends, data, step: 0, steps, seq }
}

pub(super) fn run(sink: &mut Sink<'_>, random: &mut Random, limit: Limit) -> io::Result<()> {
    let kinds = kinds();
    let mut sessions: Vec<Session> = (0..SESSIONS).map(|_| begin(random, &kinds)).collect();
    while !sink.done(limit) {
        let lot = random.next();
        let at = (lot >> 51) as usize % SESSIONS;
        let session = &mut sessions[at];
        // 100 microseconds on average: 10,000 packets a second.
        let gap = (lot & 0xffff) * 3;
        let kind = &kinds[session.kind as usize];
        let number = |of: usize| Some((kind.numbered?[of], session.seq[0].wrapping_add(session.step / 2) as u8));
        match kind.course {
            Course::Tcp => tcp(sink, gap, kind, session)?,
            Course::Tftp if session.step > 0 => {
                let block = Some((3, (session.step as u8).div_ceil(2)));
                let (stamp, ends) = if session.step % 2 == 1 {
                    (&kind.down, session.data)
                } else {
                    (&kind.bare, session.data.turned())
                };
                sink.record(gap, stamp.len(), |out| stamp.udp_into(out, ends, block))?;
            }
            Course::Turns if session.step % 2 == 1 => {
                sink.record(gap, kind.down.len(), |out| kind.down.udp_into(out, session.ends.turned(), number(1)))?;
            }
            // A TFTP request has no number.
            Course::Tftp => sink.record(gap, kind.up.len(), |out| kind.up.udp_into(out, session.ends, None))?,
            _ => sink.record(gap, kind.up.len(), |out| kind.up.udp_into(out, session.ends, number(0)))?,
        }
        session.step += 1;
        if session.step == session.steps {
            sessions[at] = begin(random, &kinds);
        }
    }
    Ok(())
}

/// Handshake, then rounds of one question, two segments of answer and an acknowledgment, then the close.
fn tcp(sink: &mut Sink<'_>, gap: u64, kind: &Kind, session: &mut Session) -> io::Result<()> {
    const UP: usize = 0;
    const DOWN: usize = 1;
    let (side, flags, stamp) = match (session.step, session.steps - session.step) {
        (0, _) => (UP, SYN, &kind.bare),
        (1, _) => (DOWN, SYN | ACK, &kind.bare),
        (2, _) | (_, 1) => (UP, ACK, &kind.bare),
        (_, 3) => (UP, FIN | ACK, &kind.bare),
        (_, 2) => (DOWN, FIN | ACK, &kind.bare),
        (step, _) => match (step - 3) % 4 {
            0 => (UP, PSH | ACK, &kind.up),
            1 => (DOWN, ACK, &kind.down),
            2 => (DOWN, PSH | ACK, &kind.down),
            _ => (UP, ACK, &kind.bare),
        },
    };
    let ends = if side == UP { session.ends } else { session.ends.turned() };
    let ack = if flags & ACK != 0 { session.seq[1 - side] } else { 0 };
    let seq = session.seq[side];
    sink.record(gap, stamp.len(), |out| stamp.tcp_into(out, ends, seq, ack, flags))?;
    let payload = if std::ptr::eq(stamp, &kind.bare) { 0 } else { stamp.len() - 54 };
    let takes_one = u32::from(flags & (SYN | FIN) != 0);
    session.seq[side] = seq.wrapping_add(payload as u32 + takes_one);
    Ok(())
}
