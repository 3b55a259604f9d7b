//! `[operation.NAME]`: a request that clients make, and what its answers mean. Plain data: the traffic gives it life.

use proofload_history::Period;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A request that clients make, and what its answers mean.
///
/// In path, headers and body, `{id}`, `{n}`, `{choice:a|b}` and `{integer:1..9}` are drawn for each intent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// The HTTP method.
    pub method: Method,
    /// The path at the entry.
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
