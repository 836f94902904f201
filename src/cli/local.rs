//! The machine itself: what Windows' own tools tell of it. They are only asked; nothing is changed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::exit::{Failure, Outcome, Status};
use super::terminal::print;
use crate::export::antivirus::Preferences;
use crate::export::local::{LocalCheck, LocalError, Machine, PortCheck, PortState, QUESTIONS};
use crate::policy::{Direction, Policy, Role};
use crate::text::visible;

/// What PowerShell is asked, in an encoding that carries every path.
const EXCLUSIONS: &str =
    "[Console]::OutputEncoding = [Text.Encoding]::UTF8; Get-MpPreference -ErrorAction Stop | ConvertTo-Json";

/// The antivirus exclusions of this machine.
pub(super) fn exclusions() -> Result<Preferences, Failure> {
    let arguments = ["-NoProfile", "-NonInteractive", "-Command", EXCLUSIONS];
    let output = ask("powershell", &arguments).ok_or_else(|| {
        Failure::usage(
            "Get-MpPreference gave no answer here; on the gateway, type (Get-MpPreference | ConvertTo-Json) > exclusions.json \
             in PowerShell as Administrator, and check that file: igorscope antivirus check exclusions.json",
        )
    })?;
    Preferences::parse(&output).map_err(|why| Failure::usage(format!("this machine: {why}")))
}

/// Holds this machine's firewall, or that of the answers in a folder, against the policy.
pub(super) fn firewall(policy: &Policy, folder: Option<&Path>) -> Outcome {
    let (machine, name) = match folder {
        Some(folder) => (Machine::load(folder).map_err(Failure::unusable)?, folder.display().to_string()),
        None => (this_machine().map_err(Failure::unusable)?, "this machine".to_owned()),
    };
    let check = LocalCheck::new(policy, Role::Gateway, &machine);
    print(|out| write(out, &check, &machine, &visible(&name)))?;
    Ok(if check.is_good() { Status::Good } else { Status::Found })
}

fn this_machine() -> Result<Machine, LocalError> {
    let answers = QUESTIONS.map(|question| ask(question.command[0], &question.command[1..]));
    Machine::of(answers, "what Windows' tools print here")
}

/// What one of Windows' own programs prints, if it ends well.
fn ask(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    // From the system's folder only: one of the same name that lies in the current folder is somebody's.
    let system = PathBuf::from(std::env::var_os("SystemRoot").filter(|_| cfg!(windows))?).join("System32");
    let place = if program == "powershell" { system.join("WindowsPowerShell").join("v1.0") } else { system };
    let mut command = Command::new(place.join(program).with_extension("exe"));
    let output = command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then_some(output.stdout)
}

fn write(out: &mut dyn Write, check: &LocalCheck, machine: &Machine, name: &str) -> io::Result<()> {
    let good = check.ports.iter().filter(|port| port.state.is_good()).count();
    let verdict = if check.is_good() { "good" } else { "not good" };
    writeln!(out, "{name}: {verdict}: {good} of {} documented ports get through the firewall", check.ports.len())?;
    for profile in &machine.profiles {
        let by = if profile.is_policy { " (group policy)" } else { "" };
        let state = if profile.is_on { "on" } else { "off" };
        writeln!(out, "  firewall in the profile {}: {state}{by}", visible(&profile.name))?;
    }
    let mut product = "";
    for port in &check.ports {
        if port.product != product {
            product = &port.product;
            writeln!(out, "{}", visible(product))?;
        }
        writeln!(out, "{}", line(port))?;
    }
    if !check.wide.is_empty() {
        writeln!(out, "Rules that let in more than the document names:")?;
    }
    for rule in &check.wide {
        let program = rule.program.as_ref().map_or_else(String::new, |program| format!(", for {program} only"));
        writeln!(out, "  {}: {}{}", visible(&rule.name), rule.lets_in, visible(&program))?;
    }
    if !check.listeners.is_empty() {
        writeln!(out, "Listening, and not in the vendor's table:")?;
    }
    for listener in &check.listeners {
        let what = listener.supporting.as_ref().map_or_else(String::new, |service| format!(" ({service})"));
        let reach = match &listener.allowed_by {
            Some(rule) => format!("let in by {rule}"),
            None => "no rule lets others reach it".to_owned(),
        };
        let listening = &listener.listening;
        let transport = listening.transport.to_string().to_uppercase();
        let text = format!("{}{what}; {reach}", listening.process);
        writeln!(out, "  {transport} {:<6} {}", listening.port, visible(&text))?;
    }
    if !machine.unseen.is_empty() {
        writeln!(out, "Not seen:")?;
    }
    machine.unseen.iter().try_for_each(|what| writeln!(out, "  {}", visible(what)))?;
    writeln!(
        out,
        "Not looked at: firewalls of others on this machine, rules of IPsec, and whatever lies between it and the nodes; a \
         capture shows what arrives (igorscope analyze)."
    )
}

fn line(port: &PortCheck) -> String {
    let way = if port.direction == Direction::Incoming { "in" } else { "out" };
    let transport = port.transport.to_string().to_uppercase();
    let mut text = format!("  {:<9} {way:<3} {transport} {:<6} {}", port.state.name(), port.port, port.service);
    let detail = match &port.state {
        PortState::InProfiles(profiles) => format!("; only in the profiles {}", profiles.join(", ")),
        PortState::ForProgram { program, is_meant: true } => format!("; only for {program}"),
        PortState::ForProgram { program, is_meant: false } => {
            format!("; only for {program}, which is neither the vendor's nor listens there")
        }
        PortState::Missing => "; no rule lets it through".to_owned(),
        _ => String::new(),
    };
    text.push_str(&detail);
    if let Some(rule) = &port.rule {
        text.push_str(&format!("; rule {rule}"));
    }
    if port.is_for_addresses {
        text.push_str(" (for some addresses only: see that the other end's are among them)");
    }
    if !port.listeners.is_empty() {
        let mut listeners = port.listeners.clone();
        listeners.dedup();
        text.push_str(&format!("; {} listens", listeners.join(", ")));
    }
    visible(&text).into_owned()
}
