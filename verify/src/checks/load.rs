//! `load`: the generator sent what it was asked to, when it was asked to. Every run is held to it.

use super::table;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::journal::{Journeys, LoadAudit};
use proofload_history::{Event, History, HistoryError, Phase};
use serde::Deserialize;

/// What is known about `load`.
pub(super) const ABOUT: About = About {
    name: "load",
    class: Class::Performance,
    invariant: "The traffic was the one asked for: nothing unsent or late by the generator's own failure.",
    cost: "One pass over the journal and over the operations.",
    counterexample: "Of 10,000 scheduled arrivals 11 were not sent although workers were idle. Never a fail: it makes performance unknown.",
    keys: &[],
    figures: &[&[
        ("asked_per_s", "arrivals a second that were asked for"),
        ("sent_per_s", "arrivals a second that were sent"),
        ("scheduled_arrivals", "arrivals that were due"),
        ("sent_arrivals", "arrivals that were sent"),
        ("unsent_generator_arrivals", "arrivals that the generator did not get to send"),
        ("unsent_workers_waiting_arrivals", "arrivals that were not sent since all clients waited for answers"),
        ("waited_in_vain_journeys", "journeys that waited for something that did not come"),
        ("without_value_journeys", "journeys that lacked a value which an earlier answer should have given"),
    ]],
    example: "",
    parse: |value| table::read(value, |Table {}| Ok(Load)),
};

/// The share of scheduled arrivals that the generator may fail to send on time.
const UNSENT_LIMIT: f64 = 0.001;
/// How late an arrival may be sent by the generator's own failure, at the quantile 0.99.
const LAG_LIMIT_US: u64 = 50_000;
/// How far the generator's own count and the rows may disagree, as a share: requests under way when it is stopped are
/// counted on one side only.
const COUNT_TOLERANCE: f64 = 0.001;
/// And in requests.
const COUNT_TOLERANCE_REQUESTS: u64 = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {}

/// Pass, or unknown: what the system does under a load that nobody asked for proves nothing about its performance.
/// Arrivals unsent because every worker was waiting for the system are the system's failure, and only evidence here.
#[derive(Debug)]
pub struct Load;

impl Check for Load {
    fn judge(&self, history: &History, _: &Context<'_>) -> Result<Finding, HistoryError> {
        let audits: Vec<&LoadAudit> = history.journal.load_audits().collect();
        let mut sent_rows = 0;
        history.operations.each(|made| sent_rows += u64::from(made.sent().is_some()))?;
        if audits.is_empty() {
            let sentence = "The generator left no audit, so nobody knows whether the load was the one asked for.";
            return Ok(Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence));
        }
        let seconds = traffic_seconds(history);
        let mut complaints = complaints(&audits, sent_rows, seconds);
        let unsent_rows = history.operations.rows() - sent_rows;
        let unsent = sum(&audits, |audit| audit.scheduled.saturating_sub(audit.sent));
        if unsent > unsent_rows + COUNT_TOLERANCE_REQUESTS {
            // The generator records a bounded number of them; a share that is counted from rows would flatter.
            complaints.push(format!(
                "{} arrivals were never sent and only {} of them are recorded one by one.",
                wording::count(unsent),
                wording::count(unsent_rows)
            ));
        }
        let (scheduled, sent) = (sum(&audits, |audit| audit.scheduled), sum(&audits, |audit| audit.sent));
        let (judgement, sentence) = match complaints.first() {
            None if scheduled == 0 => (Judgement::Unknown, "No traffic was scheduled.".to_owned()),
            None => (
                Judgement::Pass,
                format!(
                    "{} of {} scheduled arrivals were sent, on time{}.",
                    wording::count(sent),
                    wording::count(scheduled),
                    waiting(sum(&audits, |audit| audit.unsent_workers_waiting))
                ),
            ),
            Some(first) => (Judgement::Unknown, first.clone()),
        };
        let mut finding = Finding::new(ABOUT.name, ABOUT.class, judgement, sentence)
            .figure("scheduled_arrivals", scheduled as f64)
            .figure("sent_arrivals", sent as f64)
            .figure("unsent_generator_arrivals", sum(&audits, |audit| audit.unsent_generator) as f64)
            .figure("unsent_workers_waiting_arrivals", sum(&audits, |audit| audit.unsent_workers_waiting) as f64)
            .figure("asked_per_s", per_second(scheduled, seconds))
            .figure("sent_per_s", per_second(sent, seconds));
        if sum(&audits, |audit| audit.journeys.begun) > 0 {
            finding = finding
                .figure("waited_in_vain_journeys", sum(&audits, |audit| audit.journeys.waited_in_vain) as f64)
                .figure("without_value_journeys", sum(&audits, |audit| audit.journeys.without_value) as f64);
        }
        for complaint in complaints.iter().skip(1) {
            finding = finding.evidence("also", complaint.as_str());
        }
        Ok(audits.iter().fold(finding, |finding, audit| finding.evidence(&audit.traffic, describe(audit))))
    }
}

/// What is wrong with the load, the gravest first; nothing if it was valid.
fn complaints(audits: &[&LoadAudit], sent_rows: u64, seconds: Option<f64>) -> Vec<String> {
    let mut complaints = Vec::new();
    for audit in audits {
        let lag = audit.pacer_lag_us[1].max(audit.dispatch_lag_us[1]);
        if audit.unsent_generator as f64 > audit.scheduled as f64 * UNSENT_LIMIT {
            let (failed, scheduled) = (wording::count(audit.unsent_generator), wording::count(audit.scheduled));
            let what = format!("{failed} of {scheduled} arrivals late or not at all");
            complaints.push(could_not_keep_up(audit, seconds, &what));
        } else if lag > LAG_LIMIT_US {
            let what = format!("p99 of its own lag {} ms, above {}", lag / 1_000, LAG_LIMIT_US / 1_000);
            complaints.push(could_not_keep_up(audit, seconds, &what));
        }
        complaints.extend(does_not_add_up(audit));
        if audit.panics > 0 {
            complaints.push(format!(
                "{} in the generator's own code ({}).",
                wording::plural(audit.panics, "panic"),
                audit.traffic
            ));
        }
    }
    let requests = sum(audits, |audit| audit.goose_requests);
    let tolerated = COUNT_TOLERANCE_REQUESTS.max((sent_rows as f64 * COUNT_TOLERANCE) as u64);
    if requests.abs_diff(sent_rows) > tolerated {
        complaints.push(format!(
            "The generator counted {} and the history has {}: one of them is wrong.",
            wording::plural(requests, "request"),
            wording::count(sent_rows)
        ));
    }
    complaints
}

/// How many arrivals the system itself kept from being sent, if any.
fn waiting(unsent: u64) -> String {
    if unsent == 0 {
        return String::new();
    }
    format!("; {} not sent because every worker was waiting for the system", wording::were(unsent))
}

/// What is wrong with an audit that does not account for every arrival. The generator's own failures count those that
/// were sent late as well, so that the sum may exceed what was scheduled by them.
fn does_not_add_up(audit: &LoadAudit) -> Option<String> {
    let LoadAudit { scheduled, sent, unsent_workers_waiting, unsent_generator, .. } = *audit;
    let tolerated = COUNT_TOLERANCE_REQUESTS.max((scheduled as f64 * COUNT_TOLERANCE) as u64);
    let least = sent + unsent_workers_waiting;
    let adds_up = least <= scheduled + tolerated && least + unsent_generator + tolerated >= scheduled;
    (scheduled > 0 && !adds_up).then(|| {
        format!(
            "Of {} scheduled arrivals of {} {} sent and {} not: that does not add up.",
            wording::count(scheduled),
            audit.traffic,
            wording::were(sent),
            wording::were(unsent_workers_waiting + unsent_generator)
        )
    })
}

/// Both rates may be the same: `what` says what was wrong.
fn could_not_keep_up(audit: &LoadAudit, seconds: Option<f64>, what: &str) -> String {
    let rate = |number: u64| {
        per_second(number, seconds)
            .map_or_else(|| wording::count(number), |rate| format!("{}/s", wording::count(rate.round() as u64)))
    };
    let (asked, sent) = (rate(audit.scheduled), rate(audit.sent));
    format!("The generator could not keep up: asked for {asked}, sent {sent}; {what}.")
}

fn describe(audit: &LoadAudit) -> String {
    let [pacer, dispatch] =
        [audit.pacer_lag_us, audit.dispatch_lag_us].map(|[p50, p99, max]| format!("{p50}/{p99}/{max} us"));
    format!(
        "{} scheduled, {} sent, {} unsent because every worker was waiting for the system, {} by the generator's failure; \
         {} workers, at most {} busy; lag p50/p99/max of the pacer {pacer}, of dispatch {dispatch}{}",
        wording::count(audit.scheduled),
        wording::count(audit.sent),
        wording::count(audit.unsent_workers_waiting),
        wording::count(audit.unsent_generator),
        wording::count(audit.workers),
        wording::count(audit.workers_busy_max),
        journeys(&audit.journeys)
    )
}

/// How far the clients got; nothing where nobody counted.
fn journeys(journeys: &Journeys) -> String {
    if journeys.begun == 0 {
        return String::new();
    }
    let Journeys { begun, completed, unless, not_ok, waited_in_vain, without_value } = *journeys;
    let ends = [
        (unless, "ended by an `unless`"),
        (not_ok, "by a step that was not ok"),
        (waited_in_vain, "waited in vain"),
        (without_value, "lacked a value that they needed"),
        (begun.saturating_sub(completed + unless + not_ok + waited_in_vain + without_value), "were cut short"),
    ];
    let ends = ends.iter().filter(|(some, _)| *some > 0);
    let ends: String = ends.map(|(some, how)| format!(", {} {how}", wording::count(*some))).collect();
    format!("; of {} begun {} got to the last step{ends}", wording::plural(begun, "journey"), wording::count(completed))
}

/// From the first phase with traffic to the end of the traffic.
fn traffic_seconds(history: &History) -> Option<f64> {
    let journal = &history.journal;
    let (_, from, _) = journal.phases().into_iter().find(|(phase, _, _)| *phase < Phase::Drain)?;
    let ended =
        journal.entries.iter().find(|entry| matches!(entry.event, Event::TrafficEnded {})).map(|entry| entry.at);
    let drained = journal.phase(Phase::Drain).map(|(from, _)| from);
    let to = ended.or(drained).unwrap_or_else(|| journal.end());
    Some(to.since(from).as_secs_f64()).filter(|seconds| *seconds > 0.0)
}

fn sum(audits: &[&LoadAudit], part: fn(&LoadAudit) -> u64) -> u64 {
    audits.iter().map(|audit| part(audit)).sum()
}

fn per_second(number: u64, seconds: Option<f64>) -> Option<f64> {
    seconds.map(|seconds| number as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, figure, judged};
    use proofload_history::Outcome;
    use proofload_history::operation::UNSENT_WORKERS_WAITING;

    /// A thousand requests within 10 s, and an audit that agrees with them until `change`.
    fn audited(change: impl Fn(&mut LoadAudit)) -> Finding {
        audited_beside(0, change)
    }

    /// The same beside so many arrivals that waited for a worker in vain.
    fn audited_beside(waiting: u64, change: impl Fn(&mut LoadAudit)) -> Finding {
        let mut script = Script::new();
        script.phases(&[(0.0, Phase::Steady), (10.0, Phase::Drain)]);
        for n in 0..1_000 {
            script.timed(n, n as f64 / 100.0, 20, Outcome::Ok);
        }
        for n in 1_000..1_000 + waiting {
            script.unsent(n, 5.0, UNSENT_WORKERS_WAITING);
        }
        let mut audit = LoadAudit {
            traffic: "orders".into(),
            scheduled: 1_000,
            sent: 1_000,
            goose_requests: 1_000,
            ..LoadAudit::default()
        };
        change(&mut audit);
        judged("load", "", &script.audit(audit).history())
    }

    #[test]
    fn a_generator_that_sent_what_it_was_asked_to_passes() {
        assert_eq!(audited(|_| {}).judgement, Judgement::Pass);
        assert_eq!(audited(|audit| audit.unsent_generator = 1).judgement, Judgement::Pass);
    }

    #[test]
    fn every_failure_of_the_generator_is_unknown_and_none_is_a_fail() {
        type Case = (fn(&mut LoadAudit), &'static str);
        let cases: [Case; 8] = [
            (
                |audit| audit.unsent_generator = 2,
                "could not keep up: asked for 100/s, sent 100/s; 2 of 1,000 arrivals late or not at all.",
            ),
            (|audit| audit.dispatch_lag_us[1] = 50_001, "could not keep up"),
            (|audit| audit.pacer_lag_us[1] = 50_001, "could not keep up"),
            (|audit| audit.panics = 1, "1 panic"),
            (|audit| audit.goose_requests = 994, "one of them is wrong"),
            (|audit| audit.scheduled = 1_006, "1,006 scheduled arrivals of orders 1,000 were sent and none was not"),
            (|audit| audit.unsent_workers_waiting = 6, "that does not add up"),
            (|audit| audit.scheduled = 0, "No traffic was scheduled"),
        ];
        for (change, says) in cases {
            let finding = audited(change);
            assert_eq!(finding.judgement, Judgement::Unknown, "{says}");
            assert!(finding.sentence.contains(says), "{}", finding.sentence);
        }
    }

    #[test]
    fn arrivals_that_wait_for_the_system_are_the_systems_failure_and_do_not_invalidate_the_load() {
        let finding = audited_beside(4_000, |audit| {
            audit.scheduled = 5_000;
            audit.unsent_workers_waiting = 4_000;
        });
        assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
        assert!(
            finding.sentence.contains("4,000 were not sent because every worker was waiting"),
            "{}",
            finding.sentence
        );
    }

    #[test]
    fn journeys_that_waited_in_vain_or_lacked_a_value_are_figures_and_evidence_and_no_failure() {
        let finding = audited(|audit| {
            audit.journeys =
                Journeys { begun: 1_000, completed: 980, unless: 4, not_ok: 3, waited_in_vain: 2, without_value: 1 };
        });
        assert_eq!(finding.judgement, Judgement::Pass);
        let figures = ["waited_in_vain_journeys", "without_value_journeys"].map(|name| figure(&finding, name));
        assert_eq!(figures, [Some(2.0), Some(1.0)]);
        let told = format!("{:?}", finding.evidence);
        let said = "of 1,000 journeys begun 980 got to the last step, 4 ended by an `unless`, 3 by a step that was not \
                    ok, 2 waited in vain, 1 lacked a value that they needed, 10 were cut short";
        assert!(told.contains(said), "{told}");
        assert!(audited(|_| {}).figures.iter().all(|figure| !figure.name.ends_with("journeys")));
    }

    #[test]
    fn without_an_audit_it_is_unknown() {
        assert_eq!(judged("load", "", &Script::new().history()).judgement, Judgement::Unknown);
    }

    #[test]
    fn what_is_at_the_limit_of_what_is_tolerated_is_tolerated() {
        let cases: [fn(&mut LoadAudit); 4] = [
            |audit| audit.pacer_lag_us[1] = 50_000,
            |audit| audit.dispatch_lag_us[1] = 50_000,
            |audit| audit.goose_requests = 995,
            |audit| audit.scheduled = 1_005,
        ];
        for change in cases {
            let finding = audited(change);
            assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
        }
    }

    #[test]
    fn a_lag_is_told_in_milliseconds() {
        let says = "The generator could not keep up: asked for 100/s, sent 100/s; p99 of its own lag 73 ms, above 50.";
        assert_eq!(audited(|audit| audit.dispatch_lag_us[1] = 73_999).sentence, says);
    }

    #[test]
    fn arrivals_that_were_never_sent_must_be_recorded_one_by_one_but_for_a_few() {
        let unsent = |number| {
            audited_beside(10, move |audit| {
                (audit.scheduled, audit.unsent_workers_waiting) = (1_000 + number, number);
            })
        };
        assert_eq!(unsent(15).judgement, Judgement::Pass);
        let finding = unsent(16);
        let says = "16 arrivals were never sent and only 10 of them are recorded one by one.";
        assert_eq!((finding.judgement, finding.sentence.as_str()), (Judgement::Unknown, says));
    }

    #[test]
    fn journeys_that_all_came_to_their_end_have_no_other() {
        let finding = audited(|audit| {
            audit.journeys = Journeys { begun: 7, completed: 7, ..Journeys::default() };
        });
        let told = &finding.evidence.last().unwrap().text;
        assert!(told.ends_with("; of 7 journeys begun 7 got to the last step"), "{told}");
    }

    #[test]
    fn there_is_no_rate_of_a_traffic_that_took_no_time() {
        let rate = |phase: Phase, ended: f64| {
            let audit = LoadAudit { scheduled: 8, ..LoadAudit::default() };
            let mut script = Script::new();
            script.phases(&[(5.0, phase)]).event(ended, Event::TrafficEnded {}).audit(audit);
            figure(&judged("load", "", &script.history()), "asked_per_s")
        };
        assert_eq!([rate(Phase::Steady, 9.0), rate(Phase::Steady, 5.0)], [Some(2.0), None]);
        assert_eq!(rate(Phase::Drain, 9.0), None, "no phase with traffic began");
    }
}
