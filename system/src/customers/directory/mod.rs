//! What origination and servicing know of customers without asking: a local copy, made from the compacted topic alone
//! and invalidated by it, change by change.
//!
//! - [`reader`]: the thread that reads the topic, from its beginning, without a group: every instance reads all of it
//!
//! It holds what decisions need and nothing that names a person. It lags behind the truth by what the log takes; who
//! finds a customer missing waits for [`Directory::changed`], and who starts waits for [`Directory::current`].

mod reader;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::{Notify, oneshot, watch};

use crate::config::customers::Freshness;
use crate::config::kafka::KafkaSettings;
use crate::domain::customer::{CustomerId, Kyc, Purpose};
use crate::messaging::contract::customers::CustomerChanged;
use reader::Reader;

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kyc: Kyc,
    /// What he agreed to.
    pub(crate) consents: Box<[Purpose]>,
    /// Grows by one with every change.
    pub(crate) version: i64,
}

/// The local copy; cheap to clone.
#[derive(Clone)]
pub(crate) struct Directory(Arc<Shared>);

struct Shared {
    freshness: Freshness,
    entries: RwLock<HashMap<CustomerId, Arc<Entry>>>,
    changed: Notify,
    current: watch::Sender<bool>,
    last_change: RwLock<Instant>,
}

impl Directory {
    /// An empty copy; [`Self::run`] fills it.
    pub(crate) fn new(freshness: Freshness) -> Self {
        Self(Arc::new(Shared {
            freshness,
            entries: RwLock::default(),
            changed: Notify::new(),
            current: watch::Sender::new(false),
            last_change: RwLock::new(Instant::now()),
        }))
    }

    /// Reads the topic on a thread of its own until `stopped`, however long the brokers are away. Errors where librdkafka
    /// refuses the settings.
    pub(crate) async fn run(self, kafka: KafkaSettings, stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
        let reader = Reader::new(self, &kafka, stopped);
        let (done, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("directory".to_owned())
            .spawn(move || done.send(reader.run_until_stopped()))
            .context("cannot start the directory's thread")?;
        ended.await.context("the directory's thread panicked")?
    }

    /// What is known of a customer; none where nobody registered him, or the log has not brought him yet.
    pub(crate) fn get(&self, id: &CustomerId) -> Option<Arc<Entry>> {
        self.0.entries.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Waits until everything has been read that was in the topic at the start: until then an unknown customer may be a
    /// known one.
    pub(crate) async fn current(&self) {
        // The sender lives as long as this does.
        let _ = self.0.current.subscribe().wait_for(|current| *current).await;
    }

    /// Is notified after changes: whoever waits, and the next who comes if nobody does. A shortcut, several changes may
    /// be one notification: who waits for a customer also looks from time to time.
    pub(crate) fn changed(&self) -> &Notify {
        &self.0.changed
    }

    /// Takes over a customer's state, unless a later one is known. With `frozen` nothing is taken over after the start.
    fn put(&self, customer: CustomerChanged) {
        if self.frozen() {
            return;
        }
        let version = customer.customer_version;
        let consents = customer.consents.into_iter().collect();
        let entry = Arc::new(Entry { kyc: customer.kyc, consents, version });
        let mut entries = self.0.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.get(&customer.customer_id).is_none_or(|known| known.version < version) {
            entries.insert(customer.customer_id, entry);
            drop(entries);
            self.tell();
        }
    }

    /// Forgets a customer.
    fn remove(&self, id: &CustomerId) {
        if self.frozen() {
            return;
        }
        let removed = self.0.entries.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        if removed.is_some() {
            self.tell();
        }
    }

    fn frozen(&self) -> bool {
        self.0.freshness == Freshness::Frozen && *self.0.current.borrow()
    }

    fn tell(&self) {
        *self.0.last_change.write().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.changed.notify_waiters();
        self.0.changed.notify_one();
    }

    /// Says that what was in the topic at the start is read.
    fn became_current(&self) {
        self.0.current.send_replace(true);
    }

    fn measure(&self) {
        let entries = self.0.entries.read().unwrap_or_else(PoisonError::into_inner).len();
        // A count of customers is far below what a float holds exactly.
        metrics::gauge!("lending_directory_entries").set(u32::try_from(entries).map_or(f64::INFINITY, f64::from));
        metrics::gauge!("lending_directory_last_change_age_seconds").set(self.age().as_secs_f64());
    }

    fn age(&self) -> Duration {
        self.0.last_change.read().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}
