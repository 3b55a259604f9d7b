//! The commands, one file each.

mod conduct;
mod doctor;
mod exec;
mod heal;
mod judge;
mod lab;
mod list;
mod pages;
mod plan;
mod run;
mod self_test;
mod trace;
mod up;

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
        Command::SelfTest(arguments) => self_test::self_test(&arguments),
        Command::Up(arguments) => up::up(arguments),
        Command::Exec { run, host, command } => exec::exec(run.as_deref(), host.as_deref(), &command),
        Command::Lab { run, action } => lab::lab(run.as_deref(), &action),
        Command::Judge { run, json } => judge::judge(&run, json),
        Command::Report { run } => judge::report(&run),
        Command::Trace { run, id, json } => trace::trace(&run, &id, json),
        Command::Heal { out } => heal::heal(&out),
        Command::Pages { folder } => pages::pages(&folder),
        Command::LabInit { conductor } => Ok(conduct::init(&conductor)),
        Command::Keep { run, folder } => conduct::keep(&run, folder),
        Command::Conduct { run, folder, quiet, keep_data } => conduct::conduct(&run, folder, quiet, keep_data),
    }
}

impl From<Changes> for Overrides {
    fn from(changes: Changes) -> Self {
        let Changes { variants, sets, rate, seed, without_faults } = changes;
        Self { variants, sets, rate, seed, without_faults }
    }
}
