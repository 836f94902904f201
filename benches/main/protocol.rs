//! Payload checks: first bytes to evidence.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use igorscope::decode::{Network, Transport, decode};
use igorscope::protocol;
use igorscope::protocol::{Protocol, inspect};

use crate::input;
use crate::traffic::file::Format;
use crate::traffic::load::Mix;

struct Payload {
    transport: protocol::Transport,
    ports: (u16, u16),
    bytes: Vec<u8>,
}

/// The payloads of the lighting mix, as they come.
fn payloads() -> Vec<Payload> {
    let mut list = Vec::new();
    input::for_each(input::capture(Mix::Lighting, Format::Pcap).open(), |frame| {
        let Network::Ip(ip) = decode(frame).network else { return };
        let (transport, ports, bytes) = match ip.transport {
            Transport::Tcp { source_port, destination_port, payload, .. } => {
                (protocol::Transport::Tcp, (source_port, destination_port), payload)
            }
            Transport::Udp { source_port, destination_port, payload, .. } => {
                (protocol::Transport::Udp, (source_port, destination_port), payload)
            }
            _ => return,
        };
        if !bytes.is_empty() {
            list.push(Payload { transport, ports, bytes: bytes.to_vec() });
        }
    });
    list
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let list = payloads();
    let bytes = list.iter().map(|payload| payload.bytes.len() as u64).sum();
    let mut group = criterion.benchmark_group("protocol");
    group.throughput(Throughput::ElementsAndBytes { elements: list.len() as u64, bytes });
    group.bench_function("lighting", |bencher| {
        bencher.iter(|| {
            let (mut coap, mut violations) = (0_u64, 0_u64);
            for payload in &list {
                let (source, destination) = payload.ports;
                let length = payload.bytes.len() as u32;
                let found = inspect(payload.transport, source, destination, black_box(&payload.bytes), length);
                coap += u64::from(found.conforms & Protocol::Coap.bit() != 0);
                let on_coap = source == 5683 || destination == 5683;
                violations += u64::from(on_coap && found.violates & Protocol::Coap.bit() != 0);
            }
            let sent = list.iter().filter(|payload| payload.ports.0 == 5683 || payload.ports.1 == 5683).count();
            assert!(coap >= sent as u64 && violations == 0, "{coap} of {sent} conform, {violations} violate");
        });
    });
    group.finish();
}
