//! Servicing: owns loans and the ledger, from the accepted offer to the last cent.
//!
//! - [`book`]: the work on loans, without I/O; [`transfer`]: what the rail is asked; [`input`]: what servicing hears
//! - [`intake`]: records to their effect, one transaction a batch; [`rows`]: what it reads and writes
//! - [`dispatcher`]: transfers to the [`rail`] and its results into the ledger
//! - [`timer`]: instalments that fall due, commands that have waited
//! - [`rest`]: the pauses of dispatcher and timers
//! - [`api`]: `GET /v1/loans/{external_id}`, `GET /v1/loans/{external_id}/ledger`
//!
//! Whatever is in memory here can be lost at any instant; the log and the tables hold all there is.

mod api;
mod book;
mod dispatcher;
mod input;
mod intake;
mod rail;
mod rest;
mod rows;
#[cfg(test)]
mod tests;
mod timer;
mod transfer;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::config::servicing::ServicingSettings;
use crate::messaging::consumer::{self, Subscription};
use crate::messaging::outbox::Publisher;
use crate::messaging::topic;
use crate::owner::{self, Parts};
use crate::store::Store;
pub(crate) use api::{Document, Ledger};
use book::Policy;
use dispatcher::Dispatcher;
use intake::{Desk, Wakeups};

/// What servicing reads, and as which group.
const SUBSCRIPTION: Subscription =
    Subscription { group: "servicing", topics: &[topic::ORIGINATION_EVENTS, topic::SERVICING_COMMANDS] };

/// Serves until the process is told to stop, or until a part of it fails.
pub(crate) async fn run(settings: ServicingSettings) -> anyhow::Result<()> {
    let desk = Desk {
        store: Store::new(&settings.database),
        publisher: Arc::new(Publisher::new(&settings.messaging)?),
        policy: policy(&settings),
        wakeups: Arc::new(Wakeups::default()),
    };
    let (server, parts_desk) = (settings.server.clone(), desk.clone());
    let routes = api::routes(desk.store.clone());
    let start = move |parts| async move { start(parts, settings, parts_desk) };
    desk.publisher.during(owner::run(&server, desk.store.clone(), routes, start)).await
}

fn policy(settings: &ServicingSettings) -> Policy {
    let signed = |duration: Duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    Policy {
        month: signed(settings.month),
        waiting_command_max: signed(settings.waiting_command_max),
        dedup: settings.messaging.dedup,
        compensation: settings.compensation,
    }
}

fn start(mut parts: Parts, settings: ServicingSettings, desk: Desk) -> anyhow::Result<Parts> {
    let ServicingSettings { messaging, transfers, timer_batch_max, .. } = settings;
    let stopped = parts.stopped();
    let dispatcher = Dispatcher::new(desk.clone(), transfers.clone())?;
    for _ in 0..transfers.concurrency {
        parts.spawn("the dispatcher of transfers", dispatcher.clone().run(stopped.clone()));
    }
    parts.spawn("the timer of instalments", timer::run_instalments(desk.clone(), timer_batch_max, stopped.clone()));
    parts.spawn("the timer of commands", timer::run_waiting(desk.clone(), timer_batch_max, stopped.clone()));
    parts.spawn_outbox(&desk.store, &messaging);
    let consuming = parts.consuming();
    parts.spawn("the consumer", consumer::run(Arc::new(desk), SUBSCRIPTION, messaging, consuming, stopped));
    Ok(parts)
}
