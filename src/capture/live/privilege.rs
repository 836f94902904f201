//! Rights that are given up once the interfaces are open. Windows has nothing of the kind: Npcap's service opens the
//! interface, for whom its installer let.

#[cfg(not(unix))]
use std::fs::File;
#[cfg(not(unix))]
use std::io;
#[cfg(not(unix))]
use std::path::Path;
use std::path::PathBuf;

#[cfg(unix)]
pub use super::root::{confine, drop_root};

/// Who igorscope runs as after [`drop_root`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Dropped {
    /// It was not root.
    WasNotRoot,
    /// It runs as this user now, and cannot go back.
    Became(String),
    /// It stays root, because the results are to be written where only root may write.
    StaysRoot {
        /// That folder.
        folder: PathBuf,
    },
}

/// There is no root to give up.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn drop_root(_: &[&Path], _: Option<&File>) -> io::Result<Dropped> {
    Ok(Dropped::WasNotRoot)
}

/// System calls cannot be filtered: `false`.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn confine(_: &[&Path]) -> io::Result<bool> {
    Ok(false)
}
