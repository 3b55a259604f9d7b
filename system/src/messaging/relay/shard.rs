//! The relay of one shard.
//!
//! **Order.** A position is drawn before its transaction commits, so a reader by position overtakes late commits and
//! loses them. Rows are read in the order of (transaction id, position), and only below the oldest transaction that
//! is still running: nothing can appear behind the cursor.
//!
//! **One at a time.** Each shard has a lease: a row with a holder and a deadline, on the database's clock. An advisory
//! lock would live as long as its session, and the server keeps the session of a relay that was cut off until TCP
//! gives up; a deadline frees the shard after a known time. The holder stops handing over records early enough that
//! the last of them has died (the message time-out) when the lease ends by its own clock, counted from before it
//! asked. What a paused process still sends after that is a repeat of rows that the next holder sends as well: the
//! log may repeat, and the cursor moves only for who holds the lease.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::watch;
use tracing::{info, warn};

use super::lease::{self, Cursor, Held, Row};
use crate::config::kafka::KafkaSettings;
use crate::config::messaging::RelaySettings;
use crate::messaging::outbox;
use crate::messaging::producer::{LogProducer, PublishError};
use crate::store::Store;
use crate::telemetry::context;

/// How often the holder looks for rows when nobody wakes it.
const LOOK: Duration = Duration::from_millis(100);
/// How often another one looks whether the lease is free.
const WATCH: Duration = Duration::from_secs(1);
/// Pause after the database or the log failed.
const PAUSE: Duration = Duration::from_millis(500);

/// The relay of one shard.
pub(super) struct Relay {
    store: Store,
    shard: i32,
    /// Unique per process: a restarted instance is another holder.
    holder: String,
    kafka: KafkaSettings,
    settings: RelaySettings,
    producer: LogProducer,
    /// Up to where rows are acknowledged and the table does not know it yet.
    acknowledged: Option<Cursor>,
    holding: bool,
}

impl Relay {
    pub(super) fn new(
        store: Store,
        shard: i32,
        holder: String,
        kafka: KafkaSettings,
        settings: RelaySettings,
    ) -> anyhow::Result<Self> {
        let producer = LogProducer::new(&kafka).context("cannot make the relay's producer")?;
        Ok(Self { store, shard, holder, kafka, settings, producer, acknowledged: None, holding: false })
    }

    /// Relays until `stopped`, then gives the lease back.
    pub(super) async fn run(mut self, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
        while !*stopped.borrow_and_update() {
            let pause = self.turn().await?;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = outbox::appended(), if self.holding && pause == LOOK => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        }
        if self.holding
            && let Err(error) =
                lease::give_back(&self.store, self.shard, &self.holder, self.acknowledged.as_ref()).await
        {
            warn!(%error, shard = self.shard, "the relay's lease is not given back; it expires");
        }
        Ok(())
    }

    /// Moves the cursor, renews the lease, reads and publishes one batch. Returns how long to wait before the next.
    async fn turn(&mut self) -> anyhow::Result<Duration> {
        let asked = Instant::now();
        let acknowledged = self.acknowledged.take();
        let held =
            lease::hold_and_read(&self.store, self.shard, &self.holder, &self.settings, acknowledged.as_ref()).await;
        let rows = match held {
            Ok(Held::ByUs(rows)) => rows,
            Ok(Held::ByAnother) => {
                self.became(false);
                return Ok(WATCH);
            }
            Err(error) => {
                // What was acknowledged is kept for the next turn: the statement moves the cursor only forward.
                self.acknowledged = acknowledged;
                warn!(%error, shard = self.shard, "the outbox is not read; trying again");
                return Ok(PAUSE);
            }
        };
        self.became(true);
        if rows.is_empty() {
            return Ok(LOOK);
        }
        let deadline = asked + self.settings.lease.saturating_sub(self.kafka.message_timeout);
        match self.publish(&rows, deadline).await {
            Ok(()) => Ok(Duration::ZERO),
            Err((error, row)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let _about = context::of_event(row.payload.as_bytes()).entered();
                warn!(%error, cause, shard = self.shard, "publishing stopped; going on from the cursor");
                // A producer whose records failed skips them and goes on with the later ones, which breaks the order: it
                // is replaced, and what it still held is purged with it.
                self.producer.replace().context("cannot replace the relay's producer")?;
                Ok(PAUSE)
            }
        }
    }

    /// Hands the rows over before `deadline` and notes up to where all of them are acknowledged. An error comes with the
    /// first row that is not.
    async fn publish<'a>(&mut self, rows: &'a [Row], deadline: Instant) -> Result<(), (PublishError, &'a Row)> {
        let mut pending = Vec::with_capacity(rows.len());
        let mut refused = None;
        for row in rows {
            if Instant::now() >= deadline {
                // The lease was slow to come. What is not handed over is read again.
                break;
            }
            match self.producer.hand_over(row.record()) {
                Ok(handed) => pending.push((row, handed)),
                Err(error) => {
                    refused = Some((error, row));
                    break;
                }
            }
        }
        for (row, handed) in pending {
            handed.acknowledged().await.map_err(|error| (error, row))?;
            self.acknowledged = Some(row.cursor.clone());
            metrics::counter!("lending_events_published_total").increment(1);
        }
        refused.map_or(Ok(()), Err)
    }

    fn became(&mut self, holding: bool) {
        if self.holding != holding {
            self.holding = holding;
            info!(shard = self.shard, holding, "the relay's lease changed");
            metrics::gauge!("lending_relay_holding", "shard" => self.shard.to_string()).set(if holding {
                1.0
            } else {
                0.0
            });
        }
    }
}
