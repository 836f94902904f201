//! The `igorscope` command.

use std::process::ExitCode;

/// That of musl takes half as long again.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Where the shell leaves wildcards as they are (Windows), they are expanded here.
    igorscope::cli::run(wild::args_os())
}
