//! What is wrong with a request, as it is written and as it would be sent.

use super::MAX_ATTEMPTS;
use crate::template::{Missing, TemplateError};

/// What is wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The method is none that Goose sends.
    #[error("`{method}` is not a method: write GET, POST, PUT, PATCH, DELETE or HEAD")]
    Method {
        /// As written.
        method: String,
    },
    /// The path does not begin at the root, or cannot be part of a URL.
    #[error("the path `{path}` must begin with a slash and hold neither spaces nor control characters")]
    Path {
        /// As written.
        path: String,
    },
    /// A template is wrong.
    #[error("{place}: {source}")]
    Template {
        /// `path`, `body`, `header Idempotency-Key`.
        place: String,
        /// What is wrong.
        source: TemplateError,
    },
    /// A header cannot have this name.
    #[error("`{name}` is not the name of a header")]
    HeaderName {
        /// As written.
        name: String,
    },
    /// A header cannot have this value.
    #[error("the header {name} cannot hold `{text}`: only visible characters, spaces and tabs")]
    HeaderValue {
        /// The header.
        name: String,
        /// The text that it cannot hold.
        text: String,
    },
    /// No status is ok.
    #[error("`ok` is empty: name at least one status that acknowledges")]
    NothingIsOk,
    /// A status is both ok and fail.
    #[error("the status {status} is both in `ok` and in `fail`")]
    TwoMeanings {
        /// Which.
        status: u16,
    },
    /// A number that is no status.
    #[error("{status} is not an HTTP status: they are 100 to 599")]
    NoStatus {
        /// As written.
        status: u16,
    },
    /// A capture that no template can name.
    #[error("`{name}` cannot be the name of a capture: write letters, digits, dashes and underscores")]
    CaptureName {
        /// As written.
        name: String,
    },
    /// Not a JSON pointer.
    #[error("the capture `{name}`: `{pointer}` is not a JSON pointer such as /data/id")]
    Pointer {
        /// The capture.
        name: String,
        /// As written.
        pointer: String,
    },
    /// A credential where it would be logged, or be part of what is stored.
    #[error("{place}: `{{credential:{name}}}` belongs into a header")]
    ExposedCredential {
        /// `path`, `body`.
        place: &'static str,
        /// The credential.
        name: String,
    },
    /// No client waits for no time at all.
    #[error("`timeout` is zero: a client must wait for its answer")]
    NoTimeout,
    /// A number of attempts that makes no sense.
    #[error("`retry.attempts` is {attempts}: write 1 to {MAX_ATTEMPTS}, the first attempt included")]
    Attempts {
        /// As written.
        attempts: u32,
    },
}

/// Why a request cannot be made for an intent, although it can for others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A value that an earlier answer did not hold.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A value that the path or a header cannot carry.
    #[error("a value does not fit into the {place}: it holds spaces or control characters")]
    Unfit {
        /// `path`, `header Authorization`.
        place: String,
    },
}
