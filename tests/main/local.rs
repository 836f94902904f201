//! A gateway's own settings, from what its tools printed into files.

use std::path::{Path, PathBuf};

use crate::command::{folder, run};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/local").join(name)
}

fn check(folder: &Path, status: i32) -> String {
    run(["policy", "check", &format!("--local={}", folder.display())]).expect(status, &[]).out
}

#[test]
fn the_firewall_of_a_gateway_is_held_against_the_vendors_table() {
    let good = check(&fixture("english-2016"), 0);
    assert!(good.contains(": good: 32 of 32 documented ports get through the firewall"), "{good}");
    assert!(good.contains("allowed   in  UDP 5683   CoAP; rule Igor UDP; IgorGateway.exe listens"), "{good}");
    assert!(!good.contains("Not seen:"), "{good}");
    let bad = check(&fixture("german-10"), 1);
    assert!(bad.contains("blocked   in  UDP 1900   UPnP; rule UPnP sperren"), "{bad}");
    assert!(bad.contains("Rules that let in more than the document names:"), "{bad}");
    let off = check(&fixture("french-7"), 0);
    assert!(off.contains("firewall in the profile Public: off") && off.contains("Not seen:"), "{off}");
}

#[test]
fn without_what_it_needs_it_says_what_to_do() {
    let empty = folder(&[]);
    let asked = format!("--local={}", empty.path().display());
    run(["policy", "check", &asked]).expect(2, &["no firewall rule", "reg query"]);
    run(["policy", "check"]).expect(2, &["FILE"]);
    #[cfg(not(windows))]
    run(["antivirus", "check"]).expect(2, &["Get-MpPreference", "exclusions.json"]);
    #[cfg(not(windows))]
    run(["policy", "check", "--local"]).expect(2, &["no firewall rule"]);
}

#[test]
fn version_tells_what_was_built_in_when_asked() {
    let short = run(["--version"]).expect(0, &[]).out;
    assert_eq!(short, format!("igorscope {}\n", env!("CARGO_PKG_VERSION")));
    let long = run(["--version", "-v"]).expect(0, &[]).out;
    assert!(long.starts_with(&short));
    for word in ["system", std::env::consts::ARCH, "live capture", "compressed captures", "documents"] {
        assert!(long.contains(word), "{word} is not in {long}");
    }
}
