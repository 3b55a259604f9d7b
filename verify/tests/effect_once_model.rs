//! `effect_once` agrees with a judge that is slow and obviously right, on random stages with every repeat in them.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it")]

mod support;

use proofload_history::journal::DrainOutcome;
use proofload_history::{At, History, Id, Observation};
use proofload_verify::Judgement;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use support::answers::{Answer, reached};
use support::standing::{self, BUDGETS, Offence, Standing, counted, last_rows, whole};
use support::{Script, asked};

const REPEAT: &str = "the digests are equal: a repeat";
const CONTRADICTION: &str = "the digests differ: a contradiction";
const NOBODY_KNOWS: &str = "without digests nobody can tell a repeat from a contradiction";

#[derive(Clone, Debug)]
struct World {
    standing: Standing,
    /// Those that the check names.
    stages: Vec<&'static str>,
}

fn world() -> impl Strategy<Value = World> {
    let standing = standing::ids().prop_flat_map(|ids| standing::standing(&ids));
    (standing, standing::stages()).prop_map(|(standing, stages)| World { standing, stages })
}

impl World {
    fn history(&self) -> History {
        let mut script = Script::new();
        self.standing.tell(&mut script);
        script.history()
    }
}

/// The slow and obvious judge: each id at each stage by itself, from the rows of the history alone.
fn model(history: &History, stages: &[&str]) -> Answer<Offence> {
    let observations = history.observations.to_vec().unwrap();
    let (mut figures, mut offenders) = (BTreeMap::new(), Vec::new());
    for stage in stages {
        let at_stage = last_rows(&observations, stage);
        let ids: BTreeSet<Id> = at_stage.iter().map(|row| row.id).collect();
        let mut repeated = 0;
        for id in ids {
            let rows: Vec<&Observation> = at_stage.iter().filter(|row| row.id == id).copied().collect();
            if rows.len() < 2 {
                continue;
            }
            repeated += 1;
            // The second time is what locates it; what has no instant may have been before all others.
            let mut instants: Vec<Option<At>> = rows.iter().map(|row| row.at).collect();
            instants.sort();
            let said = format!("{} times; {}", rows.len(), nature(&rows));
            offenders.push(("repeated".to_owned(), id, (*stage).to_owned(), instants[1], said));
        }
        figures.insert(format!("repeated_ids.{stage}"), counted(repeated, whole(history, stage)));
        figures.insert(format!("rows.{stage}"), Some(at_stage.len() as f64));
    }
    Answer::new(standing::sure(history, stages), figures, offenders)
}

/// Whether rows are one fact or two: every row beside every other.
fn nature(rows: &[&Observation]) -> &'static str {
    let pairs = || rows.iter().flat_map(|a| rows.iter().map(move |b| (a.digest, b.digest)));
    if pairs().any(|(a, b)| a.is_some() && b.is_some() && a != b) {
        CONTRADICTION
    } else if pairs().all(|(a, b)| a.is_some() && a == b) {
        REPEAT
    } else {
        NOBODY_KNOWS
    }
}

/// What the check says, in as many passes as it may take.
fn answers(history: &History, stages: &[&str]) -> Vec<Answer<Offence>> {
    let keys = format!("stages = {stages:?}");
    let said = |detail: &str| {
        let (times, rest) = detail.strip_prefix("there ").unwrap().split_once(": ").unwrap();
        format!("{times}; {}", rest.rsplit("; ").next().unwrap())
    };
    let finding = |budget| asked::finding(("effect_once", &keys), history, &BTreeMap::new(), budget);
    BUDGETS.iter().map(|budget| Answer::of(finding(*budget), |one| standing::offence(one, said))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn effect_once_agrees_with_the_obvious_judge(world in world()) {
        let history = world.history();
        let expected = model(&history, &world.stages);
        for answer in answers(&history, &world.stages) {
            prop_assert_eq!(&answer, &expected);
        }
    }
}

/// The counterexample of the check's documentation.
#[test]
fn the_obvious_judge_sees_two_transfers_under_one_id() {
    let transfers = |instants: &[f64]| {
        let mut script = Script::new();
        for at in instants {
            script.seen_at("db.row", Script::id(1), At::from_secs_f64(*at));
        }
        script.drained(61.0, DrainOutcome::Quiet).read_all(62.0);
        script.history()
    };
    let once = model(&transfers(&[31.2]), &["db.row"]);
    assert_eq!((once.judgement, once.figures["repeated_ids.db.row"]), (Judgement::Pass, Some(0.0)));
    let twice = transfers(&[33.9, 31.2]);
    let expected = model(&twice, &["db.row"]);
    assert_eq!((expected.judgement, expected.figures["repeated_ids.db.row"]), (Judgement::Fail, Some(1.0)));
    assert_eq!(expected.offenders.first().unwrap().3, Some(At::from_secs_f64(33.9)));
    assert!(answers(&twice, &["db.row"]).iter().all(|answer| *answer == expected));
}

/// The generator reaches what it is there for, and often: every answer and every kind of repeat.
#[test]
fn the_random_stages_have_every_answer_and_every_repeat() {
    let said = |world: &World| {
        let answer = model(&world.history(), &world.stages);
        let repeats = answer.offenders.into_iter().filter_map(|(.., said)| Some(said.split_once("; ")?.1.to_owned()));
        repeats.chain([format!("{:?}", answer.judgement)]).collect()
    };
    let enough = [("Pass", 50), ("Unknown", 50), ("Fail", 50), (REPEAT, 10), (CONTRADICTION, 10), (NOBODY_KNOWS, 10)];
    reached(world(), said, &enough);
}
