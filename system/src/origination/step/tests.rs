use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::application::{LoanApplication, tests::sound};
use crate::domain::stage::Stage;
use crate::origination::application::RequestState;

const VERIFIED: KnownCustomer = KnownCustomer { kyc: Kyc::Verified, credit_check: true };

fn wanted() -> LoanApplication {
    serde_json::from_value(sound()).expect("sound")
}

fn start() -> Timestamp {
    Timestamp::from_second(1_700_000_000).expect("an instant")
}

/// An application that is driven by hand, with its policy and a clock.
struct Case {
    policy: Policy,
    now: Timestamp,
    customer: Option<KnownCustomer>,
    application: Application,
    told: Vec<Happened>,
}

impl Case {
    fn begun(customer: Option<KnownCustomer>, wanted: LoanApplication) -> Self {
        let policy = Policy::of_tests();
        let mut application = Application::submitted(wanted, start());
        let told = begin(&mut application, Context { now: start(), policy: &policy, customer });
        Self { policy, now: start(), customer, application, told }
    }

    fn take(&mut self, input: Input) -> Vec<Happened> {
        let context = Context { now: self.now, policy: &self.policy, customer: self.customer };
        let told = step(&mut self.application, input, context);
        self.told.extend(told.clone());
        told
    }

    fn report(&mut self, bureau: &str, score: Option<u16>) -> Vec<Happened> {
        let request_id = request_id(self.application.wanted.external_id, bureau);
        self.take(Input::Report { request_id, score })
    }

    /// Waits until the instant that the application has set itself, and lets it come.
    fn wait(&mut self) -> Vec<Happened> {
        self.now = self.application.due_at.expect("it waits for something");
        self.take(Input::Due)
    }

    fn scored(scores: [Option<u16>; 3]) -> Self {
        let mut case = Self::begun(Some(VERIFIED), wanted());
        for (bureau, score) in ["north", "east", "west"].into_iter().zip(scores) {
            case.report(bureau, score);
        }
        case
    }

    fn at(&self) -> (Stage, Option<Reason>) {
        (self.application.stage, self.application.reason)
    }
}

#[test]
fn a_good_application_is_evaluated_offered_and_accepted() {
    let mut case = Case::begun(Some(VERIFIED), wanted());
    assert_eq!(case.application.stage, Stage::Underwriting);
    assert!(matches!(&case.told[..], [Happened::EvaluationStarted(started)] if started.bureaus.len() == 3));
    assert!(case.report("north", Some(700)).is_empty());
    assert!(case.report("west", Some(500)).is_empty());
    let told = case.report("east", Some(660));
    let [Happened::Decided(decided), Happened::OfferIssued(offer)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((decided.status, decided.score), (Decision::Approved, Some(660)));
    assert_eq!((offer.terms.rate_basis_points, offer.terms.term_months), (525, 48));
    assert_eq!(offer.terms.instalment_minor_units, instalment(1_250_000, 525, 48));
    assert_eq!(Some(offer.expires_at), case.application.due_at);
    assert!(
        matches!(&case.take(Input::Acceptance)[..], [Happened::OfferAccepted(taken)] if taken.terms == offer.terms)
    );
    assert_eq!(case.at(), (Stage::OfferAccepted, None));
    assert_eq!(case.application.version, 7, "one for each stage from the first");
}

#[test]
fn what_is_out_of_policy_is_rejected_at_once() {
    let mut body = sound();
    body["product"] = "personal".into();
    body["term_months"] = 121.into();
    let case = Case::begun(Some(VERIFIED), serde_json::from_value(body).expect("sound"));
    assert_eq!(case.at(), (Stage::Rejected, Some(Reason::OutOfPolicy)));
}

#[test]
fn a_customer_who_must_not_be_served_is_rejected_at_once() {
    let case = Case::begun(Some(KnownCustomer { kyc: Kyc::Rejected, credit_check: true }), wanted());
    assert_eq!(case.at(), (Stage::Rejected, Some(Reason::KycRejected)));
}

#[test]
fn a_customer_who_is_not_there_yet_is_waited_for_and_goes_on_when_he_comes() {
    let pending = KnownCustomer { kyc: Kyc::Pending, credit_check: false };
    let does_not_agree = KnownCustomer { kyc: Kyc::Verified, credit_check: false };
    for customer in [None, Some(pending), Some(does_not_agree)] {
        let mut case = Case::begun(customer, wanted());
        assert!(case.take(Input::CustomerChanged).is_empty());
        assert_eq!(case.application.stage, Stage::Enrichment);
        case.customer = Some(VERIFIED);
        case.take(Input::CustomerChanged);
        assert_eq!(case.application.stage, Stage::Underwriting);
    }
}

#[test]
fn a_customer_who_never_comes_is_given_up_after_the_wait_and_a_few_looks() {
    for (customer, reason) in [
        (None, Reason::CustomerUnknown),
        (Some(KnownCustomer { kyc: Kyc::Pending, credit_check: true }), Reason::KycRejected),
        (Some(KnownCustomer { kyc: Kyc::Verified, credit_check: false }), Reason::NoConsent),
    ] {
        let mut case = Case::begun(customer, wanted());
        let mut looks = 0;
        while case.application.stage == Stage::Enrichment {
            case.wait();
            looks += 1;
        }
        assert_eq!(case.at(), (Stage::Rejected, Some(reason)));
        assert_eq!(case.now, after(start(), case.policy.customer_wait));
        assert_eq!(looks, 7, "at 1, 2, 4, 8, 16, 32 and 60 s");
    }
}

#[test]
fn the_deadline_decides_with_what_has_come() {
    let mut case = Case::begun(Some(VERIFIED), wanted());
    case.report("north", Some(700));
    case.report("east", Some(600));
    case.wait();
    assert_eq!((case.application.stage, case.application.score), (Stage::OfferPending, Some(650)));
    assert_eq!(case.application.requests[2].state, RequestState::GivenUp);
    assert!(case.report("west", Some(300)).is_empty(), "it came too late");
    assert_eq!(case.application.score, Some(650));
}

#[test]
fn too_few_scores_are_for_a_person_at_the_highest_price() {
    let mut case = Case::scored([Some(700), None, None]);
    assert_eq!((case.application.stage, case.application.score), (Stage::ManualDecision, None));
    case.take(Input::Decision(Decision::Approved));
    assert_eq!(case.application.stage, Stage::OfferPending);
    assert_eq!(case.application.price.map(|price| price.rate_basis_points), Some(rate(None)));
}

#[test]
fn a_score_below_the_margin_is_rejected_and_one_within_is_for_a_person() {
    assert_eq!(Case::scored([Some(389); 3]).at(), (Stage::Rejected, Some(Reason::ScoreTooLow)));
    let mut case = Case::scored([Some(390); 3]);
    assert!(matches!(case.told.last(), Some(Happened::Referred(referred)) if referred.score == Some(390)));
    case.take(Input::Decision(Decision::Rejected));
    assert_eq!(case.at(), (Stage::Rejected, Some(Reason::RejectedByHand)));
}

#[test]
fn a_person_who_does_not_decide_in_time_has_rejected() {
    let mut case = Case::scored([Some(400); 3]);
    case.wait();
    assert_eq!(case.at(), (Stage::Rejected, Some(Reason::NotDecidedInTime)));
}

#[test]
fn an_offer_expires_or_is_refused_and_then_cannot_be_taken() {
    for (input, stage, reason) in [
        (Input::Due, Stage::OfferExpired, Reason::OfferExpired),
        (Input::Refusal, Stage::OfferRefused, Reason::OfferRefused),
    ] {
        let mut case = Case::scored([Some(700); 3]);
        assert!(case.take(Input::Due).is_empty(), "it is not due yet");
        case.now = case.application.due_at.expect("an expiry");
        assert!(matches!(&case.take(input)[..], [Happened::Withdrawn(withdrawn)] if withdrawn.reason == reason));
        assert_eq!(case.at(), (stage, Some(reason)));
        let told = case.take(Input::Acceptance);
        assert!(matches!(&told[..], [Happened::Refused(refused)] if refused.state == stage.name()), "{told:?}");
    }
}

#[test]
fn a_withdrawal_ends_an_application_and_nobody_waits_for_its_bureaus() {
    let mut case = Case::begun(Some(VERIFIED), wanted());
    case.report("north", Some(700));
    case.take(Input::Withdrawal);
    assert_eq!(case.at(), (Stage::Withdrawn, Some(Reason::WithdrawnByClient)));
    let states: Vec<_> = case.application.requests.iter().map(|request| request.state).collect();
    assert_eq!(states, [RequestState::Answered, RequestState::GivenUp, RequestState::GivenUp]);
    assert!(matches!(&case.take(Input::Withdrawal)[..], [Happened::Refused(_)]));
}

#[test]
fn a_report_that_nobody_asked_for_or_that_comes_again_changes_nothing() {
    let mut case = Case::begun(Some(VERIFIED), wanted());
    case.report("north", Some(700));
    let before = case.application.clone();
    assert!(case.report("north", Some(300)).is_empty());
    assert!(case.report("south", Some(300)).is_empty());
    assert_eq!(case.application, before);
}

fn customers() -> impl Strategy<Value = Option<KnownCustomer>> {
    let kyc = prop_oneof![Just(Kyc::Pending), Just(Kyc::Verified), Just(Kyc::Verified), Just(Kyc::Rejected)];
    prop::option::of(
        (kyc, prop::bool::weighted(0.8)).prop_map(|(kyc, credit_check)| KnownCustomer { kyc, credit_check }),
    )
}

/// Anything, a report of each bureau and of one that was not asked among it.
fn inputs() -> impl Strategy<Value = Input> {
    let bureau = prop_oneof![Just("north"), Just("east"), Just("west"), Just("south")];
    let report = (bureau, prop::option::weighted(0.8, 300_u16..=850))
        .prop_map(|(bureau, score)| Input::Report { request_id: request_id(wanted().external_id, bureau), score });
    prop_oneof![
        5 => report,
        1 => Just(Input::Withdrawal),
        2 => prop_oneof![Just(Decision::Approved), Just(Decision::Rejected)].prop_map(Input::Decision),
        2 => Just(Input::Acceptance),
        1 => Just(Input::Refusal),
        3 => Just(Input::Due),
        2 => Just(Input::CustomerChanged),
    ]
}

/// The version that an event says to be of.
fn version(happened: &Happened) -> Option<i64> {
    Some(match happened {
        Happened::EvaluationStarted(data) => data.application_version,
        Happened::Referred(data) => data.application_version,
        Happened::Decided(data) => data.application_version,
        Happened::OfferIssued(data) => data.application_version,
        Happened::OfferAccepted(data) => data.application_version,
        Happened::Withdrawn(data) => data.application_version,
        Happened::Refused(_) => return None,
    })
}

fn holds_after_each_step(before: &Application, after: &Application, told: &[Happened]) -> Result<(), TestCaseError> {
    prop_assert!(after.stage >= before.stage, "{:?} after {:?}", after.stage, before.stage);
    if before.stage.is_end() {
        prop_assert_eq!(after, before);
    }
    prop_assert_eq!(after.stage.is_end(), after.due_at.is_none(), "only an end waits for nothing");
    prop_assert_eq!(after.version == before.version, after.stage == before.stage, "a version is a stage");
    let asked = before.stage < Stage::Underwriting || after.requests.len() == before.requests.len();
    prop_assert!(asked, "requests are made once");
    let open = after.requests.iter().any(|request| request.state.is_open());
    prop_assert!(!open || after.stage == Stage::Underwriting, "nobody is asked without need");
    let versions: Vec<_> = told.iter().filter_map(version).collect();
    prop_assert!(versions.is_sorted_by(|first, next| first < next), "{versions:?}");
    prop_assert!(versions.iter().all(|version| (before.version + 1..=after.version).contains(version)));
    Ok(())
}

fn holds_over_a_life(told: &[Happened], end: Stage) -> Result<(), TestCaseError> {
    let count = |is: fn(&Happened) -> bool| told.iter().filter(|happened| is(happened)).count();
    let decisions = count(|happened| matches!(happened, Happened::Decided(_)));
    let accepted = count(|happened| matches!(happened, Happened::OfferAccepted(_)));
    let withdrawn = count(|happened| matches!(happened, Happened::Withdrawn(_)));
    prop_assert!(decisions <= 1);
    prop_assert!(count(|happened| matches!(happened, Happened::OfferIssued(_))) <= 1);
    prop_assert_eq!(accepted, usize::from(end == Stage::OfferAccepted));
    let left = [Stage::Withdrawn, Stage::OfferRefused, Stage::OfferExpired].contains(&end);
    prop_assert_eq!(withdrawn, usize::from(left));
    prop_assert!(decisions == 1 || end == Stage::Withdrawn, "{end:?} without a decision");
    Ok(())
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_an_application_goes_forward_and_comes_to_an_end(
        term_months in 1_u16..=140,
        first in customers(),
        happens in prop::collection::vec((inputs(), 0_u64..40, customers()), 0..40),
    ) {
        let mut case = Case::begun(first, LoanApplication { term_months, ..wanted() });
        holds_after_each_step(&Application::submitted(case.application.wanted.clone(), start()), &case.application, &case.told)?;
        for (input, seconds, customer) in happens {
            case.now = after(case.now, Duration::from_secs(seconds));
            case.customer = customer;
            let before = case.application.clone();
            let told = case.take(input);
            holds_after_each_step(&before, &case.application, &told)?;
        }
        // Left alone, it ends by its own deadlines.
        let mut waits = 0;
        while !case.application.stage.is_end() {
            let before = case.application.clone();
            let told = case.wait();
            holds_after_each_step(&before, &case.application, &told)?;
            waits += 1;
            prop_assert!(waits < 20, "stuck at {:?}", case.application.stage);
        }
        holds_over_a_life(&case.told, case.application.stage)?;
    }
}
