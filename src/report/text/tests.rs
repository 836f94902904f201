//! The page as a person sees it.

use unicode_width::UnicodeWidthStr;

use super::*;
use crate::report::fixture;

fn terminal(width: usize, color: bool) -> Terminal {
    Terminal { width, color, zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(1)), all: false }
}

fn page(width: usize) -> String {
    let survey = fixture::survey();
    summary(&survey, &Names::of(&survey), &terminal(width, false))
}

#[test]
fn summary_at_80_columns() {
    insta::assert_snapshot!(page(80));
}

#[test]
fn summary_at_120_columns() {
    insta::assert_snapshot!(page(120));
}

#[test]
fn every_line_fits() {
    for width in [40, 60, 72, 80, 100, 132] {
        for line in page(width).lines() {
            assert!(line.width() <= width, "{width}: {} columns: {line}", line.width());
            assert_eq!(line, line.trim_end());
        }
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let survey = fixture::survey();
    let colored = summary(&survey, &Names::of(&survey), &terminal(80, true));
    assert!(colored.contains("\u{1b}[1;31m"));
    let mut plain = String::new();
    for (i, part) in colored.split("\u{1b}[").enumerate() {
        plain.push_str(if i == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, page(80));
}

#[test]
fn hostile_text_moves_no_cursor() {
    let mut survey = fixture::survey();
    survey.site = "\u{1b}]0;owned\u{7}".to_owned();
    survey.inputs[0].path = "a\u{1b}[2J\u{202e}.pcap".to_owned();
    let words = survey.findings[0].words(&survey.context());
    survey.findings[0].facts =
        fixture::FindingText::of(&words, |text| format!("{text} host \u{9b}31m said\r\n\u{1b}[1A\u{1b}[8m"));
    let text = summary(&survey, &Names::of(&survey), &terminal(80, false));
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    assert!(!text.contains('\u{202e}'));
    assert!(text.contains("\\x1b[2J\\u{202e}"));
}

#[test]
fn an_empty_survey_says_so() {
    let mut survey = fixture::survey();
    survey.inputs.truncate(1);
    survey.inputs[0].frames = 0;
    survey.frames = Default::default();
    survey.judged.value = false;
    survey.judged.reason = "Nothing was captured.".to_owned();
    survey.caveats.clear();
    survey.findings.clear();
    survey.conversations.clear();
    survey.hosts = crate::inventory::Hosts::new(Vec::new());
    let text = summary(&survey, &Names::of(&survey), &terminal(80, false));
    assert!(text.contains("no frames"), "{text}");
    assert!(text.contains("NOT JUDGED: Nothing was captured."), "{text}");
    assert!(!text.contains("contradicts"), "{text}");
}
