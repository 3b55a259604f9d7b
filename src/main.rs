//! proofload: proves, or disproves, with one command, that an event-driven system keeps its promises while it is
//! loaded and broken.
//!
//! - `cli`: the arguments; `commands`: one file per command
//! - `experiment`: the experiment file, parsed and resolved; `diagnostic`: what is wrong in it, and where
//! - `conduct`: the conductor of a run, or of a system that is kept, inside its lab
//! - `system`: a system without an experiment; `kept`: the labs that `up` keeps, found and entered
//! - `selection`: the experiments that a command means; `capabilities`: what they need of this machine
//! - `single_run`: one run of one of them; `stored`: a run read back, judged and rendered; `ending`: its last lines
//! - `self_test`: whether the experiments catch what is broken; `interrupts`: one that comes between two runs
//! - `pages`: the documentation of checks and faults, from their tables
//! - `exit_code`: the table of exit codes; `progress`: what happens, on stderr; `out`: what is printed; `files`: what is left
//!
//! Nothing here judges: that is `verify`'s. Nothing here knows how a component runs: that is `lab`'s.

#![warn(clippy::print_stderr, clippy::print_stdout, reason = "they panic where nobody reads: see out")]

mod capabilities;
mod cli;
mod commands;
mod conduct;
mod diagnostic;
mod ending;
mod exit_code;
mod experiment;
mod files;
mod interrupts;
mod kept;
mod out;
mod pages;
mod progress;
mod selection;
mod self_test;
mod single_run;
mod stored;
mod system;

use clap::Parser as _;
use cli::Cli;
use exit_code::ExitCode;
use proofload_history::HistoryError;
use proofload_lab::LabError;
use proofload_scenarios::GeneratorError;

fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for; everything else is a usage error, and 2 is left to shells.
            let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Pass };
            let _ = error.print();
            return code.number().into();
        }
    };
    // Inside a lab nothing is the user's input any more: it was resolved before the lab was entered.
    let inside = matches!(cli.command, cli::Command::Conduct { .. } | cli::Command::Keep { .. });
    let code = commands::dispatch(cli.command).unwrap_or_else(|error| {
        out::aside(format_args!("error: {}", chain(&error)));
        classify(&error, inside)
    });
    code.number().into()
}

/// Every cause in one line, each once: an error that shows its source itself is not shown twice.
fn chain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |mut said, cause| {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
        said
    })
}

/// Whose fault an error is decides the exit code.
fn classify(error: &anyhow::Error, inside: bool) -> ExitCode {
    if let Some(no_lab) = error.downcast_ref::<kept::NoLab>() {
        no_lab.exit_code()
    } else if !inside && (error.is::<diagnostic::FileProblem>() || error.is::<HistoryError>()) {
        ExitCode::Usage
    } else if error.is::<LabError>()
        || error.is::<files::Unwritten>()
        || matches!(error.downcast_ref(), Some(HistoryError::File { .. }))
        || error.downcast_ref::<GeneratorError>().is_some_and(GeneratorError::is_of_the_environment)
    {
        ExitCode::Environment
    } else {
        ExitCode::Defect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_got_or_written_is_the_environments_failure_and_other_failures_of_traffic_are_defects() {
        let (name, why) = ("client".to_owned(), "connection refused".to_owned());
        let credential =
            GeneratorError::Credential { name, number: 1, within: std::time::Duration::from_secs(60), why };
        let code =
            |error: GeneratorError| classify(&anyhow::Error::from(error).context("the traffic cannot start"), true);
        assert_eq!(code(credential), ExitCode::Environment);
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let unwritten = |doing| HistoryError::File { doing, path: "runs/x/operations.arrow".into(), source: full() };
        assert_eq!(code(GeneratorError::History(unwritten("write"))), ExitCode::Environment);
        assert_eq!(classify(&unwritten("write").into(), true), ExitCode::Environment);
        assert_eq!(
            classify(&unwritten("open").into(), false),
            ExitCode::Usage,
            "a run that is read is the user's input"
        );
        assert_eq!(classify(&files::Unwritten::of("x").into(), false), ExitCode::Environment);
        assert_eq!(code(GeneratorError::NoTraffic), ExitCode::Defect);
    }
}
