//! How a party treats the calls that it gets, whatever they are about: late, with an error, or not at all.

use rand::Rng;

use super::latency::Latency;

/// How calls are treated. Rates are shares from 0 to 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    /// How long a call waits before anything is done about it.
    pub(crate) latency: Latency,
    /// Of calls that fail; nothing is done about them.
    pub(crate) errors: f64,
    /// Of calls that are neither answered nor ended; nothing is done about them either.
    pub(crate) silence: f64,
}

/// The call fails, as it was to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the party fails, as it was told to")]
pub(crate) struct Failed;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Taken,
    Failed,
    Silent,
}

impl Calls {
    fn fate(&self, random: &mut impl Rng) -> Fate {
        let drawn = random.random::<f64>();
        match drawn {
            _ if drawn < self.errors => Fate::Failed,
            _ if drawn < self.errors + self.silence => Fate::Silent,
            _ => Fate::Taken,
        }
    }

    /// Waits as long as one call is to wait: for ever, where it is not to be answered. What is to be done about it is
    /// done afterwards, unless it fails.
    pub(crate) async fn wait(&self) -> Result<(), Failed> {
        let (fate, latency) = {
            let mut random = rand::rng();
            (self.fate(&mut random), self.latency.sample(&mut random))
        };
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        match fate {
            Fate::Taken => Ok(()),
            Fate::Failed => Err(Failed),
            // Dropped when the caller goes.
            Fate::Silent => std::future::pending().await,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::{Duration, Instant};

    use futures::FutureExt;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    /// Calls that are taken at once, always.
    pub(crate) fn good() -> Calls {
        let at_once = Latency::new(Duration::ZERO, Duration::ZERO).expect("sound");
        Calls { latency: at_once, errors: 0.0, silence: 0.0 }
    }

    #[test]
    fn calls_have_their_fates_in_the_shares_asked_for() {
        let calls = Calls { errors: 0.2, silence: 0.3, ..good() };
        let mut random = StdRng::seed_from_u64(7);
        let fates: Vec<_> = (0..10_000).map(|_| calls.fate(&mut random)).collect();
        let share = |fate| fates.iter().filter(|drawn| **drawn == fate).count();
        for (fate, expected) in [(Fate::Failed, 2_000), (Fate::Silent, 3_000), (Fate::Taken, 5_000)] {
            assert!(share(fate).abs_diff(expected) < 200, "{fate:?}: {}", share(fate));
        }
    }

    #[test]
    fn a_good_party_waits_for_nothing_and_a_silent_one_for_ever() {
        assert_eq!(good().wait().now_or_never(), Some(Ok(())));
        assert_eq!(Calls { errors: 1.0, ..good() }.wait().now_or_never(), Some(Err(Failed)));
        assert_eq!(Calls { silence: 1.0, ..good() }.wait().now_or_never(), None);
    }

    #[tokio::test]
    async fn a_slow_party_takes_its_time_before_it_does_anything() {
        let latency = Duration::from_millis(20);
        let slow = Calls { latency: Latency::new(latency, latency).expect("sound"), ..good() };
        let started = Instant::now();
        slow.wait().await.expect("taken");
        assert!(started.elapsed() >= latency, "{:?}", started.elapsed());
    }
}
