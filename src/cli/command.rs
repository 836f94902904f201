//! The command line that makes a report again: what decides its content, and nothing else.

use std::path::Path;

use super::args::{HostArgs, ReadingArgs, SurveyArgs};
use super::states;

/// Words of the command; threads, formats and folders leave the content as it is and are left out.
pub(super) fn command(args: &SurveyArgs) -> Vec<String> {
    let SurveyArgs { captures, hosts, policy, reading } = args;
    let ReadingArgs { count, filter, threads: _, health, limits } = reading;
    let HostArgs { gateway, node, bacnet, site, site_name, inventory } = hosts;
    let mut words = vec!["igorscope".to_owned(), "analyze".to_owned()];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    for (name, values) in [("--gateway", gateway), ("--node", node), ("--bacnet", bacnet), ("--site", site)] {
        values.iter().for_each(|value| option(name, value.clone()));
    }
    let path = |path: &Path| path.to_string_lossy().into_owned();
    if let Some(label) = site_name {
        option("--site-name", label.clone());
    }
    if let Some(file) = inventory {
        option("--inventory", path(file));
    }
    if let Some(file) = policy {
        option("--policy", path(file));
    }
    if let Some(count) = count {
        option("--count", count.to_string());
    }
    if let Some(filter) = filter {
        option("--filter", filter.clone());
    }
    for (name, limit) in [("--max-flows", limits.max_flows), ("--max-fragments", limits.max_fragments)] {
        if let Some(limit) = limit {
            option(name, limit.to_string());
        }
    }
    if *health {
        words.push("--health".to_owned());
    }
    words.extend(["-o", "report"].map(str::to_owned));
    words.extend(captures.iter().flat_map(|capture| states::words(capture)));
    words
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};

    #[test]
    fn what_decides_the_content_is_kept() {
        let typed = "igorscope -q analyze -j 3 --health --node 10.0.0.0/24 --site-name Pier -o out --format html,csv a.pcap b c";
        let Command::Analyze(analyze) = Cli::try_parse_from(typed.split(' ')).unwrap().command else {
            panic!("analyze");
        };
        let again = command(&analyze.survey).join(" ");
        assert_eq!(again, "igorscope analyze --node 10.0.0.0/24 --site-name Pier --health -o report a.pcap b c");
    }
}
