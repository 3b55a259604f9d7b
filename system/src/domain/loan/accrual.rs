//! Interest between the day on which it is owed and the day on which it is paid.
//!
//! An instalment's interest is accrued once and whole: when the instalment falls due, or with the first cent of it that
//! is paid before. From then on it does not change: principal is paid ahead, which makes later interest less, only by
//! who has paid everything that is due. So how far interest is accrued follows from what is known of a loan anyway, and
//! nothing is stored for it.

use super::Loan;
use crate::domain::status::LoanStatus;

impl Loan {
    /// The last instalment whose interest is accrued; that of every one before it is, too.
    pub(super) fn accrued_through(&self) -> u16 {
        let begun = if self.next_interest_paid > 0 { self.next_number } else { self.next_number.saturating_sub(1) };
        begun.max(self.due_through)
    }

    /// Interest that is accrued and not paid: the loan's balance on the account INTEREST_RECEIVABLE, in minor units.
    pub(crate) fn interest_receivable(&self) -> i64 {
        if self.status != LoanStatus::Active {
            return 0;
        }
        let through = self.accrued_through();
        let accrued = self.remaining().take_while(|one| one.number <= through).map(|one| one.interest).sum::<i64>();
        accrued - self.next_interest_paid
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::ledger::GivenUp;
    use crate::domain::loan::tests::{after, paid_out};
    use crate::domain::schedule::{Instalment, Plan};

    /// A loan whose money is counted cent by cent, and whose months are passed one by one.
    struct Slow {
        plan: Plan,
        /// The instalment that is paid next, and the principal that was owed before it.
        number: u16,
        balance: i64,
        interest_paid: i64,
        principal_paid: i64,
        /// Months that have passed, and those of them that were looked at.
        month: u16,
        looked_at: u16,
        accrued: BTreeMap<u16, i64>,
        all_interest_paid: i64,
    }

    impl Slow {
        fn new(loan: &Loan) -> Self {
            Self {
                plan: loan.plan(),
                number: 1,
                balance: loan.outstanding_minor_units,
                interest_paid: 0,
                principal_paid: 0,
                month: 0,
                looked_at: 0,
                accrued: BTreeMap::new(),
                all_interest_paid: 0,
            }
        }

        fn open(&self) -> bool {
            self.balance > 0
        }

        /// The instalments that are not settled, with the whole of what each is, up to `month`.
        fn unpaid_until(&self, month: u16) -> Vec<Instalment> {
            let (mut balance, mut unpaid) = (self.balance, Vec::new());
            for number in self.number..=month {
                if balance > 0 {
                    unpaid.push(self.plan.instalment(number, balance));
                    balance -= self.plan.instalment(number, balance).principal;
                }
            }
            unpaid
        }

        fn look(&mut self) {
            for month in self.looked_at + 1..=self.month {
                for one in self.unpaid_until(month) {
                    self.accrued.entry(one.number).or_insert(one.interest);
                }
            }
            self.looked_at = self.month;
        }

        fn pay(&mut self, cents: i64) {
            let charged = (self.month + 1).max(self.number);
            for _ in 0..cents {
                if !self.open() {
                    return;
                }
                self.pay_cent(charged);
            }
            self.pass_settled();
        }

        fn pay_cent(&mut self, charged: u16) {
            self.pass_settled();
            let next = self.plan.instalment(self.number, self.balance);
            if self.number > charged {
                self.balance -= 1;
            } else if self.interest_paid < next.interest {
                self.accrued.entry(self.number).or_insert(next.interest);
                self.interest_paid += 1;
                self.all_interest_paid += 1;
            } else {
                self.principal_paid += 1;
            }
            self.pass_settled();
        }

        fn pass_settled(&mut self) {
            let next = self.plan.instalment(self.number, self.balance);
            let whole = (self.interest_paid, self.principal_paid) == (next.interest, next.principal);
            if self.open() && whole && next.amount() > 0 {
                self.number += 1;
                self.balance -= next.principal;
                (self.interest_paid, self.principal_paid) = (0, 0);
            }
        }

        fn receivable(&self) -> i64 {
            self.accrued.values().sum::<i64>() - self.all_interest_paid
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Pass(u16),
        Look,
        Pay(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1..4_u16).prop_map(Step::Pass),
            Just(Step::Look),
            (1..40_i64).prop_map(Step::Pay),
            (1..1_500_i64).prop_map(Step::Pay),
        ];
        prop::collection::vec(step, 1..40)
    }

    proptest! {
        #[test]
        fn interest_is_accrued_as_it_is_where_every_cent_and_every_month_is_taken_by_itself(
            principal in 500..3_000_i64, rate in prop_oneof![Just(0), 1..20_000_u32], months in 1..24_u16, steps in steps(),
        ) {
            let mut loan = paid_out(principal, rate, months);
            let mut slow = Slow::new(&loan);
            let mut accrued = BTreeMap::new();
            for step in steps {
                let now = after(i32::from(slow.month));
                let more = match step {
                    Step::Pass(months) => {
                        slow.month += months;
                        Vec::new()
                    }
                    Step::Look => {
                        slow.look();
                        loan.fall_due(now).accrued
                    }
                    Step::Pay(amount) => {
                        slow.pay(amount);
                        loan.repay(amount, now).accrued
                    }
                };
                for one in more {
                    prop_assert!(accrued.insert(one.number, one.interest).is_none(), "{} twice", one.number);
                }
                let expected: BTreeMap<_, _> = slow.accrued.iter().filter(|(_, interest)| **interest > 0).collect();
                prop_assert_eq!(accrued.iter().collect::<BTreeMap<_, _>>(), expected);
                prop_assert_eq!(loan.interest_receivable(), slow.receivable());
                prop_assert!(loan.status == LoanStatus::Active || slow.receivable() == 0);
            }
            let (receivable, open) = (slow.receivable(), loan.status == LoanStatus::Active);
            let principal = loan.outstanding_minor_units;
            let given_up = GivenUp { principal, interest: receivable };
            prop_assert!(!open || loan.write_off() == given_up);
            prop_assert_eq!(loan.interest_receivable(), 0);
        }
    }

    #[test]
    fn an_instalment_that_falls_due_is_accrued_and_paying_it_is_not_again() {
        let mut loan = paid_out(100_000, 1_200, 12);
        let interest = |accrued: Vec<Instalment>| accrued.iter().map(|one| one.interest).collect::<Vec<_>>();
        assert_eq!(interest(loan.fall_due(after(2)).accrued), [1_000, 921]);
        assert_eq!(loan.interest_receivable(), 1_921);
        assert_eq!(interest(loan.repay(8_885, after(2)).accrued), [0; 0]);
        assert_eq!(loan.interest_receivable(), 921);
    }

    #[test]
    fn who_pays_early_owes_the_interest_to_that_day_and_no_more() {
        let mut loan = paid_out(100_000, 1_200, 12);
        let repaid = loan.repay(101_000, after(0));
        assert_eq!(repaid.accrued.iter().map(|one| one.interest).collect::<Vec<_>>(), [1_000]);
        assert_eq!((loan.status, loan.interest_receivable()), (LoanStatus::ClosedObligationsMet, 0));
    }
}
