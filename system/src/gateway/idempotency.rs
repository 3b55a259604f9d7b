//! Repeats of a request, recognised by Idempotency-Key and remembered in Redis.
//!
//! The first request with a key reserves it; when the log has the request, the answer takes the reservation's place
//! and is replayed from then on. Redis is a convenience, not the truth: without it a repeat is accepted again, and
//! the owner of the state recognises it by the application's external id.

use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{RedisError, Script};
use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

use super::circuit::Circuit;
use crate::config::gateway::IdempotencySettings;

/// Sets the key where it is free; otherwise answers with what it holds.
const RESERVE: &str = r"
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
return redis.call('GET', KEYS[1])";
/// Puts the answer in the place of this request's own reservation, and of no other's.
const COMPLETE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 0";
/// Removes this request's own reservation.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0";

/// What Redis holds under a key. Requests are small and bounded, so they are kept whole and no digest can collide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    request: String,
    /// Whose reservation it is, so that a late request does not remove its successor's.
    holder: Uuid,
    /// Present once the log has the request.
    location: Option<String>,
}

/// What a key says about a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is the first.
    First(Reservation),
    /// The first with this key is in work.
    InProgress,
    /// It was answered with this location.
    Answered(String),
    /// The key was used for another request.
    Reused,
    /// Nobody knows: Redis does not answer.
    Unknown,
}

/// A key that is held until it is completed or released, or expires.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reservation {
    key: String,
    entry: Entry,
}

/// The memory of keys.
pub(super) struct Idempotency {
    redis: ConnectionManager,
    circuit: Circuit,
    timeout: Duration,
    ttl: Duration,
    reservation: Duration,
}

impl Idempotency {
    /// Connects when it is first used.
    pub(super) fn new(settings: &IdempotencySettings) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(settings.timeout))
            .set_response_timeout(Some(settings.timeout))
            .set_number_of_retries(1)
            .set_max_delay(settings.timeout);
        Ok(Self {
            redis: ConnectionManager::new_lazy_with_config(settings.redis.clone(), config)?,
            circuit: Circuit::default(),
            timeout: settings.timeout,
            ttl: settings.ttl,
            reservation: settings.reservation,
        })
    }

    /// Reserves `key` of `route` for `request`, or says what it holds already.
    pub(super) async fn reserve(&self, route: &str, key: Uuid, request: String) -> Seen {
        let key = format!("idempotency:{route}:{key}");
        let entry = Entry { request, holder: Uuid::new_v4(), location: None };
        let Some(text) = encode(&entry) else { return Seen::Unknown };
        let expiry = millis(self.reservation);
        match self.call::<Option<String>>(RESERVE, &key, &[&text, &expiry]).await {
            None => Seen::Unknown,
            Some(None) => Seen::First(Reservation { key, entry }),
            Some(Some(held)) => judge(&held, &entry.request),
        }
    }

    /// Remembers the answer of the request that holds the reservation.
    pub(super) async fn complete(&self, reservation: Reservation, location: &str) {
        let answered = Entry { location: Some(location.to_owned()), ..reservation.entry.clone() };
        if let (Some(own), Some(answer)) = (encode(&reservation.entry), encode(&answered)) {
            let _ = self.call::<i64>(COMPLETE, &reservation.key, &[&own, &answer, &millis(self.ttl)]).await;
        }
    }

    /// Frees the key, so that a repeat of a request that failed or was not confirmed is a first again.
    pub(super) async fn release(&self, reservation: Reservation) {
        if let Some(own) = encode(&reservation.entry) {
            let _ = self.call::<i64>(RELEASE, &reservation.key, &[&own]).await;
        }
    }

    /// Runs a script, bounded in time; none where Redis did not answer or is not asked at the moment.
    async fn call<T: redis::FromRedisValue>(&self, script: &str, key: &str, arguments: &[&str]) -> Option<T> {
        if !self.circuit.allows(Instant::now()) {
            metrics::counter!("lending_redis_calls_total", "result" => "skipped").increment(1);
            return None;
        }
        let script = Script::new(script);
        let mut invocation = script.key(key);
        for argument in arguments {
            invocation.arg(*argument);
        }
        let mut redis = self.redis.clone();
        let answer = tokio::time::timeout(self.timeout, invocation.invoke_async(&mut redis)).await;
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

/// What an entry that another request left means for this one.
fn judge(held: &str, request: &str) -> Seen {
    let Ok(held) = serde_json::from_str::<Entry>(held) else {
        warn!("an idempotency entry in redis cannot be parsed; going on without it");
        return Seen::Unknown;
    };
    match held.location {
        _ if held.request != request => Seen::Reused,
        Some(location) => Seen::Answered(location),
        None => Seen::InProgress,
    }
}

fn encode(entry: &Entry) -> Option<String> {
    serde_json::to_string(entry).inspect_err(|error| warn!(%error, "cannot write an idempotency entry")).ok()
}

fn millis(duration: Duration) -> String {
    duration.as_millis().max(1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(location: Option<&str>) -> String {
        let location = location.map(str::to_owned);
        encode(&Entry { request: "a".to_owned(), holder: Uuid::nil(), location }).expect("serialisable")
    }

    #[test]
    fn a_repeat_is_told_what_became_of_its_first() {
        assert_eq!(judge(&held(None), "a"), Seen::InProgress);
        assert_eq!(judge(&held(Some("/x")), "a"), Seen::Answered("/x".to_owned()));
    }

    #[test]
    fn a_key_with_another_request_is_reused_whether_answered_or_not() {
        assert_eq!(judge(&held(None), "b"), Seen::Reused);
        assert_eq!(judge(&held(Some("/x")), "b"), Seen::Reused);
    }

    #[test]
    fn an_entry_that_nobody_understands_is_no_reason_to_refuse() {
        assert_eq!(judge("{}", "a"), Seen::Unknown);
    }

    #[tokio::test]
    async fn without_redis_a_request_goes_on() {
        // Port 1 of the loopback refuses; nothing listens there.
        let redis = redis::Client::open("redis://127.0.0.1:1").expect("a URL");
        let second = Duration::from_secs(1);
        let settings = IdempotencySettings { redis, timeout: second, ttl: second, reservation: second };
        let idempotency = Idempotency::new(&settings).expect("lazy");
        assert_eq!(idempotency.reserve("r", Uuid::nil(), "a".to_owned()).await, Seen::Unknown);
    }
}
