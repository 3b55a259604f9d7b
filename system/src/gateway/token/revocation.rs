//! Which tokens were taken back. The identity provider writes them to Redis; here the answers are kept for a moment, so
//! that a busy client does not cost a question per request.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::Script;

use super::verify::Claims;
use crate::gateway::generations::Generations;
use crate::gateway::redis::Redis;

/// Tokens that something is known about; each takes some hundred bytes.
const KNOWN_MAX: usize = 20_000;

/// Tokens by their id, scored by their expiry.
const REVOKED: &str = "revoked";
/// The instant (seconds since 1970) up to which all tokens of a client are revoked, by `client:` and its id.
const REVOKED_CLIENTS: &str = "revoked-clients";
/// Nothing for a token that was not revoked; `token` for one that was; the instant where all of its client's were.
const ASK: &str = r"
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 'token' end
return redis.call('HGET', KEYS[2], ARGV[2])";

/// What was heard about a token.
#[derive(Debug, Clone, Copy)]
struct Heard {
    revoked: bool,
    at: Instant,
}

/// Asks whether tokens were taken back, and remembers the answers.
pub(super) struct Revocations {
    redis: Redis,
    ask: Script,
    /// How long "not revoked" holds. "Revoked" holds for ever: nothing un-revokes a token.
    ttl: Duration,
    known: Mutex<Generations<String, Heard>>,
}

impl Revocations {
    pub(super) fn new(redis: Redis, ttl: Duration) -> Self {
        Self { redis, ask: Script::new(ASK), ttl, known: Mutex::new(Generations::new(KNOWN_MAX)) }
    }

    /// Whether a token was revoked. Without Redis the last answer holds, and a token that was never asked about is
    /// taken: who is not known to be revoked keeps working while Redis is away, and the metric says how often.
    pub(super) async fn revoked(&self, claims: &Claims) -> bool {
        let known = self.lock().get(&claims.jti).copied();
        if let Some(heard) = known
            && (heard.revoked || heard.at.elapsed() < self.ttl)
        {
            return heard.revoked;
        }
        let client = format!("client:{}", claims.sub);
        let keys = [REVOKED, REVOKED_CLIENTS];
        let Ok(answer) = self.redis.call::<Option<String>>(&self.ask, &keys, &[&claims.jti, &client]).await else {
            let last = if known.is_some() { "known" } else { "unknown" };
            metrics::counter!("lending_revocation_unasked_total", "token" => last).increment(1);
            return false;
        };
        let revoked = answer.is_some_and(|answer| covers(&answer, claims.iat));
        self.lock().insert(claims.jti.clone(), Heard { revoked, at: Instant::now() });
        revoked
    }

    fn lock(&self) -> MutexGuard<'_, Generations<String, Heard>> {
        // Every change is one insertion: a panic elsewhere cannot have left it half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether what Redis holds covers a token that was issued at `issued`. An instant that cannot be read covers all: it
/// was written to revoke.
fn covers(answer: &str, issued: u64) -> bool {
    match answer {
        "token" => true,
        instant => instant.parse::<f64>().map_or(true, |up_to| issued as f64 <= up_to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_revocation_covers_what_was_issued_up_to_it() {
        assert!(covers("token", 100));
        assert!(covers("100", 100));
        assert!(covers("100.5", 100));
        assert!(!covers("99.9", 100));
        assert!(covers("what is this", 100));
    }
}
