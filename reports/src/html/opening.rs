//! The first screen: the answer, what was asked, what was done, the figures that matter.

use super::{badge, meaning};
use crate::Judged;
use crate::headline::{self, Headline, Mark, mark};
use maud::{Markup, html};
use proofload_verify::{FaultSummary, Finding, Verdict};

pub(super) fn opening(judged: &Judged<'_>) -> Markup {
    let verdict = judged.verdict;
    let mark = mark(verdict.judgement);
    html! {
        header {
            p.origin { "proofload · " (verdict.experiment) " · seed " (verdict.seed) }
            @if let Some(doubt) = headline::load_doubt(verdict) { (load_doubt(doubt)) }
            h1 {
                span.verdict.(mark.word) { span aria-hidden="true" { (mark.symbol) " " } (mark.word) }
                " " span.title { (verdict.title) }
            }
            p.sentence { (headline::sentence_alone(verdict)) }
            p.meaning { (capitalised(mark.word)) ": " (meaning(verdict.judgement)) "." }
            @if !verdict.complete {
                p.warning { strong { "The run did not come to its end." } " What is below covers the part that was recorded." }
            }
            div.asked {
                section aria-labelledby="promised" {
                    h2 #promised { "What was promised" }
                    p { (verdict.hypothesis) }
                    (changes(verdict))
                }
                section aria-labelledby="done" { h2 #done { "What was done" } (deeds(verdict)) }
            }
            section aria-labelledby="figures" {
                h2 #figures { "What came of it" }
                dl.headlines { @for figure in headline::headlines(verdict) { (card(&figure)) } }
            }
            (first_offender(judged))
        }
    }
}

fn load_doubt(finding: &Finding) -> Markup {
    html! {
        div.alert role="note" {
            p {
                strong { "The load was not valid. " }
                (finding.sentence)
            }
            p {
                "What follows about speed, availability and recovery is therefore unknown. "
                "What was lost or done twice stands, whatever the load was."
            }
        }
    }
}

/// What of the system was not as its manifest has it.
fn changes(verdict: &Verdict) -> Markup {
    let told = |what: &str, changes: &[String]| {
        html! {
            @if !changes.is_empty() {
                p.note {
                    (what) ": "
                    @for (index, change) in changes.iter().enumerate() {
                        @if index > 0 { ", " }
                        code { (change) }
                    }
                    "."
                }
            }
        }
    };
    html! {
        (told("The system ran in a variant, a changed design", &verdict.variants))
        (told("Settings of the system were changed for this run", &verdict.sets))
    }
}

fn deeds(verdict: &Verdict) -> Markup {
    html! {
        @if verdict.faults.is_empty() { p { "Traffic only: no fault was asked for." } }
        ul.deeds { @for fault in &verdict.faults { (deed(fault)) } }
    }
}

fn deed(fault: &FaultSummary) -> Markup {
    let proof = match headline::attestation(fault) {
        word @ "attested" => Mark { word, symbol: "✓" },
        word => Mark { word, symbol: "?" },
    };
    let style = if fault.attested { "pass" } else { "unknown" };
    html! {
        li {
            strong { (fault.fault) } ": " (headline::deed(fault)) " "
            span.proof.(style) { span aria-hidden="true" { (proof.symbol) " " } (proof.word) }
            @if fault.injected_s.is_none() && !fault.because.is_empty() { span.note { " " (fault.because) } }
        }
    }
}

fn card(figure: &Headline) -> Markup {
    html! {
        div {
            dt { (figure.label) }
            dd {
                span.value.fail[figure.broken] { (figure.value) }
                @if !figure.note.is_empty() { span.note { (figure.note) } }
            }
        }
    }
}

fn first_offender(judged: &Judged<'_>) -> Markup {
    let Some((finding, offender)) = headline::first_offender(judged.verdict) else { return html! {} };
    html! {
        section.offender aria-labelledby="first-offender" {
            h2 #first-offender { "The first offender" }
            p {
                (badge(&headline::mark_of(finding))) " " a href={ "#finding-" (finding.expectation) } { (finding.expectation) }
                ": " (headline::offence(offender))
            }
            @if let Some(command) = headline::trace_command(judged, offender) {
                p { "Follow it through the system:" }
                pre { code { (command) } }
            }
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
