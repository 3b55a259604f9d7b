//! Redis as the gateway uses it: asked, and never waited for long. It is a convenience, not the truth: every caller
//! goes on without it.

use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{FromRedisValue, RedisError, Script};
use tracing::warn;

use crate::circuit::Circuit;
use crate::config::gateway::RedisSettings;

/// A connection that is made when it is first used, and a circuit that opens while it fails. Cheap to clone; clones
/// share both.
#[derive(Clone)]
pub(super) struct Redis {
    connection: ConnectionManager,
    circuit: std::sync::Arc<Circuit>,
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
            timeout: settings.timeout,
        })
    }

    /// Runs a script, bounded in time; none where Redis did not answer or is not asked at the moment.
    pub(super) async fn call<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&str],
    ) -> Option<T> {
        if !self.circuit.allows(Instant::now()) {
            metrics::counter!("lending_redis_calls_total", "result" => "skipped").increment(1);
            return None;
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
                return Some(value);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.circuit.failed(Instant::now());
        metrics::counter!("lending_redis_calls_total", "result" => "failed").increment(1);
        warn!(error = result, "cannot ask redis; going on without");
        None
    }
}
