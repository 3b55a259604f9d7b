//! `summary.md`: for a merge request.

use crate::headline::{self, Headline, mark, mark_of, sentence_of};
use crate::traffic::Traffic;
use crate::{Exporter, Judged, ReportError, numbers};
use proofload_verify::Verdict;
use std::fmt::{self, Write};

/// Writes `summary.md`.
pub struct Markdown;

impl Exporter for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn file(&self) -> &'static str {
        "summary.md"
    }

    fn render(&self, judged: &Judged<'_>, out: &mut dyn std::io::Write) -> Result<(), ReportError> {
        let traffic = Traffic::of(judged.history)?;
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write_summary(&mut text, judged, &traffic);
        Ok(out.write_all(text.as_bytes())?)
    }
}

fn write_summary(text: &mut String, judged: &Judged<'_>, traffic: &Traffic) -> fmt::Result {
    write_opening(text, judged)?;
    write_headlines(text, &headline::headlines(judged.verdict))?;
    write_offender(text, judged)?;
    write_findings(text, judged.verdict)?;
    write_faults(text, judged.verdict)?;
    write_phases(text, traffic)?;
    write_limits(text, judged.verdict)?;
    writeln!(text, "\nJudge the stored run again: {}", code(&headline::judge_command(judged)))
}

fn write_opening(text: &mut String, judged: &Judged<'_>) -> fmt::Result {
    let verdict = judged.verdict;
    if let Some(doubt) = headline::load_doubt(verdict) {
        writeln!(text, "> **The load was not valid.** {}\n", escaped(&doubt.sentence))?;
    }
    let mark = mark(verdict.judgement);
    writeln!(text, "## {} {}: {}\n", mark.symbol, mark.word, escaped(&verdict.title))?;
    writeln!(text, "**{}**\n", escaped(headline::sentence_alone(verdict)))?;
    writeln!(text, "Hypothesis: {}\n", escaped(&verdict.hypothesis))?;
    let told = |what: &str, changes: &[String]| {
        let changes = changes.iter().map(|change| code(change)).collect::<Vec<_>>().join(", ");
        if changes.is_empty() { String::new() } else { format!(" · {what} {changes}") }
    };
    let (variants, sets) = (told("variants", &verdict.variants), told("changed", &verdict.sets));
    writeln!(text, "Run {} · seed {}{variants}{sets}", code(&judged.run), verdict.seed)
}

fn write_headlines(text: &mut String, headlines: &[Headline]) -> fmt::Result {
    writeln!(text, "\n| figure | value | |\n| --- | ---: | --- |")?;
    headlines.iter().try_for_each(|figure| {
        writeln!(text, "| {} | {} | {} |", escaped(&figure.label), escaped(&figure.value), escaped(&figure.note))
    })
}

fn write_offender(text: &mut String, judged: &Judged<'_>) -> fmt::Result {
    let Some((finding, offender)) = headline::first_offender(judged.verdict) else { return Ok(()) };
    writeln!(text, "\nFirst offender of {}: {}", code(&finding.expectation), escaped(&headline::offence(offender)))?;
    match headline::trace_command(judged, offender) {
        Some(command) => writeln!(text, "\n```sh\n{command}\n```"),
        None => Ok(()),
    }
}

fn write_findings(text: &mut String, verdict: &Verdict) -> fmt::Result {
    writeln!(text, "\n### Findings\n\n| | expectation | check | what was found |\n| --- | --- | --- | --- |")?;
    verdict.findings.iter().try_for_each(|finding| {
        let mark = mark_of(finding);
        let (id, check) = (code(&finding.expectation), escaped(&finding.check));
        writeln!(text, "| {} {} | {id} | {check} | {} |", mark.symbol, mark.word, escaped(&sentence_of(finding)))
    })
}

fn write_faults(text: &mut String, verdict: &Verdict) -> fmt::Result {
    if verdict.faults.is_empty() {
        return writeln!(text, "\n### What was done\n\nTraffic only: no fault was asked for.");
    }
    writeln!(text, "\n### What was done\n\n| fault | what | why there and then | proof |\n| --- | --- | --- | --- |")?;
    verdict.faults.iter().try_for_each(|fault| {
        let proof: Vec<String> = fault.attestation.iter().map(|seen| escaped(seen)).collect();
        let proof = format!("{}: {}", headline::attestation(fault), proof.join("; "));
        let (id, deed) = (code(&fault.fault), escaped(&headline::deed(fault)));
        writeln!(text, "| {id} | {deed} | {} | {} |", escaped(&fault.because), proof.trim_end_matches(": "))
    })
}

fn write_phases(text: &mut String, traffic: &Traffic) -> fmt::Result {
    writeln!(
        text,
        "\n### Phases\n\n| phase | operation | offered | ok | fail | indeterminate | unsent | p50 | p95 | p99 |"
    )?;
    writeln!(text, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for of in &traffic.phases {
        let counts = [of.counts.offered, of.counts.ok, of.counts.fail, of.counts.indeterminate, of.counts.unsent];
        let quantiles = of.latency.map(|latency| [latency.p50_ms, latency.p95_ms, latency.p99_ms].map(numbers::millis));
        let quantiles = quantiles.unwrap_or_else(|| ["-"; 3].map(str::to_owned));
        let cells = counts.map(numbers::count).into_iter().chain(quantiles);
        let phase = numbers::spaced(of.phase.name());
        writeln!(text, "| {phase} | {} | {} |", code(&of.operation), cells.collect::<Vec<_>>().join(" | "))?;
    }
    Ok(())
}

fn write_limits(text: &mut String, verdict: &Verdict) -> fmt::Result {
    if verdict.limits.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n### What this run cannot show\n")?;
    verdict.limits.iter().try_for_each(|limit| writeln!(text, "- {}", escaped(limit)))
}

/// Text that Markdown must not take for its own: on one line, without tags, cells, emphasis or links.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '|' | '*' | '`' | '[' | ']' | '\\' | '~' => safe.extend(['\\', c]),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// A code span in a table's cell.
fn code(text: &str) -> String {
    let safe: String = text.chars().map(|c| if c == '`' || c.is_control() { '\'' } else { c }).collect();
    format!("`{}`", safe.replace('|', "\\|"))
}
