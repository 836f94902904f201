//! `policy export`: the policy as firewall rules, a change request or MUD.

use std::io::Write;

use super::args::{HostArgs, PolicyExport, Talk};
use super::exit::{Failure, Outcome, Status};
use super::terminal::print;
use crate::export::{Request, RuleList};
use crate::report::{visible, write_file};

pub(super) fn run(args: PolicyExport, talk: &Talk) -> Outcome {
    let PolicyExport { format, side, with_supporting, policy, hosts, output } = args;
    let policy = super::policy::load(policy.as_deref())?;
    let inventory = if is_empty(&hosts) { None } else { Some(super::options::inventory(hosts)?) };
    let list = RuleList::new(&Request { policy: &policy, inventory: inventory.as_ref(), side, with_supporting });
    let exported = format.export(&list).map_err(Failure::unusable)?;
    match output {
        Some(path) => {
            let path = if path.is_dir() { path.join(&exported.file_name) } else { path };
            write_file(&path, |out| out.write_all(exported.text.as_bytes()))?;
        }
        None => print(|out| out.write_all(exported.text.as_bytes()))?,
    }
    if !talk.quiet {
        let length = format!("note: {} lines", exported.lines());
        let mut lines: Vec<String> = list.notes.iter().map(|note| format!("note: {note}")).chain([length]).collect();
        lines.extend(exported.losses.iter().map(|loss| format!("lost: {loss}")));
        lines.extend(exported.limits.iter().map(|limit| format!("limit: {limit}")));
        let text: String = lines.iter().map(|line| format!("igorscope: {}\n", visible(line))).collect();
        // The file says it, too.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    Ok(Status::Good)
}

/// Whether nothing at all is said of the site: the rules then get placeholders.
fn is_empty(hosts: &HostArgs) -> bool {
    let HostArgs { gateway, node, bacnet, site, site_name, inventory } = hosts;
    [gateway, node, bacnet, site].into_iter().all(Vec::is_empty) && site_name.is_none() && inventory.is_none()
}
