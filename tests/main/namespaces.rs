//! Network namespaces of our own, a host in each. They end with their test, and what was started in them.

use std::ffi::OsStr;
use std::fmt::Display;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::skips::skipped;

pub(crate) struct Namespaces {
    name: String,
    made: Vec<String>,
    pub(crate) running: Vec<Child>,
    /// Where command lines run.
    pub(crate) folder: tempfile::TempDir,
}

impl Namespaces {
    /// One for each host; `None`, and `what` is told with the reason, where that cannot be done here.
    pub(crate) fn open(what: &str, needs: &[&str], hosts: &[impl Display]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("igor-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().expect("a folder");
        let mut spaces = Self { name, made: Vec::new(), running: Vec::new(), folder };
        let mut make = |host| {
            let space = spaces.space(host);
            sh(&format!("ip netns add {space}")).map(|()| spaces.made.push(space))
        };
        match possible(needs).and_then(|()| hosts.iter().try_for_each(&mut make)) {
            Ok(()) => Some(spaces),
            Err(reason) => {
                skipped(&format!("{what}: {reason}"));
                None
            }
        }
    }

    pub(crate) fn space(&self, host: impl Display) -> String {
        format!("{}-{host}", self.name)
    }

    /// A program in a host.
    pub(crate) fn command(&self, host: impl Display, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(host)]).arg(program);
        command
    }

    /// A command line in a host.
    pub(crate) fn shell(&self, host: impl Display, line: &str) -> Command {
        let mut command = self.command(host, "sh");
        command.args(["-c", line]).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command line in a host; what it says is the caller's to judge.
    pub(crate) fn run(&self, host: impl Display, line: &str) -> Output {
        self.shell(host, line).output().expect("ip can be run")
    }

    /// The same where it has to succeed.
    pub(crate) fn must(&self, host: impl Display, line: &str) -> String {
        let output = self.run(&host, line);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "{host}: {line}: {said}");
        said
    }

    /// Ends what runs.
    pub(crate) fn stop(&mut self) {
        for mut child in self.running.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        self.stop();
        for space in &self.made {
            let _ = sh(&format!("ip netns del {space}"));
        }
    }
}

fn possible(needs: &[&str]) -> Result<(), String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|_| "this is no Linux".to_owned())?;
    if !status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0")) {
        return Err("network namespaces need root".to_owned());
    }
    let missing = ["ip"].iter().chain(needs).find(|program| which(program).is_none());
    missing.map_or(Ok(()), |program| Err(format!("{program} is not installed")))
}

/// A program's path, with the folders of a root's shell.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// A command line outside the namespaces.
pub(crate) fn sh(line: &str) -> Result<(), String> {
    let output = Command::new("sh").args(["-c", line]).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
