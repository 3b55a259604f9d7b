//! `proofload run`: experiments, each in a lab of its own, each judged when its lab is gone.

use crate::cli::RunArgs;
use crate::ending::ending;
use crate::exit_code::ExitCode;
use crate::experiment::{Experiment, Overrides};
use crate::interrupts::Interrupts;
use crate::single_run::{Manner, SingleRun};
use crate::{capabilities, out, selection};
use anyhow::Context as _;
use proofload_lab::{LabError, Toolbox};
use std::collections::BTreeSet;

pub(super) fn run(arguments: &RunArgs) -> anyhow::Result<ExitCode> {
    let overrides: Overrides = arguments.changes.clone().into();
    let selected = selection::select(&arguments.experiments, arguments.tag.as_deref(), &overrides)?;
    // Found out before anything starts, and once for all runs.
    Toolbox::find().map_err(LabError::from)?;
    capabilities::check(selected.iter().map(|(_, experiment)| experiment))?;
    let (mut codes, mut interrupts) = (Vec::new(), Interrupts::listen()?);
    for (_, experiment) in &selected {
        for round in 1..=arguments.repeat {
            if interrupts.came() {
                return Ok(ExitCode::Interrupted);
            }
            if arguments.repeat > 1 || selected.len() > 1 {
                out::aside(format_args!("{} ({round} of {})", experiment.name, arguments.repeat));
            }
            let code = run_once(experiment, arguments)?;
            codes.push((experiment.name.clone(), code));
            if code == ExitCode::Interrupted {
                return Ok(code);
            }
        }
    }
    if codes.len() > 1 && !arguments.json {
        out::line(format_args!("\n{}", tally(&codes)))?;
    }
    Ok(ExitCode::worst(codes.into_iter().map(|(_, code)| code)))
}

/// One run, with its last lines.
fn run_once(experiment: &Experiment, arguments: &RunArgs) -> anyhow::Result<ExitCode> {
    let manner = Manner { out: &arguments.out, quiet: arguments.json, keep_data: arguments.keep_data };
    let SingleRun { code, judged, .. } = SingleRun::make(experiment, manner)?;
    if let Some((stored, verdict)) = judged {
        if arguments.json {
            out::line(serde_json::to_string(&verdict).context("cannot write the verdict as JSON")?)?;
        } else {
            out::line(ending(&stored.judged(&verdict), stored.control()))?;
        }
    }
    Ok(code)
}

/// How often each experiment ended how.
fn tally(codes: &[(String, ExitCode)]) -> String {
    let names: BTreeSet<&str> = codes.iter().map(|(name, _)| name.as_str()).collect();
    let row = |name: &str| {
        let of: Vec<ExitCode> = codes.iter().filter(|(run, _)| run == name).map(|(_, code)| *code).collect();
        let count = |wanted: &[ExitCode]| of.iter().filter(|code| wanted.contains(code)).count();
        let answers = [ExitCode::Pass, ExitCode::Fail, ExitCode::Unknown];
        let [pass, fail, unknown] = answers.map(|answer| count(&[answer]));
        format!("{name}: {pass} pass, {fail} fail, {unknown} unknown, {} without an answer", of.len() - count(&answers))
    };
    names.into_iter().map(row).collect::<Vec<_>>().join("\n")
}
