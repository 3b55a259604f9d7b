//! `matrix.html`: for someone who has never seen the project. One file, no script, nothing fetched.

use super::{Answer, Matrix, opening, tables};
use crate::headline::mark;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use proofload_verify::Judgement;

pub(super) fn page(matrix: &Matrix, runs: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (mark(matrix.judgement).word) ": " (opening::TITLE) }
                style {
                    (PreEscaped(include_str!("../html/report.css")))
                    (PreEscaped(include_str!("matrix.css")))
                }
            }
            body {
                main {
                    (opening::opening(matrix))
                    (tables::broken_designs(matrix))
                    (tables::good_designs(matrix))
                    (reading())
                    (tables::runs(matrix, runs))
                }
            }
        }
    }
}

/// `text` as a badge: the colour and the sign of `judgement`, so that it is never told by colour alone.
pub(super) fn badge(judgement: Judgement, text: &str) -> Markup {
    let mark = mark(judgement);
    html! { span.badge.(mark.word) { span aria-hidden="true" { (mark.symbol) " " } (text) } }
}

fn reading() -> Markup {
    let words = [
        (
            Answer::Caught,
            "The promise named turned red, for the reason named, every fault that was to be injected \
            was seen to take effect, and the good design passed beside it with the same seed.",
        ),
        (
            Answer::NotCaught,
            "The promise named did not turn red, or it did for another reason, or the good design \
            beside it did not pass, so that nobody knows what turned it red.",
        ),
        (Answer::Unknown, "The run came to no answer: the evidence did not suffice, or the run ended early."),
        (Answer::Passed, "The good design kept every promise, and the evidence suffices to say so."),
        (Answer::FalseAlarm, "The good design was called broken."),
    ];
    html! {
        section aria-labelledby="reading" {
            h2 #reading { "How to read this" }
            dl.words {
                @for (answer, meaning) in words {
                    div { dt { (badge(answer.judgement(), answer.word())) } dd { (meaning) } }
                }
            }
            p {
                "A broken design that is caught in some repeats only is not caught: an experiment must provoke its "
                "defect for certain. Missing evidence is unknown, and never a pass."
            }
        }
    }
}
