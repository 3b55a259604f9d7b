//! `verdict.json`, and its JSON Schema.

use crate::{Exporter, Judged, ReportError};
use proofload_verify::Verdict;

/// Writes `verdict.json`: the verdict as it is, pretty, with a final newline, the same bytes for the same verdict.
pub struct Json;

impl Exporter for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn file(&self) -> &'static str {
        "verdict.json"
    }

    fn render(&self, judged: &Judged<'_>) -> Result<Vec<u8>, ReportError> {
        let mut bytes = serde_json::to_vec_pretty(judged.verdict)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// The JSON Schema of `verdict.json`, as `reports/verdict.schema.json` holds it.
#[must_use]
pub fn verdict_schema() -> serde_json::Value {
    schemars::schema_for!(Verdict).to_value()
}
