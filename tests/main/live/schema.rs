//! docs/live.schema.json describes the lines of `live --json`: held against real ones.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/live.schema.json");
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    })
}

/// What is wrong with a value by a schema, in the few words of JSON Schema that ours uses.
fn trouble(value: &Value, schema: &Value, place: &str) -> Option<String> {
    let has_type = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{place}: type {other} is not known here"),
    };
    for (word, wanted) in schema.as_object().unwrap() {
        let is_met = match word.as_str() {
            "type" => match wanted {
                Value::Array(names) => names.iter().any(|name| has_type(name.as_str().unwrap())),
                name => has_type(name.as_str().unwrap()),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
            "required" => wanted.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "items" => {
                let items = value.as_array().unwrap().iter();
                return items.filter_map(|item| trouble(item, wanted, place)).next();
            }
            "properties" => {
                for (name, value) in value.as_object().unwrap() {
                    let Some(schema) = wanted.get(name) else {
                        return Some(format!("{place}.{name} is not described"));
                    };
                    if let Some(trouble) = trouble(value, schema, &format!("{place}.{name}")) {
                        return Some(trouble);
                    }
                }
                true
            }
            "format" | "description" | "additionalProperties" => true,
            other => panic!("{place}: {other} is not known here"),
        };
        if !is_met {
            return Some(format!("{place}: {value} is not {word} {wanted}"));
        }
    }
    None
}

/// A line is what the schema says of its type.
pub(super) fn assert_described(line: &Value) {
    let kinds = schema()["oneOf"].as_array().unwrap();
    let kind = kinds.iter().find(|kind| kind["properties"]["type"]["const"] == line["type"]);
    let kind = kind.unwrap_or_else(|| panic!("{} is described", line["type"]));
    if let Some(trouble) = trouble(line, kind, "line") {
        panic!("{trouble}\nin {line}");
    }
}
