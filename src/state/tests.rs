//! What is stored is loaded as it was, and what is damaged is told from what is whole.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use proptest::prelude::*;

use super::*;

/// A state of some sections, each a head and a body.
fn state(sections: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new()).unwrap();
    for (head, body) in sections {
        let mut packer = writer.section(head).unwrap();
        packer.body().extend(*body);
        packer.finish().unwrap();
    }
    writer.finish().unwrap()
}

fn with_file<T>(bytes: &[u8], then: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.igstate");
    std::fs::write(&path, bytes).unwrap();
    then(&path)
}

/// A head and a body.
type Parts = (Vec<u8>, Vec<u8>);

/// The heads and bodies of a state.
fn read(path: &Path) -> Result<Vec<Parts>, Broken> {
    sections(path)?
        .into_iter()
        .map(|(head, section)| {
            let mut blocks = Blocks::open(path, &section)?;
            let mut body = Vec::new();
            while let Some(block) = blocks.unpack_next()? {
                body.extend(block);
            }
            Ok((head, body))
        })
        .collect()
}

fn loaded<T: Stored>(bytes: &[u8]) -> Result<T, Broken> {
    with_file(&state(&[(b"", bytes)]), |path| {
        let (_, section) = sections(path)?.remove(0);
        let mut blocks = Blocks::open(path, &section)?;
        let mut load = Load::new(&mut blocks, 0);
        let value = load.get()?;
        load.finish()?;
        Ok(value)
    })
}

type Some = (u64, (u32, i64, bool), [Option<(IpAddr, u16)>; 2]);

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_stored_is_loaded_as_it_was(value in any::<Some>(), place in any::<SocketAddr>()) {
        let mut bytes = Vec::new();
        (value, place.ip()).store(&mut bytes);
        prop_assert_eq!(loaded::<(Some, IpAddr)>(&bytes).unwrap(), (value, place.ip()));
        bytes.pop();
        prop_assert!(loaded::<(Some, IpAddr)>(&bytes).is_err());
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = loaded::<Some>(&bytes);
    }
}

#[test]
fn a_file_gives_its_sections_back() {
    let large: Vec<u8> =
        (0..1_000_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let sections: [(&[u8], &[u8]); 3] = [(b"one", &large), (b"two", b""), (b"", b"three")];
    let read = with_file(&state(&sections), read).unwrap();
    assert_eq!(read, sections.map(|(head, body)| (head.to_vec(), body.to_vec())));
    assert_eq!(with_file(&state(&[]), super::tests::read).unwrap(), []);
}

#[test]
fn every_cut_and_every_changed_byte_is_told() {
    let whole = state(&[(b"head", b"body of the first"), (b"", b"second")]);
    for cut in 0..whole.len() {
        assert!(with_file(&whole[..cut], read).is_err(), "cut at {cut}");
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        assert!(with_file(&changed, read).is_err(), "changed at {at}");
    }
    let longer = [&whole[..], b"x"].concat();
    assert!(with_file(&longer, read).is_err());
}

#[test]
fn a_later_version_says_so() {
    let mut newer = state(&[]);
    let later = super::VERSION + 1;
    newer[10..12].copy_from_slice(&later.to_le_bytes());
    let error = with_file(&newer, read).unwrap_err();
    assert!(matches!(error, Broken::Newer { version } if version == later), "{error}");
}

/// Numbers are told as LEB128 says, however many bytes lie behind them.
#[test]
fn numbers_come_back_wherever_they_lie() {
    let around = |power: u32| [(1_u64 << power) - 1, 1 << power, (1 << power) + 1];
    let numbers: Vec<u64> = (0..64).flat_map(around).chain([0, u64::MAX]).collect();
    for first in 0..numbers.len() {
        let mut bytes = Vec::new();
        numbers[first..].iter().for_each(|number| number.store(&mut bytes));
        let mut load = Load::of_head(bytes);
        assert!(numbers[first..].iter().all(|number| load.get::<u64>().unwrap() == *number));
        load.finish().unwrap();
    }
    // Eleven bytes, more than 64 bits, and no end.
    for wrong in [&[0x80; 11][..], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], &[0x80; 4]] {
        assert!(Load::of_head(wrong.to_vec()).get::<u64>().is_err());
    }
}

#[test]
fn blocks_are_the_same_on_a_thread_of_their_own() {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let whole = state(&[(b"", &bytes)]);
    let read = |file: &[u8]| {
        with_file(file, |path| {
            let (_, section) = sections(path).unwrap().remove(0);
            let drain = |unpack: &mut dyn Unpack| {
                let mut seen = Vec::new();
                loop {
                    let block = unpack.unpack_next().map_err(|error| error.to_string());
                    let goes_on = matches!(block, Ok(Some(_)));
                    seen.push((block, unpack.left(), unpack.offset()));
                    if !goes_on {
                        return seen;
                    }
                }
            };
            let open = || Blocks::open(path, &section).unwrap();
            let ahead = drain(&mut Ahead::of(open()).unwrap());
            assert!(ahead == drain(&mut open()));
            ahead.len()
        })
    };
    let blocks = read(&whole);
    assert!(blocks > 10, "{blocks} blocks");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    assert!(read(&damaged) < blocks);
}

#[test]
fn lengths_are_not_believed() {
    // A list of 2^63 members.
    let mut bytes = vec![0x80; 9];
    bytes.push(1);
    with_file(&state(&[(b"", &bytes)]), |path| {
        let (_, section) = sections(path).unwrap().remove(0);
        let mut blocks = Blocks::open(path, &section).unwrap();
        let error = Load::new(&mut blocks, 0).list::<Vec<u8>>(usize::MAX, "too many").unwrap_err();
        assert!(matches!(error, Broken::Wrong { .. }));
    });
}
