//! `offenders.ndjson`: everything that breaks a promise, one JSON object a line.

use crate::ndjson::json_line;
use crate::{Exporter, Judged, ReportError};
use proofload_verify::Listed;
use std::io::Write;

/// Writes `offenders.ndjson`: for each expectation its offenders in the order of the verdict, all of them up to a million;
/// where there are more, a last line says how many are left out.
pub struct Offenders;

/// An offender and whose promise it breaks.
#[derive(serde::Serialize)]
struct Line<'a> {
    expectation: &'a str,
    #[serde(flatten)]
    offender: Listed<'a>,
}

/// That there are more.
#[derive(serde::Serialize)]
struct LeftOut<'a> {
    expectation: &'a str,
    left_out: u64,
}

impl Exporter for Offenders {
    fn name(&self) -> &'static str {
        "offenders"
    }

    fn file(&self) -> &'static str {
        "offenders.ndjson"
    }

    fn render(&self, judged: &Judged<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        for finding in &judged.verdict.findings {
            let expectation = finding.expectation.as_str();
            for offender in finding.listing.iter() {
                json_line(out, &Line { expectation, offender })?;
            }
            let left_out = finding.listing.left_out();
            if left_out > 0 {
                json_line(out, &LeftOut { expectation, left_out })?;
            }
        }
        Ok(())
    }
}
