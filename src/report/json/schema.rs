//! docs/survey.schema.json: the JSON Schema of survey.json, from the types that read it.

use schemars::generate::SchemaSettings;

use super::v1;

/// The schema as the file has it.
fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<v1::Survey<'_>>().to_value();
    schema["title"] = "survey.json of igorscope, version 1".into();
    schema["$comment"] = "Generated from the types that write it. Fields may be added within a version.".into();
    format!("{}\n", serde_json::to_string_pretty(&schema).unwrap())
}

#[test]
fn survey_schema_is_what_the_types_say() {
    crate::report::fixture::assert_is_current(&schema(), "survey.schema.json");
}
