//! The reference lending system: one binary with a role per service.
//!
//! Log-first intake and an event-driven core: the gateway answers when the log has a command, the owner of the state
//! applies it once, and what follows from it leaves by an outbox. Every design decision that is easily got wrong is a
//! setting with the safe value as its default.
//!
//! - [`command`], [`role`]: what the binary can be told to do
//! - [`config`]: settings from the environment, one table
//! - [`domain`]: the words of lending, valid by construction
//! - [`messaging`]: events, topics, the producer, consumers, inbox and outbox
//! - [`http`]: what every server has: problems, health, metrics, an ordered stop
//! - [`gateway`]: the way in
//! - [`customers`], [`origination`], [`servicing`]: the owners of state; [`owner`]: the frame of their processes
//! - [`bureau`], [`rail`], [`identity`]: parties outside, simulated; [`party`]: what they have in common
//! - [`store`]: a service's own database, every call bounded in time; [`migrate`]: the schema
//! - [`telemetry`]: what a process tells about its work: its log, its traces
//! - [`circuit`]: what keeps a dead dependency from costing everybody its time-out

mod bureau;
mod circuit;
mod command;
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
mod party;
mod rail;
mod role;
mod servicing;
mod store;
mod telemetry;
#[cfg(test)]
mod testing;

use anyhow::Context;
use clap::Parser;
use tracing::info;
use tracing_subscriber::EnvFilter;

use command::Command;
use config::Environment;
use config::telemetry::TelemetrySettings;
pub(crate) use role::Role;

/// The reference lending system.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> anyhow::Result<()> {
    let process = match Arguments::parse().command {
        Command::Print(print) => return print.run(),
        Command::Start(process) => process,
    };
    let role = process.role();
    let environment = Environment::read(role, std::env::vars())?;
    let filter = EnvFilter::try_new(environment.text("LENDING_LOG")).context("cannot parse LENDING_LOG")?;
    let log = tracing_subscriber::fmt().json().event_format(telemetry::log::Lines).with_env_filter(filter);
    match role {
        // What it has done is its output.
        Role::Replay => log.with_writer(std::io::stderr).init(),
        _ => log.init(),
    }
    info!(role = role.name(), settings = ?environment.printed(), "starting");
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        let exporter = telemetry::export::start(TelemetrySettings::from_environment(role, &environment)?)?;
        let ended = process.run(&environment).await;
        exporter.stop().await;
        ended
    })
}
