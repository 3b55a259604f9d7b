//! A score that is a function of the application's id, so that whoever asks again gets the same answer.

use uuid::Uuid;

/// The lowest and the highest score.
const LOWEST: u64 = 300;
const HIGHEST: u64 = 850;

/// The score of `application`, spread evenly from 300 to 850: 410 and better is 80 % of all.
pub(crate) fn of(application: Uuid) -> u16 {
    let (high, low) = application.as_u64_pair();
    let score = LOWEST + mix(high ^ mix(low)) % (HIGHEST - LOWEST + 1);
    u16::try_from(score).unwrap_or(u16::MAX)
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), which spreads ids that differ in a few bits only.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_four_fifths_of_consecutive_ids_reach_410() {
        let approved = (0..10_000_u128).filter(|id| of(Uuid::from_u128(*id)) >= 410).count();
        assert!((7_800..8_200).contains(&approved), "{approved} of 10,000");
    }

    #[test]
    fn the_same_application_has_the_same_score() {
        let id = Uuid::from_u128(17);
        assert_eq!(of(id), of(id));
        assert!((300..=850).contains(&of(id)));
    }
}
