//! The reference lending system: one binary with a role per service.
//!
//! Log-first intake and an event-driven core: the gateway answers when the log has a command, the owner of the state
//! applies it once, and what follows from it leaves by an outbox. Every design decision that is easily got wrong is a
//! setting with the safe value as its default.
//!
//! - [`config`]: settings from the environment, one table
//! - [`domain`]: the words of lending, valid by construction
//! - [`messaging`]: events, topics, the producer
//! - [`http`]: what every server has: problems, health, metrics, an ordered stop
//! - [`gateway`], [`origination`], [`bureau`]: the services
//! - [`store`]: a service's own database, every call bounded in time; [`migrate`]: the schema

mod bureau;
mod config;
mod domain;
mod gateway;
mod http;
mod messaging;
mod migrate;
mod origination;
mod store;
#[cfg(test)]
mod testing;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tracing::info;
use tracing_subscriber::EnvFilter;

use config::bureau::BureauSettings;
use config::gateway::GatewaySettings;
use config::migrate::MigrateSettings;
use config::origination::OriginationSettings;
use config::replay::ReplaySettings;
use config::{ConfigError, Environment, setting};
use messaging::replay::{self, Wanted};
use messaging::schema;

/// The reference lending system.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Accepts applications over HTTP and appends them to the log.
    Gateway,
    /// Stores applications, decides them, publishes decisions.
    Origination,
    /// Simulates a credit bureau.
    Bureau,
    /// Migrates a service's database and exits.
    Migrate,
    /// Puts dead letters back on the topic that they came from.
    Replay(Wanted),
    /// Writes the schemas of the events into a folder.
    #[command(hide = true)]
    Schemas { folder: PathBuf },
    /// Prints every setting as a Markdown table.
    Settings,
}

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Gateway,
    Customers,
    Origination,
    Servicing,
    Bureau,
    Rail,
    Identity,
    Migrate,
    Replay,
}

impl Role {
    /// Its name on the command line and in logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Customers => "customers",
            Self::Origination => "origination",
            Self::Servicing => "servicing",
            Self::Bureau => "bureau",
            Self::Rail => "rail",
            Self::Identity => "identity",
            Self::Migrate => "migrate",
            Self::Replay => "replay",
        }
    }
}

/// A role with its settings.
enum Task {
    Gateway(Box<GatewaySettings>),
    Origination(Box<OriginationSettings>),
    Bureau(BureauSettings),
    Migrate(Box<MigrateSettings>),
    Replay(Box<ReplaySettings>, Wanted),
}

fn main() -> anyhow::Result<()> {
    let mut wanted = Wanted::default();
    let role = match Arguments::parse().command {
        Command::Gateway => Role::Gateway,
        Command::Origination => Role::Origination,
        Command::Bureau => Role::Bureau,
        Command::Migrate => Role::Migrate,
        Command::Replay(letters) => {
            wanted = letters;
            Role::Replay
        }
        Command::Schemas { folder } => return schema::write(&folder),
        Command::Settings => {
            print!("{}", setting::table());
            return Ok(());
        }
    };
    let environment = Environment::read(role, std::env::vars())?;
    let task = task(role, &environment, wanted)?;
    let filter = EnvFilter::try_new(environment.text("LENDING_LOG")).context("cannot parse LENDING_LOG")?;
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
    match role {
        // What it has done is its output.
        Role::Replay => log.with_writer(std::io::stderr).init(),
        _ => log.init(),
    }
    info!(role = role.name(), settings = ?environment.printed(), "starting");
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(run(task))
}

fn task(role: Role, environment: &Environment, wanted: Wanted) -> Result<Task, ConfigError> {
    Ok(match role {
        Role::Gateway => Task::Gateway(Box::new(GatewaySettings::from_environment(environment)?)),
        Role::Origination => Task::Origination(Box::new(OriginationSettings::from_environment(environment)?)),
        Role::Bureau => Task::Bureau(BureauSettings::from_environment(environment)?),
        // Their commands come with their modules.
        Role::Customers | Role::Servicing | Role::Rail | Role::Identity => unreachable!("no command starts it yet"),
        Role::Migrate => Task::Migrate(Box::new(MigrateSettings::from_environment(environment)?)),
        Role::Replay => Task::Replay(Box::new(ReplaySettings::from_environment(environment)?), wanted),
    })
}

async fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Gateway(settings) => gateway::run(*settings).await,
        Task::Origination(settings) => origination::run(*settings).await,
        Task::Bureau(settings) => bureau::run(settings).await,
        Task::Migrate(settings) => migrate::run(&settings).await,
        Task::Replay(settings, wanted) => replay::run(*settings, wanted).await,
    }
}
