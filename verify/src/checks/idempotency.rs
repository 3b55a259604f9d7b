//! `idempotency`: whoever repeats a request that was acknowledged gets the same answer again.

use super::groups::{self, Group, Member};
use super::offenders::{self, Offenders, counted};
use super::{reading, table};
use crate::check::Reference;
use crate::offending::Offending;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{At, History, HistoryError, OperationRef, Outcome};
use serde::Deserialize;

/// What is known about `idempotency`.
pub(super) const ABOUT: About = About {
    name: "idempotency",
    class: Class::Safety,
    invariant: "A request that was acknowledged and comes again, under the same key, gets the answer that the first got.",
    cost: "One pass over the operations for each part of the attempts that fits into memory, which are sorted by id: O(n log n), 80 bytes an attempt.",
    counterexample: "A client repeats its request 8 s after the acknowledgement, and the answer names another loan.",
    keys: &[
        ("of", "the operation"),
        ("repeats_at_least", "how many repeats of acknowledged requests it takes to say something; 1 if left out"),
        ("denials", "statuses of a refusal that deny that it was a repeat; [409, 422] if left out"),
    ],
    figures: &[&[
        ("answered_repeats", "repeats of acknowledged requests that were acknowledged or denied"),
        ("refused_repeats", "repeats that were refused otherwise"),
        ("contradicted_repeats", "repeats that got another answer"),
        ("denied_repeats", "repeats that were denied"),
        ("unkept_repeats", "repeats of which one of the two answers was not kept"),
    ]],
    example: "of = \"submit_application\"\nrepeats_at_least = 100\ndenials = [409, 422]\n",
    parse: |value| {
        table::read(value, |table: Table| {
            let Table { of, repeats_at_least, denials } = table;
            Ok(Idempotency { of, repeats_at_least, denials })
        })
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    of: String,
    #[serde(default = "one")]
    repeats_at_least: u64,
    #[serde(default = "denials")]
    denials: Vec<u16>,
}

fn one() -> u64 {
    1
}

/// "It is in progress", and "it was another request".
fn denials() -> Vec<u16> {
    vec![409, 422]
}

/// A repeat is an attempt that was sent when an earlier one had been acknowledged. It is
///
/// - *contradicted* if it was acknowledged with another status or another body than the first acknowledged attempt;
/// - *denied* if it was refused with one of the statuses that say that it is no repeat.
///
/// Every other refusal (shed, or not let in) and no answer at all are availability's affair: they say nothing of whether
/// the repeat was recognised, and do not count as answered. What was sent before the first acknowledgement
/// may be refused as being in progress.
#[derive(Debug)]
pub struct Idempotency {
    of: String,
    repeats_at_least: u64,
    denials: Vec<u16>,
}

impl Idempotency {
    /// What is wrong with a repeat, if anything.
    fn wrong(&self, first: &Attempt, repeat: &Attempt) -> Option<Wrong> {
        match repeat.outcome {
            Outcome::Ok if repeat.status != first.status => Some(Wrong::Contradicted),
            Outcome::Ok => {
                let (first, again) = (first.answer?, repeat.answer?);
                (first != again).then_some(Wrong::Contradicted)
            }
            Outcome::Fail => repeat.status.filter(|status| self.denials.contains(status)).map(|_| Wrong::Denied),
            Outcome::Indeterminate => None,
        }
    }
}

/// What is wrong with a repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Contradicted,
    Denied,
}

impl Wrong {
    fn name(self) -> &'static str {
        match self {
            Self::Contradicted => "contradicted",
            Self::Denied => "denied",
        }
    }
}

/// What is kept of an attempt.
#[derive(Clone, Copy)]
struct Attempt {
    number: u32,
    sent: Option<At>,
    done: At,
    outcome: Outcome,
    status: Option<u16>,
    answer: Option<u64>,
}

impl Attempt {
    fn of(made: OperationRef<'_>) -> Self {
        Self {
            number: made.attempt(),
            sent: made.sent(),
            done: made.done(),
            outcome: made.outcome(),
            status: made.status(),
            answer: made.answer(),
        }
    }

    /// The answer for people: `202 (body 1131c0e6e786cb1d)`.
    fn tell(&self) -> String {
        let status = self.status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
        self.answer.map_or_else(|| status.clone(), |digest| format!("{status} (body {digest:016x})"))
    }
}

/// What became of the repeats.
#[derive(Default)]
struct Tally<'a> {
    /// Repeats that were answered: acknowledged, or denied.
    answered: u64,
    /// Repeats that were refused without being denied.
    refused: u64,
    /// Acknowledged repeats of which one of the two answers was not kept.
    unkept: u64,
    contradicted: u64,
    denied: u64,
    /// Each with the first attempt that was acknowledged, and the repeat.
    wrong: Offenders<'a, (Attempt, Attempt)>,
}

impl Check for Idempotency {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let mut tally = Tally::default();
        groups::of_attempts(
            history,
            context.budget,
            &self.of,
            |made| Some(Attempt::of(made)),
            |group| self.take_intent(&mut tally, &group),
        )?;
        let doubt = self.doubt(history, &tally);
        let judgement = offenders::judgement(!tally.wrong.is_empty(), doubt.as_slice());
        let repeats = wording::plural(tally.answered, "answered repeat");
        let sentence = match judgement {
            Judgement::Pass => format!("All {repeats} of acknowledged {} got the answer that the first got.", self.of),
            Judgement::Fail => format!(
                "Of {repeats} of acknowledged {} {} contradicted and {} denied.",
                self.of,
                wording::were(tally.contradicted),
                wording::were(tally.denied)
            ),
            Judgement::Unknown => {
                offenders::unknown(&format!("repeats of {} get the same answer", self.of), doubt.as_slice())
            }
        };
        let whole = history.damage.is_empty();
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, sentence)
            .figure("answered_repeats", tally.answered as f64)
            .figure("refused_repeats", tally.refused as f64)
            .figure("contradicted_repeats", counted(tally.contradicted, whole))
            .figure("denied_repeats", counted(tally.denied, whole))
            .figure("unkept_repeats", tally.unkept as f64);
        Ok(tally.wrong.tell(finding, &history.journal, |_, (first, repeat)| describe(first, repeat)))
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Operation(self.of.clone())]
    }
}

impl Idempotency {
    /// Takes the attempts of one intent into account.
    fn take_intent(&self, tally: &mut Tally<'_>, group: &Group<'_, Attempt>) {
        let attempts = group.at(0);
        let acknowledged = attempts.iter().filter(|row| row.what.outcome == Outcome::Ok);
        let Some(first) = acknowledged.min_by_key(|row| row.what.done) else { return };
        let later = |row: &&Member<Attempt>| row.what.sent.is_some_and(|sent| sent >= first.what.done);
        // An answer that took no time at all makes no repeat of its own request.
        for repeat in attempts.iter().filter(|row| row.number() != first.number()).filter(later) {
            self.take(tally, group, &first.what, repeat);
        }
    }

    fn take(&self, tally: &mut Tally<'_>, group: &Group<'_, Attempt>, first: &Attempt, row: &Member<Attempt>) {
        let repeat = &row.what;
        let kept = first.answer.is_some() && repeat.answer.is_some();
        tally.unkept += u64::from(repeat.outcome == Outcome::Ok && !kept);
        let wrong = self.wrong(first, repeat);
        match repeat.outcome {
            Outcome::Ok => tally.answered += 1,
            Outcome::Fail if wrong.is_some() => tally.answered += 1,
            Outcome::Fail => tally.refused += u64::from(repeat.status.is_some()),
            Outcome::Indeterminate => {}
        }
        if let Some(wrong) = wrong {
            match wrong {
                Wrong::Contradicted => tally.contradicted += 1,
                Wrong::Denied => tally.denied += 1,
            }
            let one = Offending::of_id(wrong.name(), group.id, None, Some(repeat.done));
            tally.wrong.push(Offending { row: row.number(), ..one }, || (*first, *repeat));
        }
    }

    /// Why there can be no pass, if so.
    fn doubt(&self, history: &History, tally: &Tally<'_>) -> Option<String> {
        if let Some(damage) = reading::damage(history).next() {
            return Some(damage);
        }
        if tally.answered < self.repeats_at_least.max(1) {
            let (seen, least) =
                (wording::plural(tally.answered, "repeat"), wording::count(self.repeats_at_least.max(1)));
            let refused = match tally.refused {
                0 => String::new(),
                some => format!(" ({} refused otherwise)", wording::were(some)),
            };
            return Some(format!(
                "only {seen} of acknowledged requests answered, where {least} are asked for{refused}"
            ));
        }
        (tally.unkept > 0).then(|| format!("the answers of {} were not kept", wording::plural(tally.unkept, "repeat")))
    }
}

fn describe(first: &Attempt, repeat: &Attempt) -> String {
    format!(
        "attempt {} was answered with {} at {}, attempt {} with {} at {}",
        first.number,
        first.tell(),
        first.done,
        repeat.number,
        repeat.tell(),
        repeat.done
    )
}

#[cfg(test)]
mod tests {
    use crate::Finding;
    use crate::Judgement::{self, Fail, Pass, Unknown};
    use crate::testing::{Script, figure, judged};
    use proofload_history::Outcome;

    const OF: &str = "of = \"place_order\"";

    /// An order at 1 s that is acknowledged, and repeats of it from 2 s on, each with its status and its body's digest.
    fn repeated(repeats: &[(Outcome, u16, Option<u64>)]) -> Script {
        let mut script = Script::new();
        script.issue(1, 0, 1).timed(0, 1.0, 10, Outcome::Ok).answered(202, Some(7));
        for (nth, (outcome, status, body)) in repeats.iter().enumerate() {
            script.timed(0, 2.0 + nth as f64, 10, *outcome).answered(*status, *body);
        }
        script
    }

    fn of(repeats: &[(Outcome, u16, Option<u64>)]) -> Finding {
        judged("idempotency", OF, &repeated(repeats).history())
    }

    fn judgement(repeats: &[(Outcome, u16, Option<u64>)]) -> Judgement {
        of(repeats).judgement
    }

    #[test]
    fn a_repeat_with_the_same_answer_passes() {
        let finding = of(&[(Outcome::Ok, 202, Some(7)), (Outcome::Ok, 202, Some(7))]);
        assert_eq!((finding.judgement, figure(&finding, "answered_repeats")), (Pass, Some(2.0)));
    }

    #[test]
    fn another_body_or_another_status_contradicts() {
        for repeat in [(Outcome::Ok, 202, Some(8)), (Outcome::Ok, 200, Some(7)), (Outcome::Ok, 200, None)] {
            let finding = of(&[repeat]);
            assert_eq!((finding.judgement, figure(&finding, "contradicted_repeats")), (Fail, Some(1.0)), "{repeat:?}");
            assert_eq!((finding.offenders_total, finding.offenders[0].defect.as_str()), (1, "contradicted"));
        }
    }

    #[test]
    fn a_repeat_that_is_denied_fails_and_one_that_is_shed_says_nothing() {
        let finding = of(&[(Outcome::Fail, 409, Some(1))]);
        assert_eq!((finding.judgement, figure(&finding, "denied_repeats")), (Fail, Some(1.0)));
        let counted = ["answered_repeats", "refused_repeats"].map(|name| figure(&finding, name));
        assert_eq!(counted, [Some(1.0), Some(0.0)], "a denial is an answer");
        assert_eq!(judgement(&[(Outcome::Fail, 429, Some(1)), (Outcome::Ok, 202, Some(7))]), Pass);
        // However often it is shed: nobody saw whether it was recognised.
        let shed = of(&[(Outcome::Fail, 429, Some(1)); 5]);
        assert_eq!((shed.judgement, figure(&shed, "answered_repeats")), (Unknown, Some(0.0)));
        assert_eq!(figure(&shed, "refused_repeats"), Some(5.0));
        assert!(shed.sentence.contains("(5 were refused otherwise)"), "{}", shed.sentence);
        let strict = judged(
            "idempotency",
            &format!("{OF}\ndenials = [429]"),
            &repeated(&[(Outcome::Fail, 429, None)]).history(),
        );
        assert_eq!(strict.judgement, Fail);
    }

    #[test]
    fn what_is_sent_while_the_first_is_in_progress_is_no_repeat() {
        let mut script = Script::new();
        script.issue(1, 0, 1).timed(0, 1.0, 500, Outcome::Ok).answered(202, Some(7));
        script.timed(0, 1.1, 10, Outcome::Fail).answered(409, Some(1));
        assert_eq!(judged("idempotency", OF, &script.history()).judgement, Unknown);
    }

    #[test]
    fn the_first_acknowledged_attempt_is_the_first_in_time_whatever_the_order_of_rows() {
        let mut script = Script::new();
        script.issue(1, 0, 1).timed(0, 5.0, 10, Outcome::Ok).answered(202, Some(8));
        script.timed(0, 1.0, 10, Outcome::Ok).answered(202, Some(7));
        script.timed(0, 3.0, 10, Outcome::Ok).answered(202, Some(7));
        let finding = judged("idempotency", OF, &script.history());
        assert_eq!(figure(&finding, "contradicted_repeats"), Some(1.0));
        assert!(finding.offenders[0].detail.contains("0000000000000008"), "{}", finding.offenders[0].detail);
    }

    #[test]
    fn an_answer_that_took_no_time_repeats_nothing() {
        let mut script = Script::new();
        script.issue(1, 0, 1).timed(0, 1.0, 0, Outcome::Ok).answered(202, Some(7));
        let finding = judged("idempotency", OF, &script.history());
        assert_eq!((finding.judgement, figure(&finding, "answered_repeats")), (Unknown, Some(0.0)));
    }

    #[test]
    fn without_repeats_or_with_too_few_it_is_unknown() {
        assert_eq!(judgement(&[]), Unknown);
        assert_eq!(judgement(&[(Outcome::Indeterminate, 504, None)]), Unknown);
        let few = judged(
            "idempotency",
            &format!("{OF}\nrepeats_at_least = 2"),
            &repeated(&[(Outcome::Ok, 202, Some(7))]).history(),
        );
        assert_eq!(few.judgement, Unknown);
        assert_eq!(judgement(&[(Outcome::Ok, 202, Some(7))]), Pass, "one is enough if nothing else is asked for");
    }

    #[test]
    fn an_answer_that_was_not_kept_makes_no_pass_and_a_damaged_history_neither() {
        assert_eq!(judgement(&[(Outcome::Ok, 202, None)]), Unknown);
        let mut script = repeated(&[(Outcome::Ok, 202, Some(7))]);
        script.damaged("the file of operations breaks off");
        let finding = judged("idempotency", OF, &script.history());
        assert_eq!((finding.judgement, figure(&finding, "contradicted_repeats")), (Unknown, None));
        let mut script = repeated(&[(Outcome::Ok, 202, Some(8))]);
        script.damaged("the file of operations breaks off");
        assert_eq!(judged("idempotency", OF, &script.history()).judgement, Fail);
    }
}
