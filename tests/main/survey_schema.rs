//! survey.json against its published schema, by Python's jsonschema.

use crate::command::{folder, run, sample};
use crate::tools::printed;
use crate::xlsx::python;

/// Validates files by the schema, and by one that knows no other fields; a damaged file must fail.
const VALIDATE: &str = r##"
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
strict = json.loads(json.dumps(schema))
for part in [strict, *strict["$defs"].values()]:
    if part.get("type") == "object" and "properties" in part:
        part["additionalProperties"] = False
line = {"$ref": "#/$defs/Flow", "$defs": strict["$defs"]}
for path in sys.argv[2:]:
    if path.endswith(".ndjson"):
        lines = [json.loads(text) for text in open(path)]
        assert lines
        for flow in lines:
            Draft202012Validator(line).validate(flow)
        continue
    survey = json.load(open(path))
    for validator in (Draft202012Validator(schema), Draft202012Validator(strict)):
        errors = [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(survey)]
        assert not errors, (path, errors[:5])
    if not survey["flows"]:
        continue
    seen = True
    for break_it in (
        lambda s: s["flows"][0].update(client_ip=7),
        lambda s: s["flows"][0].update(first_seen="yesterday"),
        lambda s: s["frames"].pop("total"),
        lambda s: s["policy"]["antivirus"].update(paths="C:\\"),
    ):
        broken = json.loads(json.dumps(survey))
        break_it(broken)
        assert not Draft202012Validator(schema).is_valid(broken), "the schema notices"
assert seen and len(sys.argv) > 4
"##;

#[test]
fn survey_json_is_valid_by_its_schema() {
    let Some(mut python) = python("jsonschema") else { return };
    let out = folder(&[]);
    let path = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    let mud = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mud/draft-era.json");
    let site = sample("site-survey.pcapng");
    let (site, visit, inventory) = (site.to_str().unwrap(), sample("visit.pcap"), sample("site-survey.toml"));
    let own: [&[&str]; 3] = [
        &["--inventory", inventory.to_str().unwrap(), site],
        &["--site-name", "Pier", "--policy", mud, "--gateway", "10.20.0.10", "--node", "10.20.0.101-10.20.0.130", site],
        &["--site-name", "Visit", visit.to_str().unwrap()],
    ];
    let mut files = Vec::new();
    for (number, arguments) in own.iter().enumerate() {
        let folder = path(&number.to_string());
        let common = ["analyze", "-q", "--count", "800", "--format", "json,ndjson", "-o", &folder];
        run(common.iter().chain(arguments.iter())).expect(0, &[]);
        files.push(format!("{folder}/survey.json"));
    }
    let merged = path("merged.json");
    run(["merge", "-o", &merged, &files[0], &files[2]]).expect(0, &[]);
    files.push(merged);
    files.push(path("0/flows.ndjson"));
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/survey.schema.json");
    printed(python.args(["-c", VALIDATE, schema]).args(files));
}
