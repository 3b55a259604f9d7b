//! A matrix made by hand: of three experiments, one whose control escapes, one whose run is unknown, one without a
//! control.

use proofload_reports::Matrix;
use proofload_reports::matrix::{Answer, BrokenDesign, Doubt, GoodDesign, MadeRun, MustTurnRed, Tried};
use proofload_verify::Judgement;

pub(crate) fn matrix() -> Matrix {
    Matrix {
        format: 1,
        judgement: Judgement::Fail,
        sentence: "1 of 3 broken designs were caught for the reason stated in each of 2 repeats, but not \
                   unclean-election of leader-cut (1 of 2), slow-failover of broker-kill (1 of 2); 1 false alarm in 4 \
                   runs of the good design."
            .to_owned(),
        repeats: 2,
        planned_runs: 10,
        made_runs: 10,
        stopped: None,
        experiments: vec![leader_cut(), broker_kill(), baseline()],
    }
}

fn leader_cut() -> Tried {
    let escaped = "nothing-lost failed for another reason: 2 lost at log.in during leader-cut, 10 or more expected.";
    let caught = "nothing-lost failed as it must: 132 lost at log.in during leader-cut, 10 or more expected.";
    Tried {
        experiment: "leader-cut".to_owned(),
        title: "A leader is cut off and goes on answering".to_owned(),
        good: Some(good(["leader-cut", "leader-cut"], [Answer::Passed, Answer::Passed], "None was lost.")),
        controls: vec![
            control("acks-one", "One broker's word is enough.", [(Answer::Caught, caught), (Answer::Caught, caught)]),
            control(
                "unclean-election",
                "A broker that fell behind may lead.",
                [(Answer::Caught, caught), (Answer::NotCaught, escaped)],
            ),
        ],
    }
}

fn broker_kill() -> Tried {
    let unknown =
        "The generator could not keep up: asked for 200/s, sent 147/s; 4,210 of 16,000 arrivals late or not at all.";
    let caught = "recovers failed as it must: failover_s.kill is 31.2, above 10 expected.";
    Tried {
        experiment: "broker-kill".to_owned(),
        title: "A broker dies under load".to_owned(),
        good: Some(good(
            ["broker-kill", "broker-kill"],
            [Answer::Passed, Answer::FalseAlarm],
            "recovers: back in band after 12.1 s.",
        )),
        controls: vec![control(
            "slow-failover",
            "A broker is missed only after half a minute.",
            [(Answer::Caught, caught), (Answer::Unknown, unknown)],
        )],
    }
}

fn baseline() -> Tried {
    let title = "Nothing is broken".to_owned();
    Tried { experiment: "baseline".to_owned(), title, good: None, controls: Vec::new() }
}

fn good(names: [&str; 2], answers: [Answer; 2], sentence: &str) -> GoodDesign {
    let runs: Vec<MadeRun> =
        (1..).zip(names).zip(answers).map(|((repeat, name), answer)| run(repeat, name, 0, answer, sentence)).collect();
    GoodDesign {
        judgement: worst(&runs),
        passed: count(&runs, Answer::Passed),
        false_alarms: count(&runs, Answer::FalseAlarm),
        unknown: count(&runs, Answer::Unknown),
        doubts: doubts(&runs),
        runs,
    }
}

fn control(variant: &str, mistake: &str, answers: [(Answer, &str); 2]) -> BrokenDesign {
    let runs: Vec<MadeRun> =
        (1..).zip(answers).map(|(repeat, (answer, sentence))| run(repeat, variant, 1, answer, sentence)).collect();
    BrokenDesign {
        variant: variant.to_owned(),
        mistake: Some(mistake.to_owned()),
        must_turn_red: vec![
            must_turn_red("nothing-lost", "delivery", "10 or more lost at log.in during leader-cut"),
            must_turn_red("tail-stands", "tail_loss", "lost_at_tail_intents above 9"),
        ],
        judgement: worst(&runs),
        caught: count(&runs, Answer::Caught),
        not_caught: count(&runs, Answer::NotCaught),
        unknown: count(&runs, Answer::Unknown),
        doubts: doubts(&runs),
        runs,
    }
}

fn must_turn_red(expectation: &str, check: &str, reason: &str) -> MustTurnRed {
    MustTurnRed { expectation: expectation.to_owned(), check: check.to_owned(), reason: reason.to_owned() }
}

fn run(repeat: u32, name: &str, minute: u32, answer: Answer, sentence: &str) -> MadeRun {
    let judged = answer != Answer::Unknown;
    let run = format!("{name}/2026-03-02T1{repeat}-{minute}5-00Z");
    MadeRun { repeat, seed: 6 + u64::from(repeat), answer, sentence: sentence.to_owned(), run, judged }
}

fn worst(runs: &[MadeRun]) -> Judgement {
    runs.iter().map(|run| run.answer.judgement()).max().unwrap_or(Judgement::Unknown)
}

fn count(runs: &[MadeRun], answer: Answer) -> u32 {
    runs.iter().map(|run| u32::from(run.answer == answer)).sum()
}

fn doubts(runs: &[MadeRun]) -> Vec<Doubt> {
    let wrong = runs.iter().filter(|run| run.answer.judgement() != Judgement::Pass);
    wrong.map(|run| Doubt { answer: run.answer, sentence: run.sentence.clone(), times: 1 }).collect()
}
