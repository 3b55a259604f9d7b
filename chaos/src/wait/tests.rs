//! Moments on paused time: every wait ends as soon as nothing else can happen.

use super::*;
use crate::names::{Names, Part};
use crate::resolve::Resolved;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeValue;

fn plan(when: &str) -> FaultPlan {
    let names = Names {
        parts: [("cache".to_owned(), Part { kind: "redis".to_owned(), instances: vec!["cache".to_owned()] })].into(),
        gauges: ["backlog".to_owned()].into(),
        faults: ["first".to_owned()].into(),
        ..Names::default()
    };
    let text = format!("{{ kind = \"kill\", target = {{ instance = \"cache\" }}, {when} }}");
    let value = DeValue::parse(&text).unwrap();
    FaultPlan::parse(&Spanned::new(0..1, "second".into()), &value, &names).unwrap()
}

/// A gauge that reads one more at each reading.
fn rising() -> ReadGauge {
    let readings = Arc::new(std::sync::atomic::AtomicU32::new(0));
    Arc::new(move |_| {
        let next = readings.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Box::pin(async move { Ok(f64::from(next)) })
    })
}

/// When `plan` fires, in seconds from the start of the phase `fault`, or why not. Phases last ten seconds each; the
/// other fault reaches `other` after two.
async fn fires(plan: &FaultPlan, other: Milestone) -> (f64, Result<String, String>) {
    let phases = watch::Sender::new(Some(Phase::Steady));
    let first = watch::Sender::new(Milestone::Ahead);
    let (told, milestone) = (phases.subscribe(), first.subscribe());
    let gauges = rising();
    let moment = async {
        let moment = moment(plan, Phase::Fault, &told, |_| Some(milestone.clone()), &gauges, None).await;
        (Instant::now(), moment)
    };
    let run = async {
        sleep(Duration::from_secs(10)).await;
        phases.send_replace(Some(Phase::Fault));
        let started = Instant::now();
        sleep(Duration::from_secs(2)).await;
        first.send_replace(other);
        sleep(Duration::from_secs(8)).await;
        phases.send_replace(Some(Phase::Recovery));
        started
    };
    let ((at, moment), started) = tokio::join!(moment, run);
    (at.saturating_duration_since(started).as_secs_f64(), moment)
}

/// Checks when a fault fires, and why.
async fn check(when: &str, second: f64, because: &str) {
    let (at, moment) = fires(&plan(when), Milestone::Injected(Resolved::default())).await;
    assert_eq!(moment.unwrap(), because, "{when}");
    assert!((at - second).abs() < 0.01, "{when}: {at}");
}

/// Checks why a fault never fires.
async fn check_never(when: &str, other: Milestone, because: &str) {
    assert_eq!(fires(&plan(when), other).await.1.unwrap_err(), because, "{when}");
}

#[tokio::test(start_paused = true)]
async fn a_fault_fires_at_the_start_of_its_phase_or_some_time_after_it() {
    check("at = \"fault\"", 0.0, "at the start of fault").await;
    check("at = { phase = \"fault\", after = \"3s\" }", 3.0, "3s after the start of fault").await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_fires_after_another_was_injected() {
    check("at = { after_fault = \"first\", delay = \"3s\" }", 5.0, "3s after first").await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_fires_when_its_condition_holds_first() {
    check("when = { gauge = \"backlog\", at_least = 30 }", 3.0, "backlog = 30 >= 30").await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_never_fires_whose_phase_ends_before() {
    let injected = || Milestone::Injected(Resolved::default());
    check_never(
        "at = { phase = \"fault\", after = \"11s\" }",
        injected(),
        "the phase fault ended before its moment came",
    )
    .await;
    // The last reading is told: about a hundred fit into the phase.
    let never = fires(&plan("when = { gauge = \"backlog\", at_least = 1000 }"), injected()).await.1.unwrap_err();
    assert!(never.starts_with("its condition never held: backlog was "), "{never}");
    assert!(never.ends_with(" at last, not >= 1000"), "{never}");
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_is_given_up_is_not_watched_any_longer() {
    let when = "when = { gauge = \"backlog\", at_least = 1000, give_up_after = \"2s\" }";
    let because = "its condition never held: backlog was 20 at last, not >= 1000";
    check_never(when, Milestone::Missed, because).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_never_fires_after_one_that_was_not_injected() {
    check_never("at = { after_fault = \"first\" }", Milestone::Missed, "`first` was not injected").await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_never_fires_in_a_phase_that_was_left_out() {
    let phases = watch::Sender::new(Some(Phase::Recovery));
    let told = phases.subscribe();
    let moment = moment(&plan("at = \"fault\""), Phase::Fault, &told, |_| None, &rising(), None).await;
    assert_eq!(moment.unwrap_err(), "the phase fault was left out");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_fault_fires_again_after_its_pause_but_not_beyond_its_phase() {
    let phases = watch::Sender::new(Some(Phase::Fault));
    let (told, plan) = (phases.subscribe(), plan("for = \"1s\""));
    let again = async |pause| {
        let since = Instant::now();
        let moment = moment(&plan, Phase::Fault, &told, |_| None, &rising(), Some(pause)).await;
        (since.elapsed(), moment)
    };
    let pause = Duration::from_millis(1_500);
    let (waited, moment) = again(pause).await;
    assert!(waited >= pause, "{waited:?}");
    assert_eq!(moment.unwrap(), "1500ms after the last was healed");
    phases.send_replace(Some(Phase::Recovery));
    let (_, moment) = again(Duration::ZERO).await;
    assert_eq!(moment.unwrap_err(), "the phase fault ended before its moment came");
}
