//! Phases, faults and the environment as tables.

use crate::headline::{attestation, started};
use crate::traffic::{PhaseTraffic, Traffic};
use crate::{Judged, numbers};
use maud::{Markup, html};
use proofload_history::Event;
use proofload_verify::{FaultSummary, PhaseSpan, Verdict};

pub(super) fn phases(verdict: &Verdict, traffic: &Traffic) -> Markup {
    html! {
        section aria-labelledby="phases" {
            h2 #phases { "Phases" }
            div.scroll tabindex="0" role="region" aria-label="Phases" {
                table {
                    caption { "Requests by the phase in which they were due" }
                    thead {
                        tr {
                            @for head in ["phase", "span", "operation"] { th scope="col" { (head) } }
                            @for head in ["offered", "ok", "fail", "indeterminate", "unsent", "p50", "p95", "p99"] {
                                th.number scope="col" { (head) }
                            }
                        }
                    }
                    tbody { @for span in &verdict.phases { (phase(span, traffic)) } }
                }
            }
        }
    }
}

fn phase(span: &PhaseSpan, traffic: &Traffic) -> Markup {
    let of_phase: Vec<&PhaseTraffic> = traffic.phases.iter().filter(|of| of.phase.name() == span.phase).collect();
    let bounds = format!("{} to {}", numbers::seconds(span.from_s), numbers::seconds(span.to_s));
    html! {
        @if of_phase.is_empty() {
            tr { th scope="row" { (numbers::spaced(&span.phase)) } td.bounds { (bounds) } td colspan="9" { "no requests" } }
        }
        @for of in of_phase {
            tr {
                th scope="row" { (numbers::spaced(&span.phase)) }
                td.bounds { (bounds) }
                td { code { (of.operation) } }
                @for count in [of.counts.offered, of.counts.ok, of.counts.fail, of.counts.indeterminate, of.counts.unsent] {
                    td.number { (numbers::count(count)) }
                }
                @let latency = of.latency.map(|of| [of.p50_ms, of.p95_ms, of.p99_ms].map(numbers::millis));
                @for value in latency.unwrap_or_else(|| ["-"; 3].map(str::to_owned)) { td.number { (value) } }
            }
        }
    }
}

pub(super) fn faults(judged: &Judged<'_>) -> Markup {
    html! {
        section aria-labelledby="faults" {
            h2 #faults { "Faults" }
            p {
                "A fault counts only if an observer other than the one that injected it saw its effect. "
                "Without that, what it was to show is unknown."
            }
            @if judged.verdict.faults.is_empty() { p { "No fault was asked for." } } @else {
                div.scroll tabindex="0" role="region" aria-label="Faults" {
                    table {
                        caption { "What was injected, and who saw it" }
                        thead {
                            tr {
                                @for head in ["fault", "kind", "targets", "why there and then", "injected", "healed", "seen by", "exposed"] {
                                    th scope="col" { (head) }
                                }
                            }
                        }
                        tbody { @for one in &judged.verdict.faults { (fault(one)) } }
                    }
                }
            }
        }
    }
}

fn fault(fault: &FaultSummary) -> Markup {
    let instant = |at: Option<f64>| at.map_or_else(|| "-".to_owned(), numbers::seconds);
    html! {
        tr {
            th scope="row" { (fault.fault) }
            td { (fault.kind) }
            td { (fault.targets.join(", ")) }
            td { (fault.because) }
            td.number { (instant(fault.injected_s)) }
            td.number { (instant(fault.healed_s)) }
            td {
                strong { (attestation(fault)) }
                @if !fault.attestation.is_empty() { ul { @for seen in &fault.attestation { li { (seen) } } } }
            }
            td.number { (fault.exposed.map_or_else(|| "-".to_owned(), numbers::count)) }
        }
    }
}

pub(super) fn environment(judged: &Judged<'_>) -> Markup {
    let Some(Event::RunStarted { wall_ms, environment, machine, .. }) = started(judged) else { return html! {} };
    let wall = i64::try_from(*wall_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    html! {
        section aria-labelledby="environment" {
            h2 #environment { "Where it ran" }
            div.scroll tabindex="0" role="region" aria-label="Environment" {
                table.evidence {
                    caption { "The environment, the machine and the parts" }
                    tbody {
                        @if let Some(wall) = wall {
                            tr { th scope="row" { "started" } td { (wall.strftime("%Y-%m-%d %H:%M:%S UTC")) } }
                        }
                        tr { th scope="row" { "environment" } td { (environment) } }
                        @for (name, value) in machine { tr { th scope="row" { (name) } td { (value) } } }
                    }
                }
            }
        }
    }
}
