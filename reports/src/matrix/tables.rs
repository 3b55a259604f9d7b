//! The broken designs, the good ones, and every run.

use super::page::badge;
use super::{BrokenDesign, Doubt, GoodDesign, MadeRun, Matrix, Tried};
use crate::numbers::counted;
use maud::{Markup, html};
use std::fmt::Write;

pub(super) fn broken_designs(matrix: &Matrix) -> Markup {
    let heads = ["experiment", "broken design", "must turn red", "for this reason", "caught", "what else was seen"];
    html! {
        section aria-labelledby="matrix" {
            h2 #matrix { "The matrix" }
            (table("Broken designs, and whether each was caught for the reason stated", &heads, &html! {
                @for tried in &matrix.experiments {
                    @for broken in &tried.controls { (broken_design(tried, broken, matrix.repeats)) }
                    @if tried.controls.is_empty() {
                        tr { th scope="row" { (tried.experiment) } td colspan="5" { "broken design: none" } }
                    }
                }
            }))
        }
    }
}

/// A row of the table, with a line for each promise that must turn red.
fn broken_design(tried: &Tried, broken: &BrokenDesign, repeats: u32) -> Markup {
    let lines = broken.must_turn_red.len();
    html! {
        @for (line, red) in broken.must_turn_red.iter().enumerate() {
            tr {
                @if line == 0 {
                    th scope="row" rowspan=(lines) { (tried.experiment) }
                    td.wide rowspan=(lines) {
                        code { (broken.variant) }
                        @if let Some(mistake) = &broken.mistake { span.note { (mistake) } }
                    }
                }
                td { code { (red.expectation) } span.note { "check " (red.check) } }
                td.wide { (red.reason) }
                @if line == 0 {
                    td rowspan=(lines) { (badge(broken.judgement, &format!("{} of {repeats}", broken.caught))) }
                    td.wide rowspan=(lines) { (doubts(&broken.doubts, broken.runs.len(), repeats)) }
                }
            }
        }
    }
}

pub(super) fn good_designs(matrix: &Matrix) -> Markup {
    let heads = ["experiment", "what happens in it", "passed", "false alarms", "unknown", "what else was seen"];
    html! {
        section aria-labelledby="good" {
            h2 #good { "The good design beside them" }
            @if matrix.good_designs().next().is_none() {
                p { "It was not run: there is no broken design to run it beside." }
            } @else {
                (table("Runs of the good design, with the same seeds", &heads, &html! {
                    @for tried in &matrix.experiments {
                        @if let Some(good) = &tried.good { (good_design(tried, good, matrix.repeats)) }
                    }
                }))
            }
        }
    }
}

fn good_design(tried: &Tried, good: &GoodDesign, repeats: u32) -> Markup {
    html! {
        tr {
            th scope="row" { (tried.experiment) }
            td.wide { (tried.title) }
            td { (badge(good.judgement, &format!("{} of {repeats}", good.passed))) }
            td { (good.false_alarms) }
            td { (good.unknown) }
            td.wide { (doubts(&good.doubts, good.runs.len(), repeats)) }
        }
    }
}

/// Why runs were not what they should have been, and how many were not made.
fn doubts(doubts: &[Doubt], made: usize, repeats: u32) -> Markup {
    let missing = usize::try_from(repeats).unwrap_or(usize::MAX).saturating_sub(made);
    html! {
        @if !doubts.is_empty() || missing > 0 {
            ul {
                @for doubt in doubts {
                    li { (doubt.answer.word()) ", " (doubt.times) " of " (repeats) ": " (doubt.sentence) }
                }
                @if missing > 0 { li { "not run, " (missing) " of " (repeats) } }
            }
        }
    }
}

pub(super) fn runs(matrix: &Matrix, runs: &str) -> Markup {
    html! {
        section aria-labelledby="runs" {
            h2 #runs { "Every run" }
            @if matrix.made_runs == 0 { p { "No run was made." } }
            @for tried in &matrix.experiments {
                @let all = in_order(tried);
                @if !all.is_empty() {
                    details {
                        summary { (tried.experiment) ", " (counted(all.len() as u64, "run", "runs")) }
                        (table(&format!("Runs of {}", tried.experiment), &HEADS, &html! {
                            @for (design, run) in all { (made_run(design, run, runs)) }
                        }))
                    }
                }
            }
        }
    }
}

/// The columns of a run.
const HEADS: [&str; 6] = ["repeat", "seed", "design", "came to", "what was seen", "run"];

/// The runs of an experiment as they were made: repeat by repeat, the good design first. `None` is the good design.
fn in_order(tried: &Tried) -> Vec<(Option<&str>, &MadeRun)> {
    let good = tried.good.iter().flat_map(|good| &good.runs).map(|run| (None, run));
    let broken = tried.controls.iter().flat_map(|one| one.runs.iter().map(|run| (Some(one.variant.as_str()), run)));
    let mut all: Vec<_> = good.chain(broken).collect();
    // Stable: within a repeat the designs keep their order.
    all.sort_by_key(|(_, run)| run.repeat);
    all
}

fn made_run(design: Option<&str>, run: &MadeRun, runs: &str) -> Markup {
    let file = if run.judged { "report.html" } else { "" };
    html! {
        tr {
            th scope="row" { (run.repeat) }
            td { (run.seed) }
            td { @if let Some(variant) = design { code { (variant) } } @else { "good" } }
            td { (badge(run.answer.judgement(), run.answer.word())) }
            td.wide { (run.sentence) }
            td { a href=(format!("{runs}/{}/{file}", encoded(&run.run))) { code { (run.run) } } }
        }
    }
}

/// A path as part of an address: experiments are called as their files are, and those as their authors like.
fn encoded(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut address, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            address.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
        address
    })
}

/// A table that scrolls where the page is too narrow for it, so it must take the keyboard's focus.
fn table(caption: &str, heads: &[&str], rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { (rows) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_an_address_would_cut_off_is_encoded() {
        assert_eq!(encoded("broker-kill/2026-03-02T10-15-00Z"), "broker-kill/2026-03-02T10-15-00Z");
        assert_eq!(encoded("100 % #1?/é"), "100%20%25%20%231%3F/%C3%A9");
    }
}
