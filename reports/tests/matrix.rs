//! The matrix of a self-test, made by hand.

mod sample_matrix;

use proofload_reports::{Matrix, matrix_schema};
use sample_matrix::matrix;

fn page(matrix: &Matrix) -> String {
    matrix.html("../..")
}

/// The page's text around the row that begins with the cell `first` and has `second` in it.
fn row<'a>(page: &'a str, first: &str, second: &str) -> &'a str {
    let head = format!(">{first}</th>");
    let rows = page.split("<tr>").filter(|row| row.starts_with("<th scope=\"row\"") && row.contains(&head));
    rows.into_iter().find(|row| row.contains(second)).expect("a row")
}

#[test]
fn a_matrix_is_valid_by_its_schema_and_one_without_a_judgement_is_not() {
    let validator = jsonschema::validator_for(&matrix_schema()).expect("the schema is one");
    let mut value: serde_json::Value = serde_json::from_str(&matrix().json().expect("json")).expect("it is json");
    assert!(
        validator.is_valid(&value),
        "{:?}",
        validator.iter_errors(&value).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    value["experiments"][0]["controls"][0].as_object_mut().expect("an object").remove("judgement");
    assert!(!validator.is_valid(&value));
}

#[test]
fn the_json_is_the_matrix_and_ends_its_last_line() {
    let text = matrix().json().expect("json");
    assert_eq!(serde_json::from_str::<Matrix>(&text).expect("it is a matrix"), matrix());
    assert!(text.ends_with("}\n"));
}

#[test]
fn the_schema_in_the_repository_is_the_one_of_the_code() {
    let kept: serde_json::Value =
        serde_json::from_str(include_str!("../matrix.schema.json")).expect("matrix.schema.json is json");
    let refresh = "cargo run -p proofload-reports --example matrix_schema > reports/matrix.schema.json";
    assert!(kept == matrix_schema(), "matrix.schema.json is out of date; refresh it: {refresh}");
}

#[test]
fn the_first_screen_says_the_answer_and_what_a_negative_control_is() {
    let page = page(&matrix());
    let (first, _) = page.split_once("id=\"matrix\"").expect("a matrix");
    let sentence = matrix().sentence;
    for said in ["✗ </span>fail", &sentence, "A <em>negative control</em> is the same system", "false alarms"] {
        assert!(first.contains(said), "{said}");
    }
}

#[test]
fn a_row_says_what_must_turn_red_for_which_reason_and_how_often_it_did() {
    let page = page(&matrix());
    let escaped = row(&page, "leader-cut", "<code>unclean-election</code>");
    for said in [
        "A broker that fell behind may lead.",
        "<code>nothing-lost</code>",
        "check delivery",
        "10 or more lost at log.in during leader-cut",
        "badge fail",
        "1 of 2",
        "not caught, 1 of 2: nothing-lost failed for another reason",
    ] {
        assert!(escaped.contains(said), "`{said}` is not in {escaped}");
    }
    let second = page.split("</tr>").find(|row| row.contains("<code>tail-stands</code>")).expect("a line of its own");
    assert!(second.contains("check tail_loss") && second.contains("lost_at_tail_intents above 9"), "{second}");
    let caught = row(&page, "leader-cut", "<code>acks-one</code>");
    assert!(caught.contains("badge pass") && caught.contains("2 of 2") && !caught.contains("<li>"), "{caught}");
    let unknown = row(&page, "broker-kill", "<code>slow-failover</code>");
    assert!(unknown.contains("badge unknown") && unknown.contains("could not keep up"), "{unknown}");
    assert!(row(&page, "baseline", "").contains("broken design: none"));
}

#[test]
fn a_false_alarm_of_the_good_design_is_shown_in_its_own_row() {
    let page = page(&matrix());
    let (_, good) = page.split_once("id=\"good\"").expect("the good designs");
    let alarm = row(good, "broker-kill", "A broker dies under load");
    assert!(alarm.contains("badge fail") && alarm.contains("false alarm, 1 of 2: recovers: back in band"), "{alarm}");
    assert!(row(good, "leader-cut", "goes on answering").contains("badge pass"));
}

#[test]
fn every_run_leads_to_its_report_and_one_without_a_report_to_its_folder() {
    let mut matrix = matrix();
    matrix.experiments[0].controls[0].runs[0].run = "leader cut #2/then".to_owned();
    let page = page(&matrix);
    assert!(page.contains("href=\"../../leader%20cut%20%232/then/report.html\""));
    assert!(page.contains("href=\"../../slow-failover/2026-03-02T12-15-00Z/\""), "a run without a report");
    assert_eq!(page.matches("<a href=").count(), 10);
}

#[test]
fn a_self_test_that_ended_early_says_so_before_its_figures() {
    let mut matrix = matrix();
    matrix.stopped = Some("it was interrupted".to_owned());
    matrix.planned_runs = 20;
    matrix.repeats = 4;
    let page = page(&matrix);
    let said = page.find("it was interrupted. What is below covers the 10 of 20 runs").expect("it is said");
    assert!(said < page.find("id=\"figures\"").expect("figures"));
    assert!(row(&page, "leader-cut", "<code>acks-one</code>").contains("not run, 2 of 4"));
}

#[test]
fn the_page_fetches_nothing_and_runs_nothing() {
    let page = page(&matrix());
    for foreign in ["<script", "<link", "<img", "@import", "url(", "src=", "http"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn headings_follow_each_other_and_every_table_has_a_caption() {
    let page = page(&matrix());
    let levels: Vec<u8> = page
        .match_indices("<h")
        .filter_map(|(at, _)| page.as_bytes()[at + 2].checked_sub(b'0'))
        .filter(|level| *level <= 6)
        .collect();
    assert_eq!((levels[0], levels.iter().filter(|level| **level == 1).count()), (1, 1));
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    assert_eq!(page.matches("<th ").count() + page.matches("<th>").count(), page.matches("scope=\"").count());
}

#[test]
fn a_hostile_word_of_the_system_is_text() {
    let mut matrix = matrix();
    let hostile = "<script>alert(1)</script>\" onload=\"x";
    let tried = &mut matrix.experiments[0];
    tried.title = hostile.to_owned();
    tried.controls[0].mistake = Some(hostile.to_owned());
    tried.controls[0].runs[0].sentence = hostile.to_owned();
    tried.controls[0].runs[0].run = hostile.to_owned();
    tried.controls[1].doubts[0].sentence = hostile.to_owned();
    matrix.stopped = Some(hostile.to_owned());
    let page = page(&matrix);
    assert!(!page.contains("<script") && !page.contains("\" onload"));
    assert!(page.contains("&lt;script&gt;"));
}
