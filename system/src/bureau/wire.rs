//! What a bureau is asked and answers, as JSON.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The body of `POST /v1/credit-report-requests`. Reports go to `callback_url`, unless the header `Prefer: wait` asks
/// for them in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked<Q> {
    pub(crate) callback_url: String,
    pub(crate) requests: Vec<Q>,
}

/// A question about one application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    /// The same as often as it is asked.
    pub(crate) request_id: Uuid,
    pub(crate) external_id: Uuid,
    pub(crate) customer_id: String,
    /// The step of a trace that it follows from; left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<String>,
}

/// The body of a callback, and of an answer that was waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reports {
    pub(crate) reports: Vec<Report>,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) request_id: Uuid,
    pub(crate) external_id: Uuid,
    /// The bureau's name.
    pub(crate) bureau: String,
    /// From 300 to 850; none where the bureau knows nothing of the customer.
    pub(crate) score: Option<u16>,
    /// The step of a trace that it follows from; left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<String>,
}
