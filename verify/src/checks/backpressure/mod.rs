//! `backpressure`: the producer's latency does not follow the consumer's lag.

mod lag;

use self::lag::{Lag, Side};
use super::during::During;
use super::limit::CONFIDENCE;
use super::offenders::Offenders;
use super::reading::damage;
use super::{latency, starvation, table};
use crate::check::Reference;
use crate::offending::Offending;
use crate::spans::Spans;
use crate::statistics::durations::Durations;
use crate::statistics::quantile::{PerMille, Quantile};
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError, OperationRef};
use serde::Deserialize;

/// What is known about `backpressure`.
pub(super) const ABOUT: About = About {
    name: "backpressure",
    class: Class::Performance,
    invariant: "While the consumer lags behind, the producer is served about as quickly as while it does not.",
    cost: "One pass over the series and one over the operations. Latencies are exact up to a million, and within a thousandth beyond.",
    counterexample: "The p95 of requests rises from 20 ms to 400 ms in the seconds in which 5,000 records wait for the consumer.",
    keys: &[
        ("of", "the producer's operation"),
        ("lag", "the gauge of the manifest that counts what waits for the consumer"),
        (
            "lag_at_least",
            "how many records must wait for the lag to count as high, in every sample of a second; it is low below half of that",
        ),
        ("at_most_times", "how many times its value at low lag the p95 may have at high lag; 2 if left out"),
        (
            "during",
            "the phase, or a list of phases, in which the operations were intended; all with traffic but warm_up if left out",
        ),
    ],
    figures: &[&[
        ("low_lag_s", "seconds in which the lag was low"),
        ("low_lag_operations", "operations made in them"),
        ("low_lag_p95_ms", "their p95"),
        ("high_lag_s", "seconds in which the lag was high"),
        ("high_lag_operations", "operations made in them"),
        ("high_lag_p95_ms", "their p95"),
        ("lag_max_records", "the greatest lag"),
        ("slowed_operations", "operations that were slower than they may be while the lag was high"),
    ]],
    example: "of = \"submit_application\"\nlag = \"unapplied_commands\"\nlag_at_least = 1000\nat_most_times = 2.0\nduring = [\"steady\", \"fault\"]\n",
    parse: |value| table::read(value, Backpressure::new),
};

/// The quantile that is compared.
const OF: PerMille = PerMille(950);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    of: String,
    lag: String,
    lag_at_least: u64,
    #[serde(default = "twice")]
    at_most_times: f64,
    #[serde(default)]
    during: During,
}

fn twice() -> f64 {
    2.0
}

/// Compares the p95 of the operations intended in seconds of high lag with that of seconds of low lag; seconds in
/// between, and those without a sample of the lag, say nothing.
///
/// By the ends of their 95 % intervals, the ratio of the two lies between (low end at high lag) / (high end at low lag)
/// and (high end at high lag) / (low end at low lag). All of that above `at_most_times` is a fail, all of it at or
/// below is a pass, and else the samples do not suffice. Each answer rests on two ends that hold with 97.5 % each, so
/// it holds with 95 %. A latency that is infinite at low lag already leaves nothing to compare with.
///
/// Refusals have no latency: a producer that is turned away is `availability`'s affair.
#[derive(Debug)]
pub struct Backpressure {
    of: String,
    lag: String,
    lag_at_least: u64,
    at_most_times: f64,
    during: During,
}

impl Backpressure {
    fn new(table: Table) -> Result<Self, String> {
        let Table { of, lag, lag_at_least, at_most_times, during } = table;
        if lag_at_least == 0 {
            return Err("a lag of 0 records is none: write how many must wait, such as lag_at_least = 1000".into());
        }
        if !(at_most_times >= 1.0 && at_most_times.is_finite()) {
            return Err(format!(
                "at_most_times = {at_most_times} asks to be quicker than undisturbed: write 1 or more"
            ));
        }
        Ok(Self { of, lag, lag_at_least, at_most_times, during })
    }

    /// Passes over the operations of either side, each with its latency.
    fn each_operation(
        &self,
        history: &History,
        spans: &Spans,
        lag: &Lag,
        mut take: impl FnMut(Side, OperationRef<'_>, u64),
    ) -> Result<(), HistoryError> {
        spans.each_operation(history, &self.of, |made| {
            if let Some((side, latency)) = lag.side(made.intended()).zip(latency::of_operation(made)) {
                take(side, made, latency);
            }
        })
    }

    /// What the two samples say of each other.
    fn compare(&self, high: &Quantile<u64>, low: &Quantile<u64>) -> Judgement {
        let times = |end: u64| end as f64 * self.at_most_times;
        let finite = |end: Option<u64>| end.filter(|nanos| *nanos != u64::MAX);
        let above = high.low.zip(finite(low.high)).is_some_and(|(high, low)| high as f64 > times(low));
        let within = finite(high.high).zip(finite(low.low)).is_some_and(|(high, low)| high as f64 <= times(low));
        match (above, within) {
            (true, _) => Judgement::Fail,
            (false, true) => Judgement::Pass,
            (false, false) => Judgement::Unknown,
        }
    }
}

impl Check for Backpressure {
    fn judge(&self, history: &History, _: &Context<'_>) -> Result<Finding, HistoryError> {
        let spans = self.during.spans(history);
        let lag = Lag::of(history, &spans, &self.lag, self.lag_at_least as f64)?;
        let (mut high, mut low) = (Durations::default(), Durations::default());
        self.each_operation(history, &spans, &lag, |side, _, latency| match side {
            Side::High => high.push(latency),
            Side::Low => low.push(latency),
        })?;
        let [high, low] = [high, low].map(|sample| {
            let sorted = sample.sorted();
            (sorted.len(), sorted.quantile(OF, CONFIDENCE))
        });
        let machine = starvation::of(history, &spans)?;
        let doubt = machine.starved.or_else(|| self.doubt(&lag, high.0, low.0));
        let finding = match (doubt, high.1, low.1) {
            (None, Some(of_high), Some(of_low)) => {
                let bound = of_low.high.map_or(u64::MAX, |end| (end as f64 * self.at_most_times) as u64);
                let finding = self.compared(history, &of_high, &of_low);
                self.name_slowed(finding, history, (&spans, &lag, bound))?
            }
            (doubt, _, _) => {
                let doubt = doubt.unwrap_or_else(|| "there is nothing to compare".to_owned());
                let sentence = format!("Whether {} slows down with {} is unknown: {doubt}.", self.of, self.lag);
                Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence)
            }
        };
        let finding = finding.figure("lag_max_records", lag.greatest);
        let finding = tell(finding, "high_lag", lag.seconds(Side::High), high);
        let finding = tell(finding, "low_lag", lag.seconds(Side::Low), low);
        let finding = damage(history).fold(finding, |finding, doubt| finding.evidence("doubt", doubt));
        Ok(finding.evidence("machine", machine.evidence))
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Operation(self.of.clone())]
    }
}

impl Backpressure {
    /// The answer, where there is a sample of either side.
    fn compared(&self, history: &History, high: &Quantile<u64>, low: &Quantile<u64>) -> Finding {
        let judgement = match self.compare(high, low) {
            Judgement::Pass if damage(history).next().is_some() => Judgement::Unknown,
            compared => compared,
        };
        Finding::new(ABOUT.name, ABOUT.class, judgement, self.sentence(judgement, high, low))
    }

    /// Adds how many operations were slower at high lag than `at_most_times` allows, and names them if that is a fail: of
    /// those that pass, one in twenty may be slower.
    fn name_slowed(
        &self,
        finding: Finding,
        history: &History,
        (spans, lag, bound): (&Spans, &Lag, u64),
    ) -> Result<Finding, HistoryError> {
        let (mut slowed, mut number) = (Offenders::default(), 0);
        self.each_operation(history, spans, lag, |side, made, latency| {
            number += 1;
            if side == Side::High && latency > bound {
                let one = Offending::of_id("slowed", made.intent(), None, Some(made.intended()));
                slowed.push(Offending { row: number, ..one }, || latency);
            }
        })?;
        let known = finding.judgement != Judgement::Unknown;
        let finding = finding.figure("slowed_operations", known.then_some(slowed.total() as f64));
        if finding.judgement != Judgement::Fail {
            return Ok(finding);
        }
        let described = |latency: &u64| format!("{} at high lag: {}", self.of, wording::latency(*latency));
        Ok(slowed.tell(finding, &history.journal, |_, latency| described(latency)))
    }

    /// Why there is nothing to compare, if so.
    fn doubt(&self, lag: &Lag, high: u64, low: u64) -> Option<String> {
        let (gauge, during, wanted) = (&self.lag, self.during.names(), wording::count(self.lag_at_least));
        let Some(greatest) = lag.greatest else {
            return Some(format!("nobody sampled the gauge {gauge} during {during}"));
        };
        if lag.seconds(Side::High) == 0 {
            let seen = wording::count(greatest.max(0.0) as u64);
            return Some(format!("{gauge} rose to {seen} at most, and in no second stayed at {wanted} or more"));
        }
        if lag.seconds(Side::Low) == 0 {
            return Some(format!("{gauge} was in no second below half of {wanted}: there is nothing to compare with"));
        }
        let side = match (high, low) {
            (0, _) => "high",
            (_, 0) => "low",
            _ => return None,
        };
        Some(format!("no {} was made during {during} while {gauge} was {side}", self.of))
    }

    fn sentence(&self, judgement: Judgement, high: &Quantile<u64>, low: &Quantile<u64>) -> String {
        let (of_high, of_low) = (wording::latency(high.value), wording::latency(low.value));
        let (operation, gauge, times) = (&self.of, &self.lag, self.at_most_times);
        let seen = format!("{OF} of {operation} was {of_high} while {gauge} was high and {of_low} while it was low");
        match judgement {
            Judgement::Pass => format!("{seen}, within {times} times."),
            Judgement::Fail => format!("{seen}, more than {times} times as much."),
            Judgement::Unknown if low.value == u64::MAX => format!("{seen}: there is nothing to compare with."),
            Judgement::Unknown => {
                format!("{seen}: the evidence does not suffice to tell whether that is within {times} times.")
            }
        }
    }
}

/// The figures and the evidence of one side. A quantile of no samples is no figure: one without a value is infinite.
fn tell(finding: Finding, side: &str, seconds: u64, (operations, seen): (u64, Option<Quantile<u64>>)) -> Finding {
    let finding =
        finding.figure(&format!("{side}_s"), seconds as f64).figure(&format!("{side}_operations"), operations as f64);
    let Some(seen) = seen else { return finding };
    let end = |end: Option<u64>| end.map_or_else(|| "no sample".to_owned(), wording::latency);
    let text = format!(
        "{OF} {}, between {} and {} with 95 % confidence, of {} in {} s",
        wording::latency(seen.value),
        end(seen.low),
        end(seen.high),
        wording::plural(operations, "operation"),
        wording::count(seconds)
    );
    finding.figure(&format!("{side}_{OF}_ms"), wording::millis(seen.value)).evidence(&side.replace('_', " "), text)
}

#[cfg(test)]
mod tests;
