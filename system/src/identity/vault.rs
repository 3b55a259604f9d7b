//! Keys and revocations, as all requests see them: read without waiting, changed one after the other, on the disk before
//! anybody sees the change.

use std::sync::Arc;

use anyhow::Context;
use tokio::sync::{Mutex, watch};

use super::file::KeptFile;
use super::kept::{Kept, Revoked};
use super::key::KeyError;

/// Who has the file; cheap to clone.
#[derive(Clone)]
pub(super) struct Vault {
    /// Held while the file is replaced.
    file: Arc<Mutex<KeptFile>>,
    kept: Arc<watch::Sender<Arc<Kept>>>,
    lifetime_seconds: i64,
}

impl Vault {
    /// Opens the file, or makes it with a first key. Tokens are good for so long.
    pub(super) fn open(file: KeptFile, lifetime_seconds: i64) -> anyhow::Result<Self> {
        let kept = match file.read(lifetime_seconds)? {
            Some(kept) => kept,
            None => Kept::new(lifetime_seconds)?,
        };
        // Also where it was there: the lifetime may be a longer one, and has to be known when the key is retired.
        file.write(&kept)?;
        let kept = Arc::new(watch::Sender::new(Arc::new(kept)));
        Ok(Self { file: Arc::new(Mutex::new(file)), kept, lifetime_seconds })
    }

    /// What is kept now.
    pub(super) fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept.borrow())
    }

    /// Tells of every change.
    pub(super) fn watch(&self) -> watch::Receiver<Arc<Kept>> {
        self.kept.subscribe()
    }

    /// Signs with a new key from `now` on; returns its name.
    pub(super) async fn rotate(&self, now: i64) -> anyhow::Result<String> {
        let lifetime_seconds = self.lifetime_seconds;
        let kept = self.change(move |kept| kept.rotated(lifetime_seconds, now)).await?;
        Ok(kept.signing().kid().to_owned())
    }

    /// Revokes.
    pub(super) async fn revoke(&self, revoked: Revoked, now: i64) -> anyhow::Result<()> {
        self.change(move |kept| Ok(kept.revoked(revoked, now))).await.map(drop)
    }

    async fn change(
        &self,
        change: impl FnOnce(&Kept) -> Result<Kept, KeyError> + Send + 'static,
    ) -> anyhow::Result<Arc<Kept>> {
        // The work goes on when the request is given up: what is in the file and what is seen stay the same.
        let file = Arc::clone(&self.file).lock_owned().await;
        let kept = Arc::clone(&self.kept);
        let work = move || -> anyhow::Result<Arc<Kept>> {
            let next = Arc::new(change(&Arc::clone(&kept.borrow()))?);
            file.write(&next)?;
            kept.send_replace(Arc::clone(&next));
            Ok(next)
        };
        tokio::task::spawn_blocking(work).await.context("the change of keys or revocations panicked")?
    }
}
