//! What the process tells about its work: lines of a log, spans of traces, metrics.
//!
//! - [`log`]: a line of JSON; [`context`]: what every line about a request or an event says
//! - [`span`]: a step of a trace; [`traceparent`]: how a trace crosses a process's border
//! - [`messaging`], [`http`]: the steps that there are, in the words of OpenTelemetry's semantic conventions
//! - [`export`]: spans to a collector, by OTLP
//! - [`metric`]: the table of metrics; they are told where the things are that they count
//!
//! Nothing here may fail or slow what it tells about.

pub(crate) mod context;
pub(crate) mod export;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod messaging;
pub(crate) mod metric;
pub(crate) mod span;
#[cfg(test)]
mod tests;
pub(crate) mod traceparent;
