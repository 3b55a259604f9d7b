//! What is paid when: an annuity in whole minor units.
//!
//! Nothing of a schedule is stored. It is a function of the terms, of the number of the next instalment and of the
//! principal that is owed before it, so it is always the schedule of what is owed now.

/// Months times basis points in a whole: a rate of one basis point a year is one of these parts of the balance a month.
const PARTS: i128 = 12 * 10_000;

/// What a loan costs and how it is paid back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// A year's nominal rate: 525 is 5.25 %.
    pub(crate) rate_basis_points: u32,
    /// The number of the last instalment.
    pub(crate) term_months: u16,
    /// What is paid each month, in minor units.
    pub(crate) instalment: i64,
}

/// One month's payment, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instalment {
    /// From 1 to the term.
    pub(crate) number: u16,
    pub(crate) principal: i64,
    pub(crate) interest: i64,
}

impl Instalment {
    /// What is to be paid.
    pub(crate) fn amount(self) -> i64 {
        self.principal.saturating_add(self.interest)
    }
}

impl Plan {
    /// A month's interest on `balance`, rounded half up to whole minor units.
    pub(crate) fn interest(self, balance: i64) -> i64 {
        let parts = i128::from(balance) * i128::from(self.rate_basis_points);
        i64::try_from((2 * parts + PARTS) / (2 * PARTS)).unwrap_or(i64::MAX)
    }

    /// The instalment `number` where `balance` of the principal is owed before it. The last one takes what rounding has
    /// left, and a loan that was paid ahead has its last one sooner.
    pub(crate) fn instalment(self, number: u16, balance: i64) -> Instalment {
        let interest = self.interest(balance);
        let part = self.instalment.saturating_sub(interest);
        let last = number >= self.term_months || part >= balance;
        Instalment { number, principal: if last { balance } else { part.max(0) }, interest }
    }

    /// The instalments from `number` on, where `balance` of the principal is owed before it; none where nothing is.
    pub(crate) fn remaining(self, number: u16, balance: i64) -> impl Iterator<Item = Instalment> {
        let next = move |number, balance| (balance > 0).then(|| (self.instalment(number, balance), balance));
        std::iter::successors(next(number, balance), move |(paid, balance)| {
            next(paid.number.saturating_add(1), balance - paid.principal)
        })
        .map(|(instalment, _)| instalment)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use num_rational::BigRational;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::money::AMOUNT_MAX;

    fn ratio(numerator: i64, denominator: i64) -> BigRational {
        BigRational::new(numerator.into(), denominator.into())
    }

    fn whole(number: i64) -> BigRational {
        BigRational::from_integer(number.into())
    }

    /// A month's rate, exactly.
    fn rate(basis_points: u32) -> BigRational {
        ratio(i64::from(basis_points), 120_000)
    }

    /// (1 + rate)^months, exactly.
    fn growth(basis_points: u32, months: u16) -> BigRational {
        num_traits::pow(whole(1) + rate(basis_points), usize::from(months))
    }

    /// 1 + (1 + rate) + ... + (1 + rate)^(months - 1), exactly.
    fn growths(basis_points: u32, months: u16) -> BigRational {
        match basis_points {
            0 => whole(i64::from(months)),
            _ => (growth(basis_points, months) - whole(1)) / rate(basis_points),
        }
    }

    /// The annuity: principal x (1 + rate)^months / (1 + (1 + rate) + ... + (1 + rate)^(months - 1)), exactly.
    fn annuity(principal: i64, basis_points: u32, months: u16) -> BigRational {
        whole(principal) * growth(basis_points, months) / growths(basis_points, months)
    }

    /// A plan as origination offers it: the annuity, rounded half up.
    pub(crate) fn plan(principal: i64, rate_basis_points: u32, term_months: u16) -> Plan {
        let instalment = (annuity(principal, rate_basis_points, term_months) + ratio(1, 2)).floor().to_integer();
        Plan { rate_basis_points, term_months, instalment: instalment.try_into().expect("fits") }
    }

    pub(crate) fn terms() -> impl Strategy<Value = (i64, u32, u16)> {
        let principal = prop_oneof![1..=AMOUNT_MAX, 1..=2_000_i64, 100_000..=5_000_000_i64];
        let rate = prop_oneof![Just(0), 1..=3_000_u32, 1..=20_000_u32];
        (principal, rate, prop_oneof![1..=60_u16, 1..=600_u16])
    }

    #[test]
    fn a_loan_of_1000_over_a_year_at_12_percent_is_the_textbooks_schedule() {
        let schedule: Vec<_> = plan(100_000, 1_200, 12).remaining(1, 100_000).collect();
        assert_eq!(schedule.len(), 12);
        assert_eq!(schedule[0], Instalment { number: 1, principal: 7_885, interest: 1_000 });
        assert_eq!(schedule[1], Instalment { number: 2, principal: 7_964, interest: 921 });
        assert_eq!(schedule[11], Instalment { number: 12, principal: 8_796, interest: 88 });
    }

    #[test]
    fn without_interest_the_last_instalment_takes_the_odd_cent() {
        let schedule: Vec<_> = plan(1_000, 0, 3).remaining(1, 1_000).collect();
        let parts: Vec<_> = schedule.iter().map(|one| (one.principal, one.interest)).collect();
        assert_eq!(parts, [(333, 0), (333, 0), (334, 0)]);
    }

    #[test]
    fn half_a_cent_of_interest_is_a_cent() {
        let plan = Plan { rate_basis_points: 1_200, term_months: 12, instalment: 1 };
        assert_eq!((plan.interest(49), plan.interest(50), plan.interest(51)), (0, 1, 1));
    }

    proptest! {
        #[test]
        fn the_principal_parts_add_up_to_the_principal_and_no_part_is_negative((principal, rate, months) in terms()) {
            let schedule: Vec<_> = plan(principal, rate, months).remaining(1, principal).collect();
            prop_assert_eq!(schedule.iter().map(|one| one.principal).sum::<i64>(), principal);
            prop_assert!(schedule.iter().all(|one| one.principal >= 0 && one.interest >= 0));
            prop_assert!(schedule.len() <= usize::from(months));
            prop_assert!(schedule.iter().map(|one| one.number).eq(1..=u16::try_from(schedule.len()).expect("fits")));
        }

        #[test]
        fn interest_is_within_half_a_cent_of_the_exact_value((principal, basis_points, months) in terms()) {
            let mut balance = principal;
            for one in plan(principal, basis_points, months).remaining(1, principal) {
                let exact = whole(balance) * rate(basis_points);
                let above = whole(one.interest) - exact;
                prop_assert!(above <= ratio(1, 2) && above > ratio(-1, 2), "{one:?} on {balance}");
                balance -= one.principal;
            }
        }

        /// Each month rounds the interest by at most half a cent, and pays an instalment that is off by at most half a
        /// cent; what is off grows by the rate until the last one takes it all, with its own half cent of interest.
        #[test]
        fn the_last_instalment_is_off_by_what_the_roundings_grew_to((principal, basis_points, months) in terms()) {
            let plan = plan(principal, basis_points, months);
            let schedule: Vec<_> = plan.remaining(1, principal).collect();
            let last = *schedule.last().expect("one at least");
            prop_assert!(schedule.iter().rev().skip(1).all(|one| one.amount() == plan.instalment.max(one.interest)));
            // Where rounding lets it end sooner, the last one is smaller than the others, and that is all.
            if last.number < months {
                prop_assert!(last.amount() <= plan.instalment);
                return Ok(());
            }
            let off = whole(last.amount()) - annuity(principal, basis_points, months);
            let bound = growths(basis_points, months);
            prop_assert!(off <= bound && off >= -bound.clone(), "{last:?} is off by {off} of {bound}");
        }

        #[test]
        fn no_terms_make_it_panic_or_go_on_for_ever(
            principal in 0..=i64::MAX,
            rate_basis_points: u32,
            term_months: u16,
            instalment: i64,
        ) {
            let plan = Plan { rate_basis_points, term_months, instalment };
            prop_assert_eq!(plan.remaining(1, principal).map(|one| one.principal).sum::<i64>(), principal);
        }
    }
}
