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
fn surveys_of_one_site_stand_side_by_side() {
    let (one, mut other) = (survey("A"), survey("A"));
    other.findings[0].severity = "alert".into();
    let merged = merge(vec![one.clone(), other.clone()]).unwrap();
    assert_eq!(merged.site, "A");
    assert_eq!((merged.inputs.len(), merged.frames.total), (4, 240));
    assert_eq!(merged.caveats[0].kind, "side-by-side");
    assert!(merged.caveats[0].text.contains("igorscope observe"), "{}", merged.caveats[0].text);
    // Each as it is, with its own findings; its number tells them apart.
    for (number, survey) in [(1, &one), (2, &other)] {
        let of = |row: Option<u32>| row == Some(number);
        let findings = merged.findings.iter().filter(|row| of(row.survey));
        let told = |rows: &mut dyn Iterator<Item = &v1::Finding<'static>>| -> Vec<_> {
            let mut told: Vec<_> = rows.map(|row| (row.severity.clone(), row.detail.clone(), row.packets)).collect();
            told.sort();
            told
        };
        assert_eq!(told(&mut findings.clone()), told(&mut survey.findings.iter()));
        for finding in findings {
            for at in &finding.conversations {
                assert!(of(merged.conversations[*at as usize].survey));
            }
        }
        for flow in merged.flows.iter().filter(|row| of(row.survey)) {
            assert!(flow.sources.iter().all(|source| of(merged.inputs[*source as usize].survey)));
            assert!(of(merged.conversations[flow.conversation as usize].survey));
            let target = merged.flows.iter().find(|row| Some(&row.flow_id) == flow.related_to.as_ref());
            assert!(target.is_none_or(|target| of(target.survey)));
        }
        assert_eq!(merged.flows.iter().filter(|row| of(row.survey)).count(), survey.flows.len());
        assert_eq!(merged.coverage.iter().filter(|row| of(row.survey)).count(), 60);
    }
    // A merge of a merge is the merge of all, and says once what it is.
    let again = merge(vec![merged, survey("B"), survey("A")]).unwrap();
    let numbers: BTreeSet<_> = again.findings.iter().map(|row| (row.site.clone(), row.survey)).collect();
    let expected = [("A", Some(1)), ("A", Some(2)), ("A", Some(3)), ("B", None)];
    assert_eq!(numbers, expected.map(|(site, number)| (Some(site.into()), number)).into());
    assert_eq!(again.caveats.iter().filter(|caveat| caveat.kind == "side-by-side").count(), 1);
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
    let again = merge(vec![merged.clone(), survey("C")]).unwrap();
    assert_eq!(again.flows.len(), 3 * survey("A").flows.len());
    assert_eq!(again.frames.total, 360);
    assert!(again.flows.iter().all(|flow| flow.survey.is_none()));
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
        survey.inputs.iter_mut().for_each(|input| input.digest = None);
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
    // The survey that judged nothing still says so.
    assert!(mended.caveats.iter().any(|caveat| caveat.kind == "not-judged" && caveat.survey == Some(1)));
    // One that does not say is not known to have judged anything.
    let mut old = survey("D", true);
    old.judged = None;
    let unknown = merge(vec![survey("A", true), old]).unwrap();
    assert!(!judged(&unknown).0 && judged(&unknown).1.starts_with("D: An older igorscope"), "{:?}", judged(&unknown));
}

#[test]
fn what_one_survey_proves_goes_before_what_another_of_its_site_did_not_see() {
    let (one, mut blind) = (survey("A"), survey("A"));
    blind.coverage.iter_mut().for_each(|cell| cell.state = "not-seen".into());
    blind.inventory.iter_mut().for_each(|host| host.heard = false);
    for surveys in [vec![one.clone(), blind.clone()], vec![blind, one.clone()]] {
        let comparison = Comparison::of(&one, &merge(surveys).unwrap());
        assert_eq!((comparison.ports, comparison.hosts), (vec![], vec![]));
    }
}
