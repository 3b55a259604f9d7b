//! Answers remembered in Redis, for every gateway.

use std::time::Duration;

use redis::Script;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::warn;

use super::{Entry, Reservation, Seen, judge};
use crate::config::gateway::idempotency::IdempotencySettings;
use crate::gateway::answer::Answer;
use crate::gateway::redis::{Redis, Silence};

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

/// Between two attempts to settle a reservation that nobody confirmed.
const SETTLED_EVERY: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub(in crate::gateway) struct Shared {
    redis: Redis,
    reserve: Script,
    complete: Script,
    release: Script,
    ttl: Duration,
    reservation: Duration,
}

/// What is done with a key once its request has ended.
enum End {
    /// Its answer is remembered.
    Completed(Answer),
    /// It is free again.
    Released,
}

impl Shared {
    pub(super) fn new(settings: &IdempotencySettings, redis: Redis) -> Self {
        Self {
            redis,
            reserve: Script::new(RESERVE),
            complete: Script::new(COMPLETE),
            release: Script::new(RELEASE),
            ttl: settings.ttl,
            reservation: settings.reservation,
        }
    }

    pub(super) async fn reserve(&self, reservation: Reservation) -> Seen {
        let Some(text) = encode(&reservation.entry) else { return Seen::Unknown(None) };
        let arguments = [text.as_str(), &millis(self.reservation)];
        match self.redis.call::<Option<String>>(&self.reserve, &[&reservation.key], &arguments).await {
            Err(Silence::NotAsked) => Seen::Unknown(None),
            Err(Silence::NoAnswer) => Seen::Unknown(Some(Reservation { doubtful: true, ..reservation })),
            Ok(None) => Seen::First(reservation),
            Ok(Some(held)) => understand(&held, &reservation.entry.request),
        }
    }

    pub(super) async fn complete(&self, reservation: Reservation, answer: Answer) {
        self.end(reservation, End::Completed(answer)).await;
    }

    pub(super) async fn release(&self, reservation: Reservation) {
        self.end(reservation, End::Released).await;
    }

    /// Without Redis a reservation expires, and a repeat is accepted again.
    async fn end(&self, reservation: Reservation, end: End) {
        match reservation.doubtful {
            true => drop(tokio::spawn(self.clone().settle(reservation, end))),
            false => drop(self.attempt(&reservation, &end).await),
        }
    }

    /// Ends a reservation that may stand unknown to its client, who must not wait for a Redis that was silent a moment
    /// ago. Otherwise a repeat would be told that its first is in work until the reservation expires.
    async fn settle(self, reservation: Reservation, end: End) {
        let last = Instant::now() + self.reservation;
        let mut attempts = interval(SETTLED_EVERY);
        attempts.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while attempts.tick().await < last {
            if self.attempt(&reservation, &end).await.is_ok() {
                return;
            }
        }
    }

    async fn attempt(&self, reservation: &Reservation, end: &End) -> Result<(), Silence> {
        let Some(own) = encode(&reservation.entry) else { return Ok(()) };
        let keys = [reservation.key.as_str()];
        let ended = match end {
            End::Released => self.redis.call::<i64>(&self.release, &keys, &[&own]).await,
            End::Completed(answer) => {
                let answered = Entry { answer: Some(answer.clone()), ..reservation.entry.clone() };
                let Some(answered) = encode(&answered) else { return Ok(()) };
                self.redis.call::<i64>(&self.complete, &keys, &[&own, &answered, &millis(self.ttl)]).await
            }
        };
        ended.map(drop)
    }
}

fn understand(held: &str, request: &str) -> Seen {
    match serde_json::from_str::<Entry>(held) {
        Ok(held) => judge(held, request),
        Err(error) => {
            warn!(%error, "an idempotency entry in redis cannot be parsed; going on without it");
            Seen::Unknown(None)
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
        assert_eq!(understand("{}", "a"), Seen::Unknown(None));
    }
}
