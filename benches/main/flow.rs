//! The flow table: frames to flows, and tables added up.

use std::collections::HashSet;

use criterion::{BatchSize, Criterion, Throughput};
use igorscope::capture::{Frame, Shift};
use igorscope::flow::{Limits, Observation, Seed};

use crate::input;
use crate::traffic::file::Format;
use crate::traffic::load::Mix;

/// The flows of untagged UDP or TCP over IPv4, by the standard library's set: the independent count.
fn flows(frames: &[Frame<'_>]) -> usize {
    let key = |frame: &Frame<'_>| {
        let end = |ip: usize, port: usize| (frame.data[ip..ip + 4].to_vec(), frame.data[port..port + 2].to_vec());
        let (a, b) = (end(26, 34), end(30, 36));
        (frame.data[23], a.clone().min(b.clone()), a.max(b))
    };
    frames.iter().map(key).collect::<HashSet<_>>().len()
}

fn observe(frames: &[Frame<'_>]) -> Observation {
    let mut observation = Observation::new(0, Seed::random(), Limits::default());
    observation.observe(frames.iter().copied());
    observation
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let many = if input::measuring() { 1_000_000 } else { 20_000 };
    let packets = if input::measuring() { 2_000_000 } else { 40_000 };
    let cases = [
        ("lighting", input::capture_of(Mix::Lighting, Format::Pcap, packets, 1)),
        ("few flows", input::capture_of(Mix::Small64, Format::Pcap, packets, 100)),
        ("many flows, random", input::capture_of(Mix::Small64, Format::Pcap, packets, many)),
    ];
    let mut group = criterion.benchmark_group("flow");
    group.sample_size(10);
    for (name, input) in &cases {
        let frames = input.frames();
        table(&mut group, name, &frames);
    }
    let mut in_order = cases[2].1.frames();
    in_order.sort_by_key(|frame| {
        let ends = [&frame.data[26..30], &frame.data[30..34]];
        (ends.into_iter().min(), ends.into_iter().max(), frame.data[35] ^ frame.data[37])
    });
    table(&mut group, "many flows, in order", &in_order);

    let frames = cases[2].1.frames();
    let (first, second) = frames.split_at(frames.len() / 2);
    let expected = flows(&frames);
    group.throughput(Throughput::Elements(expected as u64));
    group.bench_function("merge, many flows", |bencher| {
        bencher.iter_batched(
            || (observe(first), observe(second)),
            |(mut a, b)| {
                a.absorb(b, Shift { input: 0, frames: first.len() as u64 });
                assert_eq!(a.flow_count(), expected);
                a
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn table(group: &mut Group<'_>, name: &str, frames: &[Frame<'_>]) {
    let expected = flows(frames);
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let observation = observe(frames);
            assert_eq!(observation.flow_count(), expected);
            observation
        });
    });
}
