//! `idempotency` agrees with a judge that is quadratic and obviously right, on random attempts in any order, with every
//! answer that a repeat can get.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it")]

mod support;

use proofload_history::{At, History, Id, Operation, Outcome};
use proofload_verify::Budget;
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::answers::{Answer, Offence, offence, reached};
use support::{Script, asked};

/// An attempt; instants in milliseconds.
#[derive(Clone, Debug)]
struct Attempt {
    intent: Id,
    name: &'static str,
    sent: Option<u64>,
    done: u64,
    outcome: Outcome,
    status: Option<u16>,
    answer: Option<u64>,
}

/// What the check is told; `None` for what is left out.
#[derive(Clone, Debug)]
struct Rules {
    repeats_at_least: Option<u64>,
    denials: Option<Vec<u16>>,
}

#[derive(Clone, Debug)]
struct World {
    attempts: Vec<Attempt>,
    rules: Rules,
    damaged: bool,
}

/// An id of an arrival, or one of its own ids, and the digest of the answer that belongs to it.
fn intent() -> impl Strategy<Value = (Id, u64)> {
    (0_u64..3, 0_u16..2).prop_map(|(n, own)| (Script::id(n).own(own), n * 10 + u64::from(own)))
}

/// When an attempt is sent, and for how long it waits. Short enough that attempts overlap, and that one is sent at the
/// instant at which another is answered.
fn span() -> impl Strategy<Value = (u64, u64)> {
    (0_u64..60, prop_oneof![1 => Just(0_u64), 9 => 1_u64..12])
}

/// Attempts of an intent that are all acknowledged with the same answer.
fn sound() -> impl Strategy<Value = Vec<Attempt>> {
    (intent(), proptest::collection::vec(span(), 1..5)).prop_map(|((intent, digest), spans)| {
        let attempt = |(sent, took)| Attempt {
            intent,
            name: Script::OPERATION,
            sent: Some(sent),
            done: sent + took,
            outcome: Outcome::Ok,
            status: Some(202),
            answer: Some(digest),
        };
        spans.into_iter().map(attempt).collect()
    })
}

/// Whatever can become of an attempt.
fn stray() -> impl Strategy<Value = Attempt> {
    let answered = |status: u16| Just((Outcome::Ok, Some(status), true));
    let refused = |status: u16| Just((Outcome::Fail, Some(status), true));
    let ended = prop_oneof![
        12 => answered(202),
        1 => answered(200),
        2 => refused(409),
        2 => refused(422),
        2 => refused(429),
        // Not let in, and not even sent.
        1 => Just((Outcome::Fail, None, true)),
        1 => Just((Outcome::Fail, None, false)),
        1 => Just((Outcome::Indeterminate, None, true)),
        1 => Just((Outcome::Indeterminate, Some(504), true)),
        // The status of a denial, and nobody knows whether it is a refusal.
        1 => Just((Outcome::Indeterminate, Some(409), true)),
    ];
    let name = prop_oneof![6 => Just(Script::OPERATION), 1 => Just("cancel_order")];
    let body = prop_oneof![6 => Just(Some(true)), 1 => Just(Some(false)), 2 => Just(None)];
    (intent(), name, span(), ended, body).prop_map(|((intent, digest), name, (sent, took), ended, body)| {
        let (outcome, status, was_sent) = ended;
        Attempt {
            intent,
            name,
            sent: was_sent.then_some(sent),
            done: sent + took,
            outcome,
            status,
            answer: status.and(body).map(|right| if right { digest } else { 99 }),
        }
    })
}

fn world() -> impl Strategy<Value = World> {
    let sound = proptest::collection::vec(sound(), 0..5);
    let strays = prop_oneof![2 => Just(Vec::new()), 3 => proptest::collection::vec(stray(), 1..16)];
    let attempts = (sound, strays)
        .prop_map(|(sound, strays)| sound.into_iter().flatten().chain(strays).collect::<Vec<_>>())
        .prop_shuffle();
    let repeats_at_least = prop_oneof![2 => Just(None), 1 => (0_u64..6).prop_map(Some)];
    let denials = prop_oneof![
        4 => Just(None),
        1 => Just(Some(vec![])),
        1 => Just(Some(vec![429])),
        1 => Just(Some(vec![202, 409])),
    ];
    let rules = (repeats_at_least, denials).prop_map(|(repeats_at_least, denials)| Rules { repeats_at_least, denials });
    (attempts, rules, proptest::bool::weighted(0.1)).prop_map(|(attempts, rules, damaged)| World {
        attempts,
        rules,
        damaged,
    })
}

impl World {
    /// The attempts in the order of their rows, which is not that of their instants.
    fn history(&self) -> History {
        let mut script = Script::new();
        let instant = |ms: u64| At(ms * 1_000_000);
        for (attempt, made) in (0..).zip(&self.attempts) {
            let Attempt { intent, name, sent, done, outcome, status, answer } = made.clone();
            script.operations.push(Operation {
                intent,
                attempt,
                name: name.into(),
                intended: instant(sent.unwrap_or(done)),
                sent: sent.map(instant),
                done: instant(done),
                outcome,
                status,
                error: None,
                answer,
            });
        }
        if self.damaged {
            script.damaged("the file of operations breaks off");
        }
        script.history()
    }

    fn keys(&self) -> String {
        let Rules { repeats_at_least, denials } = &self.rules;
        let least = repeats_at_least.map_or_else(String::new, |least| format!(", repeats_at_least = {least}"));
        let denials = denials.as_ref().map_or_else(String::new, |denials| format!(", denials = {denials:?}"));
        format!("of = \"{}\"{least}{denials}", Script::OPERATION)
    }

    fn model(&self) -> Answer<Offence> {
        model(&self.history(), &self.rules)
    }
}

/// The slow and obvious judge: every attempt beside every other, each rule as it is documented, from the rows of the
/// history alone.
fn model(history: &History, rules: &Rules) -> Answer<Offence> {
    let operations = history.operations.to_vec().unwrap();
    let made: Vec<(usize, &Operation)> =
        operations.iter().enumerate().filter(|(_, made)| &*made.name == Script::OPERATION).collect();
    let denials = rules.denials.clone().unwrap_or_else(|| vec![409, 422]);
    let (mut answered, mut refused, mut contradicted, mut denied, mut unkept) = (0_u64, 0_u64, 0_u64, 0_u64, 0_u64);
    let mut offenders: Vec<Offence> = Vec::new();
    for (n, repeat) in &made {
        let acknowledged =
            made.iter().filter(|(_, other)| other.intent == repeat.intent && other.outcome == Outcome::Ok);
        // Of two that were acknowledged at one instant, the one that was recorded first.
        let Some((number, first)) = acknowledged.min_by_key(|(number, other)| (other.done, *number)) else { continue };
        // It comes again if it was sent when the first had been acknowledged; the first itself does not come again.
        let comes_again = number != n && repeat.sent.is_some_and(|sent| sent >= first.done);
        if !comes_again {
            continue;
        }
        match (repeat.outcome, repeat.status) {
            (Outcome::Ok, status) => {
                answered += 1;
                let bodies = first.answer.zip(repeat.answer);
                unkept += u64::from(bodies.is_none());
                if status != first.status || bodies.is_some_and(|(first, again)| first != again) {
                    contradicted += 1;
                    offenders.push(("contradicted".into(), Some(repeat.intent), Some(repeat.done)));
                }
            }
            (Outcome::Fail, Some(status)) if denials.contains(&status) => {
                answered += 1;
                denied += 1;
                offenders.push(("denied".into(), Some(repeat.intent), Some(repeat.done)));
            }
            (Outcome::Fail, Some(_)) => refused += 1,
            // Without an answer nobody saw whether it was recognised.
            (Outcome::Fail, None) | (Outcome::Indeterminate, _) => {}
        }
    }
    // Where rows are missing, that nothing was seen is no count.
    let whole = history.damage.is_empty();
    let counted = |number: u64| (whole || number > 0).then_some(number as f64);
    let figures = [
        ("answered_repeats", Some(answered as f64)),
        ("refused_repeats", Some(refused as f64)),
        ("contradicted_repeats", counted(contradicted)),
        ("denied_repeats", counted(denied)),
        ("unkept_repeats", Some(unkept as f64)),
    ];
    // However few are asked for, of none nothing is known.
    let enough = answered > 0 && answered >= rules.repeats_at_least.unwrap_or(1);
    Answer::new(whole && enough && unkept == 0, figures, offenders)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn idempotency_agrees_with_the_obvious_judge(world in world()) {
        let finding =
            asked::finding(("idempotency", &world.keys()), &world.history(), &BTreeMap::new(), Budget::OF_CHECK);
        prop_assert_eq!(Answer::of(finding, offence), world.model());
    }
}

/// The generator reaches what it is there for: every answer, every defect, and every figure.
#[test]
fn the_random_attempts_have_every_answer_and_every_defect() {
    let answers = ["Pass", "Unknown", "Fail"];
    let others = ["contradicted", "denied", "answered_repeats", "refused_repeats", "unkept_repeats"];
    let expected: Vec<(&str, u32)> = answers.into_iter().chain(others).map(|word| (word, 25)).collect();
    reached(world(), |world| world.model().words(), &expected);
}
