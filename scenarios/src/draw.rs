//! Deterministic numbers.
//!
//! A seed must give the same traffic in every version of proofload, and general random number crates do not promise
//! that of their generators. SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014;
//! constants of Vigna's reference code) is six lines and good enough for arrivals and choices.

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of numbers that is a function of what it was made from.
#[derive(Clone, Debug)]
pub(crate) struct Draws(u64);

impl Draws {
    /// The stream of `words`: any other words give an unrelated stream.
    pub(crate) fn of(words: &[u64]) -> Self {
        Self(words.iter().fold(0, |state, word| mix(state ^ word).wrapping_add(GAMMA)))
    }

    /// The next number of the whole range.
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// The next number in `[0, 1)`, with 53 random bits.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next number below `bound`, which is not 0; the bias is below `bound / 2^64` (Lemire's multiplication).
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(bound)) >> 64) as u64
    }
}

fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference_code() {
        // Vigna's splitmix64.c, state 0.
        let mut draws = Draws(0);
        let first = [draws.word(), draws.word(), draws.word()];
        assert_eq!(first, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
    }

    #[test]
    fn other_words_give_another_stream() {
        let firsts: Vec<u64> =
            [&[1, 2][..], &[2, 1], &[1], &[1, 2, 0]].map(|words| Draws::of(words).word()).into_iter().collect();
        for (index, first) in firsts.iter().enumerate() {
            assert!(!firsts[..index].contains(first), "{firsts:x?}");
        }
    }

    #[test]
    fn numbers_below_a_bound_reach_all_of_it_and_nothing_else() {
        let mut draws = Draws::of(&[7]);
        let mut seen = [0u32; 5];
        for _ in 0..5_000 {
            seen[draws.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (800..1_200).contains(count)), "{seen:?}");
    }
}
