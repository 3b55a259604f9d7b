//! How the rail treats a request, drawn by chance; and which instructions it refuses, which is no chance at all.

use rand::Rng;
use uuid::Uuid;

use super::transfer::Verdict;
use crate::config::rail::Conduct;
use crate::party::chance;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is executed and answered.
    Answered,
    /// It fails and nothing is executed.
    FailedBefore,
    /// It is executed and fails all the same.
    FailedAfter,
    /// It is executed and never answered.
    Silent,
}

impl Conduct {
    /// Draws a request's fate.
    pub(super) fn fate(&self, random: &mut impl Rng) -> Fate {
        let drawn = random.random::<f64>();
        let after = self.error_before + self.error_after;
        match drawn {
            _ if drawn < self.error_before => Fate::FailedBefore,
            _ if drawn < after => Fate::FailedAfter,
            _ if drawn < after + self.silence => Fate::Silent,
            _ => Fate::Answered,
        }
    }
}

/// The verdict on an instruction, which is a function of its id alone: every repeat, and every restart, comes to the
/// same. `refusal` is the share that is refused.
pub(super) fn verdict(instruction: Uuid, refusal: f64) -> Verdict {
    // 53 bits fill a float's mantissa: evenly spread from 0 to below 1.
    let place = (chance::of(instruction) >> 11) as f64 / (1_u64 << 53) as f64;
    if place < refusal { Verdict::Refused } else { Verdict::Executed }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::party::latency::Latency;

    /// A rail that answers at once and never fails.
    pub(crate) fn good() -> Conduct {
        let latency = Latency::new(Duration::from_micros(1), Duration::from_micros(1)).expect("sound");
        Conduct { latency, error_before: 0.0, error_after: 0.0, silence: 0.0, refusal: 0.0 }
    }

    #[test]
    fn the_share_asked_for_is_refused_and_always_the_same_instructions() {
        let refused = |share| {
            let ids = (0..10_000_u128).map(Uuid::from_u128);
            ids.filter(|id| verdict(*id, share) == Verdict::Refused).collect::<Vec<_>>()
        };
        assert!((1_800..2_200).contains(&refused(0.2).len()), "{}", refused(0.2).len());
        assert_eq!(refused(0.2), refused(0.2));
        assert_eq!((refused(0.0).len(), refused(1.0).len()), (0, 10_000));
    }

    #[test]
    fn requests_have_their_fates_in_the_shares_asked_for() {
        let conduct = Conduct { error_before: 0.1, error_after: 0.2, silence: 0.3, ..good() };
        let mut random = StdRng::seed_from_u64(7);
        let fates: Vec<_> = (0..10_000).map(|_| conduct.fate(&mut random)).collect();
        let share = |fate| fates.iter().filter(|drawn| **drawn == fate).count();
        for (fate, expected) in
            [(Fate::FailedBefore, 1_000), (Fate::FailedAfter, 2_000), (Fate::Silent, 3_000), (Fate::Answered, 4_000)]
        {
            assert!(share(fate).abs_diff(expected) < 200, "{fate:?}: {}", share(fate));
        }
    }
}
