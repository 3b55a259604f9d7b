//! What an application goes through before the log: nothing, or, in the broken design, the database.
//!
//! Database-first makes every client wait for PostgreSQL: when it is slow the intake is slow, and when it is down the
//! intake is closed, although the log could have kept the applications for later.

use tracing::warn;

use crate::config::gateway::IntakeOrder;
use crate::domain::application::LoanApplication;
use crate::http::problem::{Kind, Problem};
use crate::store::{Store, StoreError};

/// A repeat finds its row, and that is as good as writing it.
const WRITE: &str = "
insert into intake (external_id, application) values ($1, $2::text::jsonb)
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

    /// Does what has to be done before the log; the problem says that the application was not accepted.
    ///
    /// "Not attempted" is definite even where the row may be there, because its commit was not confirmed or because
    /// the log then refused the record: nothing reads the table, so an application that only it has certainly never
    /// happens. That is one more thing that is wrong with this design: the table claims what nobody will ever do.
    pub(super) async fn before_log(&self, application: &LoanApplication) -> Result<(), Problem> {
        let Self::DatabaseFirst(store) = self else { return Ok(()) };
        let document = serde_json::to_string(application).map_err(|error| super::submit::defect(&error))?;
        write(store, application, &document).await.map_err(|error| {
            warn!(%error, external_id = %application.external_id, "an application was not accepted");
            Kind::NotAttempted.with("the database did not take the application, and nothing was handed to the log")
        })
    }
}

async fn write(store: &Store, application: &LoanApplication, document: &str) -> Result<(), StoreError> {
    let statement = sqlx::query(WRITE).bind(application.external_id).bind(document);
    store.rows("write an application before the log", statement).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::database::DatabaseSettings;
    use crate::domain::application::tests::sound;

    fn application() -> LoanApplication {
        serde_json::from_value(sound()).expect("sound")
    }

    /// Port 1 of the loopback refuses; nothing listens there.
    fn unreachable_database() -> DatabaseSettings {
        DatabaseSettings {
            connect: "postgres://postgres@127.0.0.1:1/origination".parse().expect("a URL"),
            connections: 1,
            connections_min: 0,
            acquire_timeout: Duration::from_millis(20),
            timeout: Duration::from_secs(10),
        }
    }

    #[tokio::test]
    async fn log_first_asks_nobody_before_the_log() {
        assert_eq!(Intake::new(&IntakeOrder::LogFirst).before_log(&application()).await, Ok(()));
    }

    #[tokio::test]
    async fn database_first_refuses_for_certain_while_the_database_is_away() {
        let intake = Intake::new(&IntakeOrder::DatabaseFirst(Box::new(unreachable_database())));
        let problem = intake.before_log(&application()).await.expect_err("there is no database");
        assert_eq!(problem.kind, Kind::NotAttempted);
    }
}
