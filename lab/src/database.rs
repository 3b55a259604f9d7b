//! The way to a database that no fault on a link touches: its component's own address.

use crate::Lab;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, PgConnection};
use std::time::Duration;

/// Where PostgreSQL listens in the lab.
const PORT: u16 = 5432;
/// The lab trusts this role from everywhere within itself.
const ROLE: &str = "postgres";
/// Longer than this, and the database counts as unreachable.
const WITHIN: Duration = Duration::from_secs(5);

/// A connection to `database` of the first instance of `component`.
pub(crate) async fn connect(lab: &Lab, component: &str, database: &str) -> Result<PgConnection, String> {
    let instance = lab.instances().iter().find(|instance| &*instance.of == component);
    let instance = instance.ok_or_else(|| format!("no instance of `{component}` runs"))?;
    let options = PgConnectOptions::new_without_pgpass()
        .host(&instance.address.to_string())
        .port(PORT)
        .username(ROLE)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .application_name("proofload")
        .statement_cache_capacity(0);
    let name = &instance.name;
    let hint = format!("(is the component healthy? logs/{name}.log)");
    match tokio::time::timeout(WITHIN, options.connect()).await {
        Ok(outcome) => outcome.map_err(|error| format!("cannot connect to {name}:{PORT}/{database}: {error} {hint}")),
        Err(_) => Err(format!("cannot connect to {name}:{PORT}/{database} within {} s {hint}", WITHIN.as_secs())),
    }
}
