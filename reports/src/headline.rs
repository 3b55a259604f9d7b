//! What every report says first, and the last lines of a run: the answer, the figures that matter, the first offender.

use crate::Judged;
use crate::numbers::{self, count, share};
use proofload_history::{Event, Phase};
use proofload_verify::{Class, FaultSummary, Finding, Judgement, Offender, Verdict};

/// A judgement for the eye: never by colour alone.
pub(crate) struct Mark {
    /// `pass`, `fail`, `unknown`, `skipped`: the word, and the name of its style.
    pub(crate) word: &'static str,
    /// The sign before the word.
    pub(crate) symbol: &'static str,
}

/// The mark of a judgement.
pub(crate) fn mark(judgement: Judgement) -> Mark {
    match judgement {
        Judgement::Pass => Mark { word: "pass", symbol: "✓" },
        Judgement::Unknown => Mark { word: "unknown", symbol: "?" },
        Judgement::Fail => Mark { word: "fail", symbol: "✗" },
    }
}

/// The mark of a finding; one that was skipped counts for nothing.
pub(crate) fn mark_of(finding: &Finding) -> Mark {
    match finding.skipped {
        Some(_) => Mark { word: "skipped", symbol: "–" },
        None => mark(finding.judgement),
    }
}

/// The verdict's sentence behind its word: reports show the word by itself.
pub(crate) fn sentence_alone(verdict: &Verdict) -> &str {
    let word = mark(verdict.judgement).word.to_uppercase();
    verdict.sentence.strip_prefix(&format!("{word}: ")).unwrap_or(&verdict.sentence)
}

/// What a finding says; of a skipped one, why it was not judged.
pub(crate) fn sentence_of(finding: &Finding) -> String {
    match &finding.skipped {
        Some(why) => format!("not judged: {why}"),
        None => finding.sentence.clone(),
    }
}

/// A figure of the first screen.
pub struct Headline {
    /// What it is: `acknowledged and lost`.
    pub label: String,
    /// Its value with its unit; `unknown`, `not checked` and the like where it has none.
    pub value: String,
    /// What the value is measured against, or where it comes from; empty if that goes without saying.
    pub note: String,
    /// It is what a failed finding fails for.
    pub broken: bool,
}

/// The headline figures in the order to be shown: sent, acknowledged, lost, done twice, half done if any, recovery, p95 per
/// phase. They are the verdict's own figures, so that no report can say another number.
#[must_use]
pub fn headlines(verdict: &Verdict) -> Vec<Headline> {
    let value = |name: &str| verdict.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value);
    let sent = value("sent_operations").unwrap_or_default() as u64;
    let ok = value("ok_operations").unwrap_or_default() as u64;
    let unsent = value("unsent_operations").unwrap_or_default() as u64;
    let unsent = if unsent == 0 { String::new() } else { format!("{} more were due and never sent", count(unsent)) };
    let open = value("indeterminate_operations").unwrap_or_default() as u64;
    let open = if open == 0 { String::new() } else { format!("; of {} nobody knows", count(open)) };
    let mut all = vec![
        Headline::of("requests sent", count(sent), unsent),
        Headline::of("acknowledged", count(ok), format!("{} of those sent{open}", share(ok, sent))),
        delivered(verdict, "acknowledged and lost", "lost_intents"),
        delivered(verdict, "done twice", "repeated_intents"),
    ];
    if value("half_done_intents").is_some_and(|number| number > 0.0) {
        all.push(delivered(verdict, "taken in and half done", "half_done_intents"));
    }
    all.extend(recoveries(verdict));
    all.extend(fastness(verdict));
    all
}

impl Headline {
    fn of(label: &str, value: String, note: String) -> Self {
        Self { label: label.to_owned(), value, note, broken: false }
    }
}

/// What the run counts under `name`; a count that the evidence does not allow is unknown, and none is no zero.
fn delivered(verdict: &Verdict, label: &str, name: &str) -> Headline {
    match verdict.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value) {
        None => Headline::of(label, "not checked".to_owned(), "no finding of this run counts it".to_owned()),
        Some(None) => Headline::of(label, "unknown".to_owned(), "the evidence does not suffice to count it".to_owned()),
        Some(Some(value)) => {
            Headline { broken: value > 0.0, ..Headline::of(label, numbers::number(value), String::new()) }
        }
    }
}

/// The two parts of a recovery: the figure's name, the figure of what was promised, and since when it counts.
const PARTS: [(&str, &str, &str); 2] =
    [("failover", "failover_within_s", "from the injection of"), ("restoration", "within_s", "from the heal of")];

/// The times to be back in band after each fault: from its injection while it was active, and from its heal.
fn recoveries(verdict: &Verdict) -> Vec<Headline> {
    let faults = verdict.figures.iter().filter_map(|figure| figure.name.strip_prefix("failover_s."));
    faults.flat_map(|fault| PARTS.map(|part| recovery(verdict, fault, part))).collect()
}

fn recovery(verdict: &Verdict, fault: &str, (part, promise, since): (&str, &str, &str)) -> Headline {
    let name = format!("{part}_s.{fault}");
    let value = |name: &str| verdict.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value);
    let of_part = |finding: &&Finding| finding.check == "recovery" && finding.figures.iter().any(|of| of.name == name);
    let findings: Vec<&Finding> = verdict.findings.iter().filter(of_part).collect();
    let seen = value(&name);
    let text = match seen {
        Some(0.0) => "in band throughout".to_owned(),
        Some(seconds) => numbers::seconds(seconds),
        None => "not reached".to_owned(),
    };
    let censored = value(&format!("{part}_censored_s.{fault}")).filter(|_| seen.is_none());
    let censored = censored.map_or_else(String::new, |seconds| format!("within {} ", numbers::seconds(seconds)));
    let unknown = findings.iter().find(|finding| finding.judgement == Judgement::Unknown);
    let unknown =
        unknown.map_or_else(String::new, |finding| format!("; not certain: {} is unknown", finding.expectation));
    let fails = |finding: &&&Finding| {
        let promised = finding.figures.iter().find(|of| of.name == promise).and_then(|of| of.value);
        let kept = |promised: f64| seen.is_some_and(|seconds| seconds <= promised);
        finding.judgement == Judgement::Fail && promised.is_some_and(|promised| !kept(promised))
    };
    let broken = findings.iter().any(|finding| fails(&finding));
    Headline { broken, ..Headline::of(part, text, format!("{censored}{since} {fault}{unknown}")) }
}

/// p95 of every operation in every phase after the warm-up.
fn fastness(verdict: &Verdict) -> impl Iterator<Item = Headline> {
    let quantiles = verdict.figures.iter().filter_map(|figure| {
        let (phase, operation) = figure.name.strip_prefix("p95_ms.")?.split_once('.')?;
        Some((phase, operation, figure.value))
    });
    let doubt = if load_doubt(verdict).is_some() { "; not certain: the load was not valid" } else { "" };
    quantiles.filter(|(phase, _, _)| *phase != Phase::WarmUp.name()).map(move |(phase, operation, value)| {
        let missing = value.is_none();
        let value = numbers::millis(value.unwrap_or(f64::INFINITY));
        let note = if missing { format!("for more than 5 % of {operation}") } else { operation.to_owned() };
        Headline::of(&format!("p95 {}", phase_words(phase)), value, format!("{note}{doubt}"))
    })
}

/// A phase as a reader meets it: `p95 while steady`, `p95 during the fault`.
fn phase_words(phase: &str) -> String {
    match phase {
        "steady" => "while steady".to_owned(),
        "fault" => "during the fault".to_owned(),
        other => format!("in {}", numbers::spaced(other)),
    }
}

/// The finding that says that the load was not what was asked for: the first thing a reader must know.
pub(crate) fn load_doubt(verdict: &Verdict) -> Option<&Finding> {
    let doubtful = |finding: &&Finding| finding.check == "load" && finding.skipped.is_none();
    verdict.findings.iter().filter(doubtful).find(|finding| finding.judgement != Judgement::Pass)
}

/// The first offender of the worst finding: safety before performance, then as the experiment has them.
#[must_use]
pub fn first_offender(verdict: &Verdict) -> Option<(&Finding, &Offender)> {
    let failed = |class: Class| {
        let of_class = move |finding: &&Finding| finding.class == class && finding.judgement == Judgement::Fail;
        verdict.findings.iter().filter(of_class).filter(|finding| finding.skipped.is_none())
    };
    failed(Class::Safety)
        .chain(failed(Class::Performance))
        .find_map(|finding| Some((finding, finding.offenders.first()?)))
}

/// An offender as one sentence without its end.
#[must_use]
pub fn offence(offender: &Offender) -> String {
    let id = offender.id.map(|id| format!("{id} ")).unwrap_or_default();
    let stage = offender.stage.as_ref().map(|stage| format!(" at {stage}")).unwrap_or_default();
    let at = offender.at.map(|at| format!(", {at} after the start")).unwrap_or_default();
    let during =
        if offender.during.is_empty() { String::new() } else { format!(", during {}", offender.during.join(", ")) };
    let detail = if offender.detail.is_empty() { String::new() } else { format!(" ({})", offender.detail) };
    format!("{id}{}{stage}{at}{during}{detail}", numbers::spaced(&offender.defect))
}

/// What was done, as one sentence: what, on what, when, for how long.
pub(crate) fn deed(fault: &FaultSummary) -> String {
    let what = format!("{} of {}", fault.kind, fault.targets.join(", "));
    match (fault.injected_s, fault.healed_s) {
        (Some(from), Some(to)) => {
            format!("{what} at {}, healed after {}", numbers::seconds(from), numbers::seconds(to - from))
        }
        (Some(from), None) => format!("{what} at {}, never healed in this run", numbers::seconds(from)),
        (None, _) => "not injected".to_owned(),
    }
}

/// Whether a fault is proven: the word for it.
pub(crate) fn attestation(fault: &FaultSummary) -> &'static str {
    match (fault.injected_s, fault.attested) {
        (None, _) => "not injected",
        (Some(_), true) => "attested",
        (Some(_), false) => "not attested",
    }
}

/// The command that shows one id's way through the system.
#[must_use]
pub fn trace_command(judged: &Judged<'_>, offender: &Offender) -> Option<String> {
    Some(format!("proofload trace {} {}", quoted(&judged.run), offender.id?))
}

/// The command that judges the stored run again.
pub(crate) fn judge_command(judged: &Judged<'_>) -> String {
    format!("proofload judge {}", quoted(&judged.run))
}

/// What the run's first line of the journal says, if it was written.
pub(crate) fn started<'a>(judged: &Judged<'a>) -> Option<&'a Event> {
    let mut events = judged.history.journal.entries.iter().map(|entry| &entry.event);
    events.find(|event| matches!(event, Event::RunStarted { .. }))
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:+,@=".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_a_shell_would_split_is_quoted() {
        assert_eq!(quoted("runs/broker-kill/latest"), "runs/broker-kill/latest");
        assert_eq!(quoted("my runs/it's"), r"'my runs/it'\''s'");
    }
}
