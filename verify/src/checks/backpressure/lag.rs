//! How far a gauge stood in each second of a run.

use crate::spans::Spans;
use proofload_history::{At, History, HistoryError};
use std::collections::BTreeMap;

/// The metric under which gauges are sampled; the subject is the gauge's name.
const GAUGE: &str = "gauge";

/// What a second is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Every sample of it was at or above the threshold.
    High,
    /// Every sample of it was below half the threshold.
    Low,
}

/// The seconds of some spans that are on either side of a threshold, by their numbers since the start of the run.
pub(super) struct Lag {
    seconds: Vec<(u64, Side)>,
    /// The greatest sample; `None` if there is none.
    pub(super) greatest: Option<f64>,
}

impl Lag {
    /// One pass over the series.
    pub(super) fn of(history: &History, spans: &Spans, gauge: &str, threshold: f64) -> Result<Self, HistoryError> {
        let mut seconds: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        let mut greatest: Option<f64> = None;
        history.series.each(|sample| {
            if sample.metric() != GAUGE || sample.subject() != gauge || !spans.contain(sample.at()) {
                return;
            }
            let value = sample.value();
            let (least, most) = seconds.entry(second(sample.at())).or_insert((value, value));
            (*least, *most) = (least.min(value), most.max(value));
            greatest = Some(greatest.map_or(value, |known| known.max(value)));
        })?;
        let side = |(second, (least, most)): (u64, (f64, f64))| {
            let high = (least >= threshold).then_some(Side::High);
            Some((second, high.or_else(|| (most < threshold / 2.0).then_some(Side::Low))?))
        };
        Ok(Self { seconds: seconds.into_iter().filter_map(side).collect(), greatest })
    }

    /// Where the gauge stood in the second of `at`; `None` if nobody knows, or if it stood in between.
    pub(super) fn side(&self, at: At) -> Option<Side> {
        let found = self.seconds.binary_search_by_key(&second(at), |(second, _)| *second);
        found.ok().map(|place| self.seconds[place].1)
    }

    /// How many seconds are on that side.
    pub(super) fn seconds(&self, side: Side) -> u64 {
        self.seconds.iter().filter(|(_, of)| *of == side).count() as u64
    }
}

fn second(at: At) -> u64 {
    at.0 / 1_000_000_000
}
