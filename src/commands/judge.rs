//! `proofload judge` and `proofload report`: a stored run again, with no system running.

use crate::ending::ending;
use crate::exit_code::ExitCode;
use crate::files::Unwritten;
use crate::out;
use crate::stored::Stored;
use anyhow::Context as _;
use proofload_reports::{Exporter as _, json::Json};
use std::path::Path;

pub(super) fn judge(run: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let stored = Stored::read(run)?;
    let verdict = stored.judge();
    let judged = stored.judged(&verdict);
    if json {
        let mut text = Vec::new();
        Json.render(&judged, &mut text).context("cannot write the verdict as JSON")?;
        out::line(String::from_utf8_lossy(&text).trim_end())?;
    } else {
        out::line(ending(&judged, stored.control()))?;
    }
    match stored.render(&verdict) {
        // An archive is not written to, and what it holds can be judged all the same.
        Err(error) if error.is::<Unwritten>() => {
            out::aside(format_args!("warning: the answer stands, but not every report could be renewed: {error}"));
        }
        rendered => rendered?,
    }
    Ok(verdict.judgement.into())
}

pub(super) fn report(run: &Path) -> anyhow::Result<ExitCode> {
    let stored = Stored::read(run)?;
    stored.render(&stored.judge())?;
    out::line(stored.run.report().display())?;
    Ok(ExitCode::Pass)
}
