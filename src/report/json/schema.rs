//! docs/survey.schema.json: the JSON Schema of survey.json, from its types and the tables' columns.

use std::path::Path;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::v1;
use crate::report::coverage::Coverage;
use crate::report::findings::Findings;
use crate::report::flows::Flows;
use crate::report::health::Health;
use crate::report::inventory::Inventory;
use crate::report::nodes::{Nodes, NodesLast};
use crate::report::table::Table;

/// The schema as the file has it.
fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<v1::Survey<'_>>().to_value();
    schema["title"] = "survey.json of igorscope, version 1".into();
    schema["$comment"] = "Generated from the types that write it. Fields may be added within a version.".into();
    explain::<Flows>(&mut schema, "Flow");
    explain::<Findings>(&mut schema, "Finding");
    explain::<Coverage>(&mut schema, "Cell");
    explain::<Inventory>(&mut schema, "Host");
    explain::<Health>(&mut schema, "Health");
    explain::<Nodes>(&mut schema, "Node");
    explain::<NodesLast>(&mut schema, "Node");
    format!("{}\n", serde_json::to_string_pretty(&schema).unwrap())
}

/// Gives the columns of a table their meaning, where the type says none.
fn explain<T: Table>(schema: &mut Value, name: &str) {
    let properties = schema["$defs"][name]["properties"].as_object_mut().unwrap();
    for column in T::COLUMNS {
        if let Some(property) = properties.get_mut(column.name).and_then(Value::as_object_mut) {
            property.entry("description").or_insert_with(|| column.meaning.into());
        }
    }
}

#[test]
fn survey_schema_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/survey.schema.json");
    let schema = schema();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == schema, "docs/survey.schema.json is not current: run UPDATE_DOCS=1 cargo test survey_schema");
}
