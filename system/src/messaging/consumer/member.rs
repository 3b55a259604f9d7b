//! A member of a group: which assignment holds, and how far behind the log it is.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::{ClientContext, Statistics};
use tracing::{error, info};

/// How often librdkafka says how far behind it is.
pub(super) const STATISTICS: Duration = Duration::from_secs(2);

/// Counts assignments, so that a record is known to be ours still. Cheap to clone.
#[derive(Clone)]
pub(super) struct Member {
    group: &'static str,
    assignments: Arc<AtomicU64>,
    /// Partitions that a gauge was set for.
    measured: Arc<Mutex<HashSet<(String, i32)>>>,
}

impl Member {
    pub(super) fn of(group: &'static str) -> Self {
        Self { group, assignments: Arc::default(), measured: Arc::default() }
    }

    /// Grows when partitions are taken away: what came before belongs to another, or comes again.
    pub(super) fn assignment(&self) -> u64 {
        self.assignments.load(Ordering::Acquire)
    }

    fn lag(&self, topic: &str, partition: i32, records: i64) {
        let (topic, partition) = (topic.to_owned(), partition.to_string());
        // Gauges are floating point; a lag is exact up to 2^53.
        metrics::gauge!("lending_consumer_lag", "group" => self.group, "topic" => topic, "partition" => partition)
            .set(records as f64);
    }
}

impl ClientContext for Member {
    /// The lag of each partition that is ours: records between the committed offset and the end that librdkafka has
    /// heard of. Zero for one that is another's now, so that the members' sum is the group's.
    fn stats(&self, statistics: Statistics) {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        for (topic, of_topic) in statistics.topics {
            for (number, partition) in of_topic.partitions {
                let key = (topic.clone(), number);
                if partition.fetch_state == "active" && partition.consumer_lag >= 0 {
                    self.lag(&topic, number, partition.consumer_lag);
                    measured.insert(key);
                } else if measured.remove(&key) {
                    self.lag(&topic, number, 0);
                }
            }
        }
    }
}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let group = self.group;
        match rebalance {
            Rebalance::Assign(partitions) => info!(group, count = partitions.count(), "partitions assigned"),
            Rebalance::Revoke(partitions) => {
                self.assignments.fetch_add(1, Ordering::AcqRel);
                info!(group, count = partitions.count(), "partitions revoked");
            }
            Rebalance::Error(error) => error!(%error, group, "a rebalance failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    /// Statistics as librdkafka has them, as far as they are looked at.
    fn statistics(fetch_state: &str, lag: i64) -> Statistics {
        let mut statistics = Statistics::default();
        let mut topic = rdkafka::statistics::Topic::default();
        let partition = rdkafka::statistics::Partition {
            fetch_state: fetch_state.to_owned(),
            consumer_lag: lag,
            ..Default::default()
        };
        topic.partitions.insert(3, partition);
        statistics.topics.insert("t".to_owned(), topic);
        statistics
    }

    #[test]
    fn the_lag_is_that_of_partitions_that_are_ours() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let member = Member::of("g");
        let told = |statistics| {
            metrics::with_local_recorder(&recorder, || member.stats(statistics));
            recorder
                .handle()
                .render()
                .lines()
                .find_map(|line| line.strip_prefix("lending_consumer_lag").map(ToOwned::to_owned))
        };
        assert_eq!(told(statistics("active", -1)), None, "not known yet");
        assert_eq!(told(statistics("active", 17)).as_deref(), Some(r#"{group="g",topic="t",partition="3"} 17"#));
        assert_eq!(told(statistics("none", -1)).as_deref(), Some(r#"{group="g",topic="t",partition="3"} 0"#));
    }
}
