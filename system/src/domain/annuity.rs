//! The instalment of a loan that is repaid in equal parts.

use num_bigint::BigUint;

/// Basis points of a year's rate in a month's whole: 10,000 a year, twelve months a year.
const MONTHLY_WHOLE: u32 = 120_000;

/// What is paid each month so that `principal` minor units at a nominal yearly rate of `rate_basis_points` (525 is
/// 5.25 %) are repaid after `months`: the annuity `principal * i / (1 - (1 + i)^-months)` with the monthly rate
/// `i = rate / 12`, in minor units, rounded half up. The arithmetic is exact, so that everyone who computes it comes to
/// the same cent. Nothing is owed on no principal, or in no months.
pub(crate) fn instalment(principal: i64, rate_basis_points: u32, months: u16) -> i64 {
    let Ok(principal) = u64::try_from(principal) else { return 0 };
    if principal == 0 || months == 0 {
        return 0;
    }
    let (dividend, divisor) = match rate_basis_points {
        0 => (BigUint::from(principal), BigUint::from(months)),
        // With i = rate / whole, both sides of the fraction times whole^months:
        // principal * rate * (whole + rate)^months / (whole * ((whole + rate)^months - whole^months)).
        rate => {
            let grown = (BigUint::from(MONTHLY_WHOLE) + rate).pow(u32::from(months));
            let whole = BigUint::from(MONTHLY_WHOLE).pow(u32::from(months));
            let gained = &grown - whole;
            (grown * rate * principal, gained * MONTHLY_WHOLE)
        }
    };
    let rounded = (dividend * 2_u32 + &divisor) / (divisor * 2_u32);
    // Beyond any amount that is lent; no such loan is made.
    i64::try_from(rounded).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::money::{AMOUNT_MAX, AMOUNT_MIN};

    /// Twice what is owed after the last month where `twice_paid / 2` is paid each month, times whole^months: the
    /// loan's own course, month by month, in exact rationals over the common denominator.
    fn owed_at_the_end(principal: i64, rate: u32, months: u16, twice_paid: i64) -> BigInt {
        let mut owed = BigInt::from(principal) * 2;
        let mut denominator = BigInt::from(1);
        for _ in 0..months {
            denominator *= MONTHLY_WHOLE;
            owed = owed * (BigInt::from(MONTHLY_WHOLE) + rate) - &denominator * twice_paid;
        }
        owed
    }

    #[test]
    fn known_loans_have_their_known_instalments() {
        // 100,000.00 at 6 % over 30 years is the textbook's 599.55.
        assert_eq!(instalment(10_000_000, 600, 360), 59_955);
        assert_eq!(instalment(1_200, 0, 12), 100);
        assert_eq!(instalment(1_001, 0, 2), 501, "half a cent goes up");
        // One month at 12 % a year: the whole and its hundredth.
        assert_eq!(instalment(10_000, 1_200, 1), 10_100);
        assert_eq!(instalment(0, 525, 12), 0);
    }

    proptest! {
        #[test]
        fn half_a_cent_less_would_not_repay_the_loan_and_half_a_cent_more_would_be_too_much(
            principal in AMOUNT_MIN..=AMOUNT_MAX, rate in 0_u32..=5_000, months in 1_u16..=600,
        ) {
            let paid = instalment(principal, rate, months);
            prop_assert!(owed_at_the_end(principal, rate, months, paid * 2 - 1) >= BigInt::from(0));
            prop_assert!(owed_at_the_end(principal, rate, months, paid * 2 + 1) < BigInt::from(0));
        }
    }
}
