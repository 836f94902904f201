//! The `igorscope` command.

fn main() {}
