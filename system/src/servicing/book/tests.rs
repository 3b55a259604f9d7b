use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::domain::ledger::LedgerKind;
use crate::domain::money::Currency;
use crate::domain::schedule::tests::plan;
use crate::messaging::contract::origination::Terms;
use crate::servicing::transfer::TransferKind;

const LOAN: Uuid = Uuid::from_u128(1);
const PRINCIPAL: Amount = Amount { currency: Currency::Eur, minor_units: 100_000 };
const MONTH: SignedDuration = SignedDuration::from_hours(720);

const POLICY: Policy = Policy {
    month: MONTH,
    waiting_command_max: SignedDuration::from_secs(60),
    dedup: Dedup::Inbox,
    compensation: true,
};

fn event<D: EventData>(data: D) -> Event<D> {
    Event::now(Cause { correlation_id: Uuid::new_v4(), causation_id: None, traceparent: None }, data)
}

fn accepted() -> Event<OfferAccepted> {
    let terms = Terms {
        principal: PRINCIPAL,
        rate_basis_points: 1_200,
        term_months: 12,
        instalment_minor_units: plan(PRINCIPAL.minor_units, 1_200, 12).instalment,
    };
    let customer_id = "c-1".to_owned().try_into().expect("sound");
    event(OfferAccepted { external_id: LOAN, customer_id, terms, application_version: 5 })
}

fn repayment(id: u128, minor_units: i64) -> Command {
    let amount = Amount { currency: Currency::Eur, minor_units };
    let data = RepaymentRequested { external_id: LOAN, repayment_id: Uuid::from_u128(1_000 + id), amount };
    Command::Repayment(event(data))
}

fn write_off() -> Command {
    Command::WriteOff(event(WriteOffRequested { external_id: LOAN }))
}

fn refused() -> RailResult {
    RailResult::Refused("ACCOUNT_CLOSED".to_owned())
}

/// The tables, as simple as can be.
struct World {
    policy: Policy,
    now: Timestamp,
    loan: Option<Loan>,
    /// In the order in which they were asked for, with the result where it is known.
    transfers: Vec<(Transfer, Option<RailResult>)>,
    ledger: BTreeMap<(Uuid, LedgerKind), Posting>,
    waiting: Vec<Command>,
    events: Vec<(String, Value)>,
}

impl World {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            now: Timestamp::UNIX_EPOCH,
            loan: None,
            transfers: Vec::new(),
            ledger: BTreeMap::new(),
            waiting: Vec::new(),
            events: Vec::new(),
        }
    }

    fn work(&mut self, work: impl FnOnce(&mut Book) -> Result<(), StoreError>) {
        let awaited = !self.waiting.is_empty();
        let loans = self.loan.clone().map(|loan| Held { loan, awaited });
        let transfers = self.transfers.iter().map(|(transfer, _)| transfer.clone()).collect();
        let known = Known { now: self.now, loans: loans.into_iter().collect(), transfers };
        let mut book = Book::new(self.policy, known);
        work(&mut book).expect("everything can be written as JSON");
        self.write(book.into_changes());
    }

    fn write(&mut self, changes: Changes) {
        for loan in changes.new_loans {
            assert!(self.loan.replace(loan).is_none(), "a loan is made once");
        }
        for loan in changes.changed_loans {
            self.loan = Some(loan);
        }
        for transfer in changes.transfers {
            if self.transfers.iter().all(|(known, _)| known.instruction_id != transfer.instruction_id) {
                self.transfers.push((transfer, None));
            }
        }
        for posting in changes.postings {
            assert_eq!(posting.amounts().iter().sum::<i64>(), 0);
            assert!(self.ledger.insert(posting.identity(), posting).is_none(), "booked twice: {posting:?}");
        }
        self.waiting.extend(changes.waiting.iter().map(|one| Command::parse(&one.payload).expect("a command")));
        for outgoing in changes.outgoing {
            let event: Value = serde_json::from_str(&outgoing.payload).expect("JSON");
            self.events.push((event["type"].as_str().expect("a type").to_owned(), event["data"].clone()));
        }
    }

    fn accept(&mut self) {
        self.work(|book| book.accepted(&accepted()));
    }

    fn command(&mut self, command: &Command) {
        self.work(|book| book.command(command, Turn::Arrived));
    }

    /// The commands that wait have their turn, where they may.
    fn sweep(&mut self, turn: Turn) {
        let ready = self.loan.as_ref().is_some_and(|loan| loan.status != LoanStatus::Approved);
        if ready || turn == Turn::Overdue {
            for command in std::mem::take(&mut self.waiting) {
                self.work(|book| book.command(&command, turn));
            }
        }
    }

    /// The rail speaks of the transfer at this place; only the first word counts.
    fn rail(&mut self, place: usize, result: &RailResult) {
        let Some((transfer, heard)) = self.transfers.get_mut(place) else { return };
        if heard.replace(heard.clone().unwrap_or_else(|| result.clone())).is_none() {
            let transfer = transfer.clone();
            self.work(|book| book.settled(&transfer, result));
        }
    }

    fn pass(&mut self, months: i32) {
        self.now += MONTH * months;
        self.work(|book| book.fall_due(LOAN));
    }

    fn paid_out() -> Self {
        let mut world = Self::new(POLICY);
        world.accept();
        world.rail(0, &RailResult::Executed);
        world
    }

    fn loan(&self) -> &Loan {
        self.loan.as_ref().expect("a loan")
    }

    fn names(&self) -> Vec<&str> {
        self.events.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Money that the rail moved: in is positive.
    fn moved(&self) -> i64 {
        let executed = self.transfers.iter().filter(|(_, heard)| *heard == Some(RailResult::Executed));
        executed
            .map(|(transfer, _)| match transfer.kind {
                TransferKind::Disbursement => -transfer.amount_minor_units,
                TransferKind::Repayment => transfer.amount_minor_units,
            })
            .sum()
    }

    fn booked(&self, account: usize) -> i64 {
        self.ledger.values().map(|posting| posting.amounts()[account]).sum()
    }

    /// What is earned is what was paid, as the events told it, and what is owed beside that.
    fn check_interest(&self) {
        let receivable = self.loan.as_ref().map_or(0, Loan::interest_receivable);
        assert!(receivable >= 0, "{receivable}");
        assert_eq!(self.ledger.values().map(Posting::receivable).sum::<i64>(), receivable);
        let paid = self.events.iter().filter_map(|(_, data)| data["interest_minor_units"].as_i64()).sum::<i64>();
        assert_eq!(self.ledger.values().map(Posting::interest).sum::<i64>(), -(paid + receivable));
    }

    /// What holds after every step.
    fn check(&self) {
        let outstanding = self.loan.as_ref().map_or(0, |loan| loan.outstanding_minor_units);
        assert_eq!(self.ledger.values().map(Posting::portfolio).sum::<i64>(), outstanding);
        self.check_interest();
        let payouts = self.transfers.iter().filter(|(one, _)| one.kind == TransferKind::Disbursement);
        assert!(payouts.count() <= 1, "one payout");
        let versions: Vec<_> = self.events.iter().filter_map(|(_, data)| data["loan_version"].as_i64()).collect();
        assert!(versions.iter().copied().eq(1..=versions.last().copied().unwrap_or(0)), "{versions:?}");
        assert_eq!(self.loan.as_ref().map_or(0, |loan| loan.version), versions.last().copied().unwrap_or(0));
        if self.loan.as_ref().is_some_and(|loan| loan.status != LoanStatus::Approved) {
            assert_eq!(self.booked(0), self.moved(), "the fund source has what the rail moved");
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Accept,
    Repay(u128, i64),
    WriteOff,
    Rail(usize, bool),
    Sweep,
    Pass(i32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Accept),
        6 => (0..6_u128, prop_oneof![Just(8_885), 1..30_000_i64, 1..200_000_i64]).prop_map(|(id, sum)| Step::Repay(id, sum)),
        1 => Just(Step::WriteOff),
        6 => (0..7_usize, prop::bool::weighted(0.8)).prop_map(|(place, executed)| Step::Rail(place, executed)),
        2 => Just(Step::Sweep),
        2 => (0..5_i32).prop_map(Step::Pass),
    ]
}

fn may_become(before: LoanStatus, after: LoanStatus) -> bool {
    use LoanStatus::{Active, Approved, ClosedObligationsMet, ClosedWrittenOff, Overpaid, Rejected};
    match before {
        _ if before == after => true,
        Approved => matches!(after, Active | Rejected),
        Active => matches!(after, ClosedObligationsMet | ClosedWrittenOff | Overpaid),
        ClosedObligationsMet => after == Overpaid,
        Rejected | ClosedWrittenOff | Overpaid => false,
    }
}

proptest! {
    #[test]
    fn whatever_comes_in_whatever_order_and_how_often_the_books_are_right(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(POLICY);
        let mut status = None;
        for step in &steps {
            match step {
                Step::Accept => world.accept(),
                Step::Repay(id, minor_units) => world.command(&repayment(*id, *minor_units)),
                Step::WriteOff => world.command(&write_off()),
                Step::Rail(place, true) => world.rail(*place, &RailResult::Executed),
                Step::Rail(place, false) => world.rail(*place, &refused()),
                Step::Sweep => world.sweep(Turn::Waited),
                Step::Pass(months) => world.pass(*months),
            }
            world.check();
            let now = world.loan.as_ref().map(|loan| loan.status);
            prop_assert!(status.is_none_or(|before| now.is_some_and(|after| may_become(before, after))));
            status = now;
        }
        // Nothing is left open: in the end every repayment was received or refused.
        world.sweep(Turn::Overdue);
        for place in 0..world.transfers.len() {
            world.rail(place, &RailResult::Executed);
        }
        world.sweep(Turn::Overdue);
        world.check();
        for step in steps {
            let Step::Repay(id, _) = step else { continue };
            let id = serde_json::json!(Uuid::from_u128(1_000 + id));
            let told = |name: &str| world.events.iter().any(|(kind, data)| kind == name && data["repayment_id"] == id);
            prop_assert!(told("RepaymentReceived") || told("RepaymentRefused"), "{}", id);
        }
    }
}

#[test]
fn an_accepted_offer_is_booked_once_and_paid_out_once() {
    let mut world = World::paid_out();
    world.accept();
    world.rail(0, &RailResult::Executed);
    world.check();
    assert_eq!(world.names(), ["LoanCreated", "LoanDisbursed"]);
    assert_eq!((world.loan().status, world.moved()), (LoanStatus::Active, -100_000));
}

#[test]
fn a_refused_payout_is_taken_back_by_new_entries() {
    let mut world = World::new(POLICY);
    world.accept();
    world.rail(0, &refused());
    world.check();
    assert_eq!(world.names(), ["LoanCreated", "DisbursementFailed"]);
    let kinds: Vec<_> = world.ledger.keys().map(|(_, kind)| *kind).collect();
    assert_eq!(kinds, [LedgerKind::Disbursement, LedgerKind::Reversal]);
    assert_eq!((world.loan().status, world.booked(0)), (LoanStatus::Rejected, 0));
}

#[test]
fn without_compensation_a_refused_payout_stays_booked() {
    let mut world = World::new(Policy { compensation: false, ..POLICY });
    world.accept();
    world.rail(0, &refused());
    assert_eq!((world.loan().status, world.booked(0)), (LoanStatus::Rejected, -100_000));
}

#[test]
fn without_deduplication_every_delivery_pays_out() {
    let mut world = World::new(Policy { dedup: Dedup::None, ..POLICY });
    world.accept();
    world.accept();
    world.rail(0, &RailResult::Executed);
    world.rail(1, &RailResult::Executed);
    assert_eq!(world.moved(), -200_000);
}

#[test]
fn commands_wait_until_the_loan_is_paid_out_and_keep_their_order() {
    let mut world = World::new(POLICY);
    world.command(&repayment(1, 8_885));
    world.accept();
    world.command(&write_off());
    assert_eq!((world.waiting.len(), world.names()), (2, vec!["LoanCreated"]));
    world.rail(0, &RailResult::Executed);
    world.command(&repayment(2, 8_885));
    assert_eq!(world.waiting.len(), 3, "who comes later does not overtake");
    world.sweep(Turn::Waited);
    assert_eq!(world.loan().status, LoanStatus::ClosedWrittenOff);
    assert_eq!(world.names(), ["LoanCreated", "LoanDisbursed", "LoanClosed", "RepaymentRefused"]);
}

#[test]
fn a_command_whose_loan_never_comes_is_refused() {
    let mut world = World::new(POLICY);
    world.command(&repayment(1, 100));
    world.command(&write_off());
    world.sweep(Turn::Overdue);
    assert_eq!(world.names(), ["RepaymentRefused", "CommandRefused"]);
    assert_eq!(world.events[0].1["reason"], "UNKNOWN");
}

#[test]
fn the_same_repayment_again_is_one_and_another_under_its_id_is_refused() {
    let mut world = World::paid_out();
    world.command(&repayment(1, 8_885));
    world.command(&repayment(1, 8_885));
    assert_eq!(world.transfers.len(), 2);
    world.command(&repayment(1, 8_886));
    assert_eq!(world.events.last().map(|(_, data)| &data["reason"]), Some(&Value::from("REPAYMENT_ID_USED")));
}

#[test]
fn a_repayment_that_closes_the_loan_says_so() {
    let mut world = World::paid_out();
    world.command(&repayment(1, 101_000));
    world.rail(1, &RailResult::Executed);
    world.check();
    assert_eq!(world.names()[2..], ["RepaymentReceived", "LoanClosed"]);
    assert_eq!(world.loan().status, LoanStatus::ClosedObligationsMet);
    world.command(&repayment(2, 1));
    assert_eq!(world.events.last().map(|(_, data)| &data["reason"]), Some(&Value::from("CLOSED_OBLIGATIONS_MET")));
}

#[test]
fn a_refused_repayment_books_nothing() {
    let mut world = World::paid_out();
    world.command(&repayment(1, 8_885));
    world.rail(1, &refused());
    world.check();
    assert_eq!((world.names()[2..].to_vec(), world.ledger.len()), (vec!["RepaymentRefused"], 1));
}

#[test]
fn what_is_not_paid_when_it_falls_due_is_told_once_and_what_is_given_up_is_a_loss() {
    let mut world = World::paid_out();
    world.pass(2);
    world.pass(0);
    assert_eq!(world.names()[2..], ["LoanInArrears", "LoanInArrears"]);
    world.command(&write_off());
    world.pass(5);
    world.check();
    assert_eq!(world.names()[4..], ["LoanClosed"]);
    assert_eq!(world.booked(4), 100_000);
}

#[test]
fn interest_is_booked_when_it_falls_due_paid_from_what_is_owed_and_taken_back_when_it_is_given_up() {
    let mut world = World::paid_out();
    world.pass(2);
    let earned = |world: &World| -world.ledger.values().map(Posting::interest).sum::<i64>();
    assert_eq!((earned(&world), world.loan().interest_receivable()), (1_921, 1_921));
    world.command(&repayment(1, 8_885));
    world.rail(1, &RailResult::Executed);
    world.check();
    assert_eq!((earned(&world), world.loan().interest_receivable()), (1_921, 921));
    world.command(&write_off());
    world.check();
    assert_eq!(earned(&world), 1_000, "what was paid");
}
