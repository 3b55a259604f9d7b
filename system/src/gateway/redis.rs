//! Redis as the gateway uses it: asked, and never waited for long. It is a convenience, not the truth: every caller
//! goes on without it.

use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{FromRedisValue, RedisError, Script};
use tracing::warn;

use crate::circuit::Circuit;
use crate::config::gateway::RedisSettings;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Redis was not asked: it has failed too often of late.
    NotAsked,
    /// It was asked, and may have done what it was asked for.
    NoAnswer,
}

/// A connection that is made when it is first used, and a circuit that opens while it fails. Cheap to clone; clones
/// share both.
#[derive(Clone)]
pub(super) struct Redis {
    connection: ConnectionManager,
    circuit: std::sync::Arc<Circuit>,
    /// Whether the circuit decides who asks.
    breaker: bool,
    timeout: Duration,
}

impl Redis {
    /// Errors where the address cannot be understood.
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(settings.timeout))
            .set_response_timeout(Some(settings.timeout))
            .set_number_of_retries(1)
            .set_max_delay(settings.timeout);
        Ok(Self {
            connection: ConnectionManager::new_lazy_with_config(settings.client.clone(), config)?,
            circuit: std::sync::Arc::new(Circuit::new("redis")),
            breaker: settings.breaker,
            timeout: settings.timeout,
        })
    }

    /// Runs a script, bounded in time. Errors where Redis did not answer or is not asked at the moment.
    pub(super) async fn call<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&str],
    ) -> Result<T, Silence> {
        if self.breaker && !self.circuit.allows(Instant::now()) {
            metrics::counter!("lending_redis_calls_total", "result" => "skipped").increment(1);
            return Err(Silence::NotAsked);
        }
        let mut invocation = script.prepare_invoke();
        for key in keys {
            invocation.key(*key);
        }
        for argument in arguments {
            invocation.arg(*argument);
        }
        let mut connection = self.connection.clone();
        let answer = tokio::time::timeout(self.timeout, invocation.invoke_async(&mut connection)).await;
        let result = match answer {
            Ok(Ok(value)) => {
                self.circuit.succeeded();
                metrics::counter!("lending_redis_calls_total", "result" => "ok").increment(1);
                return Ok(value);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.circuit.failed(Instant::now());
        metrics::counter!("lending_redis_calls_total", "result" => "failed").increment(1);
        warn!(error = result, "cannot ask redis; going on without");
        Err(Silence::NoAnswer)
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::testing::redis::{free_port, way_to};

    /// Of five calls of a Redis that is not there: whether all were made, and whether the last two were left out.
    fn made_and_skipped(breaker: bool) -> [bool; 2] {
        let recorder = PrometheusBuilder::new().build_recorder();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                let timeout = Duration::from_millis(20);
                let settings = RedisSettings { client: way_to(free_port()), timeout, breaker };
                let redis = Redis::new(&settings).expect("an address");
                for call in 0..5 {
                    let answer = redis.call::<i64>(&Script::new("return 1"), &[], &[]).await;
                    let asked = !breaker || call < 3;
                    assert_eq!(answer, Err(if asked { Silence::NoAnswer } else { Silence::NotAsked }), "call {call}");
                }
            });
        });
        let counted = recorder.handle().render();
        ["{result=\"failed\"} 5", "{result=\"skipped\"} 2"].map(|count| counted.contains(count))
    }

    #[test]
    fn a_redis_that_fails_is_left_alone_after_three_calls() {
        assert_eq!(made_and_skipped(true), [false, true]);
    }

    #[test]
    fn without_a_breaker_every_call_is_made() {
        assert_eq!(made_and_skipped(false), [true, false]);
    }
}
