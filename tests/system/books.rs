//! The books: what the databases and the parties' own journals say, asked directly.

use serde_json::Value;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Connection, PgConnection, Postgres, Row};
use uuid::Uuid;

use crate::inside::{database_url, host};

/// What a query of a service's database finds.
async fn rows(database: &str, query: Query<'_, Postgres, PgArguments>) -> Vec<PgRow> {
    let mut connection = PgConnection::connect(&database_url(database)).await.unwrap();
    let rows = query.fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows
}

/// Changes a service's database as its administrator does.
pub(crate) async fn administer(database: &str, sql: &'static str) {
    rows(database, sqlx::query(sql)).await;
}

/// One number from a service's database.
pub(crate) async fn number(database: &str, sql: &str, id: Option<Uuid>) -> i64 {
    let query = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()));
    let query = id.into_iter().fold(query, Query::bind);
    rows(database, query).await[0].get(0)
}

/// The types of the events that an owner has told about one thing, in the order of their telling.
pub(crate) async fn told(owner: &str, key: &str) -> Vec<String> {
    let sql = "select payload::jsonb ->> 'type' as type from outbox where key = $1 order by xid, position";
    rows(owner, sqlx::query(sql).bind(key)).await.iter().map(|row| row.get("type")).collect()
}

/// The bureaus that are asked about an application, each with the id of the question.
pub(crate) async fn asked(external_id: Uuid) -> Vec<(String, Uuid)> {
    let sql = "select bureau, request_id from credit_report_request where external_id = $1";
    let rows = rows("origination", sqlx::query(sql).bind(external_id)).await;
    rows.iter().map(|row| (row.get("bureau"), row.get("request_id"))).collect()
}

/// What the rail says that it did for a loan: every line of its journal about it.
pub(crate) async fn rail(external_id: Uuid) -> Vec<Value> {
    let url = format!("http://{}:8080/v1/journal", host("rail"));
    let journal = reqwest::get(url).await.unwrap().text().await.unwrap();
    let lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["external_id"] == external_id.to_string()).collect()
}

/// Minor units that the rail moved for a loan in one direction.
pub(crate) async fn moved(external_id: Uuid, direction: &str) -> i64 {
    let lines = rail(external_id).await;
    let executed = lines.iter().filter(|line| line["direction"] == direction && line["state"] == "EXECUTED");
    executed.map(|line| line["amount_minor_units"].as_i64().unwrap()).sum()
}

/// The balance of an account for one loan, debits positive.
pub(crate) async fn balance(account: &str, external_id: Uuid) -> i64 {
    let sql = format!(
        "select coalesce(sum(e.amount_minor_units), 0)::bigint from ledger_entry e \
         join ledger_transaction t on t.id = e.transaction_id where t.external_id = $1 and e.account = '{account}'"
    );
    number("servicing", &sql, Some(external_id)).await
}

/// The sum of the whole ledger: zero, or something is very wrong.
pub(crate) async fn ledger_sum() -> i64 {
    number("servicing", "select coalesce(sum(amount_minor_units), 0)::bigint from ledger_entry", None).await
}
