//! The traffic: what is asked of a system, when, and how its answers are told apart.
//!
//! An open model: arrivals come on a schedule that is a pure function of a seed, whether the system answers or not, and
//! latency counts from the intended instant. Goose's users carry them out. The crate knows only `history`; whoever runs
//! a load hands it plain types. It deliberately does not judge: it records, and audits itself.
//!
//! - [`rate`], [`arrivals`], [`schedule`]: when requests are due
//! - [`template`], [`request`], [`answer`]: what is sent, and what an answer means
//! - [`traffic`]: a stream of intents, and how many workers it takes
//! - [`generator`]: runs traffic; [`live`]: what it counts meanwhile
//! - [`ctrl_c`]: keeps Goose from taking Ctrl-C
//!
//! Inside: `draw` (deterministic numbers), `ids` (journalled before they are sent), `lane` (where the pacer hands
//! arrivals to workers), `pacer` (one thread per traffic), `worker` (what a Goose user does with an arrival), `attack`
//! (Goose itself), `tally` (what becomes the load audit).

pub mod answer;
pub mod arrivals;
pub mod ctrl_c;
pub mod generator;
pub mod live;
pub mod rate;
pub mod request;
pub mod schedule;
pub mod template;
pub mod traffic;

mod attack;
mod draw;
mod error;
mod ids;
mod lane;
mod pacer;
mod tally;
mod worker;

pub use arrivals::Arrivals;
pub use error::GeneratorError;
pub use generator::{Generator, Handle, Load};
pub use live::LiveCounts;
pub use rate::Rate;
pub use request::{Request, RequestSpec};
pub use traffic::Traffic;
