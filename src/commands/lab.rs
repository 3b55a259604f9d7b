//! `proofload lab`: something done by hand to an instance of a system that `proofload up` keeps.

use crate::exit_code::ExitCode;
use crate::kept::{Action, Kept};
use crate::out;
use std::path::Path;

pub(super) fn lab(run: Option<&Path>, action: &Action) -> anyhow::Result<ExitCode> {
    let kept = Kept::choose(run)?;
    for name in action.names() {
        match action {
            Action::Cut { .. } | Action::Heal { .. } => kept.whereabouts.known_part(name)?,
            _ => kept.whereabouts.known(name).map(|_| ())?,
        }
    }
    match kept.tell(action)? {
        Ok(done) => {
            out::line(done)?;
            Ok(ExitCode::Pass)
        }
        Err(why) => {
            out::aside(format_args!("error: {why}"));
            Ok(ExitCode::Environment)
        }
    }
}
