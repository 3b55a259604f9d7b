//! What every line about a request or an event says: whose it is. The names are the same everywhere: `request_id`,
//! `correlation_id`, `customer_id`.
//!
//! These are spans of the log, which give their fields to every line inside them, at whatever level; they are none of
//! a trace.

use serde_json::Value;
use tracing::field::{Empty, display};
use tracing::{Span, error_span};
use uuid::Uuid;

use crate::domain::customer::CustomerId;

/// Lines about the request with this id. What it is correlated by and whom it is about is added when it is known.
pub(crate) fn of_request(request_id: Uuid) -> Span {
    error_span!("request", %request_id, correlation_id = Empty, customer_id = Empty)
}

/// Everything that follows from the request in hand is correlated by this.
pub(crate) fn correlated_by(correlation_id: Uuid) {
    Span::current().record("correlation_id", display(correlation_id));
}

/// The request in hand is about this customer.
pub(crate) fn about_customer(customer_id: &str) {
    Span::current().record("customer_id", customer_id);
}

/// Lines about the event that `value` is the JSON of, as far as it says so and can be believed.
pub(crate) fn of_event(value: &[u8]) -> Span {
    let event: Value = serde_json::from_slice(value).unwrap_or_default();
    let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
    let correlation_id = text("/correlation_id").and_then(|id| Uuid::parse_str(id).ok()).map(display);
    let customer_id = text("/data/customer_id").and_then(|id| CustomerId::try_from(id.to_owned()).ok());
    error_span!("event", correlation_id, customer_id = customer_id.as_ref().map(CustomerId::as_str))
}
