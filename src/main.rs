//! The `igorscope` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Where the shell leaves wildcards as they are (Windows), they are expanded here.
    igorscope::cli::run(wild::args_os())
}
