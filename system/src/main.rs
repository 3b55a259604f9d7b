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
//! - [`servicing`]: the owner of loans and the ledger; [`rail`]: the payment rail, an external party
//! - [`store`]: a service's own database, every call bounded in time; [`migrate`]: the schema

mod bureau;
mod config;
mod domain;
mod gateway;
mod http;
mod messaging;
mod migrate;
mod origination;
mod rail;
mod servicing;
mod store;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tracing::info;
use tracing_subscriber::EnvFilter;

use config::bureau::BureauSettings;
use config::gateway::GatewaySettings;
use config::migrate::MigrateSettings;
use config::origination::OriginationSettings;
use config::rail::RailSettings;
use config::servicing::ServicingSettings;
use config::{ConfigError, Environment, setting};

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
    /// Pays loans out, collects repayments, keeps the ledger.
    Servicing,
    /// Simulates a credit bureau.
    Bureau,
    /// Simulates a payment rail.
    Rail,
    /// Migrates a service's database and exits.
    Migrate,
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
        }
    }
}

/// A role with its settings.
enum Task {
    Gateway(Box<GatewaySettings>),
    Origination(Box<OriginationSettings>),
    Servicing(Box<ServicingSettings>),
    Bureau(BureauSettings),
    Rail(RailSettings),
    Migrate(Box<MigrateSettings>),
}

fn main() -> anyhow::Result<()> {
    let role = match Arguments::parse().command {
        Command::Gateway => Role::Gateway,
        Command::Origination => Role::Origination,
        Command::Servicing => Role::Servicing,
        Command::Bureau => Role::Bureau,
        Command::Rail => Role::Rail,
        Command::Migrate => Role::Migrate,
        Command::Settings => {
            print!("{}", setting::table());
            return Ok(());
        }
    };
    let environment = Environment::read(role, std::env::vars())?;
    let task = task(role, &environment)?;
    let filter = EnvFilter::try_new(environment.text("LENDING_LOG")).context("cannot parse LENDING_LOG")?;
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).init();
    info!(role = role.name(), settings = ?environment.printed(), "starting");
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(run(task))
}

fn task(role: Role, environment: &Environment) -> Result<Task, ConfigError> {
    Ok(match role {
        Role::Gateway => Task::Gateway(Box::new(GatewaySettings::from_environment(environment)?)),
        Role::Origination => Task::Origination(Box::new(OriginationSettings::from_environment(environment)?)),
        Role::Servicing => Task::Servicing(Box::new(ServicingSettings::from_environment(environment)?)),
        Role::Bureau => Task::Bureau(BureauSettings::from_environment(environment)?),
        Role::Rail => Task::Rail(RailSettings::from_environment(environment)?),
        // Their commands come with their modules.
        Role::Customers | Role::Identity => unreachable!("no command starts it yet"),
        Role::Migrate => Task::Migrate(Box::new(MigrateSettings::from_environment(environment)?)),
    })
}

async fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Gateway(settings) => gateway::run(*settings).await,
        Task::Origination(settings) => origination::run(*settings).await,
        Task::Servicing(settings) => servicing::run(*settings).await,
        Task::Bureau(settings) => bureau::run(settings).await,
        Task::Rail(settings) => rail::run(settings).await,
        Task::Migrate(settings) => migrate::run(&settings).await,
    }
}
