//! The numbers of report.html's first screen, against what the sample was made to be (`captures/README.md`).

use std::fs;

use crate::command::{folder, run, run_with, sample};

#[test]
fn the_first_screen_counts_devices_and_not_their_addresses() {
    let out = folder(&[]);
    let (report, capture, inventory) = (out.path(), sample("site-survey.pcapng"), sample("site-survey.toml"));
    let arguments = ["analyze", "-q", "--format", "html", "--inventory", inventory.to_str().unwrap(), "-o"];
    run(arguments.into_iter().chain([report.to_str().unwrap(), capture.to_str().unwrap()])).expect(0, &[]);
    let page = fs::read_to_string(report.join("report.html")).unwrap();
    // A gateway with an IPv4 and a link-local address, a head-end and a controller.
    assert!(page.contains("<small>1 gateway, 2 BACnet systems</small>"));
    let nodes = page.split("href=\"#inventory\"><b>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let nodes: u32 = nodes.parse().unwrap();
    assert!((30..=36).contains(&nodes), "{nodes} of the 36 nodes were heard");
}

/// Every item of a finding's lists is a host or a flow that is there, and none is missing.
#[test]
fn findings_are_joined_to_flows() {
    let folder = tempfile::tempdir().unwrap();
    // Where no node is declared, one finding is about all of them.
    let inventory = folder.path().join("site.toml");
    std::fs::write(&inventory, "gateway = \"10.20.0.10\"\nsite = \"10.20.0.0/16\"\ninfer = false\n[[device]]\naddress = \"10.20.0.105\"\nrole = \"host\"\nname = \"five; and six\"\n").unwrap();
    let capture = sample("site-survey.pcapng");
    run_with(&[&"analyze", &"-q", &"-o", &folder.path(), &"--inventory", &inventory, &capture]).expect(0, &[]);
    let table = |name: &str| -> Vec<std::collections::HashMap<String, String>> {
        csv::Reader::from_path(folder.path().join(name)).unwrap().deserialize().map(Result::unwrap).collect()
    };
    let (flows, findings) = (table("flows.csv"), table("findings.csv"));
    let names: std::collections::HashMap<&str, &str> = flows
        .iter()
        .flat_map(|flow| {
            [("client_ip", "client_name"), ("server_ip", "server_name")].map(|(a, b)| (&*flow[a], &*flow[b]))
        })
        .collect();
    let mut long = 0;
    for finding in findings.iter().filter(|finding| finding["flows"] != "0") {
        let list = |column: &str| -> Vec<&str> { finding[column].split(';').filter(|item| !item.is_empty()).collect() };
        let own: Vec<_> = flows.iter().filter(|flow| list("flow_ids").contains(&&*flow["flow_id"])).collect();
        assert_eq!(own.len().to_string(), finding["flows"], "{finding:?}");
        for (end, all, of_all) in [("client_ip", "clients", "client_names"), ("server_ip", "servers", "server_names")] {
            let mut expected: Vec<std::net::IpAddr> = own.iter().map(|flow| flow[end].parse().unwrap()).collect();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(list(all).join(";"), expected.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"));
            let expected: Vec<String> = list(all).iter().map(|address| names[address].replace(';', ",")).collect();
            let expected = if expected.iter().all(String::is_empty) { String::new() } else { expected.join(";") };
            assert_eq!(finding[of_all], expected);
        }
        let packets: u64 = own
            .iter()
            .map(|flow| flow["client_packets"].parse::<u64>().unwrap() + flow["server_packets"].parse::<u64>().unwrap())
            .sum();
        assert_eq!(packets.to_string(), finding["packets"]);
        long += usize::from(finding["client"].contains(" more") || finding["server"].contains(" more"));
    }
    assert!(long > 0, "one finding of the sample has more hosts than `client` or `server` names");
}
