//! Folders are searched; what is no capture is named.

use std::fs;
use std::path::PathBuf;

use super::super::find_captures;
use super::hex;

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths
        .iter()
        .map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
        .collect()
}

#[test]
fn folders_are_searched_by_bytes_and_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("b/deep")).expect("a folder");
    for name in ["z.txt", "b/deep/one", "B.pcap", "a.pcap"] {
        fs::write(at(name), hex(super::LITTLE)).expect("written");
    }
    fs::write(at("picture.pcap"), b"\x89PNG\r\n\x1a\n").expect("written");
    fs::write(at("empty.pcap"), b"").expect("written");
    let found = find_captures(&[folder.path().to_owned()]);
    assert_eq!(names(&found.captures), ["B.pcap", "a.pcap", "one", "z.txt"]);
    let reasons: Vec<_> = found.passed_over.iter().map(|file| file.reason.as_str()).collect();
    assert!(reasons[0].contains("empty"), "{reasons:?}");
    assert!(reasons[1].contains("PNG picture"), "{reasons:?}");
    assert_eq!(reasons.len(), 2);
}

#[test]
fn a_file_mentioned_twice_is_read_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("one.pcap");
    fs::write(&file, hex(super::LITTLE)).expect("written");
    let found = find_captures(&[file.clone(), folder.path().to_owned(), folder.path().join("../").join(&file)]);
    assert_eq!(found.captures, [file]);
    assert_eq!(found.passed_over.len(), 2);
    assert!(found.passed_over[0].reason.contains("same file"));
}

#[test]
fn evidence_of_our_own_is_passed_over_in_a_search() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for (name, comment) in [("evidence.pcapng", Some(super::super::EVIDENCE)), ("recorded.pcapng", None)] {
        let writer = super::super::PcapngWriter::new(Vec::new(), "igorscope 9.9", comment).expect("written");
        fs::write(at(name), writer.finish().expect("written")).expect("written");
    }
    let found = find_captures(&[folder.path().to_owned()]);
    assert_eq!(names(&found.captures), ["recorded.pcapng"]);
    assert!(found.passed_over[0].reason.starts_with("evidence that igorscope wrote"), "{:?}", found.passed_over);
    assert_eq!(find_captures(&[at("evidence.pcapng")]).captures.len(), 1, "who names it means it");
}

#[test]
fn what_was_named_is_left_for_the_reader_to_judge() {
    let missing = PathBuf::from("/nowhere/at.all");
    assert_eq!(find_captures(std::slice::from_ref(&missing)).captures, [missing]);
}

#[cfg(unix)]
#[test]
fn links_in_a_folder_end() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("one.pcap"), hex(super::LITTLE)).expect("written");
    symlink(folder.path(), at("loop")).expect("a link");
    symlink(at("one.pcap"), at("again.pcap")).expect("a link");
    symlink(at("gone"), at("dangling")).expect("a link");
    let found = find_captures(&[folder.path().to_owned()]);
    // The link sorts first; the file it leads to is read once.
    assert_eq!(names(&found.captures), ["again.pcap"]);
    let mut reasons: Vec<_> = found.passed_over.iter().map(|file| file.reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons.len(), 3);
    assert!(reasons[0].contains("a link to a folder") && reasons[1].contains("cannot be read"), "{reasons:?}");
}
