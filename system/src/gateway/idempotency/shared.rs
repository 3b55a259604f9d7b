//! Answers remembered in Redis, for every gateway.

use std::time::Duration;

use redis::Script;
use tracing::warn;

use super::{Entry, Reservation, Seen, judge};
use crate::config::gateway::idempotency::IdempotencySettings;
use crate::gateway::answer::Answer;
use crate::gateway::redis::Redis;

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

pub(in crate::gateway) struct Shared {
    redis: Redis,
    reserve: Script,
    complete: Script,
    release: Script,
    /// Both in milliseconds, as Redis takes them.
    ttl: String,
    reservation: String,
}

impl Shared {
    pub(super) fn new(settings: &IdempotencySettings, redis: Redis) -> Self {
        Self {
            redis,
            reserve: Script::new(RESERVE),
            complete: Script::new(COMPLETE),
            release: Script::new(RELEASE),
            ttl: millis(settings.ttl),
            reservation: millis(settings.reservation),
        }
    }

    pub(super) async fn reserve(&self, reservation: Reservation) -> Seen {
        let Some(text) = encode(&reservation.entry) else { return Seen::Unknown };
        let arguments = [text.as_str(), &self.reservation];
        match self.redis.call::<Option<String>>(&self.reserve, &[&reservation.key], &arguments).await {
            None => Seen::Unknown,
            Some(None) => Seen::First(reservation),
            Some(Some(held)) => understand(&held, &reservation.entry.request),
        }
    }

    pub(super) async fn complete(&self, reservation: &Reservation, answer: Answer) {
        let answered = Entry { answer: Some(answer), ..reservation.entry.clone() };
        if let (Some(own), Some(answer)) = (encode(&reservation.entry), encode(&answered)) {
            let arguments = [own.as_str(), &answer, &self.ttl];
            // Without Redis a repeat is accepted again.
            let _ = self.redis.call::<i64>(&self.complete, &[&reservation.key], &arguments).await;
        }
    }

    pub(super) async fn release(&self, reservation: &Reservation) {
        if let Some(own) = encode(&reservation.entry) {
            // Without Redis the reservation expires.
            let _ = self.redis.call::<i64>(&self.release, &[&reservation.key], &[&own]).await;
        }
    }
}

fn understand(held: &str, request: &str) -> Seen {
    match serde_json::from_str::<Entry>(held) {
        Ok(held) => judge(held, request),
        Err(error) => {
            warn!(%error, "an idempotency entry in redis cannot be parsed; going on without it");
            Seen::Unknown
        }
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

    #[test]
    fn an_entry_that_nobody_understands_is_no_reason_to_refuse() {
        assert_eq!(understand("{}", "a"), Seen::Unknown);
    }
}
