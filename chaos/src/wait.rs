//! Waits for the moment when a fault fires. What a reading means is decided in [`crate::trigger`].

use crate::chaos::{Milestone, ReadGauge};
use crate::plan::FaultPlan;
use crate::trigger::{Condition, Decision, Start};
use proofload_history::{Period, Phase};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Time between two readings of a gauge.
const POLL: Duration = Duration::from_millis(100);

/// Waits until `plan` fires and says why now, or why it never will. `phase` is the one that ends it. `again` is the pause, if it
/// has fired before.
pub(crate) async fn moment(
    plan: &FaultPlan,
    phase: Phase,
    phases: &watch::Receiver<Option<Phase>>,
    milestone: impl Fn(&str) -> Option<watch::Receiver<Milestone>>,
    gauges: &ReadGauge,
    again: Option<Duration>,
) -> Result<String, String> {
    let begins = async {
        match again {
            None => started(&plan.start, phases.clone(), milestone).await.map(|()| plan.start.to_string()),
            // One that is repeated and was healed at the end of its phase does not fire again.
            Some(_) if *phases.borrow() > Some(phase) => std::future::pending().await,
            Some(pause) => {
                sleep(pause).await;
                Ok(format!("{} after the last was healed", Period(pause)))
            }
        }
    };
    let begins = tokio::select! {
        biased;
        begins = begins => begins?,
        () = end_of(phase, phases.clone()) => return Err(format!("the phase {phase} ended before its moment came")),
    };
    match &plan.condition {
        None => Ok(begins),
        Some(condition) => held(condition, gauges, || *phases.borrow() > Some(phase)).await,
    }
}

async fn started(
    start: &Start,
    mut phases: watch::Receiver<Option<Phase>>,
    milestone: impl Fn(&str) -> Option<watch::Receiver<Milestone>>,
) -> Result<(), String> {
    match start {
        Start::Phase { phase, after } => {
            let begun = phases.wait_for(|now| *now >= Some(*phase)).await.map(|now| *now);
            if begun.map_err(|_| "the run ended".to_owned())? > Some(*phase) {
                return Err(format!("the phase {phase} was left out"));
            }
            sleep(*after).await;
        }
        Start::Fault { fault, delay } => {
            let mut other = milestone(fault).ok_or_else(|| format!("there is no fault `{fault}`"))?;
            let over = other.wait_for(|now| !matches!(now, Milestone::Ahead)).await;
            let injected = over.is_ok_and(|now| matches!(*now, Milestone::Injected(_)));
            if !injected {
                return Err(format!("`{fault}` was not injected"));
            }
            sleep(*delay).await;
        }
    }
    Ok(())
}

/// Polls the gauge until the condition holds, has been watched for too long, or the phase is `over`.
async fn held(condition: &Condition, gauges: &ReadGauge, over: impl Fn() -> bool) -> Result<String, String> {
    let since = Instant::now();
    loop {
        let reading = gauges(&condition.gauge).await;
        match condition.decide(&reading, since.elapsed()) {
            Decision::Fire(because) if !over() => return Ok(because),
            Decision::GiveUp(because) => return Err(because),
            _ if over() => return Err(condition.never_held(&reading)),
            _ => sleep(POLL).await,
        }
    }
}

/// Waits until `phase` is over, or the run is.
pub(crate) async fn end_of(phase: Phase, mut phases: watch::Receiver<Option<Phase>>) {
    // An error means that nobody tells of phases any more: the run has ended, and with it the phase.
    let _ = phases.wait_for(|now| *now > Some(phase)).await;
}

#[cfg(test)]
mod tests;
