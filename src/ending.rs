//! The last lines of a run: they say the same as the report's first screen.

use proofload_reports::{Judged, headline};
use proofload_verify::{Control, Finding, Judgement, caught, count};
use std::io::IsTerminal;
use std::path::Path;

/// The verdict for a terminal: findings, figures, the sentence, the first offender, the command that traces it, whether
/// a negative control was caught for its reason, the report's path.
pub(crate) fn ending(judged: &Judged<'_>, control: Option<&Control>) -> String {
    let verdict = judged.verdict;
    let mut lines = vec![String::new()];
    lines.extend(verdict.findings.iter().map(finding_line));
    lines.push(String::new());
    lines.extend(headline::headlines(verdict).iter().map(|figure| {
        let note = if figure.note.is_empty() { String::new() } else { format!("  ({})", figure.note) };
        format!("{:<24} {}{note}", figure.label, figure.value)
    }));
    lines.push(String::new());
    lines.push(verdict.sentence.clone());
    for (what, changes) in [("variant:  ", &verdict.variants), ("changed:  ", &verdict.sets)] {
        lines.extend((!changes.is_empty()).then(|| format!("{what}{}", changes.join(", "))));
    }
    if let Some((finding, offender)) = headline::first_offender(verdict) {
        let offence = headline::offence(offender);
        lines.push(format!("first of {}, {}: {offence}.", count(finding.offenders_total), finding.expectation));
        lines.extend(headline::trace_command(judged, offender).map(|command| format!("trace it: {command}")));
    }
    if let Some(control) = control {
        lines.push(format!("control:  {}", caught(verdict, control).sentence));
    }
    lines.push(format!("report:   {}", Path::new(&judged.run).join("report.html").display()));
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

/// Colour only on a terminal, and never where NO_COLOR is set.
fn colored() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
