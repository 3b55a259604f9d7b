//! `proofload doctor`: what this machine offers, found out by doing it.

use crate::exit_code::ExitCode;
use crate::out;
use proofload_lab::{Toolbox, enter};

pub(super) fn doctor() -> anyhow::Result<ExitCode> {
    let mut whole = true;
    for finding in enter::probe() {
        let word = if finding.works() {
            "ok"
        } else if finding.needed {
            "MISSING"
        } else {
            "without"
        };
        out::line(format_args!("{word:>8}  {:<28} {}", finding.name, finding.enables))?;
        if let Some(problem) = &finding.problem {
            whole &= !finding.needed;
            out::line(format_args!("{:>8}  {problem}; {}", "", finding.how))?;
        }
    }
    match Toolbox::find() {
        Ok(tools) => {
            out::line(format_args!(
                "{:>8}  {:<28} {}",
                "ok",
                "everything that ./setup installs",
                tools.home.display()
            ))?;
        }
        Err(missing) => {
            whole = false;
            for tool in missing {
                out::line(format_args!(
                    "{:>8}  {:<28} {}\n{:>8}  {}",
                    "MISSING", tool.what, tool.enables, "", tool.how
                ))?;
            }
        }
    }
    out::line(if whole { "the lab can run here" } else { "the lab cannot run here: see what is MISSING" })?;
    Ok(if whole { ExitCode::Pass } else { ExitCode::Environment })
}
