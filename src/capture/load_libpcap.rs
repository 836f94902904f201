//! libpcap at hand. On Unix it is linked into the program; on Windows it is Npcap's DLL, which is looked for when it is
//! first needed, so that reading captures needs none.

/// There is no libpcap on this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "Npcap is not installed: on Windows, capturing and filters need it. Get it from https://npcap.com and try again; \
     reading captures without a filter needs none"
)]
pub struct Missing;

/// Makes sure that libpcap may be called: a call without it would end the process.
///
/// # Errors
/// On Windows, where neither Npcap nor another `wpcap.dll` is installed.
pub(super) fn ready() -> Result<(), Missing> {
    #[cfg(windows)]
    {
        use std::sync::OnceLock;
        static LOADED: OnceLock<bool> = OnceLock::new();
        if !*LOADED.get_or_init(npcap::load) {
            return Err(Missing);
        }
    }
    Ok(())
}

#[cfg(windows)]
mod npcap {
    #![allow(unsafe_code)]

    use std::ffi::OsString;
    use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};
    use std::path::PathBuf;
    use std::ptr::null_mut;

    use windows_sys::Win32::System::LibraryLoader::{LOAD_WITH_ALTERED_SEARCH_PATH, LoadLibraryExW};
    use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;

    /// Npcap's own folder, and where it lies for programs that were made for WinPcap.
    const PLACES: [&str; 2] = ["Npcap\\wpcap.dll", "wpcap.dll"];

    /// Loads the DLL from the system's folder, and from nowhere else: one that lies beside a capture is untrusted.
    /// The calls that are linked to `wpcap.dll` find it loaded.
    pub(super) fn load() -> bool {
        let Some(folder) = system_folder() else { return false };
        PLACES.iter().any(|place| {
            let path: Vec<u16> = folder.join(place).as_os_str().encode_wide().chain([0]).collect();
            // SAFETY: the path ends with a zero and outlives the call. The DLL stays loaded until the process ends.
            !unsafe { LoadLibraryExW(path.as_ptr(), null_mut(), LOAD_WITH_ALTERED_SEARCH_PATH) }.is_null()
        })
    }

    fn system_folder() -> Option<PathBuf> {
        let mut buffer = [0_u16; 1024];
        // SAFETY: it writes at most as many units as the buffer has, and answers how many.
        let length = unsafe { GetSystemDirectoryW(buffer.as_mut_ptr(), 1024) };
        let path = buffer.get(..length as usize).filter(|path| !path.is_empty())?;
        Some(OsString::from_wide(path).into())
    }
}
