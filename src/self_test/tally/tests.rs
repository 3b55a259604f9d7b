use super::super::trials::tests::subject;
use super::*;
use proofload_verify::{Class, Finding};

fn finding(expectation: &str, check: &str, judgement: Judgement, sentence: &str) -> Finding {
    let expectation = expectation.to_owned();
    Finding { expectation, ..Finding::new(check, Class::Safety, judgement, sentence) }
}

fn verdict(judgement: Judgement, sentence: &str, nothing_lost: Finding) -> End {
    let attested = finding("attested", "attested", Judgement::Pass, "The leader was cut off.");
    End::Judged(Box::new(Verdict {
        format: 1,
        experiment: String::new(),
        title: String::new(),
        hypothesis: String::new(),
        judgement,
        sentence: sentence.to_owned(),
        variants: Vec::new(),
        sets: Vec::new(),
        seed: 7,
        complete: true,
        figures: Vec::new(),
        phases: Vec::new(),
        faults: Vec::new(),
        findings: vec![attested, nothing_lost],
        limits: Vec::new(),
    }))
}

fn passes() -> End {
    let kept = finding("nothing-lost", "delivery", Judgement::Pass, "None was lost.");
    verdict(Judgement::Pass, "PASS: none was lost.", kept)
}

/// Red: `lost` were lost where the controls of [`subject`] want ten.
fn loses(lost: u32) -> End {
    let lost_there = finding("nothing-lost", "delivery", Judgement::Fail, "Some were lost.")
        .figure("lost_intents.log.in", f64::from(lost));
    verdict(Judgement::Fail, "FAIL: nothing-lost: some were lost.", lost_there)
}

fn nobody_knows() -> End {
    let unread = finding("nothing-lost", "delivery", Judgement::Unknown, "The log was not read.");
    verdict(Judgement::Unknown, "UNKNOWN: the log was not read.", unread)
}

/// The matrix of one experiment whose runs, in their order, ended like this; further ones were not made.
fn matrix<const N: usize>(variants: &[&str], repeats: u32, ends: [End; N]) -> Matrix {
    let subjects = [subject("cut", variants)];
    let all = trials(&subjects, repeats);
    let done: Vec<Done> =
        all.into_iter().zip(ends).map(|(trial, end)| Done { trial, run: "cut/then".to_owned(), end }).collect();
    tally(&subjects, repeats, &done, None)
}

fn broken(matrix: &Matrix) -> &BrokenDesign {
    &matrix.experiments[0].controls[0]
}

#[test]
fn a_control_that_is_caught_in_every_repeat_beside_a_good_design_that_passes_is_a_pass() {
    let matrix = matrix(&["acks-one"], 2, [passes(), loses(10), passes(), loses(400)]);
    let one = broken(&matrix);
    assert_eq!((one.caught, one.not_caught, one.unknown, one.runs.len()), (2, 0, 0, 2));
    assert_eq!((matrix.judgement, one.judgement), (Judgement::Pass, Judgement::Pass));
    let [red] = &one.must_turn_red[..] else { panic!("one promise") };
    assert_eq!(
        (red.expectation.as_str(), red.check.as_str(), red.reason.as_str()),
        ("nothing-lost", "delivery", "10 or more lost at log.in")
    );
    let expected = "The broken design was caught for the reason stated in each of 2 repeats; no false alarm in 2 runs \
                    of the good design.";
    assert_eq!(matrix.sentence, expected);
    assert_eq!((matrix.planned_runs, matrix.made_runs), (4, 4));
    assert!(one.doubts.is_empty());
}

#[test]
fn a_control_that_is_caught_in_some_repeats_only_is_shown_as_such_and_fails() {
    let matrix = matrix(&["acks-one"], 3, [passes(), loses(10), passes(), passes(), passes(), loses(10)]);
    let one = broken(&matrix);
    assert_eq!((one.caught, one.not_caught, one.judgement), (2, 1, Judgement::Fail));
    assert_eq!(matrix.judgement, Judgement::Fail);
    let why =
        Doubt { answer: Answer::NotCaught, sentence: "nothing-lost did not fail. None was lost.".to_owned(), times: 1 };
    assert_eq!(one.doubts, [why]);
    assert!(matrix.sentence.contains("0 of 1 broken designs") && matrix.sentence.contains("acks-one of cut (2 of 3)"));
}

#[test]
fn a_control_that_is_red_for_another_reason_is_not_caught_and_each_distinct_why_is_told_once() {
    let matrix = matrix(&["acks-one"], 3, [passes(), loses(9), passes(), loses(8), passes(), loses(9)]);
    let one = broken(&matrix);
    assert_eq!((one.caught, one.not_caught), (0, 3));
    let told: Vec<(&str, u32)> = one.doubts.iter().map(|doubt| (doubt.sentence.as_str(), doubt.times)).collect();
    let why = |lost| format!("nothing-lost failed for another reason: {lost} lost at log.in, 10 or more expected.");
    assert_eq!(told, [(why(9).as_str(), 2), (why(8).as_str(), 1)]);
}

#[test]
fn a_run_that_came_to_unknown_is_neither_caught_nor_not_caught_and_leaves_the_whole_unknown() {
    let matrix = matrix(&["acks-one"], 2, [passes(), loses(10), passes(), nobody_knows()]);
    let one = broken(&matrix);
    assert_eq!((one.caught, one.not_caught, one.unknown), (1, 0, 1));
    assert_eq!((one.judgement, matrix.judgement), (Judgement::Unknown, Judgement::Unknown));
    assert_eq!(one.doubts[0].sentence, "the log was not read.");
}

#[test]
fn a_control_beside_a_good_design_that_failed_is_not_caught_and_the_failure_is_a_false_alarm() {
    let matrix = matrix(&["acks-one", "min-isr-one"], 1, [loses(3), loses(10), passes()]);
    let tried = &matrix.experiments[0];
    let good = tried.good.as_ref().unwrap();
    assert_eq!((good.passed, good.false_alarms, good.judgement), (0, 1, Judgement::Fail));
    assert_eq!(tried.controls[0].not_caught, 1);
    let why = &tried.controls[0].doubts[0].sentence;
    assert!(why.contains("10 lost at log.in") && why.contains("the good design beside it failed:"), "{why}");
    assert!(matrix.sentence.contains("1 false alarm in 1 run of the good design"), "{}", matrix.sentence);
}

#[test]
fn a_control_beside_a_good_design_that_came_to_unknown_is_not_caught_and_no_false_alarm() {
    let matrix = matrix(&["acks-one"], 1, [nobody_knows(), loses(10)]);
    let good = matrix.experiments[0].good.as_ref().unwrap();
    assert_eq!((good.false_alarms, good.unknown, broken(&matrix).not_caught), (0, 1, 1));
    assert!(broken(&matrix).doubts[0].sentence.contains("came to unknown: the log was not read."));
    assert!(matrix.sentence.contains("1 of which came to no answer"), "{}", matrix.sentence);
}

#[test]
fn a_good_design_excuses_only_the_controls_of_its_own_repeat() {
    let matrix = matrix(&["acks-one"], 2, [loses(3), loses(10), passes(), loses(10)]);
    let answers: Vec<Answer> = broken(&matrix).runs.iter().map(|run| run.answer).collect();
    assert_eq!(answers, [Answer::NotCaught, Answer::Caught]);
}

#[test]
fn what_an_interrupt_left_undone_is_unknown_and_what_was_done_stands() {
    let subjects = [subject("cut", &["acks-one", "min-isr-one"]), subject("kill", &["slow-failover"])];
    let ends = [passes(), loses(10), End::NoAnswer("it was interrupted".to_owned())];
    let done: Vec<Done> = trials(&subjects, 2)
        .into_iter()
        .zip(ends)
        .map(|(trial, end)| Done { trial, run: "cut/then".to_owned(), end })
        .collect();
    let matrix = tally(&subjects, 2, &done, Some("it was interrupted".to_owned()));
    assert_eq!((matrix.planned_runs, matrix.made_runs, matrix.judgement), (10, 3, Judgement::Unknown));
    let of = |experiment: usize, control: usize| {
        let one = &matrix.experiments[experiment].controls[control];
        (one.caught, one.unknown, one.runs.len(), one.judgement)
    };
    assert_eq!(of(0, 0), (1, 0, 1, Judgement::Unknown));
    assert_eq!(of(0, 1), (0, 1, 1, Judgement::Unknown));
    assert_eq!(of(1, 0), (0, 0, 0, Judgement::Unknown));
    let interrupted = &matrix.experiments[0].controls[1].runs[0];
    assert_eq!((interrupted.sentence.as_str(), interrupted.judged), ("it was interrupted.", false));
    assert_eq!(matrix.stopped.as_deref(), Some("it was interrupted"));
}

#[test]
fn an_escape_outweighs_what_an_interrupt_left_undone() {
    let matrix = matrix(&["acks-one"], 2, [passes(), passes()]);
    assert_eq!((broken(&matrix).not_caught, matrix.judgement), (1, Judgement::Fail));
}

#[test]
fn an_experiment_without_a_control_is_listed_and_proves_nothing() {
    let subjects = [subject("baseline", &[])];
    let matrix = tally(&subjects, 5, &[], None);
    assert_eq!((matrix.judgement, matrix.planned_runs), (Judgement::Unknown, 0));
    assert_eq!(matrix.experiments[0].good, None);
    assert_eq!(matrix.sentence, "There is no broken design to catch.");
    let shown = crate::self_test::table(&matrix);
    assert!(shown.contains("baseline    broken design: none"), "{shown}");
    assert!(shown.contains("UNKNOWN: "), "{shown}");
}

#[test]
fn the_table_for_a_terminal_lines_up_and_says_below_a_row_why_it_was_not_caught() {
    let matrix = matrix(&["acks-one"], 2, [passes(), loses(10), passes(), loses(9)]);
    let expected = "\
experiment  broken design  must turn red            for this reason            caught
cut         acks-one       nothing-lost (delivery)  10 or more lost at log.in  1 of 2
    not caught, 1 of 2: nothing-lost failed for another reason: 9 lost at log.in, 10 or more expected.

good design  passed  false alarms  unknown
cut          2 of 2  0             0

FAIL: 0 of 1 broken designs were caught for the reason stated in each of 2 repeats, but not acks-one of cut (1 of 2); \
no false alarm in 2 runs of the good design.";
    assert_eq!(crate::self_test::table(&matrix), expected);
}
