//! Records: bytes to frames.

use std::hint::black_box;

use criterion::{BatchSize, Criterion};

use crate::input::{self, MIXES, PACKETS};
use crate::traffic::file::Format;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("framing");
    for (name, mix) in MIXES {
        for (suffix, format) in [("pcap", Format::Pcap), ("pcapng", Format::Pcapng)] {
            let input = input::capture(mix, format);
            group.throughput(input.throughput.clone());
            group.bench_function(format!("{name}/{suffix}"), |bencher| {
                bencher.iter_batched(
                    || input.open(),
                    |capture| {
                        let frames = input::for_each(capture, |frame| {
                            black_box(frame.data.len());
                        });
                        assert_eq!(frames, PACKETS);
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}
