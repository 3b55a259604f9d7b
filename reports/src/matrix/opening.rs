//! The first screen: the answer, what a negative control is, the figures that matter.

use super::Matrix;
use crate::headline::mark;
use crate::numbers::{count, counted};
use maud::{Markup, html};
use proofload_verify::Judgement;

/// What the page answers.
pub(super) const TITLE: &str = "Is what is broken caught, and only that?";

pub(super) fn opening(matrix: &Matrix) -> Markup {
    let mark = mark(matrix.judgement);
    let repeats = if matrix.repeats == 1 { "run once".to_owned() } else { format!("run {} times", matrix.repeats) };
    html! {
        header {
            p.origin { "proofload · self-test · each design " (repeats) }
            h1 {
                span.verdict.(mark.word) { span aria-hidden="true" { (mark.symbol) " " } (mark.word) }
                " " span.title { (TITLE) }
            }
            p.sentence { (matrix.sentence) }
            p.meaning { (meaning(matrix.judgement)) }
            @if let Some(why) = &matrix.stopped {
                p.warning {
                    strong { "It did not come to its end: " }
                    (why) ". What is below covers the " (count(matrix.made_runs)) " of "
                    (count(matrix.planned_runs)) " runs that were made."
                }
            }
            (explanation())
            section aria-labelledby="figures" {
                h2 #figures { "What came of it" }
                dl.headlines { @for card in cards(matrix) { (card) } }
            }
        }
    }
}

fn meaning(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Pass => "Pass: every broken design was caught in every repeat, and every good one passed.",
        Judgement::Fail => "Fail: a broken design was not caught, or a good one was called broken.",
        Judgement::Unknown => "Unknown: the evidence does not suffice to say whether every broken design is caught.",
    }
}

fn explanation() -> Markup {
    html! {
        section aria-labelledby="control" {
            h2 #control { "What a negative control is" }
            p {
                "proofload starts a real system, loads it, breaks parts of it on purpose, and judges whether the "
                "system kept what it promises. A judge who never says no proves nothing, so the judge is put to the "
                "test here. A "
                em { "negative control" }
                " is the same system with one real-world mistake built into it: a broken design. The experiment must "
                "turn red on it, at the promise and for the reason that were written down beforehand; red for another "
                "reason does not count. Beside it the good design, without the mistake, goes through the same "
                "experiment with the same seed, and so with the same traffic. It must pass: if it fails, that is a "
                "false alarm."
            }
        }
    }
}

fn cards(matrix: &Matrix) -> [Markup; 4] {
    let broken: Vec<Judgement> = matrix.broken_designs().map(|(_, one)| one.judgement).collect();
    let caught = broken.iter().filter(|judgement| **judgement == Judgement::Pass).count();
    let alarms: u32 = matrix.good_designs().map(|good| good.false_alarms).sum();
    let good_runs: usize = matrix.good_designs().map(|good| good.runs.len()).sum();
    let of_runs = format!("in {} of the good design", counted(good_runs as u64, "run", "runs"));
    let planned = if matrix.made_runs == matrix.planned_runs {
        String::new()
    } else {
        format!("of {} planned", count(matrix.planned_runs))
    };
    [
        card("broken designs", broken.len() as u64, "", false),
        card("caught in every repeat", caught as u64, "", broken.contains(&Judgement::Fail)),
        card("false alarms", alarms.into(), &of_runs, alarms > 0),
        card("runs made", matrix.made_runs.into(), &planned, false),
    ]
}

fn card(label: &str, value: u64, note: &str, wrong: bool) -> Markup {
    html! {
        div {
            dt { (label) }
            dd {
                span.value.fail[wrong] { (count(value)) }
                @if !note.is_empty() { span.note { (note) } }
            }
        }
    }
}
