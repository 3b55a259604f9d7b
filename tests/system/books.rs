//! The books: what the databases and the parties' own journals say, asked directly.

use serde_json::Value;
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use crate::inside::{database_url, host};

/// One number from a service's database.
pub(crate) async fn number(database: &str, sql: &str, id: Option<Uuid>) -> i64 {
    let mut connection = PgConnection::connect(&database_url(database)).await.unwrap();
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()));
    if let Some(id) = id {
        query = query.bind(id);
    }
    let number = query.fetch_one(&mut connection).await.unwrap().get(0);
    connection.close().await.unwrap();
    number
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
