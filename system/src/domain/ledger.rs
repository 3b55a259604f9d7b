//! The double-entry ledger: transactions whose entries add up to zero, because nothing else can be made here.
//!
//! A debit is positive, a credit negative, both in minor units.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::money::Currency;

/// What a ledger transaction tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum LedgerKind {
    /// Money lent.
    Disbursement,
    /// Money that came in.
    Repayment,
    /// What is given up.
    Writeoff,
    /// Interest that is owed from now on.
    Accrual,
    /// Another transaction taken back.
    Reversal,
}

/// An account of the ledger, as auditors read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Account {
    /// The lender's money.
    FundSource,
    /// Principal that is owed.
    LoanPortfolio,
    /// Interest that is owed.
    InterestReceivable,
    /// Interest earned, paid or not.
    InterestOnLoans,
    /// What came beyond what was owed.
    Overpayment,
    /// What was given up.
    LossesWrittenOff,
}

/// A transaction to be booked: one amount per account, zero where it does not touch it. The fields are the columns of
/// the table `ledger_transaction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Posting {
    external_id: Uuid,
    kind: LedgerKind,
    instruction_id: Uuid,
    currency: Currency,
    fund_source: i64,
    loan_portfolio: i64,
    interest_on_loans: i64,
    overpayment: i64,
    losses_written_off: i64,
    interest_receivable: i64,
}

/// Which loan a transaction is about, what led to it, and its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occasion {
    pub(crate) external_id: Uuid,
    pub(crate) instruction_id: Uuid,
    pub(crate) currency: Currency,
}

/// What a repayment is used for, in minor units; none is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Parts {
    pub(crate) principal: i64,
    pub(crate) interest: i64,
    pub(crate) overpaid: i64,
}

/// What was owed and is given up, in minor units; none is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GivenUp {
    pub(crate) principal: i64,
    /// As far as it was accrued.
    pub(crate) interest: i64,
}

impl Posting {
    fn empty(occasion: Occasion, kind: LedgerKind) -> Self {
        let Occasion { external_id, instruction_id, currency } = occasion;
        Self {
            external_id,
            kind,
            instruction_id,
            currency,
            fund_source: 0,
            loan_portfolio: 0,
            interest_on_loans: 0,
            overpayment: 0,
            losses_written_off: 0,
            interest_receivable: 0,
        }
    }

    /// The principal leaves the fund source and is owed from now on.
    pub(crate) fn disbursement(occasion: Occasion, principal: i64) -> Self {
        Self { loan_portfolio: principal, fund_source: -principal, ..Self::empty(occasion, LedgerKind::Disbursement) }
    }

    /// Interest is earned, and owed until it is paid.
    pub(crate) fn accrual(occasion: Occasion, interest: i64) -> Self {
        Self {
            interest_receivable: interest,
            interest_on_loans: -interest,
            ..Self::empty(occasion, LedgerKind::Accrual)
        }
    }

    /// Money comes in, and is used for the parts. Its interest was accrued before.
    pub(crate) fn repayment(occasion: Occasion, parts: Parts) -> Self {
        Self {
            fund_source: parts.principal + parts.interest + parts.overpaid,
            loan_portfolio: -parts.principal,
            interest_receivable: -parts.interest,
            overpayment: -parts.overpaid,
            ..Self::empty(occasion, LedgerKind::Repayment)
        }
    }

    /// What is owed is given up: the principal is a loss, and interest that was not paid was not earned after all.
    pub(crate) fn write_off(occasion: Occasion, given_up: GivenUp) -> Self {
        let GivenUp { principal, interest } = given_up;
        Self {
            losses_written_off: principal,
            loan_portfolio: -principal,
            interest_on_loans: interest,
            interest_receivable: -interest,
            ..Self::empty(occasion, LedgerKind::Writeoff)
        }
    }

    /// The same with every sign turned: what takes this transaction back.
    pub(crate) fn reversed(self) -> Self {
        Self {
            kind: LedgerKind::Reversal,
            fund_source: -self.fund_source,
            loan_portfolio: -self.loan_portfolio,
            interest_on_loans: -self.interest_on_loans,
            overpayment: -self.overpayment,
            losses_written_off: -self.losses_written_off,
            interest_receivable: -self.interest_receivable,
            ..self
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Posting {
        /// What is booked, which kind it is, and for which instruction.
        pub(crate) fn identity(&self) -> (Uuid, LedgerKind) {
            (self.instruction_id, self.kind)
        }

        /// The amounts, account by account.
        pub(crate) fn amounts(&self) -> [i64; 6] {
            let Self { fund_source, loan_portfolio, interest_on_loans, overpayment, losses_written_off, .. } = *self;
            let receivable = self.interest_receivable;
            [fund_source, loan_portfolio, interest_on_loans, overpayment, losses_written_off, receivable]
        }

        /// What it adds to the account of principal that is owed.
        pub(crate) fn portfolio(&self) -> i64 {
            self.loan_portfolio
        }

        /// What it adds to the account of interest that is owed.
        pub(crate) fn receivable(&self) -> i64 {
            self.interest_receivable
        }

        /// What it adds to the account of interest earned.
        pub(crate) fn interest(&self) -> i64 {
            self.interest_on_loans
        }
    }

    const OCCASION: Occasion =
        Occasion { external_id: Uuid::from_u128(1), instruction_id: Uuid::from_u128(2), currency: Currency::Eur };

    proptest! {
        #[test]
        fn every_transaction_adds_up_to_zero_and_so_does_its_reversal(
            principal in 1..1_000_000_000_i64,
            interest in 0..1_000_000_000_i64,
            overpaid in 0..1_000_000_000_i64,
        ) {
            let all = [
                Posting::disbursement(OCCASION, principal),
                Posting::repayment(OCCASION, Parts { principal, interest, overpaid }),
                Posting::accrual(OCCASION, interest.max(1)),
                Posting::write_off(OCCASION, GivenUp { principal, interest }),
            ];
            for posting in all {
                prop_assert_eq!(posting.amounts().iter().sum::<i64>(), 0);
                prop_assert!(posting.amounts().iter().filter(|amount| **amount != 0).count() >= 2);
                let undone = posting.reversed();
                prop_assert!(posting.amounts().iter().zip(undone.amounts()).all(|(there, back)| *there == -back));
            }
        }
    }

    #[test]
    fn a_disbursement_debits_the_portfolio_and_credits_the_fund_source() {
        let posting = Posting::disbursement(OCCASION, 500);
        assert_eq!((posting.loan_portfolio, posting.fund_source), (500, -500));
    }

    #[test]
    fn interest_is_earned_once_it_is_owed_and_paying_it_earns_nothing_more() {
        let owed = Posting::accrual(OCCASION, 30);
        let paid = Posting::repayment(OCCASION, Parts { principal: 70, interest: 30, overpaid: 0 });
        assert_eq!((owed.receivable(), owed.interest()), (30, -30));
        assert_eq!((paid.receivable(), paid.interest(), paid.portfolio()), (-30, 0, -70));
    }

    #[test]
    fn what_is_given_up_is_a_loss_of_principal_and_interest_that_was_not_earned() {
        let given_up = Posting::write_off(OCCASION, GivenUp { principal: 70, interest: 30 });
        assert_eq!((given_up.losses_written_off, given_up.interest(), given_up.receivable()), (70, 30, -30));
    }
}
