//! What the check of a limit says of histories written by hand; what a bucket can have done is tested beside it.

use crate::Judgement::{Fail, Pass, Unknown};
use crate::testing::{Script, figure, judged, judged_within};
use crate::{Budget, Finding};
use proofload_history::{Id, Phase};
use proptest::prelude::*;

const TABLE: &str = "over = [\"greedy\"]\nbelow = [\"modest\"]\nlimit = \"20/s\"\nburst = 5\nduring = \"steady\"";
const FIGURES: [&str; 3] = ["rejected_below_requests", "accepted_above_requests", "rejected_over_requests"];

const GREEDY: u16 = 1;
const MODEST: u16 = 2;

fn id(stream: u16, counter: u64) -> Id {
    Id::issued(Script::SEED, stream, counter)
}

/// A steady phase of 10 s, in which nothing was sent yet.
fn phase() -> Script {
    let mut script = Script::new();
    script.phases(&[(0.0, Phase::Steady), (10.0, Phase::Drain)]);
    script.traffic(GREEDY, "greedy").traffic(MODEST, "modest");
    script
}

/// For 10 s `greedy` sends 100/s, every `nth` of which is accepted, and `modest` 5/s, all accepted but those that
/// `rejected` picks. Answers take 10 ms.
fn run(nth: u64, rejected: impl Fn(u64) -> bool) -> Script {
    let mut script = phase();
    for n in 0..1_000 {
        let status = if n % nth == 0 { 202 } else { 429 };
        script.request(id(GREEDY, n), (n * 10, n * 10 + 10), Some(status));
    }
    for n in 0..50 {
        let status = if rejected(n) { 429 } else { 202 };
        script.request(id(MODEST, n), (n * 200, n * 200 + 10), Some(status));
    }
    script
}

fn says(script: &Script) -> Finding {
    judged("rate_limit", TABLE, &script.history())
}

fn figures(finding: &Finding) -> [Option<f64>; 3] {
    FIGURES.map(|name| figure(finding, name))
}

#[test]
fn a_limit_that_holds_passes() {
    let finding = says(&run(5, |_| false));
    assert_eq!(finding.judgement, Pass, "{}", finding.sentence);
    assert_eq!(figures(&finding), [Some(0.0), Some(0.0), Some(800.0)]);
    assert_eq!((figure(&finding, "over_requests"), figure(&finding, "below_requests")), (Some(1_000.0), Some(50.0)));
    let sentence = "Of 1,000 requests of greedy, beyond 20/s and a burst of 5, 800 were rejected, and of 50 requests of \
                    modest, below it, none was.";
    assert_eq!(finding.sentence, sentence);
}

#[test]
fn what_was_accepted_beyond_the_limit_fails_and_the_last_of_it_is_named() {
    let finding = says(&run(4, |_| false));
    // 25/s: 248 in the first 9.89 s, where 197.8 + 6 can pass. No window has more that are too many.
    assert_eq!(finding.judgement, Fail, "{}", finding.sentence);
    assert_eq!(figures(&finding), [Some(0.0), Some(45.0), Some(750.0)]);
    let says = "A limit of 20/s and a burst of 5 does not hold: of greedy it accepted 248 from 0.0 s to 9.9 s, where 203 \
                can pass.";
    assert_eq!((finding.sentence.as_str(), finding.offenders_total), (says, 45));
    let named: Vec<Option<Id>> = finding.offenders.iter().map(|offender| offender.id).collect();
    let accepted: Vec<Option<Id>> = (203..248).map(|nth| Some(id(GREEDY, 4 * nth))).collect();
    assert_eq!(named, accepted);
    let last = finding.offenders.last().unwrap();
    assert_eq!(last.defect, "accepted_above");
    assert_eq!(last.detail, "place_order of greedy: 248 from 0.0 s to 9.9 s, where 203 can pass");
}

#[test]
fn one_rejection_below_the_limit_fails_and_is_named_with_what_was_done_then() {
    let mut script = run(5, |n| n == 25);
    let finding = says(script.fault(4.9, 5.1, "cut"));
    assert_eq!((finding.judgement, figures(&finding)[0]), (Fail, Some(1.0)), "{}", finding.sentence);
    assert_eq!(finding.offenders_total, 1);
    let wronged = &finding.offenders[0];
    assert_eq!((wronged.id, wronged.defect.as_str()), (Some(id(MODEST, 25)), "rejected_below"));
    assert_eq!((wronged.at.unwrap().secs(), wronged.during.as_slice()), (5.01, ["cut".to_owned()].as_slice()));
    assert!(finding.sentence.contains("of 50 requests of modest, which stayed below, 1 was rejected"));
}

#[test]
fn a_rejection_of_one_who_may_have_been_beyond_the_limit_itself_proves_nothing() {
    let mut script = run(5, |_| false);
    for n in 0..10 {
        let status = if n < 5 { 202 } else { 429 };
        script.request(id(MODEST, 100 + n), (5_001, 5_011), Some(status));
    }
    let finding = says(&script);
    assert_eq!((finding.judgement, figures(&finding)[0]), (Unknown, None), "{}", finding.sentence);
    assert!(finding.sentence.contains("may itself have been beyond the limit"), "{}", finding.sentence);
}

#[test]
fn how_full_the_bucket_may_have_been_is_asked_when_a_request_was_sent_and_not_when_it_was_answered() {
    let mut script = phase();
    for n in 0..5 {
        script.request(id(MODEST, n), (4_999, 5_000), Some(202));
    }
    // The sixth in 2 ms. Before it is answered the bucket has earned enough, and another request was sent.
    script.request(id(MODEST, 5), (5_001, 6_000), Some(429)).request(id(MODEST, 6), (5_900, 6_100), Some(202));
    let finding = says(&script);
    assert_eq!((finding.judgement, figures(&finding)[0]), (Unknown, None), "{}", finding.sentence);
}

#[test]
fn nobody_over_the_limit_is_unknown() {
    let mut script = phase();
    for n in 0..50 {
        script.request(id(GREEDY, n), (n * 100, n * 100 + 10), Some(202));
        script.request(id(MODEST, n), (n * 200, n * 200 + 10), Some(202));
    }
    let finding = says(&script);
    assert_eq!((finding.judgement, figures(&finding)[1]), (Unknown, None));
    assert!(finding.sentence.contains("nobody was over the limit: greedy"), "{}", finding.sentence);
    assert_eq!(says(&phase()).judgement, Unknown, "nobody sent anything");
}

#[test]
fn one_over_the_limit_whom_something_else_stopped_is_unknown() {
    let mut script = phase();
    for n in 0..1_000 {
        let status = if n % 5 == 0 { 202 } else { 503 };
        script.request(id(GREEDY, n), (n * 10, n * 10 + 10), Some(status));
    }
    script.request(id(MODEST, 0), (0, 10), Some(202));
    let finding = says(&script);
    assert_eq!(finding.judgement, Unknown);
    assert!(finding.sentence.contains("no request of greedy was rejected"), "{}", finding.sentence);
    let told_so = judged("rate_limit", &format!("{TABLE}\nstatus = 503"), &script.history());
    assert_eq!(told_so.judgement, Pass, "{}", told_so.sentence);
}

#[test]
fn no_answer_to_anyone_below_is_unknown() {
    let mut script = phase();
    for n in 0..1_000 {
        script.request(id(GREEDY, n), (n * 10, n * 10 + 10), Some(if n % 5 == 0 { 202 } else { 429 }));
    }
    let silent = says(&script);
    script.request(id(MODEST, 0), (0, 5_000), None);
    for finding in [silent, says(&script)] {
        assert_eq!((finding.judgement, figures(&finding)[0]), (Unknown, None));
        assert!(finding.sentence.contains("no request of modest was answered"), "{}", finding.sentence);
    }
}

#[test]
fn a_defect_stands_though_nobody_was_over_the_limit() {
    let mut script = phase();
    script.request(id(MODEST, 0), (0, 10), Some(202)).request(id(MODEST, 1), (2_000, 2_010), Some(429));
    assert_eq!(says(&script).judgement, Fail);
}

#[test]
fn own_ids_are_their_arrivals_and_other_traffic_and_other_phases_do_not_count() {
    let mut script = run(5, |_| false);
    script.traffic(3, "others");
    for n in 0..500 {
        script.request(id(GREEDY, n).own(1), (11_000, 11_010), Some(202));
        script.request(id(3, n), (5_000, 5_010), Some(202)).request(id(3, n), (5_000, 5_010), Some(429));
        script.request(Id::of(&format!("stranger {n}")), (5_000, 5_010), Some(202));
    }
    assert_eq!(says(&script).judgement, Pass);
    for n in 0..50 {
        script.request(id(GREEDY, n).own(1), (5_000, 5_010), Some(202));
    }
    // 51 in 10 ms, where 0.2 + 6 can pass.
    let finding = says(&script);
    assert_eq!((finding.judgement, figures(&finding)[1]), (Fail, Some(45.0)));
}

#[test]
fn in_a_damaged_history_a_rejection_below_is_not_certain_and_all_else_is_not_passed() {
    for script in [run(5, |_| false), run(5, |n| n == 25)] {
        let finding = says(script.clone().damaged("the file of operations breaks off"));
        assert_eq!((finding.judgement, figures(&finding)[0]), (Unknown, None));
    }
    assert_eq!(says(run(4, |_| false).damaged("the file of operations breaks off")).judgement, Fail);
}

#[test]
fn traffic_that_is_on_no_side_or_on_both_is_refused() {
    let about = crate::checks::find("rate_limit").unwrap();
    for (sides, says) in [
        ("over = []\nbelow = [\"a\"]", "two sides"),
        ("over = [\"a\"]\nbelow = []", "two sides"),
        ("over = [\"a\"]\nbelow = [\"b\", \"a\"]", "`a` is named twice"),
    ] {
        let text = format!("{sides}\nlimit = \"20/s\"\nburst = 5");
        let table = toml::de::DeTable::parse(&text).unwrap();
        let value = toml::Spanned::new(table.span(), toml::de::DeValue::Table(table.into_inner()));
        let error = (about.parse)(value.into()).unwrap_err();
        assert!(error.message().contains(says), "{}", error.message());
    }
}

#[test]
fn each_traffic_is_told_with_what_became_of_its_requests() {
    let mut script = phase();
    // 0.2 requests are earned in the 10 ms, beside the burst and one.
    for n in 0..30 {
        script.request(id(GREEDY, n), (5_000, 5_010), Some(if n < 5 { 202 } else { 429 }));
    }
    script.request(id(GREEDY, 30), (6_000, 9_000), None);
    script.request(id(MODEST, 0), (0, 10), Some(202)).request(id(MODEST, 1), (2_000, 2_010), Some(429));
    script.request(id(MODEST, 2), (4_000, 9_000), None);
    let told: Vec<String> =
        says(&script).evidence.into_iter().map(|line| format!("{}: {}", line.label, line.text)).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    greedy: sent 31 requests, 5 accepted, 25 rejected; asked for: 30 from 5.0 s to 5.0 s, where 6 can pass; granted: never more than the limit lets through
    modest: sent 3 requests, 2 answered; 1 rejected though there was room, 0 while it may itself have been beyond the limit
    ");
}

/// A request: whether it is of the greedy one, when it was sent, how long it took, its status.
fn request() -> impl Strategy<Value = (bool, u64, u64, Option<u16>)> {
    let status = prop_oneof![4 => Just(Some(202)), 2 => Just(Some(429)), 1 => Just(Some(503)), 1 => Just(None)];
    (any::<bool>(), 0_u64..12_000, 0_u64..2_000, status)
}

proptest! {
    #[test]
    fn the_finding_is_the_same_in_however_many_passes_requests_are_put_in_order(
        requests in proptest::collection::vec(request(), 0..120),
    ) {
        let mut script = phase();
        for (n, (greedy, sent, took, status)) in (0..).zip(requests) {
            script.request(id(if greedy { GREEDY } else { MODEST }, n), (sent, sent + took), status);
        }
        let (history, table) = (script.history(), TABLE.replace("20/s", "1/s"));
        let whole = judged("rate_limit", &table, &history);
        for passes in [2, 9] {
            prop_assert_eq!(&judged_within(Budget::Passes(passes), "rate_limit", &table, &history).unwrap(), &whole);
        }
    }
}
