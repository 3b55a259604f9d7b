//! `recovery`: how long after a fault the system was back in band.

mod band;

use self::band::{Bound, Course, Found, Offer};
use super::during::During;
use super::{starvation, table};
use crate::check::{Band, Reference};
use crate::faults::Faults;
use crate::spans::Spans;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::journal::FaultRecord;
use proofload_history::{At, History, HistoryError, Period, Phase};
use serde::Deserialize;
use std::time::Duration;

/// What is known about `recovery`.
pub(super) const ABOUT: About = About {
    name: "recovery",
    class: Class::Performance,
    invariant: "After a fault has healed, the operation is back in band within the time promised, and stays there until the traffic ends or the next fault begins.",
    cost: "Three passes over the operations; those since the first injection are sorted by instant, 32 bytes each, and running totals tell of any window.",
    counterexample: "The fault heals at 40 s, and for 20 s more every second request is refused, where 15 s were promised.",
    keys: &[
        (
            "to",
            "the latency expectation whose limits are the band: within max(limit, 2 x the steady value), 99 % accepted",
        ),
        ("after", "the fault; of one that is repeated every occurrence is judged, and the slowest counts"),
        (
            "within",
            "the longest time from the beginning of the heal to the instant from which on every 5 s (and 100 operations) are in band, until the traffic ends or the next fault begins",
        ),
        (
            "failover_within",
            "the longest time from the injection to the same until the heal begins, counting only what was answered before it",
        ),
    ],
    example: "to = \"fast-when-healthy\"\nafter = \"leader-cut\"\nwithin = \"15s\"\nfailover_within = \"10s\"\n",
    parse: |value| {
        table::read(value, |table: Table| {
            let (within, failover_within) = (table.within.map(|w| w.0), table.failover_within.map(|w| w.0));
            if within.is_none() && failover_within.is_none() {
                return Err("`recovery` promises nothing: name `within`, `failover_within`, or both".to_owned());
            }
            Ok(Recovery { to: table.to, after: table.after, within, failover_within })
        })
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    to: String,
    after: String,
    within: Option<Period>,
    failover_within: Option<Period>,
}

/// Two parts: *failover* is from the injection to back in band, and in it until the heal begins; *restoration* from there
/// to back in band, and in it until the traffic ends or the next fault is injected. A heal can take its time, and what it
/// does to the others meanwhile (a broker that starts and catches up) is part of the restoration. Either can be promised, or both. What was not reached is censored, and said to be: a fail if the run
/// went on for long enough to tell, else unknown.
#[derive(Debug)]
pub struct Recovery {
    to: String,
    after: String,
    within: Option<Duration>,
    failover_within: Option<Duration>,
}

impl Check for Recovery {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        Ok(self.measure(history, context)?.unwrap_or_else(|why| {
            let sentence = format!("The recovery from {} cannot be judged: {why}.", self.after);
            Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence)
        }))
    }

    fn faults(&self) -> Vec<String> {
        vec![self.after.clone()]
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Expectation(self.to.clone(), "latency"), Reference::Fault(self.after.clone())]
    }
}

impl Recovery {
    /// The finding, or why there can be none.
    fn measure(&self, history: &History, context: &Context<'_>) -> Result<Result<Finding, String>, HistoryError> {
        let faults = Faults::of(&history.journal);
        let (band, injections) = match self.band(context).and_then(|band| Ok((band, self.injections(&faults)?))) {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let steady = During(vec![Phase::Steady]).spans(history);
        let bounds = match band::bounds(history, band, &steady)? {
            Ok(bounds) => bounds,
            Err(why) => return Ok(Err(why)),
        };
        let from = injections.iter().map(|fault| fault.injecting).min().unwrap_or_default();
        let end = band::traffic_end(history, &band.operation)?.unwrap_or_default();
        let offer = Offer::since(history, &band.operation, from)?;
        let scene = Scene { offer: &offer, bounds: &bounds, faults: &faults, end };
        let outcomes: Vec<Outcome> = injections.iter().map(|fault| self.outcome(fault, &scene)).collect();
        let machine = starvation::of(history, &Spans(vec![(from, end.max(from))]))?;
        let mut finding = self.finding(&outcomes);
        if let Some(why) = machine.starved {
            let sentence = format!("The recovery from {} cannot be judged: {why}.", self.after);
            finding = finding.clone().evidence("measured", finding.sentence);
            finding = Finding { judgement: Judgement::Unknown, sentence, ..finding };
        }
        for (of, bound) in bounds {
            finding = finding.evidence(
                "band",
                format!("{of} within {}, 99 % accepted, for 5 s and 100 operations", wording::latency(bound)),
            );
        }
        Ok(Ok(finding.evidence("machine", machine.evidence)))
    }

    /// The fault's injections, of which there is one, and each took effect.
    fn injections<'f>(&self, faults: &'f Faults) -> Result<Vec<&'f FaultRecord>, String> {
        let injections: Vec<&FaultRecord> = faults.records.iter().filter(|fault| *fault.id == *self.after).collect();
        if injections.is_empty() {
            return Err("it was not injected".into());
        }
        match injections.iter().find(|fault| !fault.effective()) {
            Some(fault) => Err(format!("nobody saw that it took effect when it was injected at {}", fault.injecting)),
            None => Ok(injections),
        }
    }

    fn band<'a>(&self, context: &Context<'a>) -> Result<&'a Band, String> {
        let expectation = context.expectations.iter().find(|other| other.id == self.to);
        let band = expectation.and_then(|other| other.check.band());
        band.ok_or_else(|| format!("`{}` is no expectation on latency", self.to))
    }

    fn outcome(&self, fault: &FaultRecord, scene: &Scene<'_>) -> Outcome {
        let (injected, ended) = scene.faults.active(fault);
        let until = fault.healing.unwrap_or(ended);
        let failover = Part::of("injection", injected, scene.settles(injected, until), self.failover_within);
        let unknown = |failover: Part, why: String| Outcome {
            fault: fault.name(),
            failover: failover.took,
            restoration: Took::default(),
            judgement: failover.judgement.max(Judgement::Unknown),
            why,
        };
        let Some(healing) = fault.healing else { return unknown(failover, "it was never healed".into()) };
        if let Some((false, seen)) = &fault.heal_attested {
            return unknown(failover, format!("its heal was not seen to work: {seen}"));
        }
        let next = scene.faults.records.iter().map(|other| other.injecting).filter(|other| *other > healing).min();
        let found = scene.settles(healing, next.unwrap_or(At(u64::MAX)));
        let restoration = Part::of("heal", healing, found, self.within);
        Outcome {
            fault: fault.name(),
            failover: failover.took,
            restoration: restoration.took,
            judgement: failover.judgement.max(restoration.judgement),
            why: format!("{}; {}", failover.why, restoration.why),
        }
    }

    /// The longest time that a part took; where it was not reached after every injection, the longest that was seen.
    fn times(&self, finding: Finding, part: &str, outcomes: &[Outcome], of: fn(&Outcome) -> Took) -> Finding {
        let each: Vec<Took> = outcomes.iter().map(of).collect();
        let reached: Option<Vec<Duration>> = each.iter().map(|took| took.reached).collect();
        let longest = |times: Vec<Duration>| times.into_iter().max().map(|longest| longest.as_secs_f64());
        let finding = finding.figure(&format!("{part}_s.{}", self.after), reached.and_then(longest));
        let finding = match longest(each.iter().filter_map(|took| took.censored).collect()) {
            Some(seen) => finding.figure(&format!("{part}_censored_s.{}", self.after), seen),
            None => finding,
        };
        if outcomes.len() > 1 { self.distribution(finding, part, &each) } else { finding }
    }

    /// How the times are spread that were reached after several injections: the shortest, the one in the middle (of an
    /// even number the later of the two), and after how many it was not reached.
    fn distribution(&self, finding: Finding, part: &str, each: &[Took]) -> Finding {
        let mut reached: Vec<Duration> = each.iter().filter_map(|took| took.reached).collect();
        reached.sort_unstable();
        let open = each.len() - reached.len();
        let (Some(shortest), Some(middle)) = (reached.first(), reached.get(reached.len() / 2)) else { return finding };
        finding
            .figure(&format!("{part}_shortest_s.{}", self.after), shortest.as_secs_f64())
            .figure(&format!("{part}_median_s.{}", self.after), middle.as_secs_f64())
            .figure(&format!("{part}_not_reached.{}", self.after), open as f64)
    }

    fn finding(&self, outcomes: &[Outcome]) -> Finding {
        let judgement = outcomes.iter().map(|outcome| outcome.judgement).max().unwrap_or(Judgement::Unknown);
        let worst = outcomes.iter().find(|outcome| outcome.judgement == judgement);
        let sentence = worst.map_or_else(String::new, |outcome| format!("{}: {}.", outcome.fault, outcome.why));
        let mut finding = Finding::new(ABOUT.name, ABOUT.class, judgement, sentence);
        finding = self.times(finding, "failover", outcomes, |outcome| outcome.failover);
        finding = self.times(finding, "restoration", outcomes, |outcome| outcome.restoration);
        for (name, promised) in [("within_s", self.within), ("failover_within_s", self.failover_within)] {
            if let Some(promised) = promised {
                finding = finding.figure(name, promised.as_secs_f64());
            }
        }
        if outcomes.len() > 1 {
            for outcome in outcomes {
                finding = finding.evidence(&outcome.fault, outcome.why.as_str());
            }
        }
        finding
    }
}

/// What is looked at for every injection.
struct Scene<'a> {
    offer: &'a Offer,
    bounds: &'a [Bound],
    faults: &'a Faults,
    /// When the last operation was due.
    end: At,
}

impl Scene<'_> {
    /// When the operation came back in band between an instant and the next change of the circumstances, to stay.
    fn settles(&self, from: At, change: At) -> Found {
        let span = (from, change.min(self.end));
        Course::of(self.offer, self.bounds, span, change).settles()
    }
}

/// How long a part of a recovery took.
#[derive(Clone, Copy, Default)]
struct Took {
    /// Until back in band.
    reached: Option<Duration>,
    /// Where it was not reached, how long that was seen.
    censored: Option<Duration>,
}

/// What came of one injection.
struct Outcome {
    /// What the journal calls it.
    fault: String,
    failover: Took,
    restoration: Took,
    judgement: Judgement,
    why: String,
}

/// One part of a recovery: from an injection or a heal to back in band.
struct Part {
    took: Took,
    judgement: Judgement,
    why: String,
}

impl Part {
    /// What was found since `from`, which is the instant of the `since`, against what was promised, if anything was.
    fn of(since: &str, from: At, found: Found, promised: Option<Duration>) -> Self {
        let (took, seen) = match found {
            Found::Kept => (Some(Duration::ZERO), format!("never left the band after the {since}")),
            Found::At(at) => {
                let took = at.since(from);
                (Some(took), format!("back in band {} after the {since}", wording::seconds(took)))
            }
            Found::NotUntil(end) => {
                let span = wording::seconds(end.since(from));
                (
                    None,
                    format!("not back in band to stay {span} after the {since} (censored: further it cannot be seen)"),
                )
            }
        };
        let censored = match found {
            Found::NotUntil(end) => Some(end.since(from)),
            Found::Kept | Found::At(_) => None,
        };
        let took = Took { reached: took, censored };
        let Some(promised) = promised else { return Self { took, judgement: Judgement::Pass, why: seen } };
        let (judgement, word) = match (took.reached, took.censored) {
            (Some(reached), _) if reached <= promised => (Judgement::Pass, "promised"),
            (Some(_), _) => (Judgement::Fail, "later than the promised"),
            (None, Some(censored)) if censored > promised => (Judgement::Fail, "promised"),
            (None, _) => (Judgement::Unknown, "it could not be seen for as long as the promised"),
        };
        Self { took, judgement, why: format!("{seen}, {word} {}", wording::seconds(promised)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, figure, judged};

    const TABLE: &str = "to = \"fast\"\nafter = \"cut\"\nwithin = \"10s\"";

    /// Steady for 20 s, a fault from 20 s to 40 s, traffic at 50/s until `end`, bad in `bad`.
    fn run(end: u64, bad: impl Fn(f64) -> bool) -> Script {
        let mut script = Script::new();
        script.phases(&[(0.0, Phase::Steady), (20.0, Phase::Fault), (40.0, Phase::Recovery)]);
        for n in 0..end * 50 {
            let at = n as f64 / 50.0;
            let outcome =
                if bad(at) { proofload_history::Outcome::Indeterminate } else { proofload_history::Outcome::Ok };
            script.timed(n, at, 20, outcome);
        }
        script
    }

    fn attested(mut script: Script) -> History {
        script.fault(20.0, 40.0, "cut").history()
    }

    #[test]
    fn failover_and_restoration_are_measured_apart() {
        let bad = |at: f64| (20.5..24.0).contains(&at) || (40.0..43.0).contains(&at);
        let finding = judged("recovery", TABLE, &attested(run(80, bad)));
        assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
        assert_eq!(figure(&finding, "failover_s.cut"), Some(4.0));
        assert_eq!(figure(&finding, "restoration_s.cut"), Some(3.0));
    }

    #[test]
    fn a_relapse_after_the_heal_is_no_restoration_until_it_is_over() {
        let relapse = |at: f64| (40.0..42.0).contains(&at) || (60.0..65.0).contains(&at);
        let finding = judged("recovery", TABLE, &attested(run(90, relapse)));
        assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Fail, Some(25.0)));
        let to_the_end = judged("recovery", TABLE, &attested(run(90, |at| at >= 80.0)));
        assert_eq!((to_the_end.judgement, figure(&to_the_end, "restoration_s.cut")), (Judgement::Fail, None));
        let under_the_next = run(90, relapse).fault(59.0, 66.0, "another").clone();
        let finding = judged("recovery", TABLE, &attested(under_the_next));
        assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Pass, Some(2.0)));
    }

    #[test]
    fn a_relapse_before_the_heal_is_no_failover() {
        let both = "to = \"fast\"\nafter = \"cut\"\nfailover_within = \"8s\"";
        let relapse = |at: f64| (20.5..24.0).contains(&at) || (35.0..39.9).contains(&at);
        let finding = judged("recovery", both, &attested(run(80, relapse)));
        assert_eq!((finding.judgement, figure(&finding, "failover_s.cut")), (Judgement::Fail, None));
    }

    #[test]
    fn a_band_that_was_never_left_is_said_to_be_kept() {
        let finding = judged("recovery", TABLE, &attested(run(80, |_| false)));
        assert!(finding.sentence.contains("never left the band after the heal"), "{}", finding.sentence);
        assert_eq!(figure(&finding, "failover_s.cut"), Some(0.0));
    }

    #[test]
    fn what_a_heal_does_while_it_takes_its_time_is_restoration_and_no_relapse_of_the_failover() {
        let both = "to = \"fast\"\nafter = \"cut\"\nwithin = \"10s\"\nfailover_within = \"8s\"";
        let bad = |at: f64| (20.5..24.0).contains(&at) || (34.0..38.0).contains(&at);
        let mut script = run(80, bad);
        let history = script.injected(20.0, "cut").attested(20.5, "cut", true).healed_from(33.0, 40.0, "cut").history();
        let finding = judged("recovery", both, &history);
        assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
        assert_eq!(figure(&finding, "failover_s.cut"), Some(4.0));
        assert_eq!(figure(&finding, "restoration_s.cut"), Some(5.0));
    }

    #[test]
    fn what_the_heal_answers_is_no_failover() {
        let promise = "to = \"fast\"\nafter = \"cut\"\nfailover_within = \"30s\"";
        // Nothing is answered from 20.5 s on, and the heal answers at once what is asked from 39.95 s on.
        let stalled = attested(run(80, |at| (20.5..39.95).contains(&at)));
        let finding = judged("recovery", promise, &stalled);
        assert_eq!(figure(&finding, "failover_s.cut"), None, "{}", finding.sentence);
        assert!(figure(&finding, "failover_censored_s.cut").is_some_and(|seen| (14.9..15.1).contains(&seen)));
    }

    #[test]
    fn what_is_answered_when_the_traffic_has_ended_was_answered() {
        // Some of the last second take longer than the band allows: few enough for p95, and all of them accepted.
        let mut script = run(0, |_| false);
        for n in 0..4_000 {
            let (at, slow) = (n as f64 / 50.0, (3_960..3_970).contains(&n) && n % 2 == 0);
            script.timed(n, at, if slow { 900 } else { 20 }, proofload_history::Outcome::Ok);
        }
        let finding = judged("recovery", TABLE, &attested(script));
        assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Pass, Some(0.0)));
    }

    #[test]
    fn what_was_not_promised_has_no_figure() {
        let finding = judged("recovery", TABLE, &attested(run(80, |_| false)));
        let has = |name: &str| finding.figures.iter().any(|figure| figure.name == name);
        assert!(has("within_s") && !has("failover_within_s") && !has("failover_censored_s.cut"));
    }

    #[test]
    fn back_in_band_too_late_fails() {
        let finding = judged("recovery", TABLE, &attested(run(80, |at| (20.0..55.0).contains(&at))));
        assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Fail, Some(15.0)));
        assert_eq!(figure(&finding, "failover_s.cut"), None);
    }

    #[test]
    fn never_back_in_band_fails_if_the_run_went_on_for_long_enough_and_is_unknown_if_not() {
        let never = |at: f64| at >= 20.0;
        let long = judged("recovery", TABLE, &attested(run(60, never)));
        assert_eq!(long.judgement, Judgement::Fail, "{}", long.sentence);
        assert!(long.sentence.contains("censored"), "{}", long.sentence);
        // At 54 s a window that begins within 10 s of the heal need not be whole.
        let short = judged("recovery", TABLE, &attested(run(54, never)));
        assert_eq!(short.judgement, Judgement::Unknown, "{}", short.sentence);
    }

    #[test]
    fn a_band_that_is_kept_for_less_than_five_seconds_is_not_recovery() {
        let bad = |at: f64| (20.0..41.0).contains(&at) || (44.0..48.0).contains(&at);
        let finding = judged("recovery", TABLE, &attested(run(80, bad)));
        assert_eq!(figure(&finding, "restoration_s.cut"), Some(8.0));
    }

    #[test]
    fn without_an_injection_an_attestation_a_heal_or_a_steady_state_it_is_unknown() {
        let good = || run(80, |_| false);
        let not_injected = good().history();
        let not_attested = good().injected(20.0, "cut").attested(21.0, "cut", false).healed(40.0, "cut").history();
        let not_healed = good().injected(20.0, "cut").attested(21.0, "cut", true).history();
        let never_steady = attested(run(80, |at| at < 20.0));
        let starved = attested(good().sample("cpu_steal_fraction", 50.0, 0.5).clone());
        for (history, says) in [
            (not_injected, "not injected"),
            (not_attested, "took effect"),
            (not_healed, "never healed"),
            (never_steady, "infinite in the steady phase"),
            (starved, "starved"),
        ] {
            let finding = judged("recovery", TABLE, &history);
            assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
            assert!(finding.sentence.contains(says), "{}", finding.sentence);
        }
    }

    #[test]
    fn the_band_is_the_limit_or_twice_the_steady_value_where_that_is_more() {
        // The limit is 100 ms.
        for (steady_ms, later_ms, in_band) in [(20, 90, true), (20, 110, false), (80, 150, true), (80, 170, false)] {
            let mut script = run(0, |_| false);
            for n in 0..4_000 {
                let at = n as f64 / 50.0;
                script.timed(n, at, if at < 20.0 { steady_ms } else { later_ms }, proofload_history::Outcome::Ok);
            }
            let finding = judged("recovery", TABLE, &attested(script));
            let expected = if in_band { Judgement::Pass } else { Judgement::Fail };
            assert_eq!(finding.judgement, expected, "{steady_ms} {later_ms}: {}", finding.sentence);
        }
    }

    #[test]
    fn of_several_injections_the_worst_counts() {
        let bad = |at: f64| (60.0..78.0).contains(&at);
        let mut script = run(100, bad);
        let finding = judged("recovery", TABLE, &script.fault(20.0, 40.0, "cut").fault(55.0, 61.0, "cut").history());
        assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Fail, Some(17.0)));
    }

    #[test]
    fn every_occurrence_of_a_repeated_fault_is_judged_and_the_spread_is_told() {
        let bad = |at: f64| (30.0..32.0).contains(&at) || (50.0..54.0).contains(&at) || (70.0..76.0).contains(&at);
        let mut script = run(100, bad);
        for (number, at) in [(1, 28.0), (2, 48.0), (3, 68.0)] {
            script.fault(at, at + 2.0, &format!("cut#{number}"));
        }
        let finding = judged("recovery", TABLE, &script.history());
        assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
        assert_eq!(figure(&finding, "restoration_s.cut"), Some(6.0), "the slowest");
        assert_eq!(figure(&finding, "restoration_median_s.cut"), Some(4.0));
        assert_eq!(figure(&finding, "restoration_shortest_s.cut"), Some(2.0));
        assert_eq!(figure(&finding, "restoration_not_reached.cut"), Some(0.0));
        assert!(finding.evidence.iter().any(|evidence| evidence.label == "cut#2"), "{finding:#?}");

        let strict = TABLE.replace("10s", "5s");
        let finding = judged("recovery", &strict, &script.history());
        assert_eq!(finding.judgement, Judgement::Fail);
        assert!(finding.sentence.starts_with("cut#3: "), "{}", finding.sentence);
    }

    #[test]
    fn a_failover_that_takes_longer_than_promised_fails_however_quick_the_restoration_is() {
        let both = "to = \"fast\"\nafter = \"cut\"\nwithin = \"10s\"\nfailover_within = \"8s\"";
        let slow = attested(run(80, |at| (20.5..33.0).contains(&at)));
        assert_eq!(judged("recovery", both, &slow).judgement, Judgement::Fail);
        let never = attested(run(80, |at| (20.5..40.2).contains(&at)));
        assert_eq!(judged("recovery", both, &never).judgement, Judgement::Fail);
        let quick = attested(run(80, |at| (20.5..26.0).contains(&at)));
        assert_eq!(judged("recovery", both, &quick).judgement, Judgement::Pass);
        assert_eq!(judged("recovery", TABLE, &slow).judgement, Judgement::Pass);
    }

    #[test]
    fn a_recovery_that_promises_nothing_is_refused() {
        let table = toml::de::ValueDeserializer::parse("{ to = \"fast\", after = \"cut\" }").unwrap();
        assert!((ABOUT.parse)(table).is_err());
    }
}
