use super::*;
use crate::finding::Kind;
use crate::policy::{FindingKind, Role};
use crate::report::fixture;
use crate::report::json::tests::read_back;
use crate::verdict::{CellState, Outcome, Verdict};

fn compare(old: &crate::survey::Survey, new: &crate::survey::Survey) -> Comparison {
    Comparison::of(&read_back(old), &read_back(new))
}

#[test]
fn a_survey_is_the_same_as_itself_whatever_its_counts() {
    let old = fixture::survey();
    let mut busier = fixture::survey();
    busier.conversations[0].packets = [9_999, 9_999];
    busier.conversations.swap(0, 2);
    busier.findings[0].conversations = vec![0];
    busier.findings[0].packets = 7;
    assert!(compare(&old, &busier).is_same());
}

#[test]
fn what_is_new_changed_and_not_seen_again_is_told() {
    let old = fixture::survey();
    let mut new = fixture::survey();
    new.findings.clear();
    new.coverage[3].state = CellState::Carried;
    new.conversations[2].outcome = Outcome::Established;
    let comparison = compare(&old, &new);
    assert_eq!(comparison.ports.len(), 1);
    assert_eq!((comparison.ports[0].kind, comparison.ports[0].old.as_deref()), (ChangeKind::Changed, Some("blocked")));
    assert_eq!(comparison.findings.len(), 1);
    let finding = &comparison.findings[0];
    assert_eq!((finding.kind, &finding.new), (ChangeKind::NotSeenAgain, &None), "silence is no proof");
    assert_eq!(comparison.hosts, []);
    assert_eq!(
        comparison.conversations,
        [Change {
            what: "node 10.20.0.32 to external 203.0.113.9, TCP 443 HTTPS".to_owned(),
            kind: ChangeKind::Changed,
            old: Some("unexpected (undocumented-peer), unanswered".to_owned()),
            new: Some("unexpected (undocumented-peer), established".to_owned()),
        }]
    );
    assert_eq!(compare(&new, &old).findings[0].kind, ChangeKind::New);
}

/// The fixture with its finding as a documented conversation that is blocked.
fn blocked() -> crate::survey::Survey {
    let mut survey = fixture::survey();
    survey.findings[0].kind = Kind::Other(FindingKind::Blocked);
    survey.findings[0].verdict = Some(Verdict::Documented);
    survey.conversations[2].verdict = Verdict::Documented;
    survey
}

#[test]
fn only_an_answer_proves_that_what_was_blocked_works() {
    let old = blocked();
    let mut mended = blocked();
    mended.findings.clear();
    mended.conversations[2].outcome = Outcome::Established;
    assert_eq!(compare(&old, &mended).findings[0].kind, ChangeKind::Works);
    // A short visit, or one of the client's direction alone, proves nothing.
    for outcome in [None, Some(Outcome::OneWay), Some(Outcome::Midstream)] {
        let mut visit = blocked();
        visit.findings.clear();
        match outcome {
            Some(outcome) => visit.conversations[2].outcome = outcome,
            None => drop(visit.conversations.pop()),
        }
        let comparison = compare(&old, &visit);
        assert_eq!(comparison.findings[0].kind, ChangeKind::NotSeenAgain, "{outcome:?}");
        assert!(comparison.conversations.iter().all(|change| change.kind == ChangeKind::NotSeenAgain), "{outcome:?}");
    }
}

#[test]
fn a_finding_grows_and_shrinks_by_hosts() {
    let old = blocked();
    let mut more = blocked();
    more.conversations[1].outcome = Outcome::Unanswered;
    more.findings[0].conversations = vec![1, 2];
    let grown = compare(&old, &more);
    assert_eq!(grown.findings.len(), 1);
    assert_eq!(grown.findings[0].kind, ChangeKind::Changed);
    let new = grown.findings[0].new.as_deref().unwrap();
    assert_eq!(new, "alert, unanswered; more: 10.20.0.31 to 10.20.0.2");
    let shrunk = compare(&more, &old);
    let new = shrunk.findings[0].new.as_deref().unwrap();
    assert_eq!(new, "alert, unanswered; not seen again: 10.20.0.31 to 10.20.0.2", "TCP 80 is not the port");
}

#[test]
fn of_several_conversations_under_one_key_each_speaks() {
    let old = fixture::survey();
    let mut new = fixture::survey();
    let mut second = new.conversations[1].clone();
    second.outcome = Outcome::Refused;
    second.packets = [1, 1];
    new.conversations.push(second);
    let comparison = compare(&old, &new);
    assert_eq!(comparison.conversations.len(), 1, "the one with fewer packets counts as well");
    assert_eq!(comparison.conversations[0].new.as_deref(), Some("documented, established; documented, refused"));
}

#[test]
fn a_port_that_a_visit_could_not_see_is_no_change() {
    let old = fixture::survey();
    let mut new = fixture::survey();
    for cell in &mut new.coverage {
        cell.state = CellState::NotSeen;
    }
    let comparison = compare(&old, &new);
    assert!(comparison.ports.iter().all(|change| change.kind == ChangeKind::NotSeenAgain), "{:?}", comparison.ports);
    assert_eq!(comparison.ports.len(), 30, "carried and blocked ones; one-way ones proved nothing before");
}

#[test]
fn what_each_visit_could_see_comes_first() {
    let old = fixture::survey();
    let mut new = fixture::survey();
    new.judged = crate::survey::Judged { value: false, reason: "Nothing.".to_owned(), next: "Look.".to_owned() };
    let [before, after] = compare(&old, &new).visits;
    assert_eq!((before.frames, before.heard, before.lasted), (120, 6, Some(4.0)));
    assert_eq!((before.not_judged, after.not_judged.as_deref()), (None, Some("Nothing.")));
    assert_eq!(before.sites, ["Harbour Street 4".to_owned()].into());
    assert!(before.caveats.contains("roles-inferred"));
}

#[test]
fn another_protocol_on_the_port_is_no_proof_that_it_works() {
    let old = blocked();
    let mut new = blocked();
    new.findings.clear();
    (new.conversations[2].outcome, new.conversations[2].verdict) = (Outcome::Established, Verdict::Unexpected);
    assert_eq!(compare(&old, &new).findings[0].kind, ChangeKind::NotSeenAgain);
}

/// The fixture with a finding of devices.
fn of_devices(kind: FindingKind, clients: impl IntoIterator<Item = impl AsRef<str>>) -> crate::survey::Survey {
    let mut survey = fixture::survey();
    let finding = &mut survey.findings[0];
    (finding.kind, finding.verdict, finding.outcome) = (Kind::Other(kind), None, None);
    finding.clients = clients.into_iter().map(|client| fixture::who(client.as_ref())).collect();
    finding.client_role = Some(Role::Node);
    (finding.servers, finding.server_role) = (Default::default(), None);
    (finding.transport, finding.server_port, finding.conversations) = (None, None, Vec::new());
    survey
}

#[test]
fn more_than_a_cell_names_are_counted_not_named() {
    let [few, many] =
        [22, 28].map(|many| of_devices(FindingKind::Restarting, (1..=many).map(|host| format!("10.20.1.{host}"))));
    let comparison = compare(&few, &many);
    let new = comparison.findings[0].new.as_deref().unwrap();
    assert_eq!(new, "alert; and 23 more that are not named (were 17)");
    assert!(compare(&few, &few).is_same());
}

#[test]
fn a_device_without_a_lease_is_not_helped_by_an_address_of_its_own_making() {
    let old = of_devices(FindingKind::NoDhcpOffer, ["10.20.0.31"]);
    let mut new = fixture::survey();
    new.findings.clear();
    assert_eq!(compare(&old, &new).findings[0].kind, ChangeKind::Works);
    let old = of_devices(FindingKind::NoDhcpOffer, ["169.254.7.7"]);
    let mut hosts: Vec<_> = new.hosts.iter().cloned().collect();
    hosts[0].address = "169.254.7.7".parse().unwrap();
    new.hosts = crate::inventory::Hosts::new(hosts);
    let kinds: Vec<_> = compare(&old, &new).findings.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::NotSeenAgain]);
}
