//! What an application goes through before the log: nothing, or, in the broken design, the database.
//!
//! Database-first makes every client wait for PostgreSQL: when it is slow the intake is slow, and when it is down the
//! intake is closed, although the log could have kept the applications for later.

use tracing::warn;
use uuid::Uuid;

use super::asked::{Order, Record};
use crate::config::gateway::intake::IntakeOrder;
use crate::domain::application::LoanApplication;
use crate::http::problem::{Kind, Problem};
use crate::messaging::event::EventData;
use crate::store::{Store, StoreError};

/// A repeat finds its row, and that is as good as writing it.
const WRITE: &str = "
insert into intake (external_id, application) values ($1, $2::text::jsonb -> 'data')
on conflict (external_id) do nothing";

/// The way to the log.
pub(super) enum Intake {
    /// The log is the first to hear of an application.
    LogFirst,
    /// The database is, and the log only when the row is committed.
    DatabaseFirst(Store),
}

impl Intake {
    pub(super) fn new(order: &IntakeOrder) -> Self {
        match order {
            IntakeOrder::LogFirst => Self::LogFirst,
            IntakeOrder::DatabaseFirst(database) => Self::DatabaseFirst(Store::new(database)),
        }
    }

    /// Does what has to be done before the log; the problem says that the application was not accepted. Only
    /// applications have to, of all that can be asked for.
    ///
    /// "Not attempted" is definite even where the row may be there, because its commit was not confirmed or because
    /// the log then refused the record: nothing reads the table, so an application that only it has certainly never
    /// happens. That is one more thing that is wrong with this design: the table claims what nobody will ever do.
    pub(super) async fn before_log(&self, order: &Order) -> Result<(), Problem> {
        let Self::DatabaseFirst(store) = self else { return Ok(()) };
        if order.event != LoanApplication::TYPE {
            return Ok(());
        }
        for record in &order.records {
            write(store, record).await.map_err(|error| {
                warn!(%error, external_id = record.key, "an application was not accepted");
                Kind::NotAttempted.with("the database did not take the application, and nothing was handed to the log")
            })?;
        }
        Ok(())
    }
}

async fn write(store: &Store, record: &Record) -> Result<(), StoreError> {
    let external_id: Option<Uuid> = record.key.parse().ok();
    let statement = sqlx::query(WRITE).bind(external_id).bind(&record.value);
    store.rows("write an application before the log", statement).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::database::DatabaseSettings;

    fn order(event: &'static str) -> Order {
        let record = Record { key: Uuid::nil().to_string(), value: "{\"data\":{}}".to_owned(), traceparent: None };
        Order { event, id: None, customer: None, location: None, records: vec![record] }
    }

    /// Port 1 of the loopback refuses; nothing listens there.
    fn unreachable_database() -> IntakeOrder {
        IntakeOrder::DatabaseFirst(Box::new(DatabaseSettings {
            connect: "postgres://postgres@127.0.0.1:1/origination".parse().expect("a URL"),
            connections: 1,
            connections_min: 0,
            acquire_timeout: Duration::from_millis(20),
            timeout: Duration::from_secs(10),
        }))
    }

    #[tokio::test]
    async fn log_first_asks_nobody_before_the_log() {
        assert_eq!(Intake::new(&IntakeOrder::LogFirst).before_log(&order(LoanApplication::TYPE)).await, Ok(()));
    }

    #[tokio::test]
    async fn database_first_refuses_for_certain_while_the_database_is_away() {
        let intake = Intake::new(&unreachable_database());
        let problem = intake.before_log(&order(LoanApplication::TYPE)).await.expect_err("there is no database");
        assert_eq!(problem.kind, Kind::NotAttempted);
        assert_eq!(intake.before_log(&order("WithdrawalRequested")).await, Ok(()), "applications only");
    }
}
