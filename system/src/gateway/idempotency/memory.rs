//! Answers remembered in this process: the broken design. Another gateway knows nothing of them, and neither does this
//! one after a restart.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Entry, Reservation, Seen, judge};
use crate::config::gateway::idempotency::IdempotencySettings;
use crate::gateway::answer::Answer;
use crate::gateway::generations::Generations;

/// Keys that are remembered.
const LIMIT: usize = 100_000;

pub(in crate::gateway) struct Memory {
    held: Mutex<Generations<String, Held>>,
    ttl: Duration,
    reservation: Duration,
}

struct Held {
    entry: Entry,
    until: Instant,
}

impl Memory {
    pub(super) fn new(settings: &IdempotencySettings) -> Self {
        Self { held: Mutex::new(Generations::new(LIMIT)), ttl: settings.ttl, reservation: settings.reservation }
    }

    pub(super) fn reserve(&self, reservation: Reservation) -> Seen {
        let (mut all, now) = (self.lock(), Instant::now());
        if let Some(held) = all.get(&reservation.key).filter(|held| held.until > now) {
            return judge(held.entry.clone(), &reservation.entry.request);
        }
        let held = Held { entry: reservation.entry.clone(), until: now + self.reservation };
        all.insert(reservation.key.clone(), held);
        Seen::First(reservation)
    }

    pub(super) fn complete(&self, reservation: Reservation, answer: Answer) {
        let (mut all, until) = (self.lock(), Instant::now() + self.ttl);
        if all.get(&reservation.key).is_some_and(|held| held.entry == reservation.entry) {
            let entry = Entry { answer: Some(answer), ..reservation.entry };
            all.insert(reservation.key, Held { entry, until });
        }
    }

    pub(super) fn release(&self, reservation: &Reservation) {
        let mut all = self.lock();
        if all.get(&reservation.key).is_some_and(|held| held.entry == reservation.entry) {
            all.remove(&reservation.key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Generations<String, Held>> {
        // Every change is one insertion or removal: a panic elsewhere cannot have left it half changed.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
