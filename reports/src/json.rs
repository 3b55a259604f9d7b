//! `verdict.json`, and its JSON Schema.

use crate::{Exporter, Judged, ReportError};
use proofload_verify::Verdict;
use std::io::Write;

/// Writes `verdict.json`: the verdict as it is, pretty, with a final newline, the same bytes for the same verdict.
pub struct Json;

impl Exporter for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn file(&self) -> &'static str {
        "verdict.json"
    }

    fn render(&self, judged: &Judged<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        serde_json::to_writer_pretty(&mut *out, judged.verdict)?;
        Ok(out.write_all(b"\n")?)
    }
}

/// The JSON Schema of `verdict.json`, as `reports/verdict.schema.json` holds it.
#[must_use]
pub fn verdict_schema() -> serde_json::Value {
    schemars::schema_for!(Verdict).to_value()
}
