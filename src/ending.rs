//! The last lines of a run: they say the same as the report's first screen.

use proofload_verify::{Control, Finding, Judgement, Verdict, caught};
use std::io::IsTerminal;
use std::path::Path;

/// The verdict for a terminal: findings, figures, the sentence, the first offender, the command that traces it, whether
/// a negative control was caught for its reason, the report's path.
pub(crate) fn ending(verdict: &Verdict, run: &Path, control: Option<&Control>) -> String {
    let mut lines = vec![String::new()];
    lines.extend(verdict.findings.iter().map(finding_line));
    lines.push(String::new());
    lines.extend(figure_lines(verdict));
    lines.push(verdict.sentence.clone());
    if let Some((finding, offender)) = first_offender(verdict) {
        let stage = offender.stage.as_deref().map(|stage| format!(" at {stage}")).unwrap_or_default();
        let at = offender.at.map(|at| format!(", {at}")).unwrap_or_default();
        let id = offender.id.map(|id| id.to_string()).unwrap_or_default();
        lines.push(format!(
            "first of {}: {id} {}{stage}{at}. {}",
            finding.offenders_total, offender.defect, offender.detail
        ));
        if !id.is_empty() {
            lines.push(format!("trace it: proofload trace {} {id}", run.display()));
        }
    }
    if let Some(control) = control {
        lines.push(format!("control:  {}", caught(verdict, control).sentence));
    }
    lines.push(format!("report:   {}", run.join("report.html").display()));
    lines.join("\n")
}

fn finding_line(finding: &Finding) -> String {
    let (word, color) = match (&finding.skipped, finding.judgement) {
        (Some(_), _) => ("skipped", "2"),
        (None, Judgement::Pass) => ("pass", "32"),
        (None, Judgement::Unknown) => ("unknown", "33"),
        (None, Judgement::Fail) => ("FAIL", "31;1"),
    };
    let word = format!("{word:>7}");
    let word = if colored() { format!("\u{1b}[{color}m{word}\u{1b}[0m") } else { word };
    let sentence = finding.skipped.as_ref().unwrap_or(&finding.sentence);
    format!("{word}  {:<20} {sentence}", finding.expectation)
}

/// The figures that people ask for first.
fn figure_lines(verdict: &Verdict) -> Vec<String> {
    let figure = |name: &str| verdict.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value);
    let whole = |name: &str| figure(name).map_or_else(|| "?".to_owned(), |value| format!("{value:.0}"));
    let mut lines = vec![format!(
        "sent {}, accepted {}, indeterminate {}, lost {}, duplicated {}",
        whole("sent_operations"),
        whole("ok_operations"),
        whole("indeterminate_operations"),
        whole("lost_intents"),
        whole("repeated_intents"),
    )];
    let shown = verdict.figures.iter().filter(|figure| {
        figure.name.starts_with("p95_ms.")
            || figure.name.starts_with("failover_s")
            || figure.name.starts_with("restoration_s")
    });
    lines.extend(shown.map(|figure| {
        let value = figure.value.map_or_else(|| "not reached".to_owned(), |value| format!("{value:.1}"));
        format!("{}: {value}", figure.name)
    }));
    lines
}

fn first_offender(verdict: &Verdict) -> Option<(&Finding, &proofload_verify::Offender)> {
    let judged = verdict.findings.iter().filter(|finding| finding.skipped.is_none());
    judged
        .filter(|finding| finding.judgement == Judgement::Fail)
        .find_map(|finding| Some((finding, finding.offenders.first()?)))
}

/// Colour only on a terminal, and never where NO_COLOR is set.
fn colored() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
