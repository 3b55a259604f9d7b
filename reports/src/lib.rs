//! What people and CI read of a judged run, and of a self-test: HTML, JUnit, JSON and Markdown.
//!
//! A report says what the verdict says and shows the history behind it; it judges nothing itself. The crate opens
//! no file and reads no clock: the same run renders to the same bytes. It knows only `history` and the findings of `verify`.
//!
//! - [`exporter`]: what an exporter is, and the table of all of them
//! - [`json`], [`offenders`], [`traces`], [`junit`], [`markdown`], [`html`]: the exporters
//! - [`matrix`]: what the negative controls of many runs came to, as JSON and HTML
//! - [`headline`]: what every report says first
//! - `traffic`: operations per bucket of time and per phase
//! - `timeline`: the one figure, as SVG
//! - `ndjson`: files with one JSON object a line
//! - `numbers`: figures as people write them

pub mod exporter;
pub mod headline;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod offenders;
pub mod traces;

mod ndjson;
mod numbers;
mod timeline;
mod traffic;

pub use exporter::{EXPORTERS, Exporter, Judged, ReportError};
pub use json::verdict_schema;
pub use matrix::{Matrix, matrix_schema};
