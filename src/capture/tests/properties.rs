//! Laws of the readers, over generated files.

use proptest::prelude::*;

use super::{open_error, read_in_blocks};

/// Byte order of a generated file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Little,
    Big,
}

impl Arbitrary for Order {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        prop_oneof![Just(Self::Little), Just(Self::Big)].boxed()
    }
}

impl Order {
    fn word(self, value: u32) -> [u8; 4] {
        if self == Self::Big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn half(self, value: u16) -> [u8; 2] {
        if self == Self::Big { value.to_be_bytes() } else { value.to_le_bytes() }
    }
}

/// One record of a generated file.
#[derive(Clone, Debug)]
pub(super) struct Record {
    seconds: u32,
    fraction: u32,
    /// What of the wire was not captured.
    missing: u32,
    data: Vec<u8>,
}

/// Records, some of whose data is made of records.
pub(super) fn records() -> impl Strategy<Value = Vec<Record>> {
    let data = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(|data| {
            let record = Record { seconds: 1, fraction: 2, missing: 0, data };
            [pcap_record(&record, Order::Little), packet_block(&record, Order::Little)].concat().repeat(3)
        }),
    ];
    let record = (any::<u32>(), 0..2_000_000_u32, 0..100_u32, data)
        .prop_map(|(seconds, fraction, missing, data)| Record { seconds, fraction, missing, data });
    proptest::collection::vec(record, 0..40)
}

fn pcap_record(record: &Record, order: Order) -> Vec<u8> {
    let captured = record.data.len() as u32;
    let words = [record.seconds, record.fraction, captured, captured + record.missing];
    [words.map(|word| order.word(word)).concat(), record.data.clone()].concat()
}

pub(super) fn pcap_file(records: &[Record], order: Order) -> Vec<u8> {
    let mut bytes = order.word(0xa1b2_c3d4).to_vec();
    bytes.extend([order.half(2), order.half(4)].concat());
    bytes.extend([0, 0, 262_144, 1].map(|word| order.word(word)).concat());
    bytes.extend(records.iter().flat_map(|record| pcap_record(record, order)));
    bytes
}

fn block(kind: u32, body: &[u8], order: Order) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let length = order.word((12 + body.len() + padding) as u32);
    [order.word(kind).as_slice(), &length, body, &[0; 3][..padding], &length].concat()
}

fn packet_block(record: &Record, order: Order) -> Vec<u8> {
    let captured = record.data.len() as u32;
    let ticks = u64::from(record.seconds) * 1_000_000 + u64::from(record.fraction);
    let words = [0, (ticks >> 32) as u32, ticks as u32, captured, captured + record.missing];
    block(6, &[words.map(|word| order.word(word)).concat(), record.data.clone()].concat(), order)
}

fn section(order: Order) -> Vec<u8> {
    let header = block(0x0a0d_0d0a, &[order.word(0x1a2b_3c4d), order.word(1), [255; 4], [255; 4]].concat(), order);
    // The version is two 16-bit numbers.
    let mut header = header;
    header[12..16].copy_from_slice(&[order.half(1), order.half(0)].concat());
    let interface = block(1, &[order.half(1), order.half(0), [0; 2], [0; 2]].concat(), order);
    [header, interface].concat()
}

/// Some packets, a second section of the same order if there are many.
pub(super) fn pcapng_file(records: &[Record], order: Order) -> Vec<u8> {
    let mut bytes = section(order);
    for (number, record) in records.iter().enumerate() {
        if number == 30 {
            bytes.extend(section(order));
        }
        bytes.extend(packet_block(record, order));
    }
    bytes
}

fn expected(records: &[Record]) -> Vec<(Option<i64>, u32, Vec<u8>)> {
    let of = |record: &Record| {
        let nanos = i64::from(record.seconds) * 1_000_000_000 + i64::from(record.fraction) * 1_000;
        (Some(nanos), record.data.len() as u32 + record.missing, record.data.clone())
    };
    records.iter().map(of).collect()
}

proptest! {
    #[test]
    fn what_was_written_is_read_whatever_the_block_size(
        records in records(), order in any::<Order>(), block_size in 1..600_usize,
    ) {
        for bytes in [pcap_file(&records, order), pcapng_file(&records, order)] {
            let (frames, summary) = read_in_blocks(&bytes, block_size);
            prop_assert_eq!(summary.damage, None);
            let frames: Vec<_> = frames.into_iter().map(|frame| (frame.1, frame.4, frame.5)).collect();
            prop_assert_eq!(frames, expected(&records));
        }
    }

    #[test]
    fn no_bytes_panic_or_hang(
        records in records(), order in any::<Order>(), cut in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        block_size in 1..600_usize,
    ) {
        for mut bytes in [pcap_file(&records, order), pcapng_file(&records, order)] {
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                // The magic stays, so that the rest is looked at.
                if at >= 4 { bytes[at] = *byte }
            }
            bytes.truncate(cut.index(bytes.len()).max(4));
            let whole = read_in_blocks(&bytes, 1 << 20);
            prop_assert!(whole.0.len() <= bytes.len() / 12);
            prop_assert_eq!(read_in_blocks(&bytes, block_size), whole);
        }
    }

    #[test]
    fn foreign_bytes_are_refused_in_words(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let is_known = |magic: &[u8]| bytes.starts_with(magic);
        prop_assume!(![[0xd4, 0xc3], [0xa1, 0xb2], [0x4d, 0x3c], [0x34, 0xcd], [0x0a, 0x0d]].iter().any(|m| is_known(m)));
        prop_assert!(!open_error(&bytes).is_empty());
    }
}
