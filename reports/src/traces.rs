//! `traces.ndjson`: the way of every id that breaks a promise, one JSON object a line.

use crate::ndjson::json_line;
use crate::{Exporter, Judged, ReportError};
use proofload_history::Id;
use proofload_verify::traces;
use std::collections::BTreeSet;
use std::io::Write;

/// Writes `traces.ndjson`: what `proofload trace` tells of an id, for the first [`Self::MOST`] ids that break a promise, each
/// once, in the order of the verdict; where there are more, a last line says how many are left out.
pub struct Traces;

impl Traces {
    /// Ids whose ways are told. Their rows are held in memory, some kilobytes each.
    pub const MOST: usize = 10_000;
}

/// That there are more.
#[derive(serde::Serialize)]
struct LeftOut {
    left_out: usize,
}

impl Exporter for Traces {
    fn name(&self) -> &'static str {
        "traces"
    }

    fn file(&self) -> &'static str {
        "traces.ndjson"
    }

    fn render(&self, judged: &Judged<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        let mut met = BTreeSet::new();
        let offenders = judged.verdict.findings.iter().flat_map(|finding| finding.listing.iter());
        let mut ids: Vec<Id> = offenders.filter_map(|offender| offender.id).filter(|id| met.insert(*id)).collect();
        let left_out = ids.len().saturating_sub(Self::MOST);
        ids.truncate(Self::MOST);
        if !ids.is_empty() {
            for trace in traces(judged.history, judged.chains, &ids)? {
                json_line(out, &trace)?;
            }
        }
        if left_out > 0 {
            json_line(out, &LeftOut { left_out })?;
        }
        Ok(())
    }
}
