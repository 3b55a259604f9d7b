//! How to read the report, what it cannot show, and how to make it again.

use super::{badge, meaning};
use crate::Judged;
use crate::headline::{self, mark};
use maud::{Markup, html};
use proofload_verify::{Judgement, Verdict};

pub(super) fn reading() -> Markup {
    html! {
        section aria-labelledby="reading" {
            h2 #reading { "How to read this" }
            dl.words {
                @for judgement in [Judgement::Pass, Judgement::Fail, Judgement::Unknown] {
                    div { dt { (badge(&mark(judgement))) } dd { (meaning(judgement)) "." } }
                }
                div {
                    dt { "ok" }
                    dd { "The system acknowledged the request: from then on it must not lose it." }
                }
                div {
                    dt { "fail" }
                    dd { "The request certainly did not happen: it was refused, or no connection was made." }
                }
                div {
                    dt { "indeterminate" }
                    dd {
                        "Nobody can know whether the request happened: it timed out, or the connection broke after it was "
                        "written. It may have happened once or not at all; both are right. Its time to the answer is infinite."
                    }
                }
                div {
                    dt { "unsent" }
                    dd { "The schedule wanted the request and it was never sent, as every client was still waiting for an answer, or the generator fell behind." }
                }
                div {
                    dt { "safety, performance" }
                    dd {
                        "Findings about loss, repeats and order stand whatever the load was. Findings about speed, availability "
                        "and recovery need a load that was what was asked for; without it they are unknown."
                    }
                }
            }
            p { "The worst finding decides: fail, then unknown, then pass. Missing evidence is unknown and never a pass." }
        }
    }
}

pub(super) fn limits(verdict: &Verdict) -> Markup {
    html! {
        section aria-labelledby="limits" {
            h2 #limits { "What this run cannot show" }
            @if verdict.limits.is_empty() { p { "No limits were stated." } }
            ul { @for limit in &verdict.limits { li { (limit) } } }
        }
    }
}

pub(super) fn again(judged: &Judged<'_>) -> Markup {
    html! {
        section aria-labelledby="again" {
            h2 #again { "Judge it again" }
            p { "The folder of the run holds everything that this report was made from. No system needs to run:" }
            pre { code { (headline::judge_command(judged)) } }
            @if !judged.history.damage.is_empty() {
                p { "While it was read, this was found:" }
                ul { @for damage in &judged.history.damage { li { (damage) } } }
            }
        }
    }
}
