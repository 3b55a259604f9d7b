//! What must hold on a whole system before anything is broken: otherwise a fault would prove nothing.

use super::Run;
use super::drain::Left;
use crate::experiment::SteadyProbe;
use proofload_history::Event;
use proofload_lab::kafka;
use proofload_scenarios::{Handle, LiveCounts};
use std::time::{Duration, Instant};

/// How often the draining gauges are read during the phase, at most.
const POLL: Duration = Duration::from_secs(1);
/// And at least so often in it.
const READINGS: u32 = 10;
/// Between two evaluations of a probe that did not hold.
const AGAIN: Duration = Duration::from_millis(200);
/// The share of operations that must be ok.
const OK_SHARE: f64 = 0.99;

/// Watches the steady phase, which lasts `span`; what can be asked at once is asked in its last third.
/// Returns whether all probes held.
pub(super) async fn watch(run: &Run<'_>, traffic: &Handle, span: Duration) -> anyhow::Result<bool> {
    let end = Instant::now() + span;
    let before = traffic.counts();
    // Side by side: a gauge that is slow to be read leaves the others their time.
    let asked = async {
        tokio::time::sleep(span * 2 / 3).await;
        tokio::join!(until(end, || ready(run)), until(end, || in_sync(run)))
    };
    let ((lags, unread), (ready, in_sync)) = tokio::join!(read_lags(run, end, POLL.min(span / READINGS)), asked);
    let after = traffic.counts();
    let done = |counts: LiveCounts| counts.ok + counts.fail + counts.indeterminate;
    let (done, ok) = (done(after) - done(before), after.ok - before.ok);
    let mut all_hold = true;
    for probe in &run.experiment.header.steady.probes {
        let (holds, evidence) = match probe {
            SteadyProbe::Ready => ready.clone(),
            SteadyProbe::InSync => in_sync.clone(),
            SteadyProbe::LagFlat => match &unread {
                Some(why) => (false, format!("a gauge cannot be read: {why}")),
                None => lag_flat(&lags, done as f64 / span.as_secs_f64().max(1.0)),
            },
            SteadyProbe::NoErrors => no_errors(done, ok),
        };
        all_hold &= holds;
        if !holds {
            run.progress.say(&format!("steady: {} does not hold: {evidence}", probe.name()));
        }
        run.recorder.event(Event::SteadyProbed { probe: probe.name().to_owned(), holds, evidence })?;
    }
    Ok(all_hold)
}

/// Reads the draining gauges until `end`; with them, why the last of those that could not be read could not.
async fn read_lags(run: &Run<'_>, end: Instant, pause: Duration) -> (Vec<Left>, Option<String>) {
    let (mut lags, mut unread) = (Vec::new(), None);
    while Instant::now() < end {
        match tokio::time::timeout_at(end.into(), run.draining_gauges()).await {
            Ok(Ok(values)) => lags.push(values),
            Ok(Err(why)) => unread = Some(why),
            // What the end of the phase cut short says nothing.
            Err(_) => break,
        }
        tokio::time::sleep_until((Instant::now() + pause).min(end).into()).await;
    }
    (lags, unread)
}

/// Evaluates a probe again until it holds, or the phase ends: one late answer on a busy machine is no unsteady system.
async fn until<F: Future<Output = (bool, String)>>(end: Instant, probe: impl Fn() -> F) -> (bool, String) {
    let mut last = (false, "there was no time to look".to_owned());
    while Instant::now() < end {
        match tokio::time::timeout_at(end.into(), probe()).await {
            Ok((true, evidence)) => return (true, evidence),
            Ok((false, evidence)) => last = (false, evidence),
            Err(_) => last.1 = format!("no answer before the end of the phase; before that: {}", last.1),
        }
        tokio::time::sleep(AGAIN).await;
    }
    last
}

async fn ready(run: &Run<'_>) -> (bool, String) {
    for instance in run.lab.instances() {
        if let Err(why) = run.lab.probe(&instance.name).await {
            return (false, format!("{} does not answer: {why}", instance.name));
        }
    }
    (true, format!("{} instances answer", run.lab.instances().len()))
}

async fn in_sync(run: &Run<'_>) -> (bool, String) {
    if !run.experiment.system.manifest.components.values().any(|component| component.kind.get_ref() == "kafka") {
        return (true, "the system has no Kafka".to_owned());
    }
    match kafka::View::new(&run.lab).all_in_sync().await {
        Ok(holds) => (holds, if holds { "every replica is in sync" } else { "a replica is not in sync" }.to_owned()),
        Err(why) => (false, format!("the in-sync sets cannot be read: {why}")),
    }
}

fn no_errors(done: u64, ok: u64) -> (bool, String) {
    let holds = done > 0 && ok as f64 >= OK_SHARE * done as f64;
    (holds, format!("{ok} of {done} operations ok"))
}

/// No gauge may end higher than it began by more than `allowance` (one second's work): the mean of the phase's last
/// third is held against that of its first.
fn lag_flat(readings: &[Left], allowance: f64) -> (bool, String) {
    let third = readings.len() / 3;
    if third == 0 {
        return (false, format!("only {} readings of the gauges", readings.len()));
    }
    let mean = |rows: &[Left], name| rows.iter().filter_map(|row| row.get(name)).sum::<f64>() / rows.len() as f64;
    let names = readings[0].keys();
    let rises =
        names.map(|name| (name, mean(&readings[readings.len() - third..], name) - mean(&readings[..third], name)));
    let worst = rises.max_by(|a, b| a.1.total_cmp(&b.1));
    match worst {
        Some((name, rise)) => (rise <= allowance, format!("{name} rose by {rise:.0}, allowed are {allowance:.0}")),
        None => (true, "the system has no draining gauge".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(values: &[f64]) -> Vec<Left> {
        values.iter().map(|value| [("lag".to_owned(), *value)].into()).collect()
    }

    #[test]
    fn a_lag_that_grows_by_more_than_a_seconds_work_is_not_steady() {
        assert!(!lag_flat(&readings(&[0.0, 100.0, 200.0, 300.0, 400.0, 500.0]), 200.0).0);
    }

    #[test]
    fn a_lag_that_swings_is_steady() {
        assert!(lag_flat(&readings(&[10.0, 80.0, 5.0, 60.0, 20.0, 90.0]), 200.0).0);
    }

    #[test]
    fn without_readings_nothing_is_steady() {
        assert!(!lag_flat(&[], 200.0).0);
    }

    #[test]
    fn without_operations_nothing_is_steady() {
        assert!(!no_errors(0, 0).0);
        assert!(no_errors(1_000, 995).0);
        assert!(!no_errors(1_000, 900).0);
    }
}
