//! What outlives the process: keys and revocations. Changed as a whole, by pure functions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::key::{Key, KeyError, MARGIN_SECONDS, StoredKey};

/// What is revoked. Instants are seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Revocations {
    /// Tokens, with when they have expired for certain.
    pub(super) tokens: BTreeMap<Uuid, i64>,
    /// Clients, all of whose tokens are revoked that were issued up to an instant.
    pub(super) clients: BTreeMap<String, ClientRevocation>,
    /// Grows with every revocation, so that a reader sees whether he has all of them.
    pub(super) number: u64,
}

/// The tokens of a client that are revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClientRevocation {
    /// Those that were issued up to here.
    pub(super) up_to: i64,
    /// When all of them have expired for certain.
    pub(super) until: i64,
}

/// What is revoked by one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Revoked {
    /// The token with this id.
    Token(Uuid),
    /// All tokens that a client has got up to now.
    Client(String),
}

/// Keys and revocations.
#[derive(Clone)]
pub(super) struct Kept {
    /// Whose revocations they are: another file's are others.
    pub(super) id: Uuid,
    /// The key that signs.
    signing: Key,
    /// Those before it, the oldest first, as long as a token may need them.
    retired: Vec<Key>,
    pub(super) revocations: Revocations,
}

/// The same as the file has it.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredKept {
    id: Uuid,
    signing: StoredKey,
    retired: Vec<StoredKey>,
    revocations: Revocations,
}

impl Kept {
    /// A first key, and nothing revoked.
    pub(super) fn new(lifetime_seconds: i64) -> Result<Self, KeyError> {
        let signing = Key::new(lifetime_seconds)?;
        Ok(Self { id: Uuid::new_v4(), signing, retired: Vec::new(), revocations: Revocations::default() })
    }

    /// From the file, for tokens that are good for so long from now on.
    pub(super) fn restore(stored: StoredKept, lifetime_seconds: i64) -> Result<Self, KeyError> {
        let StoredKept { id, signing, retired, revocations } = stored;
        let mut signing = Key::restore(signing)?;
        signing.stored.lifetime_seconds = signing.stored.lifetime_seconds.max(lifetime_seconds);
        let retired = retired.into_iter().map(Key::restore).collect::<Result<_, _>>()?;
        Ok(Self { id, signing, retired, revocations })
    }

    /// For the file.
    pub(super) fn stored(&self) -> StoredKept {
        let retired = self.retired.iter().map(|key| key.stored.clone()).collect();
        StoredKept { id: self.id, signing: self.signing.stored.clone(), retired, revocations: self.revocations.clone() }
    }

    /// The key that signs.
    pub(super) fn signing(&self) -> &Key {
        &self.signing
    }

    /// The keys that tokens which may still be good were signed with.
    pub(super) fn verifying(&self, now: i64) -> impl Iterator<Item = &Key> {
        self.retired.iter().filter(move |key| key.is_needed(now)).chain([&self.signing])
    }

    /// Signs with a new key from now on. Keys that no token needs any more are forgotten.
    pub(super) fn rotated(&self, lifetime_seconds: i64, now: i64) -> Result<Self, KeyError> {
        let mut next = self.clone();
        let mut last = std::mem::replace(&mut next.signing, Key::new(lifetime_seconds)?);
        last.stored.retired_at = Some(now);
        next.retired.push(last);
        next.retired.retain(|key| key.is_needed(now));
        Ok(next)
    }

    /// Revokes. What was revoked and has expired is forgotten.
    pub(super) fn revoked(&self, revoked: Revoked, now: i64) -> Self {
        let mut next = self.clone();
        let lifetimes = self.retired.iter().map(|key| key.stored.lifetime_seconds);
        let until = now + lifetimes.fold(self.signing.stored.lifetime_seconds, i64::max) + MARGIN_SECONDS;
        next.revocations.forget_expired(now);
        next.revocations.number += 1;
        match revoked {
            Revoked::Token(id) => next.revocations.tokens.insert(id, until).map(drop),
            Revoked::Client(id) => {
                next.revocations.clients.insert(id, ClientRevocation { up_to: now, until }).map(drop)
            }
        };
        next
    }
}

impl Revocations {
    fn forget_expired(&mut self, now: i64) {
        self.tokens.retain(|_, until| now <= *until);
        self.clients.retain(|_, revocation| now <= revocation.until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn kids(kept: &Kept, now: i64) -> Vec<String> {
        kept.verifying(now).map(|key| key.kid().to_owned()).collect()
    }

    #[test]
    fn a_key_that_was_followed_stays_until_its_tokens_have_expired() {
        let first = Kept::new(300).expect("a key");
        let second = first.rotated(300, NOW).expect("a key");
        let old = first.signing().kid().to_owned();
        let new = second.signing().kid().to_owned();
        assert_ne!(old, new);
        assert_eq!(kids(&second, NOW + 360), [old, new.clone()]);
        assert_eq!(kids(&second, NOW + 361), [new]);
        let third = second.rotated(300, NOW + 361).expect("a key");
        assert_eq!(third.stored().retired.len(), 1, "the first one is forgotten");
    }

    #[test]
    fn a_key_stays_as_long_as_the_longest_lifetime_that_it_signed_with() {
        let long = Kept::new(600).expect("a key");
        let short = Kept::restore(long.stored(), 10).expect("sound").rotated(10, NOW).expect("a key");
        assert_eq!(kids(&short, NOW + 660).len(), 2);
        assert_eq!(kids(&short, NOW + 661).len(), 1);
    }

    #[test]
    fn a_revocation_is_kept_until_the_token_has_expired() {
        let (early, late) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let kept = Kept::new(300).expect("a key").revoked(Revoked::Token(early), NOW);
        let kept = kept.revoked(Revoked::Client("c".to_owned()), NOW + 100).revoked(Revoked::Token(late), NOW + 361);
        assert_eq!(kept.revocations.tokens.keys().collect::<Vec<_>>(), [&late]);
        assert_eq!(kept.revocations.clients["c"], ClientRevocation { up_to: NOW + 100, until: NOW + 460 });
        assert_eq!(kept.revocations.number, 3);
    }
}
