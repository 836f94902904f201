//! The map in src/lib.rs is true: each stage imports only stages to its left and the servants.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command::below;

/// From left to right, as data flows.
const STAGES: [&str; 13] = [
    "capture",
    "decode",
    "health",
    "flow",
    "relation",
    "inventory",
    "verdict",
    "finding",
    "survey",
    "path",
    "anonymize",
    "evidence",
    "report",
];
/// They serve every stage and import none.
const SERVANTS: [&str; 4] = ["protocol", "policy", "text", "state"];
/// They may import what they like, but no stage imports them.
const OUTSIDE: [&str; 4] = ["export", "live", "tui", "cli"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The Rust files of a module: `name.rs` and all below `name/`.
fn files(module: &str) -> Vec<PathBuf> {
    let folder = source().join(module);
    let mut files = if folder.is_dir() { below(&folder, ".rs") } else { Vec::new() };
    files.extend(Some(folder.with_extension("rs")).filter(|file| file.exists()));
    files
}

/// The top-level modules that a text names by `crate::`, alone or in a group.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let word = |text: &str| text.chars().take_while(|c| is_word(*c)).collect::<String>();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| is_word(c) || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        // The members of `crate::{a::{b, c}, d}` at depth one.
        let mut depth = 1;
        let mut begins = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => begins = true,
                c if begins && is_word(c) => {
                    found.insert(word(&group[at..]));
                    begins = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

fn may_import(module: &str, imported: &str) -> bool {
    let place = |name: &str| STAGES.iter().position(|stage| *stage == name);
    if module == imported {
        return true;
    }
    match (place(module), place(imported)) {
        (Some(from), Some(to)) => to < from,
        (Some(_), None) => SERVANTS.contains(&imported),
        (None, _) if SERVANTS.contains(&module) => SERVANTS.contains(&imported),
        _ => true,
    }
}

#[test]
fn no_arrow_runs_back() {
    let known: BTreeSet<&str> = STAGES.into_iter().chain(SERVANTS).chain(OUTSIDE).collect();
    let mut wrong = Vec::new();
    for module in STAGES.into_iter().chain(SERVANTS) {
        for file in files(module) {
            let text = fs::read_to_string(&file).unwrap();
            for imported in imports(&text) {
                if known.contains(imported.as_str()) && !may_import(module, &imported) {
                    wrong.push(format!("{} imports crate::{imported}", file.strip_prefix(source()).unwrap().display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that run back:\n{}", wrong.join("\n"));
}

#[test]
fn the_map_names_what_is_there() {
    let map = fs::read_to_string(source().join("lib.rs")).unwrap();
    for half in STAGES.chunks(7) {
        let arrow = half.join(" -> ");
        assert!(map.contains(&arrow), "src/lib.rs draws {arrow}");
    }
    for module in STAGES.into_iter().chain(SERVANTS) {
        assert!(source().join(module).join("mod.rs").exists(), "src/{module}/ is a folder");
        assert!(map.contains(&format!("pub mod {module};")), "src/lib.rs declares {module}");
    }
    // Every module is on the map, and everything beside the stages is known to be so.
    for line in map.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = line.trim_end_matches(';');
        assert!(map.matches(module).count() > 1, "src/lib.rs draws {module} on its map");
        let known = STAGES.contains(&module) || SERVANTS.contains(&module) || OUTSIDE.contains(&module);
        assert!(known, "{module} has a place in tests/main/architecture.rs");
    }
}

#[test]
fn imports_are_found_in_every_form() {
    let found = imports(
        "use crate::flow::Flow;\n// use crate::verdict::X;\nuse crate::{capture::{A, cli}, report};\nlet x: crate::decode::P;",
    );
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["capture", "decode", "flow", "report"]);
}
