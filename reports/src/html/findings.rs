//! The findings, each with its figures, its evidence and its offenders.

use super::badge;
use crate::headline::{mark_of, sentence_of};
use crate::offenders::Offenders;
use crate::{Exporter, Judged, numbers};
use maud::{Markup, html};
use proofload_verify::{Class, Finding, Judgement, Offender};

pub(super) fn findings(judged: &Judged<'_>) -> Markup {
    html! {
        section aria-labelledby="findings" {
            h2 #findings { "Findings" }
            @for finding in &judged.verdict.findings { (article(finding)) }
        }
    }
}

fn article(finding: &Finding) -> Markup {
    let id = format!("finding-{}", finding.expectation);
    let class = match finding.class {
        Class::Safety => "safety",
        Class::Performance => "performance",
    };
    let mark = mark_of(finding);
    html! {
        article.finding.(mark.word) #(id) {
            h3 { (badge(&mark)) " " (finding.expectation) }
            p { (sentence_of(finding)) }
            p.note { "check " code { (finding.check) } " · " (class) }
            (figures(finding))
            (evidence(finding))
            (offenders(finding))
        }
    }
}

fn figures(finding: &Finding) -> Markup {
    html! {
        @if !finding.figures.is_empty() {
            @if finding.judgement == Judgement::Unknown {
                p.note { "As measured, and not certain: the finding is unknown." }
            }
            dl.figures {
                @for figure in &finding.figures {
                    @let (label, value) = numbers::figure(&figure.name, figure.value);
                    div { dt { (label) } dd { (value) } }
                }
            }
        }
    }
}

fn evidence(finding: &Finding) -> Markup {
    html! {
        @if !finding.evidence.is_empty() {
            div.scroll tabindex="0" role="region" aria-label={ "Evidence for " (finding.expectation) } {
                table.evidence {
                    caption { "Evidence" }
                    tbody {
                        @for line in &finding.evidence { tr { th scope="row" { (line.label) } td { (line.text) } } }
                    }
                }
            }
        }
    }
}

fn offenders(finding: &Finding) -> Markup {
    let named = finding.offenders.len() as u64;
    let total = numbers::counted(finding.offenders_total, "offender", "offenders");
    let more = named < finding.offenders_total;
    let summary = if more { format!("The first {named} of {total}") } else { total };
    html! {
        @if named > 0 {
            details {
                summary { (summary) }
                div.scroll tabindex="0" role="region" aria-label={ "Offenders of " (finding.expectation) } {
                    table {
                        caption { (summary) ", by instant" }
                        thead {
                            tr {
                                @for head in ["id", "defect", "stage", "at", "during", "detail"] { th scope="col" { (head) } }
                            }
                        }
                        tbody { @for offender in &finding.offenders { (row(offender)) } }
                    }
                }
                @if more { p { "All of them are in " code { (Offenders.file()) } " in the folder of the run." } }
            }
        }
    }
}

fn row(offender: &Offender) -> Markup {
    html! {
        tr {
            th scope="row" { @if let Some(id) = offender.id { code { (id) } } @else { "-" } }
            td { (numbers::spaced(&offender.defect)) }
            td { @if let Some(stage) = &offender.stage { code { (stage) } } }
            td.number { @if let Some(at) = offender.at { (at) } }
            td { (offender.during.join(", ")) }
            td { (offender.detail) }
        }
    }
}
