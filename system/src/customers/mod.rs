//! Customers: owns who they are, what they agreed to and whether they are known (KYC).
//!
//! - [`command`]: what can be asked; [`customer`]: what that makes of a customer, a pure function
//! - [`intake`]: records to rows and events, one transaction a batch; [`table`]: the rows
//! - [`api`]: `GET /v1/customers/{customer_id}`
//! - [`seed`]: a base of customers for a run
//! - [`directory`]: the copy of all customers that origination and servicing keep, by the log alone
//!
//! A customer goes out as a whole with every change, on a compacted topic: a log that is a table.

mod api;
mod command;
mod customer;
pub(crate) mod directory;
mod intake;
pub(crate) mod seed;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::sync::watch;

use crate::config::customers::CustomersSettings;
use crate::config::messaging::MessagingSettings;
use crate::http::health::Readiness;
use crate::messaging::consumer::{self, Subscription};
use crate::messaging::outbox::Publisher;
use crate::messaging::{housekeeping, relay, topic};
use crate::owner;
use crate::store::Store;
pub(crate) use customer::Customer;
use customer::Policy;
use intake::Intake;

/// The group has the role's name.
const SUBSCRIPTION: Subscription = Subscription { group: "customers", topics: &[topic::CUSTOMERS_COMMANDS] };

/// Serves until the process is told to stop, or until a part of it fails.
pub(crate) async fn run(settings: CustomersSettings) -> anyhow::Result<()> {
    let CustomersSettings { server, database, messaging, kyc } = settings;
    let store = Store::new(&database);
    let routes = Router::new().route("/v1/customers/{customer_id}", get(api::read)).with_state(Arc::new(store.clone()));
    owner::run(&server, store.clone(), routes, move |mut parts| async move {
        let policy = Policy { kyc, dedup: messaging.dedup };
        let intake = Arc::new(Intake { store: store.clone(), publisher: Publisher::new(&messaging)?, policy });
        let stopped = parts.stopped();
        let readiness = parts.readiness();
        parts.spawn("the relay", relay::run(store.clone(), messaging.clone(), stopped.clone()));
        parts.spawn("the housekeeping", housekeeping::run(store, messaging.housekeeping.clone(), stopped.clone()));
        parts.spawn("the consumer", consume(intake, messaging, readiness, stopped));
        Ok(parts)
    })
    .await
}

/// Consumes until `stopped`; then nothing is committed any more, and what is on its way to the log gets there.
async fn consume(
    intake: Arc<Intake>,
    messaging: MessagingSettings,
    readiness: Readiness,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    tokio::select! {
        kept = intake.publisher.keep() => kept?,
        consumed = consumer::run(Arc::clone(&intake), SUBSCRIPTION, messaging, readiness, stopped) => consumed?,
    }
    intake.publisher.flush().await;
    Ok(())
}
