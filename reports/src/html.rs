//! `report.html`: for someone who has never seen the project. One file, no script, nothing fetched.

mod findings;
mod opening;
mod reading;
mod tables;

use crate::headline::{self, mark};
use crate::timeline::{self, Timeline};
use crate::traffic::Traffic;
use crate::{Exporter, Judged, ReportError};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use proofload_verify::Judgement;
use std::io::Write;

/// Writes `report.html`.
pub struct Html;

impl Exporter for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn file(&self) -> &'static str {
        "report.html"
    }

    fn render(&self, judged: &Judged<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        let traffic = Traffic::of(judged.history)?;
        let timeline = timeline::timeline(judged, &traffic)?;
        Ok(out.write_all(page(judged, &traffic, &timeline).into_string().as_bytes())?)
    }
}

fn page(judged: &Judged<'_>, traffic: &Traffic, timeline: &Timeline) -> Markup {
    let verdict = judged.verdict;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (mark(verdict.judgement).word) ": " (verdict.title) }
                style { (PreEscaped(include_str!("html/report.css"))) (PreEscaped(timeline::style())) }
            }
            body {
                main {
                    (opening::opening(judged))
                    (figure(traffic, timeline))
                    (findings::findings(judged))
                    (tables::phases(verdict, traffic))
                    (tables::faults(judged))
                    (reading::reading())
                    (reading::limits(verdict))
                    (tables::environment(judged))
                    (reading::again(judged))
                }
            }
        }
    }
}

fn figure(traffic: &Traffic, timeline: &Timeline) -> Markup {
    let width = if traffic.width_s == 1 { "second".to_owned() } else { format!("{} seconds", traffic.width_s) };
    html! {
        section aria-labelledby="timeline" {
            h2 #timeline { "What happened" }
            figure {
                // It scrolls where the page is too narrow for it, so it must take the keyboard's focus.
                div.scroll tabindex="0" role="region" aria-label="Timeline of the run" { (PreEscaped(&timeline.svg)) }
                figcaption {
                    "Each value stands for one " (width) ". Shaded: a fault is active, from its injection to its heal. "
                    "Among the events a diamond is a partition with a new leader, a cross the end of a process. "
                    "Requests, and the time to their answers, count from the instant at which they were due; "
                    "acknowledgements and errors count when they came. Half of the requests were answered within p50, "
                    "95 % within p95, 99 % within p99; at " q { "no answer" } " that share got none that a client could use. "
                    "Refusals are quick and say nothing about the work, so the times leave them out."
                    @if !timeline.at_zero.is_empty() { " At zero throughout: " (timeline.at_zero.join(", ")) "." }
                }
            }
        }
    }
}

/// A judgement as a badge: colour, sign and word.
fn badge(mark: &headline::Mark) -> Markup {
    html! { span.badge.(mark.word) { span aria-hidden="true" { (mark.symbol) " " } (mark.word) } }
}

/// What the three answers mean, in a clause each.
fn meaning(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Pass => "the promise was kept, and the evidence suffices to say so",
        Judgement::Fail => "a promise was broken, and the evidence is among the findings",
        Judgement::Unknown => "the evidence does not suffice to say whether the promise was kept",
    }
}
