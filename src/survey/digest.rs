//! SHA-256 of the inputs, on a thread of its own: hashing is slower than the analysis, and few files show it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::thread;

use sha2::{Digest as _, Sha256};

const BLOCK: usize = 1 << 20;

/// A SHA-256 that may still be worked out: who asks for it waits.
#[derive(Clone, Debug)]
pub struct Digest(Arc<LazyLock<Option<String>, Work>>);

type Work = Box<dyn FnOnce() -> Option<String> + Send>;

impl Digest {
    fn by(work: impl FnOnce() -> Option<String> + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(work))))
    }

    /// One that is known.
    pub fn known(hex: String) -> Self {
        Self::by(|| Some(hex))
    }

    /// Begins to hash files; what is no regular file has none.
    pub fn begin(files: impl IntoIterator<Item = PathBuf>) -> Vec<Self> {
        let digests: Vec<Self> = files.into_iter().map(|file| Self::by(move || hash(&file).ok().flatten())).collect();
        let to_work_out = digests.clone();
        let work = move || to_work_out.iter().for_each(|Self(digest)| _ = LazyLock::force(digest));
        // Where no thread can be had, each is worked out by who asks first.
        drop(thread::Builder::new().spawn(work));
        digests
    }

    /// In lower-case hex.
    pub fn hex(&self) -> Option<&str> {
        self.0.as_deref()
    }
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
        let files = [file("empty", ""), file("abc", "abc"), folder.path().to_owned(), "missing".into()];
        let digests = Digest::begin(files);
        assert_eq!(
            digests.iter().map(Digest::hex).collect::<Vec<_>>(),
            [
                Some("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
                Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
                None,
                None,
            ]
        );
    }
}
