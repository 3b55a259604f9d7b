//! `proofload trace`: one id's way through the system.

use crate::exit_code::ExitCode;
use crate::out;
use crate::stored::Stored;
use anyhow::Context as _;
use proofload_history::Id;
use std::path::Path;

pub(super) fn trace(run: &Path, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let id: Id = match id.parse() {
        Ok(id) => id,
        Err(error) => {
            out::aside(format_args!("error: {error}"));
            return Ok(ExitCode::Usage);
        }
    };
    let stored = Stored::read(run)?;
    let trace = proofload_verify::trace(&stored.history, &stored.plan.chains, id).context("cannot read the history")?;
    if json {
        out::line(serde_json::to_string_pretty(&trace).context("cannot write the trace as JSON")?)?;
    } else {
        out::line(trace)?;
    }
    Ok(ExitCode::Pass)
}
