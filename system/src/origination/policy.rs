//! What the lender wants: limits, deadlines, scores and prices.

use std::time::Duration;

use crate::domain::application::{LoanApplication, Product};
use crate::domain::money::AMOUNT_MAX;

/// How applications are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The bureaus that are asked, by name.
    pub(crate) bureaus: Vec<String>,
    /// How long a customer is waited for who is not known, or not identified, yet.
    pub(crate) customer_wait: Duration,
    /// How long bureaus have for their reports.
    pub(crate) reports_deadline: Duration,
    /// How many reports with a score a machine needs to judge.
    pub(crate) reports_needed: usize,
    /// The lowest score that is approved.
    pub(crate) approval_score: u16,
    /// How far below that a person judges.
    pub(crate) referral_margin: u16,
    /// How long a person has for that.
    pub(crate) manual_deadline: Duration,
    /// How long an offer holds.
    pub(crate) offer_expiry: Duration,
}

/// What the bureaus' answers lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Approve,
    Refer,
    Reject,
}

impl Policy {
    /// What a score leads to.
    pub(super) fn verdict(&self, score: u16) -> Verdict {
        if score >= self.approval_score {
            Verdict::Approve
        } else if score >= self.approval_score.saturating_sub(self.referral_margin) {
            Verdict::Refer
        } else {
            Verdict::Reject
        }
    }
}

/// Whether the lender makes such loans at all.
pub(super) fn allows(application: &LoanApplication) -> bool {
    let (principal_max, term_max) = limits(application.product);
    application.principal.minor_units <= principal_max && application.term_months <= term_max
}

/// The largest principal, in minor units, and the longest term, in months, of a product.
fn limits(product: Product) -> (i64, u16) {
    match product {
        Product::Personal => (7_500_000, 120),
        Product::Car => (15_000_000, 120),
        Product::Home => (AMOUNT_MAX, 480),
    }
}

/// The lowest scores and their nominal yearly rates, in basis points.
const RATES: &[(u16, u32)] = &[(750, 349), (650, 525), (550, 749), (450, 999)];
/// The rate of a lower score, and of one that is not known.
const RATE_MAX: u32 = 1_349;

/// The nominal yearly rate, in basis points, that a loan costs with this score.
pub(super) fn rate(score: Option<u16>) -> u32 {
    let score = score.unwrap_or(0);
    RATES.iter().find(|(lowest, _)| score >= *lowest).map_or(RATE_MAX, |(_, rate)| *rate)
}

/// The middle one of `scores`; of an even number, the middle between the two in the middle, rounded down.
pub(super) fn median(mut scores: Vec<u16>) -> Option<u16> {
    scores.sort_unstable();
    let upper = *scores.get(scores.len() / 2)?;
    let lower = scores[(scores.len() - 1) / 2];
    Some(lower + (upper - lower) / 2)
}

#[cfg(test)]
impl Policy {
    /// A policy with three bureaus, of which two must answer.
    pub(super) fn of_tests() -> Self {
        Self {
            bureaus: ["north", "east", "west"].map(str::to_owned).to_vec(),
            customer_wait: Duration::from_secs(60),
            reports_deadline: Duration::from_secs(30),
            reports_needed: 2,
            approval_score: 410,
            referral_margin: 20,
            manual_deadline: Duration::from_secs(86_400),
            offer_expiry: Duration::from_secs(600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_score_is_approved_and_those_below_it_are_referred_as_far_as_the_margin() {
        let policy = Policy::of_tests();
        let verdicts = [410, 409, 390, 389].map(|score| policy.verdict(score));
        assert_eq!(verdicts, [Verdict::Approve, Verdict::Refer, Verdict::Refer, Verdict::Reject]);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![500]), Some(500));
        assert_eq!(median(vec![700, 300]), Some(500));
        assert_eq!(median(vec![301, 304]), Some(302));
        assert_eq!(median(vec![850, 300, 410]), Some(410));
    }

    #[test]
    fn a_better_score_never_costs_more_and_an_unknown_one_the_most() {
        let rates: Vec<_> = (300..=850).map(|score| rate(Some(score))).collect();
        assert!(rates.is_sorted_by(|worse, better| worse >= better));
        assert_eq!(rate(None), rates[0]);
        assert_eq!(rate(Some(750)), 349);
    }
}
