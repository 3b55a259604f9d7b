//! `junit.xml`: a test case per finding, for the CI systems that read it.
//!
//! Unknown is an error and never a skipped case: skipped cases have been counted as success.

use crate::headline::{offence, trace_command};
use crate::{Exporter, Judged, ReportError, numbers};
use proofload_verify::{Finding, Judgement, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::io::Write;

/// How many offenders a case names; the HTML report has more.
const OFFENDERS: usize = 10;

/// Writes `junit.xml`.
pub struct Junit;

impl Exporter for Junit {
    fn name(&self) -> &'static str {
        "junit"
    }

    fn file(&self) -> &'static str {
        "junit.xml"
    }

    fn render(&self, judged: &Judged<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        let verdict = judged.verdict;
        let mut suite = TestSuite::new(&verdict.experiment);
        suite.add_property(("run", judged.run.as_str())).add_property(("seed", verdict.seed.to_string().as_str()));
        suite.add_property(("variants", verdict.variants.join(" ").as_str()));
        suite.add_property(("sets", verdict.sets.join(" ").as_str()));
        suite.add_test_cases(verdict.findings.iter().map(|finding| case(judged, finding)));
        suite.add_test_cases(remainder(verdict));
        let mut report = Report::new("proofload");
        report.add_test_suite(suite);
        Ok(writeln!(out, "{}", report.to_string()?.trim_end())?)
    }
}

fn case(judged: &Judged<'_>, finding: &Finding) -> TestCase {
    let mut status = match (&finding.skipped, finding.judgement) {
        (Some(why), _) => skipped(why),
        (None, Judgement::Pass) => TestCaseStatus::success(),
        (None, Judgement::Fail) => non_success(NonSuccessKind::Failure, &finding.check, &finding.sentence),
        (None, Judgement::Unknown) => non_success(NonSuccessKind::Error, "unknown", &finding.sentence),
    };
    let passed = matches!(status, TestCaseStatus::Success { .. });
    if !passed && finding.skipped.is_none() {
        status.set_description(body(judged, finding));
    }
    let mut case = TestCase::new(&finding.expectation, status);
    case.set_classname(&judged.verdict.experiment);
    if passed {
        case.set_system_out(&finding.sentence);
    }
    case
}

/// A case for what no finding carries: a run that is worse than its findings must not look green.
fn remainder(verdict: &Verdict) -> Option<TestCase> {
    let judged = verdict.findings.iter().filter(|finding| finding.skipped.is_none());
    let worst = judged.map(|finding| finding.judgement).max().unwrap_or(Judgement::Pass);
    (worst < verdict.judgement).then(|| {
        let kind = if verdict.judgement == Judgement::Fail { NonSuccessKind::Failure } else { NonSuccessKind::Error };
        let mut case = TestCase::new("verdict", non_success(kind, "verdict", &verdict.sentence));
        case.set_classname(&verdict.experiment);
        case
    })
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    status
}

fn non_success(kind: NonSuccessKind, about: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(about).set_message(message);
    status
}

/// Figures, evidence and the first offenders, line by line.
fn body(judged: &Judged<'_>, finding: &Finding) -> String {
    let mut lines = vec![finding.sentence.clone(), String::new()];
    for figure in &finding.figures {
        let (label, value) = numbers::figure(&figure.name, figure.value);
        lines.push(format!("{label}: {value}"));
    }
    lines.extend(finding.evidence.iter().map(|evidence| format!("{}: {}", evidence.label, evidence.text)));
    if let Some(first) = finding.offenders.first() {
        let named = finding.offenders.len().min(OFFENDERS);
        lines.push(String::new());
        lines.push(format!(
            "the first {named} of {}:",
            numbers::counted(finding.offenders_total, "offender", "offenders")
        ));
        lines.extend(finding.offenders.iter().take(OFFENDERS).map(|offender| format!("  {}", offence(offender))));
        lines.extend(trace_command(judged, first).map(|command| format!("\n{command}")));
    }
    lines.join("\n")
}
