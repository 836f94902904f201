//! Headers: frames to packets.

use criterion::{BatchSize, Criterion};
use igorscope::decode::{Network, decode};

use crate::input::{self, MIXES, PACKETS};
use crate::traffic::file::Format;

/// Reads and decodes; what reading alone costs is the framing bench's figure.
pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (name, mix) in MIXES {
        let input = input::capture(mix, Format::Pcap);
        group.throughput(input.throughput.clone());
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || input.open(),
                |capture| {
                    let mut ip = 0;
                    input::for_each(capture, |frame| {
                        let packet = decode(frame);
                        ip += u64::from(packet.stop.is_none() && matches!(packet.network, Network::Ip(_)));
                    });
                    assert_eq!(ip, PACKETS);
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}
