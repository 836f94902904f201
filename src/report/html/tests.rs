//! The page holds what it promises: it is one file, safe, small, and the same each time.

use super::*;
use crate::finding::{Held, SilentTime, SilentTimes, Transfer, Who, Words};
use crate::flow::FlowRow;
use crate::inventory::{HostId, Hosts};
use crate::policy::Role;
use crate::report::fixture;
use crate::survey::JudgedFlows;
use crate::verdict::{Conversation, Judgement};

fn options() -> HtmlOptions {
    HtmlOptions { zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(1)), command: Vec::new(), rendered: String::new() }
}

fn html(survey: &Survey) -> String {
    render(survey, &Names::of(survey), &options())
}

#[test]
fn the_security_policy_allows_this_script_and_style_and_nothing_else() {
    let page = html(&fixture::survey());
    for (open, close, text) in [("<script>", "</script>", SCRIPT), ("<style>", "</style>", STYLE)] {
        assert_eq!(page.matches(open).count(), 1);
        let inside = page.split_once(open).unwrap().1.split_once(close).unwrap().0;
        assert_eq!(inside, text);
        assert!(
            page.contains(&format!("-src &#39;{}&#39;", hash(text))) || page.contains(&format!("'{}'", hash(text)))
        );
    }
    assert!(page.contains("default-src 'none'"));
    for reach in
        ["http://", "https://", "src=", "url(", "@import", " style=", " onclick", "javascript:", "<link", "<iframe"]
    {
        assert!(!page.contains(reach), "{reach}");
    }
}

/// RFC 6234's digest of "abc", in base64.
#[test]
fn hashes_are_in_base64() {
    assert_eq!(hash("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

#[test]
fn foreign_text_stays_text() {
    let hostile = "<script>alert(1)</script>\"'&\u{1b}[2J\u{202e}exe";
    let mut survey = fixture::survey();
    survey.site = hostile.to_owned();
    survey.inputs[0].path = hostile.to_owned();
    survey.caveats[0].text = hostile.to_owned();
    survey.non_ip[0].kind = hostile.to_owned();
    let words = survey.findings[0].words(&survey.context());
    survey.findings[0].facts = fixture::FindingText::of(&words, |_| hostile.to_owned());
    let page = html(&survey);
    assert_eq!(page.matches("<script").count(), 1, "only our own");
    let shown = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\x1b[2J\\u{202e}exe";
    assert!(page.matches(shown).count() >= 8, "{}", page.matches(shown).count());
    assert!(!page.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn every_section_that_the_navigation_names_is_there() {
    let measured = fixture::survey();
    let mut plain = fixture::survey();
    plain.health = crate::health::Health::default();
    for page in [html(&measured), html(&plain)] {
        let links: Vec<&str> =
            page.split("href=\"#").skip(1).filter_map(|rest| rest.split_once('"').map(|link| link.0)).collect();
        assert!(links.len() > 10);
        for link in links {
            assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
        }
    }
    assert!(html(&measured).contains("How soon they answer") && !html(&plain).contains("How soon they answer"));
}

#[test]
fn the_tables_hold_every_cell_of_the_vendor() {
    let page = html(&fixture::survey());
    assert_eq!(page.matches("<td class=\"cell ").count(), 60);
}

#[test]
fn a_survey_of_nothing_says_so() {
    let mut survey = fixture::survey();
    survey.judged = crate::survey::Judged {
        value: false,
        reason: "Nothing was captured.".to_owned(),
        next: "Check the cable.".to_owned(),
    };
    survey.frames = crate::survey::FrameCounts::default();
    survey.conversations.clear();
    survey.findings.clear();
    let page = html(&survey);
    assert!(page.contains("<strong>NOT JUDGED: Nothing was captured.</strong> Next: Check the cable."), "{page}");
}

#[cfg(unix)]
#[test]
fn words_are_quoted_for_a_shell() {
    let mut options = options();
    options.command = ["igorscope", "analyze", "two words.pcap", "it's.pcap"].map(str::to_owned).to_vec();
    let survey = fixture::survey();
    let page = render(&survey, &Names::of(&survey), &options);
    assert!(page.contains("igorscope analyze &#39;two words.pcap&#39; &#39;it&#39;\\&#39;&#39;s.pcap&#39;"));
}

/// A site of 300 nodes with 100,000 flows, and findings with long texts.
fn large() -> Survey {
    let mut survey = fixture::survey();
    let (flow, judgement) = survey.flows.view(0);
    let (row, judgement) = (FlowRow::of(&flow), *judgement);
    let template = survey.hosts.iter().next().unwrap().clone();
    let hosts = (0..2_000u32).map(|number| {
        let mut host = template.clone();
        host.address = std::net::Ipv4Addr::from(0x0a14_0000 + number).into();
        host.mac = None;
        host.role = if number < 300 { Role::Node } else { Role::External };
        host.basis = "answers TCP 88 of the gateway, as a node does".repeat(2).into();
        host
    });
    survey.hosts = Hosts::new(hosts.collect());
    let one = survey.conversations[1].clone();
    survey.conversations = (0..50_000u32)
        .map(|number| Conversation { client: HostId(number % 300), server: HostId(number % 2_000), ..one.clone() })
        .collect();
    let flows = (0..100_000u32).map(|number| (row.clone(), Judgement { conversation: number / 2, ..judgement }));
    survey.flows = JudgedFlows::of_rows(flows);
    let mut finding = survey.findings[0].clone();
    let words = Words {
        display_filter: "ip.addr == 10.20.0.31 || ".repeat(235),
        detail: "Node 10.20.0.32 sent 3 SYNs. ".repeat(20),
        ..finding.words(&survey.context())
    };
    finding.facts = fixture::FindingText::of(&words, str::to_owned);
    finding.conversations = (0..1_000).collect();
    survey.findings = vec![finding; 2_000];
    survey
}

#[test]
fn a_large_survey_stays_a_small_page() {
    let page = html(&large());
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    for said in
        ["The first 300 of 2000; findings.csv", "The 400 with most packets, of 50,000", "1000 of 2,000 addresses"]
    {
        assert!(page.contains(said), "{said}");
    }
    assert_eq!(page.matches("<circle class=\"dot ").count(), 300 + 400, "every node is a dot, of the others 400");
}

/// Many silences of many devices: a few dozen are drawn, all are counted, and what they are called by is text.
#[test]
fn silences_are_drawn_up_to_a_limit() {
    let mut survey = fixture::survey();
    let times = |finding: u8| {
        let one = |number: u8| SilentTime {
            who: Who::Address([10, 20, finding, number % 40].into()),
            start: fixture::at(i64::from(number) * 20),
            end: fixture::at(i64::from(number) * 19 + 1_000),
            lasts: number == 3,
        };
        SilentTimes { more: 5, ..SilentTimes::of((0..120).map(one).collect()) }
    };
    let template = survey.findings[0].clone();
    survey.findings = (0..3)
        .map(|number| {
            let facts = fixture::FindingText { silent_times: times(number), ..fixture::FindingText::default() };
            crate::finding::Finding { facts: std::sync::Arc::new(facts), ..template.clone() }
        })
        .collect();
    assert_eq!(survey.findings[0].facts.silent_times().list.len(), SilentTimes::MOST);
    let page = html(&survey);
    let drawn = page.matches("<path class=\"silent\"").count();
    assert!((12..=48).contains(&drawn), "{drawn}");
    assert_eq!(page.matches(" was silent from ").count(), 12, "a row of each device");
    // Each finding tells 100, and that there are 5 more.
    assert!(page.contains(&format!("{} more, shorter or of other devices", 3 * 105 - drawn)), "{drawn}");
    assert!(page.contains("until the capture ended at"));
    let text = page.split_once("<section id=\"time\"").unwrap().1.split_once("</section>").unwrap().0;
    assert!(text.len() < 30_000, "{}", text.len());
}

/// Files that did not come to their end, then the slowest; what is not shown is counted, and names are text.
#[test]
fn files_that_need_a_look_stand_first() {
    let mut survey = fixture::survey();
    let transfer = |number: u64, bytes: u64, is_finished| Transfer {
        sender: ([10, 20, 0, 10].into(), 50_000),
        receiver: ([10, 20, 9, 1].into(), number as u16),
        file: (number > 0).then(|| format!("<b>{number}.bin")),
        is_write: Some(false),
        bytes,
        first: fixture::at(0),
        last: fixture::at(9_000),
        nanos: 1_000_000_000,
        blocks: 118,
        repeated: number,
        receiving: 1_000_000,
        sending: 1_000_000,
        pause: 1_000_000,
        has_windows: false,
        held: Held::ALL[number as usize % 4],
        is_finished,
    };
    survey.transfers = (1..=40).map(|number| transfer(number, 50_000 + 100 * number, Some(true))).collect();
    survey.transfers.push(transfer(41, 200, Some(true)));
    survey.transfers.push(transfer(0, 1_000_000, Some(false)));
    let page = html(&survey);
    let table = page.split_once("<table id=\"transfers\"").unwrap().1.split_once("</table>").unwrap().0;
    let rows: Vec<&str> = table.split("<tr>").skip(2).collect();
    assert_eq!(rows.len(), 30);
    assert!(rows[0].contains("not captured") && rows[0].contains("<td class=\"trouble\">no</td>"), "{}", rows[0]);
    assert!(rows[1].contains("&lt;b&gt;1.bin") && rows[29].contains("&lt;b&gt;29.bin"), "{}", rows[29]);
    assert!(
        rows[1].contains("50 kB/s") && rows[1].contains("1 of 118") && rows[1].contains("the receiver"),
        "{}",
        rows[1]
    );
    assert!(!table.contains("41.bin"), "too small to tell how quick it is");
    assert!(page.contains("30 of 42 files; transfers.csv has all."));
    survey.transfers.clear();
    assert!(!html(&survey).contains("Files by TFTP"));
}
