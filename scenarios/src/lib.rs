//! The traffic: what is asked of a system, when, and how its answers are told apart.
//!
//! An open model: arrivals come on a schedule that is a pure function of a seed, whether the system answers or not, and
//! latency counts from the intended instant. Goose's users carry them out. The crate knows only `history`; whoever runs
//! a load hands it plain types. It deliberately does not judge: it records, and audits itself.
//!
//! - [`rate`], [`arrivals`], [`schedule`]: when requests are due
//! - [`template`], [`intent`], [`request`], [`answer`]: what is sent, and what an answer means
//! - [`journey`], [`mix`]: what a client does, step by step, and which of several things
//! - [`wallet`]: what clients show to be let in
//! - [`traffic`], [`load`]: a stream of arrivals, and how many workers it takes; all that is asked of a system
//! - [`generator`]: runs a load; [`live`]: what it counts meanwhile
//! - [`ctrl_c`]: keeps Goose from taking Ctrl-C
//!
//! Inside: `draw` (deterministic numbers), `ids` (journalled before they are sent), `lane` (where the pacer hands
//! arrivals to workers), `pacer` (one thread per traffic), `worker` (what a Goose user does with an arrival), `walk` (an
//! arrival on its way through its journey), `ask` (one request of it), `client` (HTTP), `attack` (Goose itself), `stop`
//! (the wish to end early), `tally` (what becomes the load audit).

pub mod answer;
pub mod arrivals;
pub mod ctrl_c;
pub mod generator;
pub mod intent;
pub mod journey;
pub mod live;
pub mod load;
pub mod mix;
pub mod rate;
pub mod request;
pub mod schedule;
pub mod template;
pub mod traffic;
pub mod wallet;

mod ask;
mod attack;
mod client;
mod draw;
mod error;
mod ids;
mod lane;
mod pacer;
mod stop;
mod tally;
mod walk;
mod worker;

pub use arrivals::Arrivals;
pub use error::GeneratorError;
pub use generator::{Generator, Handle};
pub use intent::Intent;
pub use journey::{Condition, Journey, JourneyError, Step, Until};
pub use live::LiveCounts;
pub use load::Load;
pub use mix::Mix;
pub use rate::Rate;
pub use request::{Request, RequestSpec};
pub use traffic::Traffic;
pub use wallet::Credential;
