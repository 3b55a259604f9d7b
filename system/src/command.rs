//! What the binary can be told to do: roles that serve, and tasks that end.

use std::path::PathBuf;

use clap::Subcommand;

use crate::Role;
use crate::config::bureau::BureauSettings;
use crate::config::customers::{CustomersSettings, SeedSettings};
use crate::config::gateway::GatewaySettings;
use crate::config::identity::IdentitySettings;
use crate::config::migrate::MigrateSettings;
use crate::config::origination::OriginationSettings;
use crate::config::rail::RailSettings;
use crate::config::replay::ReplaySettings;
use crate::config::servicing::ServicingSettings;
use crate::config::{Environment, setting};
use crate::messaging::replay::{self, Wanted};
use crate::messaging::{schema, topic};
use crate::telemetry::metric;
use crate::{bureau, customers, gateway, identity, migrate, origination, rail, servicing};

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Start(Process),
    #[command(flatten)]
    Print(Print),
}

/// A process, which reads the settings of its role.
#[derive(Subcommand)]
pub(crate) enum Process {
    /// Accepts commands over HTTP and appends them to the log.
    Gateway,
    /// Keeps customers and tells the others what became of them.
    Customers,
    /// Evaluates applications and makes offers.
    Origination,
    /// Pays loans out, collects repayments, keeps the ledger.
    Servicing,
    /// Simulates a credit bureau.
    Bureau,
    /// Simulates a payment rail.
    Rail,
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
    /// Puts dead letters back on the topic that they came from.
    Replay(Wanted),
}

/// What the code knows and somebody wants to read; it needs no settings.
#[derive(Subcommand)]
pub(crate) enum Print {
    /// Writes the schemas of the events into a folder.
    #[command(hide = true)]
    Schemas {
        /// The folder.
        folder: PathBuf,
    },
    /// Prints every setting as a Markdown table.
    Settings,
    /// Prints every metric as a Markdown table.
    Metrics,
    /// Prints the topics and the events as Markdown tables.
    Events,
}

impl Process {
    /// Whose settings it reads.
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::Gateway => Role::Gateway,
            Self::Customers => Role::Customers,
            Self::Origination => Role::Origination,
            Self::Servicing => Role::Servicing,
            Self::Bureau => Role::Bureau,
            Self::Rail => Role::Rail,
            Self::Identity => Role::Identity,
            Self::Migrate => Role::Migrate,
            Self::Seed { .. } => Role::Seed,
            Self::Replay(_) => Role::Replay,
        }
    }

    /// Runs it, with the settings that `environment` holds, to its end. Errors where they are wrong, or where it fails.
    pub(crate) async fn run(self, environment: &Environment) -> anyhow::Result<()> {
        match self {
            Self::Gateway => gateway::run(GatewaySettings::from_environment(environment)?).await,
            Self::Customers => customers::run(CustomersSettings::from_environment(environment)?).await,
            Self::Origination => origination::run(OriginationSettings::from_environment(environment)?).await,
            Self::Servicing => servicing::run(ServicingSettings::from_environment(environment)?).await,
            Self::Bureau => bureau::run(BureauSettings::from_environment(environment)?).await,
            Self::Rail => rail::run(RailSettings::from_environment(environment)?).await,
            Self::Identity => identity::run(IdentitySettings::from_environment(environment)?).await,
            Self::Migrate => migrate::run(&MigrateSettings::from_environment(environment)?).await,
            Self::Seed { customers } => {
                customers::seed::run(&SeedSettings::from_environment(environment)?, customers).await
            }
            Self::Replay(wanted) => replay::run(ReplaySettings::from_environment(environment)?, wanted).await,
        }
    }
}

impl Print {
    /// Writes it.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Schemas { folder } => schema::write(&folder),
            Self::Settings => {
                print!("{}", setting::table());
                Ok(())
            }
            Self::Metrics => {
                print!("{}", metric::table());
                Ok(())
            }
            Self::Events => {
                print!("{}\n{}", topic::table(), schema::table());
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_tells_of_every_role_and_task() {
        let readme = include_str!("../README.md");
        let all = Command::augment_subcommands(clap::Command::new("lending"));
        for one in all.get_subcommands().filter(|one| !one.is_hide_set()) {
            let row = format!("| `lending {}` |", one.get_name());
            assert!(readme.contains(&row), "README.md says nothing of `lending {}`", one.get_name());
        }
    }
}
