//! What real servers of files say where they refuse one: atftpd on a full disk, tftpd-hpa where rights are missing.

use igorscope::inventory::Inventory;
use igorscope::survey::Survey;

use super::lab::Host::{Gateway, Node};
use super::lab::{INVENTORY, Lab};
use super::{GATEWAY, atftpd, files, finding};
use crate::reading;
use crate::skips::skipped;

/// Plays with a server of files whose disk has room for 32 kB, and measures; the mount is the server's own and goes with it.
fn on_a_small_disk(name: &str, needs: &[&str], server: &str, lines: &[&str]) -> Option<Survey> {
    let mut lab = Lab::open(name, needs)?;
    files(&lab);
    std::fs::write(lab.folder().join("files/log.txt"), [b'a'; 100_000]).expect("a file");
    std::fs::create_dir(lab.folder().join("small")).expect("a folder");
    let small = lab.folder().join("small").display().to_string();
    let disk = format!(
        "mount -t tmpfs -o size=32k,mode=777 none {small} && touch {small}/kept.txt && chmod 444 {small}/kept.txt"
    );
    lab.serve_on(Gateway, &format!("sh -c '{disk} && exec {server} {small}'"), "udp", 69);
    for line in lines {
        lab.run(Node, &format!("cd files && timeout 20 tftp -m binary 10.79.0.1 -c {line}"));
    }
    let Some(capture) = lab.captured() else {
        skipped("tcpdump lost packets");
        return None;
    };
    let inventory = Inventory::parse(INVENTORY, "lab.toml").expect("a sound inventory");
    Some(reading::survey(&[capture], inventory, true))
}

#[test]
fn a_full_disk_is_told_in_the_midst_of_a_file() {
    let server = format!("{} --daemon --no-fork --user root --group root --bind-address 10.79.0.1 --port 69", atftpd());
    let needs = ["tftp", "mount", &atftpd()];
    let Some(survey) = on_a_small_disk("a full disk", &needs, &server, &["put log.txt"]) else { return };
    let refused = finding(&survey, "refused-transfer", GATEWAY, 69);
    let said = &refused.words.detail;
    let begins = "A transfer by TFTP was refused. 10.79.0.2 asked 10.79.0.1 to take \"log.txt\" and was refused after ";
    let blocks: u64 = said.strip_prefix(begins).and_then(|rest| rest.split(' ').next()?.parse().ok()).expect(said);
    // 32 kB are 64 blocks, and some more stand in the server's buffer.
    assert!((64..=100).contains(&blocks), "{said}");
    assert!(said.contains(" blocks: error 3, disk full or allocation exceeded, in frame "), "{said}");
    assert_eq!(survey.transfers.first().map(|one| one.is_finished), Some(Some(false)));
}

/// tftpd-hpa gives reasons of its system no code of their own.
#[test]
fn error_0_is_told_in_the_servers_own_words() {
    let server = "in.tftpd -L -c -4 -u nobody -a 10.79.0.1:69 -s";
    let lines = ["put boot.cfg kept.txt", "get missing.cfg"];
    let Some(survey) = on_a_small_disk("rights", &["tftp", "in.tftpd", "mount"], server, &lines) else { return };
    let refused = finding(&survey, "refused-transfer", GATEWAY, 69);
    let said = &refused.words.detail;
    assert!(said.starts_with("2 transfers by TFTP were refused. "), "{said}");
    let denied = "to take \"kept.txt\" and was refused: error 0, not defined (\"Permission denied\"), in frame ";
    assert!(said.contains(denied), "{said}");
    assert!(said.contains("for \"missing.cfg\" and was refused: error 1, file not found, in frame "), "{said}");
    assert!(refused.words.advice.starts_with("Error 0 says why in words of its own"), "{}", refused.words.advice);
    assert!(refused.words.advice.contains("File not found: "), "{}", refused.words.advice);
}
