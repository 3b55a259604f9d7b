//! A score that is a function of the application's id and the bureau, so that whoever asks again gets the same answer.

use uuid::Uuid;

use crate::party::chance;

/// The lowest and the highest score.
const LOWEST: u16 = 300;
const HIGHEST: u16 = 850;
/// How many opinions bureaus can have of one customer, and the one in the middle.
const SPREAD: u64 = 31;
const MIDDLE: u16 = 15;
/// One in so many is not known to a bureau.
const UNKNOWN: u64 = 100;

/// The score of the application `external_id` at `bureau`; none where the bureau knows nothing of the customer, which is
/// so for one in a hundred. Scores are spread evenly from 300 to 850: 410 and better is 80 % of all.
pub(crate) fn of(external_id: Uuid, bureau: &str) -> Option<u16> {
    let common = LOWEST + below(chance::of(external_id), u64::from(HIGHEST - LOWEST) + 1);
    let (opinion, knowledge) = Uuid::new_v5(&external_id, bureau.as_bytes()).as_u64_pair();
    let own = (common + below(opinion, SPREAD)).saturating_sub(MIDDLE);
    // The lowest bits of a v5 id are free of its version and variant.
    (knowledge % UNKNOWN != 0).then_some(own.clamp(LOWEST, HIGHEST))
}

/// `value` modulo a `bound` that fits a score.
fn below(value: u64, bound: u64) -> u16 {
    u16::try_from(value % bound).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_four_fifths_of_consecutive_ids_reach_410() {
        let scores: Vec<u16> = (0..10_000_u128).filter_map(|id| of(Uuid::from_u128(id), "north")).collect();
        assert!((9_850..=9_950).contains(&scores.len()), "{} of 10,000 are known", scores.len());
        let approved = scores.iter().filter(|score| **score >= 410).count();
        assert!((7_700..8_150).contains(&approved), "{approved} of 10,000");
        assert!(scores.iter().all(|score| (300..=850).contains(score)));
    }

    #[test]
    fn a_bureau_has_one_opinion_and_it_is_near_to_the_others() {
        for id in (0..1_000).map(Uuid::from_u128) {
            let opinions: Vec<_> = ["north", "east", "west"].iter().filter_map(|bureau| of(id, bureau)).collect();
            assert_eq!(of(id, "north"), of(id, "north"));
            let (least, most) = (opinions.iter().min(), opinions.iter().max());
            assert!(most.zip(least).is_none_or(|(most, least)| most - least <= 30), "{opinions:?}");
        }
    }
}
