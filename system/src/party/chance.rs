//! What looks like chance and is a function of an id, so that whoever asks again, also after a restart, gets the same.

use uuid::Uuid;

/// A number that is the same for the same id, and spread evenly over all numbers however alike the ids are.
pub(crate) fn of(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    mix(high ^ mix(low))
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), which spreads ids that differ in a few bits only.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
