//! The verdict as one plain sentence.

use super::Plan;
use super::facts::Facts;
use crate::faults::Faults;
use crate::{Finding, Judgement, Verdict, wording};
use proofload_history::History;

/// `PASS: 16,012 submit_application were sent and 15,998 acknowledged while leader-kill hit kafka-2; none was lost, none
/// was done twice; back in band 3.4 s after leader-kill.`
pub(super) fn of(history: &History, facts: &Facts, plan: &Plan, verdict: &Verdict, doubt: Option<&str>) -> String {
    let facts = format!("{}{}", sent(facts), hit(history));
    match verdict.judgement {
        Judgement::Pass => {
            let clauses = [Some(facts), kept(verdict), recovered(verdict), skipped(&verdict.findings)];
            format!("PASS: {}.", clauses.into_iter().flatten().collect::<Vec<_>>().join("; "))
        }
        Judgement::Fail => {
            let doubt = doubt.map_or_else(String::new, |doubt| format!(" Besides, {doubt}."));
            format!("FAIL: {}. {facts}.{doubt}", worst(&verdict.findings, plan, Judgement::Fail))
        }
        Judgement::Unknown => {
            let findings = worst(&verdict.findings, plan, Judgement::Unknown);
            let reasons = [doubt.unwrap_or_default(), &findings];
            let reasons: Vec<&str> = reasons.into_iter().filter(|reason| !reason.is_empty()).collect();
            format!("UNKNOWN: {}. {facts}.", reasons.join("; "))
        }
    }
}

/// `16,012 submit_application were sent and 15,998 acknowledged`.
fn sent(facts: &Facts) -> String {
    let each: Vec<String> = facts
        .operations
        .iter()
        .filter(|(_, ended)| ended.sent > 0)
        .map(|(name, ended)| {
            format!("{} {name} were sent and {} acknowledged", wording::count(ended.sent), wording::count(ended.ok))
        })
        .collect();
    if each.is_empty() { "nothing was sent".into() } else { wording::list(&each) }
}

/// ` while leader-kill hit kafka-2`.
fn hit(history: &History) -> String {
    let faults = Faults::of(&history.journal).records;
    let each: Vec<String> = faults
        .iter()
        .map(|fault| match fault.targets.as_slice() {
            [] => fault.name(),
            targets => format!("{} hit {}", fault.name(), wording::list(targets)),
        })
        .collect();
    match each.len() {
        0 => String::new(),
        1..=3 => format!(" while {}", wording::list(&each)),
        more => format!(" under {} faults", wording::count(more as u64)),
    }
}

/// What delivery found, if it was asked.
fn kept(verdict: &Verdict) -> Option<String> {
    let value = |name: &str| verdict.figures.iter().find(|figure| figure.name == name)?.value;
    let (lost, repeated) = (value("lost_intents")? as u64, value("repeated_intents")? as u64);
    Some(format!("{} lost, {} done twice", wording::were(lost), wording::were(repeated)))
}

/// `back in band 3.4 s after leader-kill began`, `never out of band after leader-kill healed`.
fn recovered(verdict: &Verdict) -> Option<String> {
    let since = |name: &str| {
        let began = name.strip_prefix("failover_s.").map(|fault| format!("{fault} began"));
        began.or_else(|| name.strip_prefix("restoration_s.").map(|fault| format!("{fault} healed")))
    };
    let times = verdict.figures.iter().filter_map(|figure| Some((since(&figure.name)?, figure.value?)));
    let (kept, back): (Vec<_>, Vec<_>) = times.partition(|(_, seconds)| *seconds == 0.0);
    let kept: Vec<String> = kept.into_iter().map(|(since, _)| format!("after {since}")).collect();
    let back: Vec<String> = back.into_iter().map(|(since, seconds)| format!("{seconds:.1} s after {since}")).collect();
    let clause = |what: &str, all: &[String]| (!all.is_empty()).then(|| format!("{what} {}", wording::list(all)));
    let clauses: Vec<String> =
        [clause("back in band", &back), clause("never out of band", &kept)].into_iter().flatten().collect();
    (!clauses.is_empty()).then(|| clauses.join("; "))
}

fn skipped(findings: &[Finding]) -> Option<String> {
    let ids: Vec<&str> =
        findings.iter().filter(|finding| finding.skipped.is_some()).map(|finding| &*finding.expectation).collect();
    (!ids.is_empty()).then(|| format!("not judged: {}", wording::list(&ids)))
}

/// The first finding that came to `judgement`, in its own words, and how many more did.
fn worst(findings: &[Finding], plan: &Plan, judgement: Judgement) -> String {
    let mut such = findings.iter().filter(|finding| finding.judgement == judgement && finding.skipped.is_none());
    let Some(first) = such.next() else { return String::new() };
    let title = if plan.expectations.iter().any(|expectation| expectation.id == first.expectation) {
        format!("{}: ", first.expectation)
    } else {
        String::new()
    };
    let more = such.map(|finding| finding.expectation.as_str()).collect::<Vec<_>>();
    let more = if more.is_empty() { String::new() } else { format!(" (so is {})", wording::list(&more)) };
    format!("{title}{}{more}", first.sentence.trim_end_matches('.'))
}
