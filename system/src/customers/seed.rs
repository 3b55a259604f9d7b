//! A base of customers for a run, by the same tables and outbox as registered ones: verified, and agreed to a credit
//! check. Who is there already stays as he is, so that running it twice changes nothing.

use std::collections::BTreeSet;

use anyhow::Context;
use jiff::civil::date;
use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use tracing::info;
use uuid::Uuid;

use super::customer::Customer;
use super::table;
use crate::config::customers::SeedSettings;
use crate::domain::customer::{CustomerId, Kyc, Purpose};
use crate::messaging::event::{Cause, Event};
use crate::messaging::outbox::{Outgoing, Publisher};
use crate::messaging::topic;
use crate::store::{Store, StoreError};

/// Customers in one transaction.
const BATCH: u32 = 500;

/// Makes `customer-1` to `customer-{count}`, as far as they are not there.
pub(crate) async fn run(settings: &SeedSettings, count: u32) -> anyhow::Result<()> {
    let made = seed(&Store::new(&settings.database), count).await?;
    info!(count, made, "seeded");
    Ok(())
}

/// Returns how many are new.
pub(super) async fn seed(store: &Store, count: u32) -> anyhow::Result<usize> {
    let correlation_id = Uuid::new_v4();
    let mut made = 0;
    for first in (1..=count).step_by(usize::try_from(BATCH)?) {
        let last = count.min(first.saturating_add(BATCH - 1));
        let batch = (first..=last).map(customer).collect::<Result<Vec<_>, _>>().context("cannot make up a customer")?;
        made += store_new(store, &batch, correlation_id)
            .await
            .with_context(|| format!("cannot seed the customers {first} to {last} (is the database migrated?)"))?;
    }
    Ok(made)
}

/// Stores those of a batch that are not there, with their events, and returns how many that are.
async fn store_new(store: &Store, batch: &[Customer], correlation_id: Uuid) -> Result<usize, StoreError> {
    let mut transaction = store.begin("seed customers").await?;
    let ids: Vec<_> = batch.iter().map(|customer| &customer.customer_id).collect();
    let known = table::load(&mut transaction, &ids).await?;
    let new: Vec<_> = batch.iter().filter(|customer| !known.contains_key(&customer.customer_id)).collect();
    let told = |customer: &&Customer| {
        let cause = Cause { correlation_id, causation_id: None, traceparent: None };
        Outgoing::of(topic::CUSTOMERS_CHANGED, &customer.customer_id, &Event::now(cause, customer.changed()))
    };
    let events = new.iter().map(told).collect::<Result<Vec<_>, _>>()?;
    table::save(&mut transaction, &new).await?;
    Publisher::Outbox.append(&mut transaction, &events).await?;
    transaction.commit().await?;
    Ok(new.len())
}

/// The customer with this number; the same whenever it is asked for.
fn customer(number: u32) -> Result<Customer, ValueError> {
    let days = i64::from(number % 14_000);
    Ok(Customer {
        customer_id: word::<CustomerId>(format!("customer-{number}"))?,
        name: word(format!("Customer {number}"))?,
        email: word(format!("customer-{number}@example.org"))?,
        date_of_birth: date(1965, 1, 1).saturating_add(jiff::Span::new().days(days)),
        kyc: Kyc::Verified,
        consents: BTreeSet::from([Purpose::CreditCheck]),
        version: 1,
    })
}

fn word<T: DeserializeOwned>(text: String) -> Result<T, ValueError> {
    T::deserialize(IntoDeserializer::<ValueError>::into_deserializer(text))
}
