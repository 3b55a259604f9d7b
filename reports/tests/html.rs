//! The report for people.

mod sample;

use proofload_history::{At, Entry, Event, Outcome, Table};
use proofload_reports::{Exporter, Judged, html::Html};
use sample::Run;

fn html(run: &Run) -> String {
    let judged =
        Judged { verdict: &run.verdict, history: &run.history, chains: &sample::CHAINS, run: sample::RUN.to_owned() };
    let mut bytes = Vec::new();
    Html.render(&judged, &mut bytes).expect("it renders");
    String::from_utf8(bytes).expect("it is utf-8")
}

fn svg(page: &str) -> &str {
    let from = page.find("<svg").expect("a figure");
    let to = page.find("</svg>").expect("its end");
    &page[from..to]
}

#[test]
fn the_first_screen_says_the_answer_the_figures_and_how_to_trace_the_first_offender() {
    let run = sample::fail();
    let page = html(&run);
    let (first, _) = page.split_once("<svg").expect("a figure");
    let trace = format!("proofload trace {} 00000000-0007-8001-8000-0000000015f4", sample::RUN);
    for said in [
        "✗ </span>fail",
        "3 were lost, none was done twice",
        &run.verdict.hypothesis,
        "15,980",
        "4.6 s",
        "attested",
        &trace,
    ] {
        assert!(first.contains(said), "{said}");
    }
}

#[test]
fn an_invalid_load_is_said_before_the_verdict_and_a_valid_one_is_not_mentioned() {
    let page = html(&sample::unknown());
    let doubt = page.find("The load was not valid").expect("it is said");
    assert!(doubt < page.find("<h1").expect("a headline"));
    assert!(!html(&sample::pass()).contains("The load was not valid"));
}

#[test]
fn every_finding_has_its_place_and_its_word() {
    let run = sample::fail();
    let page = html(&run);
    for finding in &run.verdict.findings {
        let article = format!("id=\"finding-{}\"", finding.expectation);
        assert_eq!(page.matches(&article).count(), 1, "{article}");
    }
    assert_eq!(page.matches("<article class=\"finding skipped\"").count(), 1);
    assert_eq!(page.matches("<article class=\"finding fail\"").count(), 1);
}

#[test]
fn the_page_fetches_nothing_and_runs_nothing() {
    let page = html(&sample::fail());
    for foreign in ["<script", "<link", "<img", "@import", "url(", "src="] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let addresses = page.matches("http").count();
    assert_eq!(addresses, page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
}

#[test]
fn headings_follow_each_other_and_every_table_has_a_caption() {
    let page = html(&sample::fail());
    let levels: Vec<u8> = page
        .match_indices("<h")
        .filter_map(|(at, _)| page.as_bytes()[at + 2].checked_sub(b'0'))
        .filter(|level| *level <= 6)
        .collect();
    assert_eq!((levels[0], levels.iter().filter(|level| **level == 1).count()), (1, 1));
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    let heads = page.matches("<th ").count() + page.matches("<th>").count();
    assert_eq!(heads, page.matches("scope=\"").count());
}

#[test]
fn a_gauge_that_stayed_at_zero_is_told_and_takes_no_panel() {
    let page = html(&sample::pass());
    assert!(svg(&page).contains("unpublished events") && !svg(&page).contains("open transfers"));
    assert!(page.contains("At zero throughout: open transfers."));
}

#[test]
fn every_fault_of_the_journal_has_its_name_and_a_band_in_every_panel() {
    let mut run = sample::pass();
    let bands = |run: &Run| svg(&html(run)).matches("opacity=\"0.13\" fill=\"#F76707\"").count();
    let panels = bands(&run) / 2;
    assert!(panels >= 6, "rates, latency, errors, two gauges, processors: {panels}");
    assert_eq!(bands(&run), 2 * panels);
    for n in 0..20 {
        let event = Event::FaultInjecting {
            fault: format!("pause-{n}"),
            kind: "pause".into(),
            targets: vec![],
            because: String::new(),
        };
        run.history.journal.entries.push(Entry { at: At::from_secs_f64(40.0 + f64::from(n)), event });
    }
    assert_eq!(bands(&run), 22 * panels);
    let page = html(&run);
    for name in ["broker-kill", "slow-link", "pause-0"] {
        assert!(svg(&page).contains(&format!(">\n{name}\n</text>")), "{name}");
    }
}

#[test]
fn a_share_without_an_answer_is_drawn_at_the_top_and_said_so() {
    let run = sample::pass();
    assert!(svg(&html(&run)).contains("no answer"));
    let mut healthy = sample::pass();
    let mut operations = healthy.history.operations.to_vec().expect("it is read");
    operations.retain(|operation| operation.outcome == Outcome::Ok && operation.sent.is_some());
    healthy.history.operations = Table::of(&operations).expect("it is encoded");
    assert!(!svg(&html(&healthy)).contains(">\nno answer\n"));
}

#[test]
fn a_run_that_broke_off_before_anything_was_recorded_still_has_a_report() {
    let mut run = sample::unknown();
    run.history = proofload_history::History::default();
    run.verdict.complete = false;
    assert!(html(&run).contains("The run did not come to its end."));
}

#[test]
fn a_day_of_traffic_makes_no_larger_figure_than_ten_minutes() {
    let mut run = sample::pass();
    let stretch = |at: At, factor: u64| At(at.0 * factor);
    run.history.journal.entries.iter_mut().for_each(|entry| entry.at = stretch(entry.at, 860));
    let mut operations = run.history.operations.to_vec().expect("it is read");
    for operation in &mut operations {
        operation.intended = stretch(operation.intended, 860);
        operation.done = stretch(operation.done, 860);
    }
    run.history.operations = Table::of(&operations).expect("it is encoded");
    let mut series = run.history.series.to_vec().expect("it is read");
    series.iter_mut().for_each(|sample| sample.at = stretch(sample.at, 860));
    run.history.series = Table::of(&series).expect("it is encoded");
    let page = html(&run);
    let longest = svg(&page).split("points=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let points = longest.map(|points| points.split_whitespace().count()).max().expect("lines");
    assert!(points <= 2_400, "{points} points in one outline of 600 columns with four corners each");
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}
