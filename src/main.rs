//! The `igorscope` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    igorscope::cli::run(std::env::args_os())
}
