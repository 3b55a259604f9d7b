//! PostgreSQL.

use super::{Component, Site, http, write};
use crate::command::output;
use crate::host::{Recipe, process_in};
use crate::plan::NETWORK;
use crate::{LabError, manifest, ping};
use futures::future::BoxFuture;
use rustix::process::Signal;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const PORT: u16 = 5432;
const USER: &str = "postgres";

/// The request for TLS, which every server answers with one byte (PostgreSQL's protocol, "SSLRequest").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

pub(super) struct Postgres {
    settings: manifest::Settings,
    databases: Vec<String>,
}

impl Postgres {
    pub(super) fn new(spec: &manifest::Component) -> Self {
        let databases = spec.databases.iter().map(|name| name.get_ref().clone()).collect();
        Self { settings: spec.settings.clone(), databases }
    }

    /// The settings on top of initdb's: no socket in a shared folder, and the manifest's own.
    fn settings(&self) -> String {
        let own = [
            ("listen_addresses", "*".to_owned()),
            ("port", PORT.to_string()),
            ("unix_socket_directories", String::new()),
            ("timezone", "UTC".to_owned()),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        let settings = own.chain(self.settings.iter().map(|(name, value)| (name.get_ref().clone(), value.to_string())));
        settings.map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''"))).collect()
    }
}

fn cluster(site: &Site) -> PathBuf {
    site.data.join("cluster")
}

fn recipe(site: &Site, program: &str, args: Vec<OsString>) -> Recipe {
    let program = site.ground.tools.postgres.join(program);
    Recipe { program, args, env: BTreeMap::new(), as_user: true, folder: site.data.clone() }
}

async fn connect(site: &Site) -> Result<PgConnection, sqlx::Error> {
    let host = site.instance.address.to_string();
    let options = PgConnectOptions::new_without_pgpass().host(&host).port(PORT).username(USER).database(USER);
    PgConnection::connect_with(&options).await
}

async fn create_database(site: &Site, name: &str) -> Result<(), sqlx::Error> {
    let mut connection = connect(site).await?;
    let statement = format!("create database \"{}\"", name.replace('"', "\"\""));
    // Names of databases cannot be parameters; this one is quoted.
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}

impl Component for Postgres {
    fn port(&self) -> u16 {
        PORT
    }

    fn ready_within(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn prepare<'a>(&'a self, site: &'a Site) -> BoxFuture<'a, Result<(), LabError>> {
        Box::pin(async move {
            let cluster = cluster(site);
            let args = ["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"];
            let mut args: Vec<OsString> = args.iter().map(OsString::from).collect();
            args.extend(["--pgdata".into(), cluster.clone().into()]);
            let initdb = process_in(&site.ground.tools, &site.instance.name, &recipe(site, "initdb", args));
            output(&format!("prepare the data of {}", site.instance.name), initdb, None).await?;
            let file = cluster.join("postgresql.conf");
            let given = std::fs::read_to_string(&file).map_err(LabError::file("read", &file))?;
            write(file, &format!("{given}\n{}", self.settings()))?;
            write(
                cluster.join("pg_hba.conf"),
                &format!("host all all {NETWORK} trust\nhost replication all {NETWORK} trust\n"),
            )
        })
    }

    fn recipe(&self, site: &Site) -> Result<Recipe, LabError> {
        Ok(recipe(site, "postgres", vec!["-D".into(), cluster(site).into()]))
    }

    /// A session. The answer to the request for TLS comes before the end of crash recovery, so it would say too little.
    fn ready<'a>(&'a self, site: &'a Site) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let connection = connect(site).await.map_err(|error| http::words(&error))?;
            connection.close().await.map_err(|error| http::words(&error))
        })
    }

    fn ping<'a>(&'a self, _site: &'a Site, at: SocketAddr) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            match ping::ask(at, &SSL_REQUEST).await? {
                [b'N' | b'S'] => Ok(()),
                [other] => Err(format!("{at} answered with byte {other} to an SSLRequest")),
            }
        })
    }

    /// The "fast" shutdown: it does not wait for its clients.
    fn stop_signal(&self) -> Signal {
        Signal::INT
    }

    fn furnish<'a>(&'a self, siblings: &'a [Site]) -> BoxFuture<'a, Result<(), LabError>> {
        Box::pin(async move {
            for site in siblings {
                for name in &self.databases {
                    create_database(site, name).await.map_err(|error| LabError::Database {
                        database: name.clone(),
                        instance: site.instance.name.to_string(),
                        what: http::words(&error),
                    })?;
                }
            }
            Ok(())
        })
    }
}
