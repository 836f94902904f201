//! SHA-256 of the inputs, on a thread of its own: hashing is slower than the analysis.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use sha2::{Digest, Sha256};

const BLOCK: usize = 1 << 20;

/// Hashes being worked out.
pub(super) struct Hashes {
    /// Those that no thread works out.
    files: std::vec::IntoIter<PathBuf>,
    done: Option<Receiver<Option<String>>>,
}

impl Hashes {
    pub(super) fn none() -> Self {
        Self { files: Vec::new().into_iter(), done: None }
    }

    /// Begins to hash files; what is no regular file has no hash.
    pub(super) fn begin(files: Vec<PathBuf>) -> Self {
        let (sender, done) = channel();
        let to_hash = files.clone();
        // Where nobody listens any more, the rest is not needed.
        let work = move || to_hash.iter().map(|file| hash_or_none(file)).try_for_each(|digest| sender.send(digest));
        match thread::Builder::new().spawn(work) {
            Ok(_) => Self { files: Vec::new().into_iter(), done: Some(done) },
            Err(_) => Self { files: files.into_iter(), done: None },
        }
    }

    /// The hash of the next file; waits for it, or works it out now where no thread could be had.
    pub(super) fn next(&mut self) -> Option<String> {
        match &self.done {
            Some(done) => done.recv().ok().flatten(),
            None => self.files.next().and_then(|file| hash_or_none(&file)),
        }
    }

    /// All of them, in the order of the files.
    pub(super) fn finish(self) -> Vec<Option<String>> {
        match self.done {
            Some(done) => done.iter().collect(),
            None => self.files.map(|file| hash_or_none(&file)).collect(),
        }
    }
}

fn hash_or_none(file: &Path) -> Option<String> {
    hash(file).ok().flatten()
}

fn hash(path: &Path) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut hasher = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => break,
            read => hasher.update(&block[..read]),
        }
    }
    let hex = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of FIPS 180-4 (NIST, "SHA-256 examples").
    #[test]
    fn hashes_are_those_of_the_standard() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let files = vec![file("empty", ""), file("abc", "abc"), folder.path().to_owned(), "missing".into()];
        assert_eq!(
            Hashes::begin(files).finish(),
            [
                Some("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned()),
                Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned()),
                None,
                None,
            ]
        );
    }
}
