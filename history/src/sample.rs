//! One value of a time series.

use crate::{At, Name};

/// One value of a sampled time series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What is measured, with its unit last: `cpu_cores`, `rss_bytes`, `lag_records`, `in_sync_replicas`.
    pub metric: Name,
    /// Of what: a process (`kafka-2`), a gauge of the manifest, a consumer group.
    pub subject: Name,
    /// When.
    pub at: At,
    /// The value.
    pub value: f64,
}
