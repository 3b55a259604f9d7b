//! Instants since the start of a run, on one monotonic clock.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// An instant: nanoseconds since the start of the run, on one monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct At(pub u64);

impl At {
    /// The instant `seconds` after the start.
    #[must_use]
    pub fn from_secs_f64(seconds: f64) -> Self {
        Self((seconds.max(0.0) * 1e9) as u64)
    }

    /// Seconds since the start.
    #[must_use]
    pub fn secs(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time from `earlier` to this instant; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for At {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl std::ops::Sub<Duration> for At {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for At {
    /// Seconds with one decimal: `31.2 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.secs())
    }
}

/// The clock of one run: tells instants since its start, and places wall-clock stamps of others among them.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    wall: SystemTime,
}

impl Clock {
    /// Starts the run's clock now.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "starting a clock is an act, not a default value")]
    pub fn new() -> Self {
        Self { start: Instant::now(), wall: SystemTime::now() }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> At {
        self.at(Instant::now())
    }

    /// The instant `moment`; the start if it was before.
    #[must_use]
    pub fn at(&self, moment: Instant) -> At {
        At::default() + moment.saturating_duration_since(self.start)
    }

    /// The monotonic moment of `at`, to wait for.
    #[must_use]
    pub fn moment(&self, at: At) -> Instant {
        self.start + Duration::from_nanos(at.0)
    }

    /// Milliseconds since 1970 at the start of the run, kept once in the journal.
    #[must_use]
    pub fn wall_start_ms(&self) -> u64 {
        self.wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }

    /// The instant of a wall-clock stamp in milliseconds since 1970, as Kafka's records carry it; the start if before.
    #[must_use]
    pub fn at_wall_ms(&self, stamp: u64) -> At {
        At(stamp.saturating_sub(self.wall_start_ms()).saturating_mul(1_000_000))
    }
}
