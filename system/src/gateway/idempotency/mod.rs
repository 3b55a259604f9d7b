//! Repeats of a request, recognised by Idempotency-Key.
//!
//! The first request with a key reserves it; when the log has the request, the answer takes the reservation's place
//! and is replayed from then on. What is remembered is a convenience, not the truth: where nothing is known a repeat is
//! accepted again, and the owner of the state recognises it.
//!
//! - [`shared`]: remembered in Redis, for every gateway
//! - [`memory`]: remembered in this process, the broken design

mod memory;
mod shared;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::answer::Answer;
use super::redis::Redis;
use crate::config::gateway::idempotency::{AnswerStore, IdempotencySettings};
use memory::Memory;
use shared::Shared;

/// What is held under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// The digest of what was asked.
    request: String,
    /// Whose reservation it is, so that a late request does not remove its successor's.
    holder: Uuid,
    /// Present once the log has the request.
    answer: Option<Answer>,
}

/// What a key says about a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is the first.
    First(Reservation),
    /// The first with this key is in work.
    InProgress,
    /// It was answered with this.
    Answered(Answer),
    /// The key was used for another request.
    Reused,
    /// Nobody knows: the memory does not answer. Where it was asked, the key may be reserved all the same.
    Unknown(Option<Reservation>),
}

/// A key that is held until it is completed or released, or expires.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reservation {
    key: String,
    entry: Entry,
    /// Whether it was only asked for, and nobody said that it was made.
    doubtful: bool,
}

/// The memory of keys.
pub(super) enum Idempotency {
    Shared(Shared),
    Memory(Memory),
}

impl Idempotency {
    pub(super) fn new(settings: &IdempotencySettings, redis: Redis) -> Self {
        match settings.store {
            AnswerStore::Redis => Self::Shared(Shared::new(settings, redis)),
            AnswerStore::Memory => Self::Memory(Memory::new(settings)),
        }
    }

    /// Reserves the client's `key` for the request with this digest, or says what it holds already.
    pub(super) async fn reserve(&self, client: &str, key: Uuid, request: String) -> Seen {
        let reservation = Reservation {
            key: format!("idempotency:{client}:{key}"),
            entry: Entry { request, holder: Uuid::new_v4(), answer: None },
            doubtful: false,
        };
        match self {
            Self::Shared(shared) => shared.reserve(reservation).await,
            Self::Memory(memory) => memory.reserve(reservation),
        }
    }

    /// Remembers the answer of the request that holds the reservation.
    pub(super) async fn complete(&self, reservation: Reservation, answer: Answer) {
        match self {
            Self::Shared(shared) => shared.complete(reservation, answer).await,
            Self::Memory(memory) => memory.complete(reservation, answer),
        }
    }

    /// Frees the key, so that a repeat of a request that failed or was not confirmed is a first again.
    pub(super) async fn release(&self, reservation: Reservation) {
        match self {
            Self::Shared(shared) => shared.release(reservation).await,
            Self::Memory(memory) => memory.release(&reservation),
        }
    }
}

/// What an entry that another request left means for this one.
fn judge(held: Entry, request: &str) -> Seen {
    match held.answer {
        _ if held.request != request => Seen::Reused,
        Some(answer) => Seen::Answered(answer),
        None => Seen::InProgress,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        Answer { status: 202, location: Some("/x".to_owned()), body: "{}".to_owned() }
    }

    fn held(answer: Option<Answer>) -> Entry {
        Entry { request: "a".to_owned(), holder: Uuid::nil(), answer }
    }

    #[test]
    fn a_repeat_is_told_what_became_of_its_first() {
        assert_eq!(judge(held(None), "a"), Seen::InProgress);
        assert_eq!(judge(held(Some(answer())), "a"), Seen::Answered(answer()));
    }

    #[test]
    fn a_key_with_another_request_is_reused_whether_answered_or_not() {
        assert_eq!(judge(held(None), "b"), Seen::Reused);
        assert_eq!(judge(held(Some(answer())), "b"), Seen::Reused);
    }
}
