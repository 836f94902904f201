//! The CSV files against the columns that were promised, and read back by the csv crate.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::flow::FlowRow;
use crate::health::{Losses, Measure, Pair, Sums};
use crate::inventory::{Host, HostId, Hosts};
use crate::report::{fixture, write_nodes};
use crate::survey::JudgedFlows;

/// The promise, word for word.
const FLOWS: &str = "flow_id,first_seen,last_seen,duration_s,vlan,transport,\
client_ip,client_port,client_mac,client_role,client_name,\
server_ip,server_port,server_mac,server_role,server_name,\
service,verdict,reason,severity,outcome,direction_basis,payload,payload_protocol,related_to,rule,\
client_packets,client_bytes,server_packets,server_bytes,client_tcp_flags,server_tcp_flags,community_id,sources,duplicates,vlan_path";
const FINDINGS: &str = "id,severity,verdict,reason,outcome,client_role,client,server_role,server,transport,server_port,\
service,flows,packets,bytes,first_seen,last_seen,detail,advice,rule,display_filter,sources,\
clients,client_names,servers,server_names,flow_ids";
const COVERAGE: &str = "document,minimum_version,role,direction,transport,port,service,state,peers,flows,packets,bytes,\
first_seen,last_seen,hosts_carried,hosts_blocked,hosts_one_way,hosts_not_seen";
const INVENTORY: &str = "address,mac,role,role_basis,confidence,name,version,first_seen,last_seen,packets_sent,\
bytes_sent,packets_received,bytes_received,serves,heard,other_macs,lldp_name,switch,switch_port,\
poe_class,poe_requested_mw,poe_allocated_mw,poe_pairs,dot1x,groups";
const NODES: &str = "address,mac,role,name,carried,blocked,one_way,not_seen,\
in_tcp_80,in_tcp_88,in_tcp_1900,in_tcp_1901,in_udp_69,in_udp_1050,in_udp_1900,in_udp_1901,in_udp_5683,\
in_udp_50195,in_udp_50196,in_udp_50197,in_udp_50198,in_udp_50199,\
out_tcp_80,out_tcp_88,out_tcp_443,out_tcp_1900,out_tcp_1901,out_udp_69,out_udp_1050,out_udp_1900,out_udp_1901,\
out_udp_5683,out_udp_50195,out_udp_50196,out_udp_50197,out_udp_50198,out_udp_50199,\
bacnet_in_udp_47808,bacnet_out_tcp_80,bacnet_out_udp_47808,\
state,silent_since,\
poe_class,poe_requested_mw,poe_allocated_mw,dot1x,\
answers,answer_median_s,answer_p95_s,asked_again,segments_sent,segments_retransmitted";

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The rows of a file by column name.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn headers_are_those_that_were_promised() {
    let survey = fixture::survey();
    let names = Names::of(&survey);
    for (written, promised) in [
        (text(|out| write_flows(out, &survey, &names, 1)), FLOWS),
        (text(|out| write_findings(out, &survey, &names)), FINDINGS),
        (text(|out| write_coverage(out, &survey, &names)), COVERAGE),
        (text(|out| write_inventory(out, &survey, 2)), INVENTORY),
        (text(|out| write_nodes(out, &survey, &names)), NODES),
    ] {
        assert_eq!(written.lines().next(), Some(promised));
        assert!(written.ends_with('\n') && !written.contains('\r'));
    }
}

#[test]
fn a_flow_is_told_from_its_client() {
    let survey = fixture::survey();
    let rows = rows(&text(|out| write_flows(out, &survey, &Names::of(&survey), 1)));
    assert_eq!(rows.len(), 4);
    let has = |row: usize, cells: &[(&str, &str)]| {
        for &(column, cell) in cells {
            assert_eq!(rows[row][column], cell, "row {row}, {column}");
        }
    };
    has(
        0,
        &[
            ("flow_id", "f1"),
            ("first_seen", "2025-03-04T08:15:00.000000000Z"),
            ("duration_s", "2.500000000"),
            ("vlan", "10"),
            ("vlan_path", "10"),
            ("transport", "tcp"),
            ("client_ip", "10.20.0.31"),
            ("client_port", "52114"),
            ("client_packets", "12"),
            ("server_ip", "10.20.0.2"),
            ("server_port", "80"),
            ("server_bytes", "9120"),
            ("server_name", "Gateway, floor 3"),
            ("client_tcp_flags", "FS.PA..."),
            ("verdict", "documented"),
            ("reason", ""),
            ("sources", "survey/monday.pcapng"),
        ],
    );
    has(
        1,
        &[
            ("vlan", "10.20"),
            ("vlan_path", "10>20"),
            ("related_to", "f1"),
            ("client_tcp_flags", ""),
            ("service", "tftp"),
        ],
    );
    // The server never sent: its MAC is the one that was sent to.
    has(2, &[("server_mac", "02:1b:00:00:00:fe"), ("server_packets", "0"), ("server_tcp_flags", "........")]);
    has(2, &[("client_name", "'=cmd|'/C calc'!A0"), ("severity", "alert"), ("reason", "undocumented-peer")]);
    has(3, &[("transport", "icmp"), ("client_port", ""), ("server_port", ""), ("vlan", ""), ("vlan_path", "")]);
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let mut survey = fixture::survey();
    let flows: Vec<_> = survey.flows.iter().map(|(flow, judgement)| (FlowRow::of(&flow), *judgement)).collect();
    // Enough for several chunks a thread, the last one cut short.
    survey.flows = JudgedFlows::of_rows(flows.iter().cycle().take(9 * ROWS_AT_ONCE + 17).cloned());
    let host = survey.hosts.get(HostId(0)).clone();
    let numbered = |number: u32| Host { address: Ipv4Addr::from(number).into(), ..host.clone() };
    survey.hosts = Hosts::new((0..9 * ROWS_AT_ONCE as u32 + 17).map(numbered).collect());
    let names = Names::of(&survey);
    let one = text(|out| write_flows(out, &survey, &names, 1));
    assert_eq!(one.lines().count(), 9 * ROWS_AT_ONCE + 18);
    let hosts = text(|out| write_inventory(out, &survey, 1));
    assert_eq!(hosts.lines().count(), 9 * ROWS_AT_ONCE + 18);
    for threads in [2, 3, 16] {
        assert!(one == text(|out| write_flows(out, &survey, &names, threads)), "{threads} threads");
        assert!(hosts == text(|out| write_inventory(out, &survey, threads)), "{threads} threads");
    }
}

#[test]
fn an_error_of_the_writer_ends_all_threads() {
    let mut survey = fixture::survey();
    let flows: Vec<_> = survey.flows.iter().map(|(flow, judgement)| (FlowRow::of(&flow), *judgement)).collect();
    survey.flows = JudgedFlows::of_rows(flows.iter().cycle().take(20 * ROWS_AT_ONCE).cloned());
    let error = write_flows(&mut fixture::Full(100_000), &survey, &Names::of(&survey), 4).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn hostile_text_is_one_harmless_cell() {
    let mut survey = fixture::survey();
    let words = survey.findings[0].words(&survey.context());
    survey.findings[0].facts = fixture::FindingText::of(&words, |_| "=1+1\",\n\u{1b}[2J\u{202e}<script>".to_owned());
    survey.inputs[0].path = "@SUM(A1).pcap".to_owned();
    let rows = rows(&text(|out| write_findings(out, &survey, &Names::of(&survey))));
    assert_eq!(rows[0]["detail"], "'=1+1\",\\n\\x1b[2J\\u{202e}<script>");
    assert_eq!(rows[0]["sources"], "'@SUM(A1).pcap");
}

#[test]
fn a_node_has_a_cell_for_each_port_of_its_documents() {
    let survey = fixture::survey();
    let rows = rows(&text(|out| write_nodes(out, &survey, &Names::of(&survey))));
    // The gateway, two nodes, and the fe80:: address of one, which the fixture does not put together.
    assert_eq!(rows.iter().map(|row| row["role"].as_str()).collect::<Vec<_>>(), ["gateway", "node", "node", "node"]);
    for row in &rows {
        let count = |word: &str| row.values().filter(|cell| *cell == word).count().to_string();
        assert_eq!((&row["carried"], &row["not_seen"]), (&count("carried"), &count("not-seen")));
        // The vendor gives the gateway one port more, and BACnet: 32 cells, and a node 28.
        let is_gateway = row["role"] == "gateway";
        assert_eq!(row["out_tcp_443"].is_empty(), !is_gateway);
        assert_eq!(row["bacnet_in_udp_47808"].is_empty(), !is_gateway);
        assert_eq!(
            row.values().filter(|cell| ["carried", "not-seen"].contains(&&***cell)).count(),
            if is_gateway { 32 } else { 28 }
        );
    }
    assert_eq!(rows[2]["name"], "'=cmd|'/C calc'!A0");
}

#[test]
fn a_node_tells_how_soon_it_answers_by_all_its_addresses() {
    const MS: u64 = 1_000_000;
    let mut survey = fixture::survey();
    let cells = |survey: &Survey, address: &str| {
        let rows = rows(&text(|out| write_nodes(out, survey, &Names::of(survey))));
        let row = rows.into_iter().find(|row| row["address"] == address).unwrap();
        ["answers", "answer_median_s", "answer_p95_s", "asked_again", "segments_sent", "segments_retransmitted"]
            .map(|name| row[name].clone())
    };
    // Of the fixture: four of five questions are answered, one was sent again; nothing was sent by TCP.
    let [answers, median, p95, again, sent, retransmitted] = cells(&survey, "10.20.0.31");
    assert_eq!([answers, again, sent, retransmitted], ["4", "1", "", ""]);
    let near = |cell: &str, seconds: f64| (cell.parse::<f64>().unwrap() / seconds - 1.0).abs() < 0.025;
    assert!(near(&median, 0.0025) && near(&p95, 2.004), "{median} {p95}");
    assert_eq!(cells(&survey, "10.20.0.2"), [""; 6], "the gateway was asked nothing");

    // Another address of the same device, and another service: one row has the sums of both.
    let mut hosts: Vec<Host> = survey.hosts.iter().cloned().collect();
    let first = hosts.iter().find(|host| host.address.to_string() == "10.20.0.31").unwrap().clone();
    // The last of all, so that the others keep their places.
    const SECOND: &str = "fe80::ffff:ffff:ffff:ffff";
    hosts.push(Host { address: SECOND.parse().unwrap(), ..first });
    survey.hosts = Hosts::new(hosts);
    let at = |address: &str| -> IpAddr { address.parse().unwrap() };
    let device = |address| survey.hosts.device_of(survey.hosts.find(at(address)).unwrap());
    assert_eq!(device("10.20.0.31"), device(SECOND), "one device");
    let mut add = |asker: &str, answerer: &str, measure, sums| {
        survey.health.pairs.insert(Pair { asker: at(asker), answerer: at(answerer), port: 80, measure }, sums);
    };
    let mut http = Sums { asked: 2, repeated: 2, ..Sums::default() };
    [700 * MS, 800 * MS].into_iter().for_each(|nanos| http.times.add(nanos));
    add("10.20.0.2", SECOND, Measure::Http, http);
    // What the kernel and the network answer is no answer of an application.
    let mut ping = Sums { asked: 9, repeated: 9, ..Sums::default() };
    ping.times.add(90_000 * MS);
    add("10.20.0.2", "10.20.0.31", Measure::Echo, ping.clone());
    add("10.20.0.2", "10.20.0.31", Measure::Server, ping.clone());
    // Data counts for who sent it, whoever acknowledged it.
    let data = |segments, again| {
        let losses = Some(Box::new(Losses { segments, again, ..Losses::NONE }));
        Sums { losses, ..ping.clone() }
    };
    add("10.20.0.31", "10.20.0.2", Measure::Ack, data(40, 1));
    add(SECOND, "10.20.0.2", Measure::Ack, data(60, 2));
    add("10.20.0.2", "10.20.0.31", Measure::Ack, data(500, 7));
    let [answers, median, p95, again, sent, retransmitted] = cells(&survey, "10.20.0.31");
    assert_eq!([answers, again, sent, retransmitted], ["6", "3", "100", "3"]);
    // Of 2, 2.5, 3, 700, 800 and 2004 ms the third, and the last.
    assert!(near(&median, 0.003) && near(&p95, 2.004), "{median} {p95}");
    let [answers, .., again, sent, retransmitted] = cells(&survey, "10.20.0.2");
    assert_eq!([answers, again, sent, retransmitted], ["", "", "500", "7"]);
}
