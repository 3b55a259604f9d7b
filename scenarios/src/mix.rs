//! Journeys by weight: which of them an arrival makes.

use crate::draw::Draws;
use crate::journey::Journey;
use std::sync::Arc;
use std::time::Duration;

/// Keeps these draws apart from those of other things that are drawn from the same seed.
const MIX: u64 = u64::from_be_bytes(*b"the  mix");

/// Journeys, each with its weight. A traffic of one journey is a mix of one.
#[derive(Clone, Debug)]
pub struct Mix {
    shares: Vec<(u32, Arc<Journey>)>,
}

/// Journeys that make no mix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// Nothing to draw from.
    #[error("a mix needs at least one scenario")]
    Empty,
    /// Never drawn.
    #[error("the weight of `{scenario}` is 0: leave out what nobody does")]
    NoWeight {
        /// Which.
        scenario: String,
    },
}

impl From<Journey> for Mix {
    fn from(journey: Journey) -> Self {
        Self { shares: vec![(1, Arc::new(journey))] }
    }
}

impl Mix {
    /// A mix of journeys by their weights.
    ///
    /// # Errors
    /// If there is no journey, or one without weight.
    pub fn new(shares: Vec<(u32, Arc<Journey>)>) -> Result<Self, MixError> {
        if shares.is_empty() {
            return Err(MixError::Empty);
        }
        match shares.iter().find(|(weight, _)| *weight == 0) {
            Some((_, journey)) => Err(MixError::NoWeight { scenario: journey.name().to_string() }),
            None => Ok(Self { shares }),
        }
    }

    /// The journeys, in the order in which they are numbered.
    pub fn journeys(&self) -> impl ExactSizeIterator<Item = &Arc<Journey>> {
        self.shares.iter().map(|(_, journey)| journey)
    }

    /// The journeys with the shares of the arrivals that they get, which add up to 1.
    pub fn shares(&self) -> impl Iterator<Item = (f64, &Arc<Journey>)> {
        let total = self.total() as f64;
        self.shares.iter().map(move |(weight, journey)| (f64::from(*weight) / total, journey))
    }

    /// The number of the journey that arrival `number` of a stream makes: a function of its arguments.
    #[must_use]
    pub fn draw(&self, seed: u64, stream: u16, number: u64) -> usize {
        if self.shares.len() == 1 {
            return 0;
        }
        let mut drawn = Draws::of(&[MIX, seed, u64::from(stream), number]).below(self.total());
        for (index, (weight, _)) in self.shares.iter().enumerate() {
            let weight = u64::from(*weight);
            if drawn < weight {
                return index;
            }
            drawn -= weight;
        }
        unreachable!("what is drawn is below the sum of the weights")
    }

    /// The mean over the arrivals of what `of` says of their journeys.
    pub(crate) fn mean(&self, of: fn(&Journey) -> Duration) -> Duration {
        let seconds = self.shares().map(|(share, journey)| share * of(journey).as_secs_f64());
        Duration::from_secs_f64(seconds.sum())
    }

    fn total(&self) -> u64 {
        self.shares.iter().map(|(weight, _)| u64::from(*weight)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;

    fn journey(name: &str, timeout: &str) -> Arc<Journey> {
        let spec = format!("method = 'GET'\npath = '/'\nok = [200]\ntimeout = '{timeout}'");
        let request = Request::new(name, &toml::from_str(&spec).unwrap()).unwrap();
        Arc::new(Journey::of(Arc::new(request)).unwrap())
    }

    fn mix(weights: &[u32]) -> Mix {
        Mix::new(weights.iter().map(|weight| (*weight, journey("read", "1s"))).collect()).unwrap()
    }

    #[test]
    fn each_journey_is_drawn_as_often_as_its_weight_says() {
        let mix = mix(&[70, 25, 5]);
        let mut drawn = [0_u32; 3];
        (0..20_000).for_each(|number| drawn[mix.draw(7, 1, number)] += 1);
        // Four standard deviations of a binomial of 20,000.
        for (times, (expected, spread)) in drawn.iter().zip([(14_000, 260), (5_000, 245), (1_000, 124)]) {
            assert!(times.abs_diff(expected) < spread, "{drawn:?}");
        }
    }

    #[test]
    fn the_same_arrival_draws_the_same_journey_and_another_seed_or_stream_draws_others() {
        let mix = mix(&[1, 1]);
        let draws = |seed, stream| (0..64).map(|number| mix.draw(seed, stream, number)).collect::<Vec<_>>();
        assert_eq!(draws(7, 1), draws(7, 1));
        assert_ne!(draws(7, 1), draws(8, 1));
        assert_ne!(draws(7, 1), draws(7, 2));
    }

    #[test]
    fn a_mix_of_nothing_and_a_share_of_nothing_are_refused() {
        assert_eq!(Mix::new(Vec::new()).unwrap_err(), MixError::Empty);
        let error = Mix::new(vec![(0, journey("read", "1s"))]).unwrap_err();
        assert_eq!(error, MixError::NoWeight { scenario: "read".to_owned() });
    }

    #[test]
    fn the_mean_of_a_mix_is_weighted() {
        let mix = Mix::new(vec![(3, journey("short", "1s")), (1, journey("long", "9s"))]).unwrap();
        assert_eq!(mix.mean(Journey::longest), Duration::from_secs(3));
    }
}
