//! What ends a live survey from outside: Ctrl-C, a signal, a terminal or window that is closed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Sets `stop` on the first Ctrl-C or SIGTERM; the second ends the program where it is. A terminal that
/// went away (SIGHUP, which may come twice) ends the survey too.
#[cfg(unix)]
pub(super) fn listen(stop: &Arc<AtomicBool>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, TERM_SIGNALS};
    use signal_hook::flag;

    for signal in TERM_SIGNALS {
        flag::register_conditional_shutdown(*signal, 128 + signal, Arc::clone(stop))?;
        flag::register(*signal, Arc::clone(stop))?;
    }
    flag::register(SIGHUP, Arc::clone(stop))?;
    Ok(())
}

/// Sets `stop` on the first Ctrl-C or Ctrl-Break; the second ends the program where it is. A window that is closed, and the
/// end of the session, end the survey too.
#[cfg(windows)]
pub(super) fn listen(stop: &Arc<AtomicBool>) -> io::Result<()> {
    crate::cli::windows::on_end(Arc::clone(stop))
}
