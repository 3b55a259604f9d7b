//! The commands, one file each.

mod conduct;
mod doctor;
mod heal;
mod judge;
mod list;
mod pages;
mod plan;
mod run;
mod trace;

use crate::cli::{Changes, Command};
use crate::exit_code::ExitCode;
use crate::experiment::Overrides;

/// Carries out what was asked for.
pub(crate) fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Doctor => doctor::doctor(),
        Command::List { kind, system } => list::list(kind, &system),
        Command::Plan { experiment, changes } => plan::plan(&experiment, &changes.into()),
        Command::Run(arguments) => run::run(&arguments),
        Command::Judge { run, json } => judge::judge(&run, json),
        Command::Report { run } => judge::report(&run),
        Command::Trace { run, id, json } => trace::trace(&run, &id, json),
        Command::Heal { out } => heal::heal(&out),
        Command::Pages { folder } => pages::pages(&folder),
        Command::LabInit { conductor } => Ok(conduct::init(&conductor)),
        Command::Conduct { run, folder, quiet, keep_data } => conduct::conduct(&run, folder, quiet, keep_data),
    }
}

impl From<Changes> for Overrides {
    fn from(changes: Changes) -> Self {
        let Changes { variants, sets, rate, seed, without_faults } = changes;
        Self { variants, sets, rate, seed, without_faults }
    }
}
