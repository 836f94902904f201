//! The whole line on a file, and what the report's tables cost.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use igorscope::inventory::Inventory;
use igorscope::policy::Policy;
use igorscope::report::{Names, json, write_findings, write_flows};
use igorscope::survey::{Options, Progress, Source, Survey, run};

use crate::input;
use crate::traffic::file::Format;
use crate::traffic::load::Mix;

const INVENTORY: &str =
    "gateway = \"10.20.0.10\"\nnode = [\"10.20.4.0/22\", \"10.20.8.0/22\"]\nbacnet = \"10.20.0.40\"\n";

fn survey(path: &Path, threads: usize) -> Survey {
    let inventory = Arc::new(Inventory::parse(INVENTORY, "bench.toml").expect("a sound inventory"));
    let mut options = Options::new(Policy::embedded(), inventory);
    options.reading.threads = threads.try_into().expect("at least one");
    run(&[Source::File(path.to_owned())], &options, &Progress::default()).expect("the generator writes captures")
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let packets = if input::measuring() { 2_000_000 } else { 20_000 };
    let input = input::capture_of(Mix::Lighting, Format::Pcap, packets, 1);
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&input.bytes).expect("room for it");
    let one = survey(file.path(), 1);
    assert_eq!((one.frames.total, one.frames.stopped.len()), (packets, 0));

    let mut group = criterion.benchmark_group("survey");
    group.sample_size(10);
    group.throughput(input.throughput.clone());
    for threads in [1, 2] {
        group.bench_function(format!("lighting, threads {threads}"), |bencher| {
            bencher.iter(|| {
                let survey = survey(file.path(), threads);
                assert_eq!(survey.flows.len(), one.flows.len());
                survey
            });
        });
    }
    group.finish();

    let names = Names::of(&one);
    let mut group = criterion.benchmark_group("report");
    group.sample_size(10);
    group.throughput(Throughput::Elements(one.flows.len() as u64));
    for threads in [1, 2] {
        group.bench_function(format!("flows.csv, threads {threads}"), |bencher| {
            bencher.iter(|| {
                let mut out = Vec::new();
                write_flows(&mut out, &one, &names, threads).expect("memory takes it");
                let rows = out.iter().filter(|byte| **byte == b'\n').count();
                assert_eq!(rows, one.flows.len() + 1);
                out
            });
        });
    }
    group.bench_function("findings.csv", |bencher| {
        bencher.iter(|| {
            let mut out = Vec::new();
            write_findings(&mut out, &one, &names).expect("memory takes it");
            let rows = out.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(rows, one.findings.len() + 1);
            out
        });
    });
    group.bench_function("survey.json", |bencher| {
        bencher.iter(|| {
            let mut out = Vec::new();
            json::write_survey(&mut out, &one, &names, None, 1).expect("memory takes it");
            assert!(out.len() > 100 * one.flows.len());
            out
        });
    });
    group.finish();
}
