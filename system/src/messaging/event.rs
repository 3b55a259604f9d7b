//! The envelope of every event: plain JSON, close to CloudEvents.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// What an event is about, and in which version of its schema.
pub(crate) trait EventData: Serialize + DeserializeOwned {
    /// The event's name, in the past tense.
    const TYPE: &'static str;
    /// The schema's version; it grows when a field changes its meaning.
    const VERSION: u16;
}

/// Where something comes from: what an event takes over from what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// The request that everything goes back to.
    pub(crate) correlation_id: Uuid,
    /// The event that led here; none where a request did.
    pub(crate) causation_id: Option<Uuid>,
    /// The trace that it belongs to, in the words of W3C's `traceparent`.
    pub(crate) traceparent: Option<String>,
}

/// An event. A command's id is made from what is asked, so that a repeat is the same event; every other event has an id
/// of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Event<D> {
    pub(crate) event_id: Uuid,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) version: u16,
    pub(crate) occurred_at: Timestamp,
    /// The request that everything goes back to.
    pub(crate) correlation_id: Uuid,
    /// The event that led to this one; none where a request did.
    pub(crate) causation_id: Option<Uuid>,
    /// The trace that it belongs to.
    #[serde(default)]
    pub(crate) traceparent: Option<String>,
    pub(crate) data: D,
}

/// Why a record is no event that this service understands.
#[derive(Debug, Error)]
pub(crate) enum EventError {
    #[error("cannot parse an event: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("cannot understand an event of type {kind:?} version {version}")]
    Unexpected { kind: String, version: u16 },
}

/// An event whose data is not read yet: its type says as what.
pub(crate) type AnyEvent = Event<Box<serde_json::value::RawValue>>;

/// Reads a record's value up to its data.
pub(crate) fn any(value: &[u8]) -> Result<AnyEvent, EventError> {
    Ok(serde_json::from_slice(value)?)
}

impl AnyEvent {
    /// Whether this is an event of the type `D`, in the version that is known.
    pub(crate) fn is<D: EventData>(&self) -> bool {
        self.kind == D::TYPE && self.version == D::VERSION
    }

    /// Reads the data as that of a `D`. Errors where the event is none, or its data is not what it should be.
    pub(crate) fn into<D: EventData>(self) -> Result<Event<D>, EventError> {
        if !self.is::<D>() {
            return Err(EventError::Unexpected { kind: self.kind, version: self.version });
        }
        let data = serde_json::from_str(self.data.get())?;
        let Self { event_id, kind, version, occurred_at, correlation_id, causation_id, traceparent, data: _ } = self;
        Ok(Event { event_id, kind, version, occurred_at, correlation_id, causation_id, traceparent, data })
    }
}

impl<D: EventData> Event<D> {
    /// A new event with an id of its own that happens now.
    pub(crate) fn now(cause: Cause, data: D) -> Self {
        Self::with_id(Uuid::new_v4(), cause, data)
    }

    /// A new event with this id that happens now.
    pub(crate) fn with_id(event_id: Uuid, cause: Cause, data: D) -> Self {
        Self {
            event_id,
            kind: D::TYPE.to_owned(),
            version: D::VERSION,
            occurred_at: Timestamp::now(),
            correlation_id: cause.correlation_id,
            causation_id: cause.causation_id,
            traceparent: cause.traceparent,
            data,
        }
    }

    /// Reads a record's value.
    pub(crate) fn parse(value: &[u8]) -> Result<Self, EventError> {
        any(value)?.into()
    }

    /// The record's value.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

impl<D> Event<D> {
    /// What an event that this one leads to takes over.
    pub(crate) fn cause(&self) -> Cause {
        Cause {
            correlation_id: self.correlation_id,
            causation_id: Some(self.event_id),
            traceparent: self.traceparent.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::application::LoanApplication;
    use crate::domain::application::tests::sound;
    use crate::messaging::contract::origination::LoanApplicationDecided;

    fn submitted() -> Event<LoanApplication> {
        let cause = Cause { correlation_id: Uuid::from_u128(1), causation_id: None, traceparent: None };
        Event::now(cause, serde_json::from_value(sound()).expect("sound"))
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let event = submitted();
        let text = event.to_json().expect("serialisable");
        assert_eq!(Event::<LoanApplication>::parse(text.as_bytes()).expect("an event"), event);
    }

    #[test]
    fn the_envelope_has_the_names_that_readers_rely_on() {
        let value: Value = serde_json::from_str(&submitted().to_json().expect("serialisable")).expect("JSON");
        assert_eq!(value["type"], "LoanApplicationSubmitted");
        assert_eq!(value["version"], 1);
        assert_eq!(value.pointer("/data/external_id"), sound().pointer("/external_id"));
        for name in ["event_id", "occurred_at", "correlation_id", "causation_id", "traceparent"] {
            assert!(value.get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn an_event_of_another_type_or_version_is_refused() {
        let mut event = submitted();
        event.version = 2;
        let text = event.to_json().expect("serialisable");
        assert!(matches!(Event::<LoanApplication>::parse(text.as_bytes()), Err(EventError::Unexpected { .. })));
        let text = submitted().to_json().expect("serialisable");
        let error = Event::<LoanApplicationDecided>::parse(text.as_bytes());
        assert!(matches!(error, Err(EventError::Unexpected { .. })));
    }

    #[test]
    fn a_record_that_is_no_event_is_refused() {
        for poison in [json!(null).to_string(), "{".to_owned(), String::new(), json!({"type": 3}).to_string()] {
            assert!(Event::<LoanApplication>::parse(poison.as_bytes()).is_err(), "{poison}");
        }
    }

    #[test]
    fn a_field_that_a_later_version_added_is_no_reason_to_refuse() {
        let mut value: Value = serde_json::from_str(&submitted().to_json().expect("serialisable")).expect("JSON");
        value["tenant"] = json!("north");
        value["data"]["channel"] = json!("web");
        assert!(Event::<LoanApplication>::parse(value.to_string().as_bytes()).is_ok());
    }

    #[test]
    fn what_follows_from_an_event_says_so() {
        let event = submitted();
        let cause = event.cause();
        assert_eq!((cause.correlation_id, cause.causation_id), (event.correlation_id, Some(event.event_id)));
    }
}
