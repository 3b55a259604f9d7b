//! A loan: what is owed, what a payment does to it, when an instalment falls due. Arithmetic only: it knows neither the
//! database nor the rail nor a clock.

mod accrual;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::customer::CustomerId;
use super::ledger::{GivenUp, Parts};
use super::money::{Amount, Currency};
use super::schedule::{Instalment, Plan};
use super::status::LoanStatus;

/// A loan as it stands. The fields are the columns of the table `loan`; amounts are in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Loan {
    pub(crate) external_id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) currency: Currency,
    pub(crate) principal_minor_units: i64,
    pub(crate) rate_basis_points: u32,
    pub(crate) term_months: u16,
    pub(crate) instalment_minor_units: i64,
    /// The time between two instalments, in microseconds.
    pub(crate) month_us: i64,
    pub(crate) status: LoanStatus,
    /// One more with every event that tells of a change.
    pub(crate) version: i64,
    /// The principal that is still owed: the loan's balance on the account LOAN_PORTFOLIO.
    pub(crate) outstanding_minor_units: i64,
    /// The first instalment that is not wholly paid, and what is paid of it.
    pub(crate) next_number: u16,
    pub(crate) next_principal_paid: i64,
    pub(crate) next_interest_paid: i64,
    /// When the rail paid it out; instalments are counted from here.
    pub(crate) disbursed_at: Option<Timestamp>,
    /// Every instalment up to this one has fallen due, and if it was not paid then, that was told.
    pub(crate) due_through: u16,
    /// When the next instalment that is not paid falls due; none where nothing more does.
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) correlation_id: Uuid,
    /// The event that made the loan.
    pub(crate) causation_id: Uuid,
    pub(crate) traceparent: Option<String>,
}

/// What a loan is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) external_id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) principal: Amount,
    pub(crate) plan: Plan,
    /// The time between two instalments.
    pub(crate) month: SignedDuration,
    pub(crate) correlation_id: Uuid,
    /// The event that makes the loan.
    pub(crate) causation_id: Uuid,
    pub(crate) traceparent: Option<String>,
}

/// An instalment that was wholly paid, or was not paid when it fell due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dated {
    pub(crate) instalment: Instalment,
    pub(crate) due_at: Timestamp,
}

/// What a payment was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repaid {
    pub(crate) parts: Parts,
    /// Instalments that it completed.
    pub(crate) settled: Vec<Dated>,
    /// Instalments whose interest was not accrued and is now, for it is paid before its time.
    pub(crate) accrued: Vec<Instalment>,
}

/// What has fallen due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FallenDue {
    /// Instalments that are not paid.
    pub(crate) overdue: Vec<Dated>,
    /// Those of them whose interest was not accrued and is now.
    pub(crate) accrued: Vec<Instalment>,
}

impl Loan {
    /// A loan that is not paid out yet: all of its principal is owed, and nothing is due.
    pub(crate) fn approved(grant: Grant) -> Self {
        Self {
            external_id: grant.external_id,
            customer_id: grant.customer_id,
            currency: grant.principal.currency,
            principal_minor_units: grant.principal.minor_units,
            rate_basis_points: grant.plan.rate_basis_points,
            term_months: grant.plan.term_months,
            instalment_minor_units: grant.plan.instalment,
            month_us: i64::try_from(grant.month.as_micros()).unwrap_or(i64::MAX),
            status: LoanStatus::Approved,
            version: 1,
            outstanding_minor_units: grant.principal.minor_units,
            next_number: 1,
            next_principal_paid: 0,
            next_interest_paid: 0,
            disbursed_at: None,
            due_through: 0,
            due_at: None,
            correlation_id: grant.correlation_id,
            causation_id: grant.causation_id,
            traceparent: grant.traceparent,
        }
    }

    /// The terms that its schedule follows from.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            rate_basis_points: self.rate_basis_points,
            term_months: self.term_months,
            instalment: self.instalment_minor_units,
        }
    }

    /// What is left of its schedule, the next instalment first and whole, whatever is paid of it.
    pub(crate) fn remaining(&self) -> impl Iterator<Item = Instalment> + use<> {
        let balance = if self.outstanding_minor_units > 0 { self.balance() } else { 0 };
        self.plan().remaining(self.next_number, balance)
    }

    /// When instalment `number` falls due: none before the loan is paid out.
    pub(crate) fn falls_due(&self, number: u16) -> Option<Timestamp> {
        let after = SignedDuration::from_micros(self.month_us.saturating_mul(i64::from(number)));
        self.disbursed_at.map(|start| start.checked_add(after).unwrap_or(Timestamp::MAX))
    }

    /// The money is with the client.
    pub(crate) fn disburse(&mut self, now: Timestamp) {
        self.status = LoanStatus::Active;
        self.disbursed_at = Some(now);
        self.set_timer();
    }

    /// It is not paid out, and nothing is owed.
    pub(crate) fn reject(&mut self) {
        self.end(LoanStatus::Rejected);
    }

    /// What is owed is given up. Returns how much that was.
    pub(crate) fn write_off(&mut self) -> GivenUp {
        let given_up = GivenUp { principal: self.outstanding_minor_units, interest: self.interest_receivable() };
        self.end(LoanStatus::ClosedWrittenOff);
        given_up
    }

    /// Takes `amount`: for the instalments that are due and the next one, in their order and the interest of each
    /// first; then for principal that is not due yet, which makes the schedule shorter; what is left is too much.
    ///
    /// Money that was still on its way when the loan ended is too much as a whole; a loan that was repaid is overpaid
    /// then, and every other end stays as it is.
    pub(crate) fn repay(&mut self, amount: i64, now: Timestamp) -> Repaid {
        let mut left = amount;
        let mut parts = Parts::default();
        let (mut settled, mut accrued) = (Vec::new(), Vec::new());
        let charged = self.charged_through(now);
        let accrued_before = self.accrued_through();
        while left > 0 && self.outstanding_minor_units > 0 && self.next_number <= charged {
            let next = self.next();
            let interest = left.min(next.interest - self.next_interest_paid);
            let principal = (left - interest).min(next.principal - self.next_principal_paid);
            if next.number > accrued_before && interest > 0 {
                accrued.push(next);
            }
            left -= interest + principal;
            parts.interest += interest;
            parts.principal += principal;
            self.next_interest_paid += interest;
            self.next_principal_paid += principal;
            self.outstanding_minor_units -= principal;
            if self.next_interest_paid == next.interest && self.next_principal_paid == next.principal {
                settled.extend(self.falls_due(next.number).map(|due_at| Dated { instalment: next, due_at }));
                self.begin_instalment(next.number.saturating_add(1));
            }
        }
        let ahead = left.min(self.outstanding_minor_units);
        self.outstanding_minor_units -= ahead;
        parts.principal += ahead;
        parts.overpaid = left - ahead;
        match self.status {
            LoanStatus::Active if parts.overpaid > 0 => self.end(LoanStatus::Overpaid),
            LoanStatus::Active if self.outstanding_minor_units == 0 => self.end(LoanStatus::ClosedObligationsMet),
            LoanStatus::Active => self.set_timer(),
            LoanStatus::ClosedObligationsMet if parts.overpaid > 0 => self.status = LoanStatus::Overpaid,
            _ => {}
        }
        Repaid { parts, settled, accrued }
    }

    /// Lets every instalment fall due that does until `now`. Returns those that are not paid, each once.
    pub(crate) fn fall_due(&mut self, now: Timestamp) -> FallenDue {
        if self.status != LoanStatus::Active {
            return FallenDue { overdue: Vec::new(), accrued: Vec::new() };
        }
        let accrued_before = self.accrued_through();
        let due = self.remaining().filter(|instalment| instalment.number > self.due_through);
        let dated = due.filter_map(|instalment| Some(Dated { instalment, due_at: self.falls_due(instalment.number)? }));
        let overdue: Vec<_> = dated.take_while(|dated| dated.due_at <= now).collect();
        if let Some(last) = overdue.last() {
            self.due_through = last.instalment.number;
        }
        self.set_timer();
        let owed = overdue.iter().map(|dated| dated.instalment);
        let accrued = owed.filter(|one| one.number > accrued_before && one.interest > 0).collect();
        FallenDue { overdue, accrued }
    }

    /// What closes it at `now`: the principal, and the interest of the instalments that are due and of the next one.
    pub(crate) fn payoff(&self, now: Timestamp) -> i64 {
        if self.status != LoanStatus::Active {
            return 0;
        }
        let charged = self.charged_through(now);
        let interest = self.remaining().take_while(|one| one.number <= charged).map(|one| one.interest).sum::<i64>();
        self.outstanding_minor_units + interest - self.next_interest_paid
    }

    /// How many instalments fell due without being paid and still are not, and what is owed of them.
    pub(crate) fn arrears(&self) -> (usize, i64) {
        if self.status != LoanStatus::Active {
            return (0, 0);
        }
        let overdue: Vec<_> = self.remaining().take_while(|one| one.number <= self.due_through).collect();
        let paid = if overdue.is_empty() { 0 } else { self.next_interest_paid + self.next_principal_paid };
        (overdue.len(), overdue.iter().map(|one| one.amount()).sum::<i64>() - paid)
    }

    /// The principal that was owed before the next instalment.
    fn balance(&self) -> i64 {
        self.outstanding_minor_units + self.next_principal_paid
    }

    fn next(&self) -> Instalment {
        self.plan().instalment(self.next_number, self.balance())
    }

    /// The last instalment whose interest is owed at `now`: the one after those that are due. Who has paid ahead of
    /// time owes that of the one that comes next.
    fn charged_through(&self, now: Timestamp) -> u16 {
        let elapsed = self.disbursed_at.map_or(0, |start| now.duration_since(start).as_micros());
        let due = elapsed / i128::from(self.month_us.max(1));
        u16::try_from(due.saturating_add(1)).unwrap_or(u16::MAX).max(self.next_number)
    }

    fn begin_instalment(&mut self, number: u16) {
        self.next_number = number;
        self.next_principal_paid = 0;
        self.next_interest_paid = 0;
    }

    fn set_timer(&mut self) {
        let look = self.due_through.saturating_add(1).max(self.next_number);
        let exists = self.remaining().any(|one| one.number == look);
        self.due_at = exists.then(|| self.falls_due(look)).flatten();
    }

    fn end(&mut self, status: LoanStatus) {
        self.status = status;
        self.outstanding_minor_units = 0;
        self.begin_instalment(self.next_number);
        self.due_at = None;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::schedule::tests::{plan, terms};

    const MONTH: SignedDuration = SignedDuration::from_hours(720);

    /// A loan at 12 % over a year that was paid out at the epoch.
    pub(crate) fn paid_out(principal: i64, rate_basis_points: u32, term_months: u16) -> Loan {
        let mut loan = Loan::approved(Grant {
            external_id: Uuid::from_u128(1),
            customer_id: "c-1".to_owned().try_into().expect("sound"),
            principal: Amount { currency: Currency::Eur, minor_units: principal },
            plan: plan(principal, rate_basis_points, term_months),
            month: MONTH,
            correlation_id: Uuid::from_u128(2),
            causation_id: Uuid::from_u128(3),
            traceparent: None,
        });
        loan.disburse(Timestamp::UNIX_EPOCH);
        loan
    }

    /// Halfway through a month: `after(0)` is before the first instalment falls due.
    pub(crate) fn after(months: i32) -> Timestamp {
        Timestamp::UNIX_EPOCH + MONTH * months + MONTH / 2
    }

    fn numbers(dated: &[Dated]) -> Vec<u16> {
        dated.iter().map(|one| one.instalment.number).collect()
    }

    #[test]
    fn a_loan_repaid_as_planned_closes_to_the_cent_with_the_planned_interest() {
        let mut loan = paid_out(100_000, 1_200, 12);
        let planned: Vec<_> = loan.remaining().collect();
        for (month, instalment) in (0..).zip(&planned) {
            assert_eq!(loan.status, LoanStatus::Active);
            let repaid = loan.repay(instalment.amount(), after(month));
            assert_eq!((repaid.parts.principal, repaid.parts.interest), (instalment.principal, instalment.interest));
            assert_eq!(numbers(&repaid.settled), [instalment.number]);
        }
        assert_eq!((loan.status, loan.outstanding_minor_units), (LoanStatus::ClosedObligationsMet, 0));
        assert_eq!(loan.due_at, None);
    }

    #[test]
    fn instalments_paid_all_at_once_and_ahead_of_time_still_follow_the_plan() {
        let mut loan = paid_out(100_000, 1_200, 12);
        for instalment in paid_out(100_000, 1_200, 12).remaining() {
            assert_eq!(loan.next_number, instalment.number);
            loan.repay(instalment.amount(), after(0));
        }
        assert_eq!(loan.status, LoanStatus::ClosedObligationsMet);
    }

    #[test]
    fn part_of_an_instalment_pays_its_interest_first() {
        let mut loan = paid_out(100_000, 1_200, 12);
        assert_eq!(loan.repay(600, after(0)).parts, Parts { interest: 600, ..Parts::default() });
        assert_eq!(loan.repay(600, after(0)).parts, Parts { interest: 400, principal: 200, overpaid: 0 });
        let rest = loan.repay(8_885 - 1_200, after(0));
        assert_eq!((rest.parts.interest, numbers(&rest.settled)), (0, vec![1]));
    }

    #[test]
    fn more_than_the_next_instalment_lowers_the_principal_and_shortens_the_schedule() {
        let mut loan = paid_out(100_000, 1_200, 12);
        let repaid = loan.repay(50_000, after(0));
        assert_eq!(repaid.parts, Parts { interest: 1_000, principal: 49_000, overpaid: 0 });
        let rest: Vec<_> = loan.remaining().collect();
        assert_eq!((rest[0].number, rest[0].interest), (2, 510));
        assert_eq!(rest.iter().map(|one| one.principal).sum::<i64>(), 51_000);
        assert_eq!(rest.last().map(|one| one.number), Some(7));
    }

    #[test]
    fn more_than_is_owed_is_told_apart_and_the_loan_is_overpaid() {
        let mut loan = paid_out(100_000, 1_200, 12);
        let repaid = loan.repay(101_001, after(0));
        assert_eq!(repaid.parts, Parts { interest: 1_000, principal: 100_000, overpaid: 1 });
        assert_eq!(loan.status, LoanStatus::Overpaid);
    }

    #[test]
    fn money_that_comes_after_the_end_is_overpaid_and_only_a_repaid_loan_says_so() {
        let mut repaid = paid_out(100_000, 1_200, 12);
        repaid.repay(101_000, after(0));
        assert_eq!(repaid.status, LoanStatus::ClosedObligationsMet);
        assert_eq!(repaid.repay(7, after(1)).parts, Parts { overpaid: 7, ..Parts::default() });
        assert_eq!(repaid.status, LoanStatus::Overpaid);
        let mut given_up = paid_out(100_000, 1_200, 12);
        assert_eq!(given_up.write_off(), GivenUp { principal: 100_000, interest: 0 });
        assert_eq!(given_up.repay(7, after(1)).parts, Parts { overpaid: 7, ..Parts::default() });
        assert_eq!(given_up.status, LoanStatus::ClosedWrittenOff);
    }

    #[test]
    fn an_instalment_that_is_not_paid_when_it_falls_due_is_told_once() {
        let mut loan = paid_out(100_000, 1_200, 12);
        assert_eq!(loan.due_at, Some(Timestamp::UNIX_EPOCH + MONTH));
        assert!(loan.fall_due(after(0)).overdue.is_empty());
        assert_eq!(numbers(&loan.fall_due(after(2)).overdue), [1, 2]);
        assert!(loan.fall_due(after(2)).overdue.is_empty());
        assert_eq!(loan.due_at, Some(Timestamp::UNIX_EPOCH + MONTH * 3));
        assert_eq!(loan.arrears(), (2, 17_770));
        let repaid = loan.repay(8_885, after(2));
        assert_eq!(numbers(&repaid.settled), [1]);
        assert_eq!(loan.arrears(), (1, 8_885));
    }

    #[test]
    fn an_instalment_that_was_paid_before_it_fell_due_wakes_nobody() {
        let mut loan = paid_out(100_000, 1_200, 12);
        loan.repay(8_885, after(0));
        assert_eq!(loan.due_at, Some(Timestamp::UNIX_EPOCH + MONTH * 2));
        assert!(loan.fall_due(after(1)).overdue.is_empty());
    }

    #[test]
    fn the_last_instalment_is_the_last_that_falls_due() {
        let mut loan = paid_out(100_000, 1_200, 12);
        assert_eq!(loan.fall_due(after(500)).overdue.len(), 12);
        assert_eq!(loan.due_at, None);
        assert_eq!(loan.payoff(after(500)), loan.arrears().1);
    }

    proptest! {
        #[test]
        fn what_closes_a_loan_closes_it_to_the_cent(
            (principal, rate, months) in terms(),
            before in prop::collection::vec((1..1_000_000_i64, 0..40_i32), 0..4),
            at in 40..700_i32,
        ) {
            let mut loan = paid_out(principal, rate, months);
            for (amount, month) in before {
                loan.fall_due(after(month));
                loan.repay(amount, after(month));
            }
            if loan.status == LoanStatus::Active {
                let payoff = loan.payoff(after(at));
                prop_assert!(payoff >= loan.outstanding_minor_units);
                let repaid = loan.repay(payoff, after(at));
                prop_assert_eq!(repaid.parts.overpaid, 0);
                prop_assert_eq!(loan.status, LoanStatus::ClosedObligationsMet);
            }
        }

        #[test]
        fn a_payment_is_used_to_the_cent_and_what_is_owed_only_falls(
            (principal, rate, months) in terms(),
            payments in prop::collection::vec((1..2_000_000_i64, 0..60_i32), 1..12),
        ) {
            let mut loan = paid_out(principal, rate, months);
            for (amount, month) in payments {
                let owed = loan.outstanding_minor_units;
                let Parts { principal, interest, overpaid } = loan.repay(amount, after(month)).parts;
                prop_assert_eq!(principal + interest + overpaid, amount);
                prop_assert!(principal >= 0 && interest >= 0 && overpaid >= 0);
                prop_assert_eq!(loan.outstanding_minor_units, owed - principal);
                let planned = loan.remaining().map(|one| one.principal).sum::<i64>() - loan.next_principal_paid;
                prop_assert_eq!(planned, loan.outstanding_minor_units);
            }
        }
    }
}
