//! Whether what a run wrote is what the published schemas say.

use serde_json::Value;
use std::path::Path;

/// Holds `written` against a schema of the repository: `reports/verdict.schema.json`.
#[track_caller]
pub(crate) fn holds(schema: &str, written: &Value) {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(schema)).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(written).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "not what {schema} says: {errors:#?}");
}
