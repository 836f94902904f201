//! What std leaves out of Windows: its console, its desktop, its memory.
#![allow(unsafe_code)]

use std::os::windows::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{io, process, thread};

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, GetConsoleProcessList, SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};
use windows_sys::Win32::UI::Shell::ShellExecuteW;
use windows_sys::Win32::UI::WindowsAndMessaging::SW_SHOWNORMAL;
use windows_sys::core::BOOL;

/// The exit status after a second Ctrl-C, as on Unix: 128 and SIGINT.
const INTERRUPTED: i32 = 130;

/// What a Ctrl-C sets, and the end of the window.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Sets `stop` on the first Ctrl-C; the second ends the program. A window that is closed, and the end of the session, set
/// it, and give the program the seconds that Windows grants.
pub(super) fn on_end(stop: Arc<AtomicBool>) -> io::Result<()> {
    if STOP.set(stop).is_err() {
        return Err(io::Error::other("somebody listens already"));
    }
    // SAFETY: the function has the type that is asked for and stays where it is.
    match unsafe { SetConsoleCtrlHandler(Some(handle), 1) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Called by the system on a thread of its own.
unsafe extern "system" fn handle(event: u32) -> BOOL {
    let Some(stop) = STOP.get() else { return 0 };
    let is_again = stop.swap(true, Ordering::Relaxed);
    if event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT {
        if is_again {
            process::exit(INTERRUPTED);
        }
    } else {
        // Windows ends the program as soon as this returns; it ends by itself before, when all is written.
        thread::sleep(Duration::from_secs(3600));
    }
    1
}

/// Whether the window is this program's own, and gone when it ends: a double click, or something dropped on it.
pub(super) fn is_own_window() -> bool {
    let mut processes = [0_u32; 2];
    // SAFETY: it writes at most as many numbers as it is told that there is room for.
    unsafe { GetConsoleProcessList(processes.as_mut_ptr(), 2) == 1 }
}

/// Bytes of memory of the machine.
pub(super) fn memory() -> Option<u64> {
    let mut status =
        MEMORYSTATUSEX { dwLength: u32::try_from(size_of::<MEMORYSTATUSEX>()).ok()?, ..Default::default() };
    // SAFETY: it writes a structure of the length that stands in it.
    let is_told = unsafe { GlobalMemoryStatusEx(&raw mut status) } != 0;
    is_told.then_some(status.ullTotalPhys)
}

/// Opens a file by the program that is there for its kind, as a double click does.
pub(super) fn open(file: &Path) -> bool {
    let wide = |text: &std::ffi::OsStr| text.encode_wide().chain([0]).collect::<Vec<u16>>();
    let (verb, file) = (wide("open".as_ref()), wide(file.as_os_str()));
    // SAFETY: both texts end with a zero and outlive the call; what is null may be.
    let answer = unsafe { ShellExecuteW(null_mut(), verb.as_ptr(), file.as_ptr(), null(), null(), SW_SHOWNORMAL) };
    // By its documentation, what is greater than 32 is success.
    answer as usize > 32
}
