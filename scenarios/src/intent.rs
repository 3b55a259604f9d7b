//! What a client wants to happen once, as far as its requests carry it.

use crate::wallet::Wallet;
use proofload_history::Id;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Values of earlier answers by name.
pub(crate) type Captures = BTreeMap<String, String>;

static NOTHING: Captures = BTreeMap::new();

/// An intent: what it puts into the templates of its requests.
#[derive(Clone, Copy, Debug)]
pub struct Intent<'a> {
    pub(crate) seed: u64,
    pub(crate) id: Id,
    pub(crate) arrival: Id,
    pub(crate) counter: u64,
    pub(crate) captures: &'a Captures,
    pub(crate) wallet: Option<&'a Wallet>,
}

impl Intent<'_> {
    /// The intent that an arrival itself is: under its id, and with its counter, nothing captured and nothing to show.
    #[must_use]
    pub fn of_arrival(seed: u64, id: Id, counter: u64) -> Self {
        Self { seed, id, arrival: id, counter, captures: &NOTHING, wallet: None }
    }

    pub(crate) fn captured(&self, name: &str) -> Option<&str> {
        self.captures.get(name).map(String::as_str)
    }

    pub(crate) fn credential(&self, name: &str) -> Option<Arc<str>> {
        self.wallet.and_then(|wallet| wallet.token(name, self.counter))
    }
}
