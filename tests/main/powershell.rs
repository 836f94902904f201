//! The PowerShell that is exported, read by a real grammar of the language: it has no syntax error,
//! and names from the user's files become no commands.

use std::collections::BTreeSet;
use std::path::Path;

use igorscope::export::antivirus::AntivirusFormat;
use igorscope::export::{Format, Request, RuleList, Side};
use igorscope::inventory::Inventory;
use igorscope::policy::Policy;
use tree_sitter::{Node, Parser};

/// What tries to end a string, a line or a command, with PowerShell's typographic quotes, too.
const EVIL: &str = "'; Stop-Computer; '\u{2019}; Stop-Computer \u{2018} \u{201a}; $(Stop-Computer) `n\" #> }; Stop-Computer # \u{201b}";

/// The commands of a script, lower case; an error where the grammar finds one.
fn commands(script: &str) -> Result<BTreeSet<String>, String> {
    let script = script.trim_start_matches('\u{feff}');
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    let tree = parser.parse(script, None).unwrap();
    let mut found = BTreeSet::new();
    walk(tree.root_node(), script, &mut found)?;
    Ok(found)
}

fn walk(node: Node<'_>, script: &str, found: &mut BTreeSet<String>) -> Result<(), String> {
    if node.is_error() || node.is_missing() {
        let line = script.lines().nth(node.start_position().row).unwrap_or_default();
        return Err(format!("line {}: {line}", node.start_position().row + 1));
    }
    if node.kind() == "command_name" {
        found.insert(node.utf8_text(script.as_bytes()).unwrap().to_lowercase());
    }
    let mut cursor = node.walk();
    node.children(&mut cursor).try_for_each(|child| walk(child, script, found))
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn the_grammar_finds_what_is_wrong() {
    assert!(commands("New-NetFirewallRule -Name 'a' -DisplayName 'it's'; if (").is_err());
    assert_eq!(
        commands("Get-Date | Out-Null; & { Stop-Computer }"),
        Ok(set(&["get-date", "out-null", "stop-computer"]))
    );
}

#[test]
fn firewall_scripts_are_powershell_and_nothing_else() {
    let policy = format!(
        "extends = \"igor\"\nname = {evil}\n[[allowance]]\nname = {evil}\nfrom = \"10.9.9.9\"\nto = [\"gateway\", \"node\"]\ntransport = \"tcp\"\nport = 22\nreason = {evil}\n",
        evil = toml(EVIL)
    );
    let inventory = format!(
        "site-name = {evil}\ngateway = \"10.0.0.1\"\nbacnet = \"fd00::9\"\n[[device]]\naddress = \"10.0.0.0/24\"\nrole = \"node\"\nname = {evil}\n",
        evil = toml(EVIL)
    );
    let policies = [Policy::embedded(), Policy::parse(&policy, Path::new("evil.toml")).unwrap()];
    let inventory = Inventory::parse(&inventory, "evil.toml").unwrap();
    let allowed = set(&["get-netfirewallrule", "remove-netfirewallrule", "new-netfirewallrule", "out-null"]);
    for policy in &policies {
        for side in [Side::Gateway, Side::Nodes] {
            for inventory in [None, Some(&inventory)] {
                for with_supporting in [false, true] {
                    let list = RuleList::new(&Request { policy, inventory, side, with_supporting, log_only: false });
                    let script = Format::Windows.export(&list).unwrap().text;
                    assert_eq!(commands(&script), Ok(allowed.clone()), "{side}");
                }
            }
        }
    }
}

#[test]
fn antivirus_scripts_are_powershell_and_nothing_else() {
    let policy =
        format!("extends = \"igor\"\nantivirus = {{ paths = [{evil}], processes = [{evil}] }}\n", evil = toml(EVIL));
    let allowed = set(&["add-mppreference", "get-mppreference", "select-object", "format-list"]);
    for policy in [Policy::embedded(), Policy::parse(&policy, Path::new("evil.toml")).unwrap()] {
        let script = AntivirusFormat::DefenderPowershell.write(policy.antivirus());
        assert_eq!(commands(&script), Ok(allowed.clone()));
    }
}

fn toml(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
