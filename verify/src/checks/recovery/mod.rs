//! `recovery`: how long after a fault the system was back in band.

mod band;

use self::band::{Course, Found};
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
use std::collections::BTreeMap;
use std::time::Duration;

/// What is known about `recovery`.
pub(super) const ABOUT: About = About {
    name: "recovery",
    class: Class::Performance,
    invariant: "After a fault has healed, the operation is back in band within the time promised, and stays there until the traffic ends or the next fault begins.",
    cost: "Two passes over the operations, and one for each part of those since the first injection that fits into memory, which are sorted by instant: O(n log n), 32 bytes an operation; then no more is held than is in a window.",
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
    figures: &[&[
        ("failover_s.FAULT", "from the injection to back in band; without a value it was not reached"),
        ("failover_censored_s.FAULT", "where it was not reached, for how long that was seen"),
        ("failover_shortest_s.FAULT", "of several injections the shortest"),
        ("failover_median_s.FAULT", "of several injections the one in the middle"),
        ("failover_not_reached.FAULT", "after how many of several injections it was not reached"),
        ("restoration_s.FAULT", "from the heal to back in band; without a value it was not reached"),
        ("restoration_censored_s.FAULT", "where it was not reached, for how long that was seen"),
        ("restoration_shortest_s.FAULT", "of several heals the shortest"),
        ("restoration_median_s.FAULT", "of several heals the one in the middle"),
        ("restoration_not_reached.FAULT", "after how many of several heals it was not reached"),
        ("within_s", "what was promised of the restoration"),
        ("failover_within_s", "what was promised of the failover"),
    ]],
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
        let courses = |fault: &&FaultRecord| [Some(failover(fault, &faults)), restoration(fault, &faults)];
        let spans: Vec<Span> = injections.iter().flat_map(courses).flatten().collect();
        let course = |(from, change): &Span| Course::new(&bounds, (*from, *change.min(&end)), *change);
        let found = band::follow(history, context.budget, &band.operation, spans.iter().map(course).collect())?;
        let found: BTreeMap<Span, Found> = spans.into_iter().zip(found).collect();
        let outcomes: Vec<Outcome> = injections.iter().map(|fault| self.outcome(fault, &faults, &found)).collect();
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

    /// What came of an injection, of whose spans it was `found` when the operation was back.
    fn outcome(&self, fault: &FaultRecord, faults: &Faults, found: &BTreeMap<Span, Found>) -> Outcome {
        let part = |since, span: Span, promised| Part::of(since, span.0, found[&span], promised);
        let failover = part("injection", failover(fault, faults), self.failover_within);
        let unknown = |failover: Part, why: String| Outcome {
            fault: fault.name(),
            failover: failover.took,
            restoration: Took::default(),
            judgement: failover.judgement.max(Judgement::Unknown),
            why,
        };
        let Some(restoration) = restoration(fault, faults) else {
            return unknown(failover, "it was never healed".into());
        };
        if let Some((false, seen)) = &fault.heal_attested {
            return unknown(failover, format!("its heal was not seen to work: {seen}"));
        }
        let restoration = part("heal", restoration, self.within);
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

/// From an instant to the next change of the circumstances.
type Span = (At, At);

/// From the injection until it heals.
fn failover(fault: &FaultRecord, faults: &Faults) -> Span {
    let (injected, ended) = faults.active(fault);
    (injected, fault.healing.unwrap_or(ended))
}

/// From the heal until the next fault is injected, if there was a heal.
fn restoration(fault: &FaultRecord, faults: &Faults) -> Option<Span> {
    let healing = fault.healing?;
    let next = faults.records.iter().map(|other| other.injecting).filter(|other| *other > healing).min();
    Some((healing, next.unwrap_or(At(u64::MAX))))
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
mod tests;
