//! Where a system runs: hosts, components, links, manifests, reading of stages.
//!
//! The lab is the default environment: real processes in Linux namespaces, a network namespace per host, a bridge
//! between them, and a Toxiproxy before every link. The crate knows how to start a system from its manifest, to break
//! off and start again any part of it, and to read what it holds. It deliberately does not know what is done to the
//! system (chaos), what is asked of it (scenarios) or whether it was good enough (verify), and it never names a system.
//!
//! - [`enter`], [`init`]: the way into the namespaces, and their PID 1
//! - [`toolbox`]: the programs that the lab runs on
//! - [`manifest`]: what a system is
//! - [`component`]: the parts that the lab knows how to start, one file each, in one table
//! - [`lab`]: a running system
//! - [`link`], [`toxic`]: the paths that can be slowed
//! - [`stage`], [`tail`]: what a system holds, read at the end and as it comes
//! - [`gauge`], [`sampler`]: numbers of a running system, on demand and as series
//! - [`stat`]: processes as the kernel shows them
//! - [`kafka`]: how the brokers stand

pub mod component;
pub mod enter;
pub mod gauge;
pub mod init;
pub mod kafka;
pub mod lab;
pub mod link;
pub mod manifest;
pub mod sampler;
pub mod stage;
pub mod stat;
pub mod tail;
pub mod toolbox;
pub mod toxic;

mod authority;
mod command;
mod database;
mod error;
mod host;
mod log;
mod mounts;
mod network;
mod ping;
mod plan;
mod process;
mod tree;

pub use enter::{Capability, probe};
pub use error::LabError;
pub use lab::Lab;
pub use link::Link;
pub use manifest::{Manifest, Resolved, SpecError};
pub use plan::Instance;
pub use rustix::process::Signal;
pub use toolbox::{Missing, Toolbox};
pub use toxic::Toxic;
