//! The faults of an experiment together: checked against each other and against the lengths of the phases, and laid
//! out on the time of a run.

use crate::plan::FaultPlan;
use crate::spec::wrong;
use crate::target::Target;
use crate::trigger::Start;
use proofload_history::{Period, Phase};
use proofload_lab::manifest::SpecError;
use std::time::Duration;

/// The faults of an experiment, in the order of its file.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    plans: Vec<FaultPlan>,
    lengths: Vec<(Phase, Duration)>,
}

/// What `proofload plan` says of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The fault's id.
    pub fault: String,
    /// Its kind.
    pub kind: &'static str,
    /// What is done to what.
    pub what: String,
    /// When, in words.
    pub when: String,
    /// From the start of the first phase to its injection, where that is known beforehand.
    pub from: Option<Duration>,
    /// From the start of the first phase to its heal, where that is known beforehand.
    pub until: Option<Duration>,
    /// The capabilities of the environment that it needs: [`crate::About::needs`].
    pub needs: &'static [&'static str],
}

impl Schedule {
    /// Checks `plans` against each other and against the `lengths` of the phases, which are in order.
    ///
    /// # Errors
    /// If faults wait for each other in a circle or for one that is repeated, or one does not fit into its phase.
    pub fn new(plans: Vec<FaultPlan>, lengths: &[(Phase, Duration)]) -> Result<Self, SpecError> {
        let schedule = Self { plans, lengths: lengths.to_vec() };
        for plan in &schedule.plans {
            schedule.refuse_circle(plan)?;
            schedule.refuse_repeated(plan)?;
        }
        for plan in &schedule.plans {
            schedule.refuse_overrun(plan)?;
        }
        Ok(schedule)
    }

    /// The faults.
    #[must_use]
    pub fn plans(&self) -> &[FaultPlan] {
        &self.plans
    }

    /// The phase in which `plan` fires, and with whose end it ends at the latest.
    #[must_use]
    pub fn phase_of(&self, plan: &FaultPlan) -> Phase {
        match &plan.start {
            Start::Phase { phase, .. } => *phase,
            Start::Fault { fault, .. } => self.plan(fault).map_or(Phase::Fault, |other| self.phase_of(other)),
        }
    }

    /// What happens when, by instant; what waits for a condition comes last.
    #[must_use]
    pub fn timeline(&self) -> Vec<Planned> {
        let mut timeline: Vec<Planned> = self.plans.iter().map(|plan| self.planned(plan)).collect();
        timeline.sort_by_key(|planned| planned.from.unwrap_or(Duration::MAX));
        timeline
    }

    fn planned(&self, plan: &FaultPlan) -> Planned {
        let phase = self.phase_of(plan);
        let phase_start: Duration =
            self.lengths.iter().take_while(|(which, _)| *which < phase).map(|(_, length)| *length).sum();
        let from = self.offset(plan).map(|offset| offset + phase_start);
        let until = match plan.lasts {
            // Nobody knows how long the heals in between take.
            Some(_) if plan.repeat.is_some() => None,
            Some(lasts) => from.map(|from| from + lasts),
            None => self.length(phase).map(|length| phase_start + length),
        };
        Planned {
            fault: plan.name.clone(),
            kind: plan.about.name,
            what: plan.what(),
            when: plan.when(),
            from,
            until,
            needs: plan.about.needs,
        }
    }

    fn plan(&self, name: &str) -> Option<&FaultPlan> {
        self.plans.iter().find(|plan| plan.name == name)
    }

    fn length(&self, phase: Phase) -> Option<Duration> {
        self.lengths.iter().find(|(which, _)| *which == phase).map(|(_, length)| *length)
    }

    /// From the start of its phase to its injection, if no condition decides that.
    fn offset(&self, plan: &FaultPlan) -> Option<Duration> {
        if plan.condition.is_some() {
            return None;
        }
        match &plan.start {
            Start::Phase { after, .. } => Some(*after),
            Start::Fault { fault, delay } => Some(self.offset(self.plan(fault)?)? + *delay),
        }
    }

    /// A fault that waits for itself, over others, would never fire.
    fn refuse_circle(&self, plan: &FaultPlan) -> Result<(), SpecError> {
        let mut waits_for: Vec<&FaultPlan> = vec![plan];
        let mut seen = 0;
        while let Some(next) = waits_for.get(seen).copied() {
            for other in waited_for(next).into_iter().filter_map(|name| self.plan(name)) {
                if other.name == plan.name {
                    let message = format!("fault `{}` waits for `{}`, which waits for it", plan.name, next.name);
                    return Err(wrong(plan.span.clone(), message));
                }
                if !waits_for.iter().any(|known| known.name == other.name) {
                    waits_for.push(other);
                }
            }
            seen += 1;
        }
        Ok(())
    }

    /// Of a fault that fires many times nobody can say which occurrence another one means.
    fn refuse_repeated(&self, plan: &FaultPlan) -> Result<(), SpecError> {
        let repeated = |name: &&str| self.plan(name).is_some_and(|other| other.repeat.is_some());
        match waited_for(plan).into_iter().find(repeated) {
            None => Ok(()),
            Some(other) => {
                let message =
                    format!("fault `{}` refers to `{other}`, which is repeated: name one that fires once", plan.name);
                Err(wrong(plan.span.clone(), message))
            }
        }
    }

    fn refuse_overrun(&self, plan: &FaultPlan) -> Result<(), SpecError> {
        let phase = self.phase_of(plan);
        let length = self.length(phase).ok_or_else(|| {
            wrong(
                plan.span.clone(),
                format!("fault `{}` fires in the phase {phase}, which the experiment does not have", plan.name),
            )
        })?;
        let begins = self.offset(plan).unwrap_or_default();
        if begins >= length {
            let message = format!(
                "fault `{}` would fire {} into the phase {phase}, which lasts {}",
                plan.name,
                Period(begins),
                Period(length)
            );
            return Err(wrong(plan.span.clone(), message));
        }
        let lasts = plan.lasts.unwrap_or_default();
        let ends = begins + plan.repeat.as_ref().map_or(lasts, |repeat| repeat.shortest(lasts));
        if ends > length {
            let soonest = if plan.repeat.is_some() { ", at the soonest," } else { "" };
            let message = format!(
                "fault `{}` would end{soonest} {} into the phase {phase}, which lasts {} and ends every fault: make the phase longer or the fault shorter",
                plan.name,
                Period(ends),
                Period(length)
            );
            return Err(wrong(plan.span.clone(), message));
        }
        Ok(())
    }
}

/// The faults that must have fired before `plan` can.
fn waited_for(plan: &FaultPlan) -> Vec<&str> {
    let start = match &plan.start {
        Start::Fault { fault, .. } => Some(fault.as_str()),
        Start::Phase { .. } => None,
    };
    let target = match &plan.target {
        Target::SameAs(fault) => Some(fault.as_str()),
        _ => None,
    };
    start.into_iter().chain(target).collect()
}
