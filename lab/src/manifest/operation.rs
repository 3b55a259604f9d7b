//! `[operation.NAME]`: a request that clients make, and what its answers mean. Plain data: the traffic gives it life.

use super::Pointer;
use proofload_history::Period;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A request that clients make, and what its answers mean.
///
/// In path, headers and body, `{id}` is the intent's id, `{arrival}` that of the arrival that it belongs to, `{key}` a
/// UUID of the operation on the intent, `{n}` the number of the arrival; `{choice:a|b}` and `{integer:1..9}` are drawn for
/// each intent; `{capture:NAME}` is what an earlier answer held, and `{credential:NAME}`, in headers alone, what the
/// client shows to be let in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// The HTTP method.
    pub method: Method,
    /// The path at the entry, or at `at`.
    pub path: String,
    /// Headers, free.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, if it has one.
    pub body: Option<String>,
    /// Statuses that say: it is done.
    pub ok: Vec<u16>,
    /// Statuses that say: it certainly did not happen.
    #[serde(default)]
    pub fail: Vec<u16>,
    /// Answers that say so by a header.
    #[serde(default)]
    pub fail_when: Vec<FailWhen>,
    /// When a client gives up.
    pub timeout: Period,
    /// Values (texts and numbers) of an ok answer's JSON, by the names under which later steps use them.
    #[serde(default)]
    pub captures: BTreeMap<String, Pointer>,
    /// Whether it is an intent of its own, with an id of its own, each time that it is made within an arrival.
    #[serde(default)]
    pub own_id: bool,
    /// Where it goes, if not to the entry.
    pub at: Option<Place>,
}

/// Where an operation goes that does not go to the entry: directly to a host, without TLS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// A component or a process; its first instance, if it has several.
    pub host: Spanned<String>,
    /// Its port.
    pub port: u16,
}

/// An answer that says by a header that nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailWhen {
    /// The status.
    pub status: u16,
    /// The header's name.
    pub header: String,
    /// The header's value.
    pub equals: String,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "they are HTTP's own")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it stands in a request.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}
