//! Customers: owns who they are, what they agreed to and whether they are known (KYC).
//!
//! - [`command`]: what can be asked; [`customer`]: what that makes of a customer, a pure function
//! - [`intake`]: records to rows and events, one transaction a batch; [`table`]: the rows
//! - [`api`]: `GET /v1/customers/{customer_id}`
//! - [`seed`]: a base of customers for a run
//! - [`directory`]: the copy of all customers that origination keeps, by the log alone
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

use crate::config::customers::CustomersSettings;
use crate::messaging::consumer::{self, Subscription};
use crate::messaging::outbox::Publisher;
use crate::messaging::topic;
use crate::owner::{self, Parts};
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
    let publisher = Arc::new(Publisher::new(&messaging)?);
    let policy = Policy { kyc, dedup: messaging.dedup };
    let intake = Arc::new(Intake { store: store.clone(), publisher: Arc::clone(&publisher), policy });
    let start = move |mut parts: Parts| async move {
        parts.spawn_outbox(&intake.store, &messaging);
        let (consuming, stopped) = (parts.consuming(), parts.stopped());
        parts.spawn("the consumer", consumer::run(intake, SUBSCRIPTION, messaging, consuming, stopped));
        Ok(parts)
    };
    publisher.during(owner::run(&server, store, routes, start)).await
}
