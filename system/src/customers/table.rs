//! The rows of customers: read and written as sets.

use std::collections::BTreeMap;

use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};
use sqlx::postgres::PgRow;

use super::customer::Customer;
use crate::domain::customer::CustomerId;
use crate::store::{Statement, Store, StoreError, Transaction, column};

/// Customers by id.
pub(super) type Customers = BTreeMap<CustomerId, Customer>;

/// The order keeps two instances that hold the same records, after a rebalance, from locking each other out.
const LOAD: &str = "
select customer_id, name, email, to_char(date_of_birth, 'YYYY-MM-DD') as date_of_birth, kyc, consents, version
from customer where customer_id = any($1) order by customer_id for update";

const READ: &str = "
select customer_id, name, email, to_char(date_of_birth, 'YYYY-MM-DD') as date_of_birth, kyc, consents, version
from customer where customer_id = $1";

/// A customer whom somebody else registered since the load is not written over: the row's version says so.
const SAVE: &str = "
insert into customer (customer_id, name, email, date_of_birth, kyc, consents, version)
select customer_id, name, email, date_of_birth::date, kyc, string_to_array(consents, ','), version
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
    as t (customer_id, name, email, date_of_birth, kyc, consents, version)
order by customer_id
on conflict (customer_id) do update set
    name = excluded.name, email = excluded.email, date_of_birth = excluded.date_of_birth, kyc = excluded.kyc,
    consents = excluded.consents, version = excluded.version, updated_at = now()
where customer.version < excluded.version
returning 1";

/// Reads the customers with these ids, as far as there are any, and keeps others from changing them until the end of the
/// transaction.
pub(super) async fn load(transaction: &mut Transaction, ids: &[&CustomerId]) -> Result<Customers, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_str()).collect();
    let rows = transaction.rows(sqlx::query(LOAD).bind(ids)).await?;
    rows.iter().map(|row| customer(row).map(|customer| (customer.customer_id.clone(), customer))).collect()
}

/// Writes customers as they are now. Errors where one of them was changed since it was loaded, which can only be one
/// that was not there: the transaction is to be done again.
pub(super) async fn save(transaction: &mut Transaction, customers: &[&Customer]) -> Result<(), StoreError> {
    if customers.is_empty() {
        return Ok(());
    }
    let saved = transaction.rows(save_statement(customers)).await?;
    match saved.len() == customers.len() {
        true => Ok(()),
        false => Err(StoreError::Database { doing: "save customers", source: sqlx::Error::RowNotFound }),
    }
}

fn save_statement(customers: &[&Customer]) -> Statement<'static> {
    let texts = |text: fn(&Customer) -> String| customers.iter().map(|customer| text(customer)).collect::<Vec<_>>();
    sqlx::query(SAVE)
        .bind(texts(|customer| customer.customer_id.to_string()))
        .bind(texts(|customer| customer.name.as_str().to_owned()))
        .bind(texts(|customer| customer.email.as_str().to_owned()))
        .bind(texts(|customer| customer.date_of_birth.to_string()))
        .bind(texts(|customer| customer.kyc.name().to_owned()))
        .bind(texts(|customer| customer.consents.iter().map(|purpose| purpose.name()).collect::<Vec<_>>().join(",")))
        .bind(customers.iter().map(|customer| customer.version).collect::<Vec<_>>())
}

/// Reads one customer, if there is one.
pub(super) async fn find(store: &Store, id: &CustomerId) -> Result<Option<Customer>, StoreError> {
    let rows = store.rows("read a customer", sqlx::query(READ).bind(id.as_str())).await?;
    rows.first().map(customer).transpose()
}

fn customer(row: &PgRow) -> Result<Customer, StoreError> {
    let consents: Vec<String> = column(row, "consents")?;
    Ok(Customer {
        customer_id: parsed(column(row, "customer_id")?)?,
        name: parsed(column(row, "name")?)?,
        email: parsed(column(row, "email")?)?,
        date_of_birth: parsed(column(row, "date_of_birth")?)?,
        kyc: parsed(column(row, "kyc")?)?,
        consents: consents.into_iter().map(parsed).collect::<Result<_, _>>()?,
        version: column(row, "version")?,
    })
}

/// A column's text as the word of the domain that it was written from.
fn parsed<T: DeserializeOwned>(text: String) -> Result<T, StoreError> {
    T::deserialize(IntoDeserializer::<ValueError>::into_deserializer(text)).map_err(|error| StoreError::Database {
        doing: "read a customer's row",
        source: sqlx::Error::Decode(error.into()),
    })
}
