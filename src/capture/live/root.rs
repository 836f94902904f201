//! Root is given up once the interfaces are open: nothing of untrusted bytes is decoded with its rights.

use std::ffi::CString;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, io};

use nix::unistd::{Gid, Uid, User, setgid, setgroups, setuid};

use super::privilege::Dropped;

/// Gives up root: for whoever called sudo, else for the owner of the folders that are to be written to,
/// else for `nobody`. `made` is a folder that was made for them, which becomes theirs.
///
/// # Errors
/// When the system refuses: going on as root would not be what was promised.
pub fn drop_root(folders: &[&Path], made: Option<&File>) -> io::Result<Dropped> {
    if !Uid::effective().is_root() {
        return Ok(Dropped::WasNotRoot);
    }
    let owner =
        |folder: &&Path| folder.metadata().map(|metadata| (Uid::from(metadata.uid()), Gid::from(metadata.gid())));
    let (uid, gid) = match (caller(), folders.first().map(owner).transpose()?) {
        (Some(caller), _) => caller,
        (None, Some((uid, _))) if uid.is_root() => {
            let folder = folders.first().map_or_else(PathBuf::new, |folder| folder.to_path_buf());
            return Ok(Dropped::StaysRoot { folder });
        }
        (None, Some(owner)) => owner,
        (None, None) => nobody(),
    };
    if let Some(folder) = made {
        std::os::unix::fs::fchown(folder, Some(uid.as_raw()), Some(gid.as_raw()))?;
    }
    let name = User::from_uid(uid).ok().flatten().map(|user| user.name);
    // The groups first: without root they cannot be changed any more.
    set_groups(name.as_deref(), gid)?;
    setgid(gid)?;
    setuid(uid)?;
    if setuid(Uid::from_raw(0)).is_ok() {
        return Err(io::Error::other("root was given up, and could still be had back"));
    }
    Ok(Dropped::Became(name.unwrap_or_else(|| uid.to_string())))
}

/// Gives up for good what a survey never needs once its interfaces are open: capabilities, the way to new ones, and system
/// calls (programs, other processes, networks, the kernel). Root that stays keeps the right to write where only others may,
/// if one of the folders is such a place. Says whether system calls are filtered; only Linux can.
///
/// Call it before there are other threads.
///
/// # Errors
/// When the system refuses.
pub fn confine(folders: &[&Path]) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::CapabilitySet;
        let is_open_to_owner = |metadata: std::fs::Metadata| metadata.uid() == 0 && metadata.mode() & 0o300 == 0o300;
        let is_closed = |folder: &&Path| !folder.metadata().is_ok_and(is_open_to_owner);
        let kept = match folders.iter().any(is_closed) {
            true => CapabilitySet::DAC_OVERRIDE,
            false => CapabilitySet::empty(),
        };
        super::confine::confine(if Uid::effective().is_root() { kept } else { CapabilitySet::empty() })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folders;
        Ok(false)
    }
}

/// Who called sudo, if it was not root.
fn caller() -> Option<(Uid, Gid)> {
    let number = |name| env::var(name).ok()?.parse::<u32>().ok();
    let (uid, gid) = (number("SUDO_UID")?, number("SUDO_GID")?);
    (uid != 0).then(|| (Uid::from_raw(uid), Gid::from_raw(gid)))
}

/// By name, or by the number that it has nearly everywhere.
fn nobody() -> (Uid, Gid) {
    const NOBODY: u32 = 65_534;
    let user = User::from_name("nobody").ok().flatten();
    user.map_or((Uid::from_raw(NOBODY), Gid::from_raw(NOBODY)), |user| (user.uid, user.gid))
}

#[cfg(not(target_vendor = "apple"))]
fn set_groups(name: Option<&str>, gid: Gid) -> io::Result<()> {
    match name.and_then(|name| CString::new(name).ok()) {
        Some(name) => nix::unistd::initgroups(&name, gid)?,
        None => setgroups(&[])?,
    }
    Ok(())
}

/// macOS has no call that is safe to use here; its groups stay those of the caller.
#[cfg(target_vendor = "apple")]
fn set_groups(_: Option<&str>, _: Gid) -> io::Result<()> {
    Ok(())
}
