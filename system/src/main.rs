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
//! - [`gateway`], [`customers`], [`origination`]: the services; [`bureau`], [`identity`]: who is outside
//! - [`owner`]: the frame of the three owners of state: a server, parts beside it, an ordered stop
//! - [`store`]: a service's own database, every call bounded in time; [`migrate`]: the schema

mod bureau;
mod config;
mod customers;
mod domain;
mod gateway;
mod http;
mod identity;
mod messaging;
mod migrate;
mod origination;
mod owner;
mod store;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tracing::info;
use tracing_subscriber::EnvFilter;

use config::bureau::BureauSettings;
use config::customers::{CustomersSettings, SeedSettings};
use config::gateway::GatewaySettings;
use config::identity::IdentitySettings;
use config::migrate::MigrateSettings;
use config::origination::OriginationSettings;
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
    /// Keeps customers and tells the others what became of them.
    Customers,
    /// Stores applications, decides them, publishes decisions.
    Origination,
    /// Simulates a credit bureau.
    Bureau,
    /// Simulates an identity provider.
    Identity,
    /// Migrates a service's database and exits.
    Migrate,
    /// Makes a base of verified customers and exits; running it twice changes nothing.
    Seed {
        /// How many there are to be: customer-1, customer-2 and so on.
        #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        customers: u32,
    },
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
    Seed,
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
            Self::Seed => "seed",
        }
    }
}

/// A role with its settings.
enum Task {
    Gateway(Box<GatewaySettings>),
    Customers(Box<CustomersSettings>),
    Origination(Box<OriginationSettings>),
    Bureau(BureauSettings),
    Identity(Box<IdentitySettings>),
    Migrate(Box<MigrateSettings>),
    Seed(Box<SeedSettings>, u32),
}

fn main() -> anyhow::Result<()> {
    let mut customers = 0;
    let role = match Arguments::parse().command {
        Command::Gateway => Role::Gateway,
        Command::Customers => Role::Customers,
        Command::Origination => Role::Origination,
        Command::Bureau => Role::Bureau,
        Command::Identity => Role::Identity,
        Command::Migrate => Role::Migrate,
        Command::Seed { customers: count } => {
            customers = count;
            Role::Seed
        }
        Command::Settings => {
            print!("{}", setting::table());
            return Ok(());
        }
    };
    let environment = Environment::read(role, std::env::vars())?;
    let task = task(role, &environment, customers)?;
    let filter = EnvFilter::try_new(environment.text("LENDING_LOG")).context("cannot parse LENDING_LOG")?;
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).init();
    info!(role = role.name(), settings = ?environment.printed(), "starting");
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(run(task))
}

fn task(role: Role, environment: &Environment, customers: u32) -> Result<Task, ConfigError> {
    Ok(match role {
        Role::Gateway => Task::Gateway(Box::new(GatewaySettings::from_environment(environment)?)),
        Role::Customers => Task::Customers(Box::new(CustomersSettings::from_environment(environment)?)),
        Role::Origination => Task::Origination(Box::new(OriginationSettings::from_environment(environment)?)),
        Role::Bureau => Task::Bureau(BureauSettings::from_environment(environment)?),
        Role::Identity => Task::Identity(Box::new(IdentitySettings::from_environment(environment)?)),
        // Their commands come with their modules.
        Role::Servicing | Role::Rail => unreachable!("no command starts it yet"),
        Role::Migrate => Task::Migrate(Box::new(MigrateSettings::from_environment(environment)?)),
        Role::Seed => Task::Seed(Box::new(SeedSettings::from_environment(environment)?), customers),
    })
}

async fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Gateway(settings) => gateway::run(*settings).await,
        Task::Customers(settings) => customers::run(*settings).await,
        Task::Origination(settings) => origination::run(*settings).await,
        Task::Bureau(settings) => bureau::run(settings).await,
        Task::Identity(settings) => identity::run(*settings).await,
        Task::Migrate(settings) => migrate::run(&settings).await,
        Task::Seed(settings, customers) => customers::seed::run(&settings, customers).await,
    }
}
