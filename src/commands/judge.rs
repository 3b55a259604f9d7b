//! `proofload judge` and `proofload report`: a stored run again, with no system running.

use crate::ending::ending;
use crate::exit_code::ExitCode;
use crate::out;
use crate::stored::Stored;
use anyhow::Context as _;
use std::path::Path;

pub(super) fn judge(run: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let stored = Stored::read(run)?;
    let verdict = stored.judge();
    stored.render(&verdict)?;
    if json {
        let path = stored.run.verdict();
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        out::line(text.trim_end())?;
    } else {
        out::line(ending(&verdict, run, stored.control()))?;
    }
    Ok(verdict.judgement.into())
}

pub(super) fn report(run: &Path) -> anyhow::Result<ExitCode> {
    let stored = Stored::read(run)?;
    stored.render(&stored.judge())?;
    out::line(stored.run.report().display())?;
    Ok(ExitCode::Pass)
}
