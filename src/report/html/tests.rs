//! The page holds what it promises: it is one file, safe, small, and the same each time.

use super::*;
use crate::report::fixture;

fn options() -> HtmlOptions {
    HtmlOptions { zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(1)), command: Vec::new() }
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
    let finding = &mut survey.findings[0];
    for text in [
        &mut finding.detail,
        &mut finding.advice,
        &mut finding.rule,
        &mut finding.display_filter,
        &mut finding.service,
        &mut finding.client,
    ] {
        *text = hostile.to_owned();
    }
    let page = html(&survey);
    assert_eq!(page.matches("<script").count(), 1, "only our own");
    let shown = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\x1b[2J\\u{202e}exe";
    assert!(page.matches(shown).count() >= 8, "{}", page.matches(shown).count());
    assert!(!page.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn every_section_that_the_navigation_names_is_there() {
    let page = html(&fixture::survey());
    let links: Vec<&str> =
        page.split("href=\"#").skip(1).filter_map(|rest| rest.split_once('"').map(|link| link.0)).collect();
    assert!(links.len() > 10);
    for link in links {
        assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
    }
}

#[test]
fn the_tables_hold_every_cell_of_the_vendor() {
    let page = html(&fixture::survey());
    assert_eq!(page.matches("<td class=\"cell ").count(), 60);
}

#[test]
fn a_survey_of_nothing_says_so() {
    let mut survey = fixture::survey();
    survey.frames = crate::survey::FrameCounts::default();
    survey.conversations.clear();
    survey.findings.clear();
    assert!(html(&survey).contains("Nothing was captured,"));
}

#[test]
fn words_are_quoted_for_a_shell() {
    let mut options = options();
    options.command = ["igorscope", "analyze", "two words.pcap", "it's.pcap"].map(str::to_owned).to_vec();
    let survey = fixture::survey();
    let page = render(&survey, &Names::of(&survey), &options);
    assert!(page.contains("igorscope analyze &#39;two words.pcap&#39; &#39;it&#39;\\&#39;&#39;s.pcap&#39;"));
}
