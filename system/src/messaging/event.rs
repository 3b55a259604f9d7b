//! The envelope of every event: plain JSON, close to CloudEvents.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::domain::application::LoanApplication;
use crate::domain::status::Decision;

/// What an event is about, and in which version of its schema.
pub(crate) trait EventData: Serialize + DeserializeOwned {
    /// The event's name, in the past tense.
    const TYPE: &'static str;
    /// The schema's version; it grows when a field changes its meaning.
    const VERSION: u16;
}

/// An event. Its id is its own: the same command appended twice is two events, and the owner of the state recognises
/// the repeat by the external id in the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    pub(crate) data: D,
}

/// Why a record is no event that this service understands.
#[derive(Debug, Error)]
pub(crate) enum EventError {
    #[error("cannot parse an event: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("cannot understand an event of type {kind:?} version {version}: expected {expected} version {known}")]
    Unexpected { kind: String, version: u16, expected: &'static str, known: u16 },
}

impl<D: EventData> Event<D> {
    /// A new event that happens now.
    pub(crate) fn now(correlation_id: Uuid, causation_id: Option<Uuid>, data: D) -> Self {
        Self {
            event_id: Uuid::new_v4(),
            kind: D::TYPE.to_owned(),
            version: D::VERSION,
            occurred_at: Timestamp::now(),
            correlation_id,
            causation_id,
            data,
        }
    }

    /// Reads a record's value.
    pub(crate) fn parse(value: &[u8]) -> Result<Self, EventError> {
        // The envelope first: data of another type would fail with a message about its fields.
        let event: Event<serde_json::Value> = serde_json::from_slice(value)?;
        if event.kind != D::TYPE || event.version != D::VERSION {
            let Event { kind, version, .. } = event;
            return Err(EventError::Unexpected { kind, version, expected: D::TYPE, known: D::VERSION });
        }
        let Event { event_id, kind, version, occurred_at, correlation_id, causation_id, data } = event;
        let data = serde_json::from_value(data)?;
        Ok(Self { event_id, kind, version, occurred_at, correlation_id, causation_id, data })
    }

    /// The record's value.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

impl EventData for LoanApplication {
    const TYPE: &'static str = "LoanApplicationSubmitted";
    const VERSION: u16 = 1;
}

/// An application was approved or rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoanApplicationDecided {
    pub(crate) external_id: Uuid,
    pub(crate) customer_id: String,
    pub(crate) status: Decision,
    /// The bureau's score that led to it.
    pub(crate) score: u16,
    /// The application's version that the decision made.
    pub(crate) application_version: i64,
}

impl EventData for LoanApplicationDecided {
    const TYPE: &'static str = "LoanApplicationDecided";
    const VERSION: u16 = 1;
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::application::tests::sound;

    fn submitted() -> Event<LoanApplication> {
        Event::now(Uuid::from_u128(1), None, serde_json::from_value(sound()).expect("sound"))
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
        for name in ["event_id", "occurred_at", "correlation_id", "causation_id"] {
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
}
