//! Origination: owns loan applications, from the log to the offer that is taken.
//!
//! - [`step`]: what an application does when something happens: pure; [`application`] is the state, [`policy`] the
//!   lender's will
//! - [`evaluation`]: a batch of commands, timers or customers in one transaction; [`batch`] carries it, [`table`] reads
//!   and writes it, [`command`] is what records say
//! - [`timers`]: what lets time pass
//! - [`bureaus`]: asks the credit bureaus; [`blocking`] is how it is not done
//! - [`api`]: `GET /v1/loan-applications/{external_id}`
//!
//! Whatever is in memory here can be lost at any instant; the log, the tables and the outbox hold all there is.

mod api;
mod application;
mod batch;
mod blocking;
mod bureaus;
mod command;
mod evaluation;
pub(crate) mod policy;
mod step;
mod table;
#[cfg(test)]
mod tests;
mod timers;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::sync::watch;

use crate::config::messaging::MessagingSettings;
use crate::config::origination::{Call, OriginationSettings};
use crate::customers::directory::Directory;
use crate::domain::customer::{CustomerId, Purpose};
use crate::http::health::Need;
use crate::messaging::consumer::{self, Subscription};
use crate::messaging::outbox::Publisher;
use crate::messaging::topic;
use crate::owner::{self, Parts};
use crate::store::Store;
pub(crate) use api::Document;
use blocking::Blocking;
use bureaus::{Bureau, Dispatcher};
use evaluation::Evaluation;
use step::KnownCustomer;

/// The group has the role's name.
const SUBSCRIPTION: Subscription = Subscription { group: "origination", topics: &[topic::ORIGINATION_COMMANDS] };

/// Serves until the process is told to stop, or until a part of it fails.
pub(crate) async fn run(settings: OriginationSettings) -> anyhow::Result<()> {
    let server = settings.server.clone();
    let store = Store::new(&settings.database);
    let routes =
        Router::new().route("/v1/loan-applications/{external_id}", get(api::read)).with_state(Arc::new(store.clone()));
    let publisher = Arc::new(Publisher::new(&settings.messaging)?);
    let (parts_store, parts_publisher) = (store.clone(), Arc::clone(&publisher));
    let start = move |parts| async move { start(parts, parts_store, parts_publisher, settings) };
    publisher.during(owner::run(&server, store, routes, start)).await
}

fn start(
    mut parts: Parts,
    store: Store,
    publisher: Arc<Publisher>,
    settings: OriginationSettings,
) -> anyhow::Result<Parts> {
    let OriginationSettings { messaging, freshness, policy, timers, bureaus, bureau, .. } = settings;
    let stopped = parts.stopped();
    let directory = Directory::new(freshness);
    let bureaus: Vec<Arc<Bureau>> =
        bureaus.iter().map(|address| Bureau::new(address, &bureau).map(Arc::new)).collect::<Result<_, _>>()?;
    let known = directory.clone();
    let (asked, _) = watch::channel(());
    let evaluation = Arc::new(Evaluation {
        store: store.clone(),
        publisher,
        dedup: messaging.dedup,
        policy,
        customers: Box::new(move |id| known_customer(&known, id)),
        blocking: (bureau.call == Call::Blocking).then(|| Blocking(bureaus.clone())),
        asked,
    });
    parts.spawn_outbox(&store, &messaging);
    parts.spawn("the directory", directory.clone().run(messaging.kafka.clone(), stopped.clone()));
    if timers {
        parts.spawn("the timers", timers::fire(Arc::clone(&evaluation), stopped.clone()));
    }
    parts.spawn("the followers of customers", {
        timers::follow_customers(Arc::clone(&evaluation), directory.clone(), stopped.clone())
    });
    if bureau.call == Call::Callback {
        for one in &bureaus {
            let asked = evaluation.asked.subscribe();
            let dispatcher = Dispatcher::new(store.clone(), Arc::clone(one), bureau.clone(), asked);
            parts.spawn("a bureau's dispatcher", dispatcher.run(stopped.clone()));
        }
    }
    let names = bureaus.iter().map(|one| one.name().to_owned()).collect();
    parts.spawn("the measure of open requests", bureaus::measure(store, names, stopped.clone()));
    let consuming = parts.consuming();
    parts.spawn("the consumer", consume(evaluation, directory, messaging, consuming, stopped));
    Ok(parts)
}

/// Consumes until `stopped`. Begins when the customers are known that were there at the start, or every application
/// would wait for its own.
async fn consume(
    evaluation: Arc<Evaluation>,
    directory: Directory,
    messaging: MessagingSettings,
    consuming: Need,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    tokio::select! {
        () = directory.current() => {}
        _ = stopped.wait_for(|stop| *stop) => return Ok(()),
    }
    consumer::run(evaluation, SUBSCRIPTION, messaging, consuming, stopped).await
}

fn known_customer(directory: &Directory, id: &CustomerId) -> Option<KnownCustomer> {
    let entry = directory.get(id)?;
    Some(KnownCustomer { kyc: entry.kyc, credit_check: entry.consents.contains(&Purpose::CreditCheck) })
}
