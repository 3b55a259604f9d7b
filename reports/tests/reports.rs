//! What people and CI read of a run, made by hand.

mod sample;

use proofload_reports::{EXPORTERS, Judged, verdict_schema};
use proofload_verify::{Figure, Finding, Judgement, Listing};
use sample::Run;

fn render(run: &Run, name: &str) -> String {
    let judged =
        Judged { verdict: &run.verdict, history: &run.history, chains: &sample::CHAINS, run: sample::RUN.to_owned() };
    let exporter = EXPORTERS.iter().find(|exporter| exporter.name() == name).expect("an exporter of that name");
    let mut bytes = Vec::new();
    exporter.render(&judged, &mut bytes).expect("it renders");
    String::from_utf8(bytes).expect("it is utf-8")
}

#[test]
fn every_exporter_writes_a_file_of_its_own_and_the_same_bytes_each_time() {
    let run = sample::fail();
    let mut files: Vec<&str> = EXPORTERS.iter().map(|exporter| exporter.file()).collect();
    for exporter in EXPORTERS {
        assert_eq!(render(&run, exporter.name()), render(&run, exporter.name()), "{}", exporter.name());
    }
    files.sort_unstable();
    assert_eq!(files, ["junit.xml", "offenders.ndjson", "report.html", "summary.md", "traces.ndjson", "verdict.json"]);
}

#[test]
fn the_json_is_the_verdict_and_ends_its_last_line() {
    let run = sample::fail();
    let text = render(&run, "json");
    let mut written = run.verdict;
    // All offenders have a file of their own.
    written.findings.iter_mut().for_each(|finding| finding.listing = Listing::default());
    assert_eq!(serde_json::from_str::<proofload_verify::Verdict>(&text).expect("it is a verdict"), written);
    assert!(text.ends_with("}\n"));
}

#[test]
fn every_offender_has_a_line_that_says_whose_promise_it_breaks() {
    insta::assert_snapshot!(render(&sample::fail(), "offenders"), @r#"
    {"expectation":"nothing-lost","id":"00000000-0007-8001-8000-0000000015f4","defect":"lost","stage":"log.submitted","at":44100000000,"partition":3,"offset":null}
    {"expectation":"nothing-lost","id":"00000000-0007-8001-8000-0000000015f5","defect":"lost","stage":"log.submitted","at":44300000000,"partition":3,"offset":null}
    {"expectation":"nothing-lost","id":"00000000-0007-8001-8000-0000000015f6","defect":"lost","stage":"log.submitted","at":44500000000,"partition":3,"offset":null}
    "#);
    assert_eq!(render(&sample::pass(), "offenders"), "");
}

#[test]
fn every_id_that_breaks_a_promise_has_a_line_with_its_way_once_and_in_order() {
    let mut run = sample::fail();
    // A second promise that the same ids break.
    let again = run.verdict.findings.iter().find(|finding| finding.judgement == Judgement::Fail).expect("one").clone();
    run.verdict.findings.push(again.clone());
    let ids: Vec<_> = again.listing.iter().filter_map(|offender| offender.id).collect();
    let ways = proofload_verify::traces(&run.history, &sample::CHAINS, &ids).expect("its rows are read");
    let lines: Vec<String> = ways.iter().map(|way| serde_json::to_string(way).expect("it is json") + "\n").collect();
    assert!(lines.len() == 3 && ways.iter().all(|way| !way.steps.is_empty()), "{ways:#?}");
    assert_eq!(render(&run, "traces"), lines.concat());
    assert_eq!(render(&sample::pass(), "traces"), "");
}

#[test]
fn a_rendered_verdict_is_valid_by_its_schema_and_one_without_a_judgement_is_not() {
    let validator = jsonschema::validator_for(&verdict_schema()).expect("the schema is one");
    for run in [sample::pass(), sample::fail(), sample::unknown()] {
        let value: serde_json::Value = serde_json::from_str(&render(&run, "json")).expect("it is json");
        assert!(
            validator.is_valid(&value),
            "{:?}",
            validator.iter_errors(&value).map(|error| error.to_string()).collect::<Vec<_>>()
        );
        let mut damaged = value;
        damaged.as_object_mut().expect("an object").remove("judgement");
        assert!(!validator.is_valid(&damaged));
    }
}

#[test]
fn the_schema_in_the_repository_is_the_one_of_the_code() {
    let kept: serde_json::Value =
        serde_json::from_str(include_str!("../verdict.schema.json")).expect("verdict.schema.json is json");
    let refresh = "cargo run -p proofload-reports --example verdict_schema > reports/verdict.schema.json";
    assert!(kept == verdict_schema(), "verdict.schema.json is out of date; refresh it: {refresh}");
}

#[test]
fn junit_of_a_pass() {
    insta::assert_snapshot!(render(&sample::pass(), "junit"));
}

#[test]
fn junit_of_a_fail() {
    insta::assert_snapshot!(render(&sample::fail(), "junit"));
}

#[test]
fn junit_of_an_unknown() {
    insta::assert_snapshot!(render(&sample::unknown(), "junit"));
}

#[test]
fn an_unknown_finding_is_an_error_and_never_a_skipped_case() {
    let text = render(&sample::unknown(), "junit");
    assert_eq!(text.matches("<error").count(), 3, "{text}");
    assert!(!text.contains("<skipped"), "{text}");
}

#[test]
fn a_run_that_is_worse_than_its_findings_is_not_green_in_junit() {
    let mut run = sample::pass();
    run.verdict.judgement = Judgement::Unknown;
    run.verdict.sentence = "The run was interrupted.".to_owned();
    let text = render(&run, "junit");
    assert!(text.contains("errors=\"1\"") && text.contains("message=\"The run was interrupted.\""), "{text}");
}

#[test]
fn markdown_of_a_pass() {
    insta::assert_snapshot!(render(&sample::pass(), "markdown"));
}

#[test]
fn markdown_of_a_fail() {
    insta::assert_snapshot!(render(&sample::fail(), "markdown"));
}

#[test]
fn markdown_of_an_unknown_says_first_that_the_load_was_not_valid() {
    let text = render(&sample::unknown(), "markdown");
    assert!(text.starts_with("> **The load was not valid.**"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_hostile_word_of_the_system_is_text_in_every_report() {
    let mut run = sample::fail();
    let hostile = "<script>alert(1)</script> | `x`\n## pass \u{1b}[2J";
    run.verdict.title = hostile.to_owned();
    run.verdict.findings.iter_mut().for_each(|finding| harden(finding, hostile));
    for exporter in ["html", "markdown", "junit"] {
        let text = render(&run, exporter);
        assert!(!text.contains("<script"), "{exporter}");
        assert!(text.contains("&lt;script"), "{exporter}");
        assert!(exporter == "html" || !text.contains('\u{1b}'), "{exporter}");
    }
    assert!(!render(&run, "markdown").contains("\n## pass"));
}

fn harden(finding: &mut Finding, hostile: &str) {
    finding.sentence = hostile.to_owned();
    finding.offenders.iter_mut().for_each(|offender| {
        offender.detail = hostile.to_owned();
        offender.stage = Some(hostile.to_owned());
    });
}

#[test]
fn failover_and_restoration_are_shown_each_with_what_it_came_to() {
    let mut run = sample::pass();
    for figure in run.verdict.figures.iter_mut().filter(|figure| figure.name == "failover_s.broker-kill") {
        figure.value = None;
    }
    run.verdict.figures.push(Figure { name: "failover_censored_s.broker-kill".to_owned(), value: Some(12.0) });
    let text = render(&run, "markdown");
    assert!(text.contains("| failover | not reached | within 12.0 s from the injection of broker-kill |"), "{text}");
    assert!(text.contains("| restoration | in band throughout | from the heal of broker-kill |"), "{text}");
}

#[test]
fn the_part_of_a_recovery_that_a_finding_fails_for_is_marked_and_the_other_is_not() {
    let mut run = sample::pass();
    let recovers = run.verdict.findings.iter_mut().find(|finding| finding.check == "recovery").expect("a finding");
    recovers.judgement = Judgement::Fail;
    recovers.figures.push(Figure { name: "failover_within_s".to_owned(), value: Some(4.0) });
    recovers.figures.push(Figure { name: "within_s".to_owned(), value: Some(4.0) });
    let page = render(&run, "html");
    assert!(page.contains("<span class=\"value fail\">4.6 s</span>"));
    assert!(page.contains("<span class=\"value\">in band throughout</span>"));
}

#[test]
fn figures_of_an_unknown_finding_are_no_plain_facts() {
    let (pass, unknown) = (sample::pass(), sample::unknown());
    assert!(
        render(&unknown, "markdown").contains("from the injection of broker-kill; not certain: recovers is unknown")
    );
    assert!(render(&unknown, "markdown").contains("submit_request; not certain: the load was not valid"));
    assert!(render(&unknown, "html").contains("As measured, and not certain"));
    assert!(!render(&pass, "html").contains("not certain") && !render(&pass, "markdown").contains("not certain"));
}

#[test]
fn a_count_that_the_evidence_does_not_allow_is_never_shown_as_zero() {
    let mut run = sample::unknown();
    let lost = run.verdict.figures.iter_mut().find(|figure| figure.name == "lost_intents").expect("a figure");
    lost.value = None;
    assert!(render(&run, "markdown").contains("| acknowledged and lost | unknown |"));
    run.verdict.figures.retain(|figure| figure.name != "lost_intents");
    assert!(render(&run, "markdown").contains("| acknowledged and lost | not checked |"));
}

#[test]
fn a_system_that_was_changed_for_the_run_is_never_reported_as_it_is_written() {
    let mut run = sample::pass();
    run.verdict.variants = vec!["acks-one".to_owned()];
    run.verdict.sets = vec!["process.gateway.replicas=3".to_owned()];
    for exporter in ["json", "junit", "markdown", "html"] {
        let report = render(&run, exporter);
        for change in ["acks-one", "process.gateway.replicas=3"] {
            assert!(report.contains(change), "{exporter} does not tell of {change}");
        }
    }
    assert!(render(&run, "html").contains("Settings of the system were changed for this run"));
    assert!(!render(&sample::pass(), "html").contains("were changed"));
}

#[test]
fn what_nobody_knows_stands_beside_what_was_acknowledged() {
    let mut run = sample::pass();
    assert!(!render(&run, "markdown").contains("nobody knows"));
    let open = Figure { name: "indeterminate_operations".to_owned(), value: Some(1_200.0) };
    run.verdict.figures.retain(|figure| figure.name != open.name);
    run.verdict.figures.push(open);
    assert!(render(&run, "markdown").contains("of those sent; of 1,200 nobody knows |"));
}
