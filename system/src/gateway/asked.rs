//! A request that asks for something, and what becomes of it: events for the log.

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use tracing::error;
use uuid::Uuid;

use super::strict;
use crate::config::gateway::CommandIds;
use crate::domain::customer::{CustomerId, Purpose};
use crate::http::problem::{Kind, Problem};
use crate::messaging::event::{Cause, Event, EventData};
use crate::telemetry::traceparent::same_trace;

/// What ids of commands are made in: an arbitrary constant of this system.
const NAMESPACE: Uuid = Uuid::from_u128(0x9d1f_5a3c_2b7e_4c60_8f41_6e0a_73d5_c218);

/// What a client asks for.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    /// The path's parameters by name, decoded.
    pub(super) parameters: Vec<(String, String)>,
    /// The Idempotency-Key.
    pub(super) key: Uuid,
    pub(super) body: Bytes,
    pub(super) cause: Cause,
    pub(super) ids: CommandIds,
    /// Whether events say which trace they belong to.
    pub(super) trace_propagation: bool,
}

/// What the log is to have, and what the client is told then.
#[derive(Debug)]
pub(super) struct Order {
    /// The type of the events.
    pub(super) event: &'static str,
    /// Whom or what it is about; none where it is about several.
    pub(super) id: Option<String>,
    /// Which customer it is about, as far as the request says so.
    pub(super) customer: Option<CustomerId>,
    /// Where its state can be read.
    pub(super) location: Option<String>,
    pub(super) records: Vec<Record>,
}

/// A record for the log.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) key: String,
    /// The event as JSON.
    pub(super) value: String,
    /// The step of a trace that appending it follows from.
    pub(super) traceparent: Option<String>,
}

impl Order {
    /// The same, known to be about this customer.
    pub(super) fn about(self, customer: CustomerId) -> Self {
        Self { customer: Some(customer), ..self }
    }
}

impl Asked {
    /// The body as a `B`, with every field known.
    pub(super) fn body<B: DeserializeOwned>(&self) -> Result<B, Problem> {
        strict::parse(&self.body)
    }

    /// The path's parameter `external_id`.
    pub(super) fn external_id(&self) -> Result<Uuid, Problem> {
        external_id(self.parameter("external_id"))
    }

    /// The path's parameter `customer_id`.
    pub(super) fn customer_id(&self) -> Result<CustomerId, Problem> {
        customer_id(self.parameter("customer_id"))
    }

    /// The path's parameter `purpose`.
    pub(super) fn purpose(&self) -> Result<Purpose, Problem> {
        match self.parameter("purpose") {
            "credit-check" => Ok(Purpose::CreditCheck),
            "marketing" => Ok(Purpose::Marketing),
            _ => Err(Kind::InvalidId.with("the purpose must be credit-check or marketing")),
        }
    }

    /// The path's parameter `name`; a name that the path does not have is an empty one, which no parser takes.
    fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// The order of one event about `key`, whose state can be read at `location`.
    pub(super) fn order<D: EventData>(&self, key: &str, location: String, data: D) -> Result<Order, Problem> {
        let record = self.record(self.id(), key, None, data)?;
        let (id, location) = (Some(key.to_owned()), Some(location));
        Ok(Order { event: D::TYPE, id, customer: None, location, records: vec![record] })
    }

    /// A record for the log: an event with this id, keyed by what it is about. It follows from the request, unless it
    /// came with a trace of its own that is another one than the request's.
    pub(super) fn record<D: EventData>(
        &self,
        id: Uuid,
        key: &str,
        own_trace: Option<String>,
        data: D,
    ) -> Result<Record, Problem> {
        let request = self.cause.traceparent.as_ref();
        let other = own_trace.filter(|own| !request.is_some_and(|request| same_trace(own, request)));
        let traceparent = other.or_else(|| request.cloned());
        let cause = Cause { traceparent: traceparent.clone().filter(|_| self.trace_propagation), ..self.cause };
        let value = Event::with_id(id, cause, data).to_json().map_err(|error| defect(&error))?;
        Ok(Record { key: key.to_owned(), value, traceparent })
    }

    /// The id of the event that is asked for: made from what is asked, so that a repeat asks for the same one.
    fn id(&self) -> Uuid {
        let Self { method, path, key, body, .. } = self;
        let mut name = format!("{method}\n{path}\n{key}\n").into_bytes();
        name.extend_from_slice(body);
        self.derived(&name)
    }

    /// The id of a credit report: whichever request brings it, and under whichever key, it is the same one.
    pub(super) fn report_id(&self, request_id: Uuid) -> Uuid {
        self.derived(format!("credit-report{request_id}").as_bytes())
    }

    fn derived(&self, name: &[u8]) -> Uuid {
        match self.ids {
            CommandIds::Derived => Uuid::new_v5(&NAMESPACE, name),
            CommandIds::Random => Uuid::new_v4(),
        }
    }

    /// A digest of what is asked, whoever asks and under whichever key.
    pub(super) fn digest(&self) -> String {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in [self.method.as_bytes(), b"\n", self.path.as_bytes(), b"\n", &self.body] {
            context.update(part);
        }
        URL_SAFE_NO_PAD.encode(context.finish())
    }
}

/// An application's or a loan's id.
pub(super) fn external_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|error| Kind::InvalidId.with(format!("the external_id must be a UUID: {error}")))
}

/// A customer's id.
pub(super) fn customer_id(text: &str) -> Result<CustomerId, Problem> {
    CustomerId::try_from(text.to_owned()).map_err(|error| Kind::InvalidId.with(error.to_string()))
}

/// The answer where JSON of our own cannot be written.
pub(super) fn defect(error: &serde_json::Error) -> Problem {
    error!(%error, "cannot write JSON");
    Kind::Internal.with("cannot write JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, key: u128, body: &str, ids: CommandIds) -> Asked {
        Asked {
            method: "POST".to_owned(),
            path: path.to_owned(),
            parameters: Vec::new(),
            key: Uuid::from_u128(key),
            body: Bytes::copy_from_slice(body.as_bytes()),
            cause: Cause { correlation_id: Uuid::new_v4(), causation_id: None, traceparent: None },
            ids,
            trace_propagation: true,
        }
    }

    #[test]
    fn a_repeat_asks_for_the_same_event_and_another_request_for_another() {
        let id = |path, key, body| asked(path, key, body, CommandIds::Derived).id();
        let first = id("/a", 1, "{}");
        assert_eq!(first, id("/a", 1, "{}"));
        for other in [id("/b", 1, "{}"), id("/a", 2, "{}"), id("/a", 1, "{ }")] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_credit_report_is_the_same_event_in_whichever_request_it_comes() {
        let report = |key, body| asked("/a", key, body, CommandIds::Derived).report_id(Uuid::from_u128(7));
        assert_eq!(report(1, "{}"), report(2, "[]"));
    }

    #[test]
    fn with_random_ids_a_repeat_is_another_event() {
        let asked = asked("/a", 1, "{}", CommandIds::Random);
        assert_ne!(asked.id(), asked.id());
    }

    #[test]
    fn the_digest_tells_requests_apart_and_not_their_keys() {
        let digest = |path, key, body| asked(path, key, body, CommandIds::Derived).digest();
        assert_eq!(digest("/a", 1, "{}"), digest("/a", 2, "{}"));
        assert_ne!(digest("/a", 1, "{}"), digest("/b", 1, "{}"));
        assert_ne!(digest("/a", 1, "{}"), digest("/a", 1, "{ }"));
    }
}
