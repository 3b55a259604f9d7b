//! What runs need of this machine: found out by doing it, before anything starts.

use crate::experiment::Experiment;
use proofload_lab::{Capability, LabError, enter};

/// What every lab needs must be among what works on this machine.
pub(crate) fn check_needed(found: &[Capability]) -> Result<(), LabError> {
    match found.iter().find(|capability| capability.needed && !capability.works()) {
        None => Ok(()),
        Some(Capability { name, problem, how, .. }) => {
            let problem = problem.as_deref().unwrap_or_default();
            Err(LabError::Enter { what: format!("{name} do not work here: {problem}; {how}") })
        }
    }
}

/// What the lab needs, and what the faults of `experiments` need of it, must work on this machine.
pub(crate) fn check<'a>(experiments: impl IntoIterator<Item = &'a Experiment>) -> Result<(), LabError> {
    let found = enter::probe();
    check_needed(&found)?;
    for experiment in experiments.into_iter().filter(|experiment| !experiment.header.without_faults) {
        for fault in experiment.schedule.timeline() {
            let missing = found.iter().find(|capability| fault.needs.contains(&capability.name) && !capability.works());
            if let Some(missing) = missing {
                let problem = missing.problem.as_deref().unwrap_or_default();
                let (fault, name, how) = (&fault.fault, missing.name, missing.how);
                return Err(LabError::Enter {
                    what: format!("the fault `{fault}` of {} needs {name}: {problem}; {how}", experiment.name),
                });
            }
        }
    }
    Ok(())
}
