use super::*;
use crate::report::json::tests::read_back;
use crate::report::{fixture, json::Comparison};

fn survey(site: &str) -> Survey<'static> {
    let mut survey = fixture::survey();
    survey.site = site.to_owned();
    read_back(&survey)
}

#[test]
fn one_survey_stays_what_it_is() {
    let one = survey("Harbour Street 4");
    let merged = merge(vec![one.clone()]).unwrap();
    assert_eq!(merged.flows.len(), one.flows.len());
    assert_eq!(merged.site, one.site);
    assert_eq!(merged.findings[0].detail, one.findings[0].detail);
    let spoken_of =
        |survey: &Survey<'static>| survey.conversations[survey.findings[0].conversations[0] as usize].clone();
    assert_eq!(spoken_of(&merged), spoken_of(&one));
    assert_eq!(merged.coverage, one.coverage);
    assert_eq!(merged.inventory, one.inventory);
    assert!(Comparison::of(&one, &merged).is_same());
    let related = merged.flows.iter().find(|flow| flow.verdict == "related").unwrap();
    let target = merged.flows.iter().find(|flow| Some(&flow.flow_id) == related.related_to.as_ref()).unwrap();
    assert_eq!(target.service.as_deref(), Some("HTTP"));
}

#[test]
fn surveys_of_one_site_are_added_up() {
    let merged = merge(vec![survey("A"), survey("A")]).unwrap();
    let one = survey("A");
    assert_eq!(merged.site, "A");
    assert_eq!(merged.inputs.len(), 4);
    assert_eq!(merged.frames.total, 240);
    assert_eq!(merged.flows.len(), one.flows.len());
    assert_eq!(merged.coverage.len(), 60);
    let packets =
        |survey: &Survey<'_>| survey.flows.iter().map(|flow| flow.client_packets + flow.server_packets).sum::<u64>();
    assert_eq!(packets(&merged), 2 * packets(&one));
    assert_eq!(merged.flows[0].sources, [0, 2]);
    assert_eq!(merged.findings[0].detail, one.findings[0].detail);
    assert_eq!(merged.findings[0].packets, 2 * one.findings[0].packets);
}

#[test]
fn sites_are_kept_apart() {
    let merged = merge(vec![survey("A"), survey("B")]).unwrap();
    assert_eq!(merged.site, "");
    assert_eq!(merged.flows.len(), 2 * survey("A").flows.len());
    assert_eq!(merged.coverage.len(), 120);
    assert_eq!(merged.flows[0].site.as_deref(), Some("A"));
    assert_eq!(merged.flows.last().unwrap().site.as_deref(), Some("B"));
    // A merge can be merged again.
    let again = merge(vec![merged.clone(), survey("B")]).unwrap();
    assert_eq!(again.flows.len(), merged.flows.len());
    assert_eq!(again.frames.total, 360);
}

#[test]
fn the_better_evidence_says_who_is_the_client() {
    let one = survey("A");
    let mut other = survey("A");
    let flow = &mut other.flows[0];
    std::mem::swap(&mut flow.client_ip, &mut flow.server_ip);
    std::mem::swap(&mut flow.client_port, &mut flow.server_port);
    flow.client_packets = 100;
    flow.server_packets = 0;
    flow.direction_basis = "first-packet".into();
    flow.outcome = "midstream".into();
    for surveys in [vec![one.clone(), other.clone()], vec![other, one.clone()]] {
        let merged = merge(surveys).unwrap();
        let flow = merged.flows.iter().find(|flow| flow.server_port == Some(80)).unwrap();
        assert_eq!(flow.client_ip, one.flows[0].client_ip);
        assert_eq!(flow.server_packets, one.flows[0].server_packets + 100);
        assert_eq!(flow.outcome, "established");
        assert_eq!(flow.direction_basis, "syn");
    }
}

#[test]
fn the_same_capture_is_not_counted_twice() {
    let mut one = survey("A");
    one.inputs[0].sha256 = Some("e3b0".into());
    let error = merge(vec![one.clone(), one]).unwrap_err().to_string();
    assert!(error.contains("monday.pcapng") && error.contains("counted twice"), "{error}");
    assert!(matches!(merge(Vec::new()), Err(MergeError::Empty)));
}

#[test]
fn a_merge_is_judged_where_each_of_its_sites_is() {
    let survey = |site: &str, value: bool| {
        let mut survey = fixture::survey();
        survey.site = site.to_owned();
        survey.inputs.iter_mut().for_each(|input| input.sha256 = None);
        if !value {
            survey.judged =
                crate::survey::Judged { value, reason: "Nothing was.".to_owned(), next: "Look.".to_owned() };
            survey.caveats.push(crate::verdict::Caveat { kind: "not-judged", text: "Nothing was. Look.".to_owned() });
        }
        read_back(&survey)
    };
    let judged = |merged: &v1::Survey<'_>| {
        let judged = merged.judged.as_ref().unwrap();
        (judged.value, judged.reason.as_deref().unwrap_or_default().to_owned())
    };
    let both = merge(vec![survey("A", true), survey("B", false)]).unwrap();
    assert_eq!(judged(&both), (false, "B: Nothing was.".to_owned()));
    // Merged again: what is known of each site is kept, and a later visit judges what an earlier one could not.
    let again = merge(vec![both.clone(), survey("C", true)]).unwrap();
    assert_eq!(judged(&again), (false, "B: Nothing was.".to_owned()));
    let mended = merge(vec![both, survey("B", true)]).unwrap();
    assert_eq!(judged(&mended), (true, String::new()));
    assert!(mended.caveats.iter().all(|caveat| caveat.kind != "not-judged"));
    // One that does not say is not known to have judged anything.
    let mut old = survey("D", true);
    old.judged = None;
    let unknown = merge(vec![survey("A", true), old]).unwrap();
    assert!(!judged(&unknown).0 && judged(&unknown).1.starts_with("D: An older igorscope"), "{:?}", judged(&unknown));
}
