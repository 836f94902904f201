//! Other programs, asked what they make of captures and of our files.

use std::path::Path;
use std::process::Command;

/// What a program printed; panics if it failed otherwise than at the end of a capture that was cut.
pub(crate) fn printed(command: &mut Command) -> String {
    let output = command.output().expect("a program");
    let [out, complaint] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success() || complaint.contains(" been cut short in the "), "{command:?}: {out}{complaint}");
    out
}

/// A line for each frame with the fields that tshark reads in it.
pub(crate) fn tshark(path: &Path, options: &[&str], fields: &[&str]) -> String {
    let fields = fields.iter().flat_map(|field| ["-e", field]);
    printed(Command::new("tshark").arg("-r").arg(path).args(["-n", "-T", "fields"]).args(options).args(fields))
}
