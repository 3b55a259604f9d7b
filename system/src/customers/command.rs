//! What can be asked of customers, as it comes by the log.

use crate::domain::customer::CustomerId;
use crate::messaging::contract::customers::{
    ConsentChangeRequested, CustomerChangeRequested, CustomerRegistrationRequested, KycDecided,
};
use crate::messaging::event::{self, Event, EventData, EventError};

/// A command about one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Register(CustomerRegistrationRequested),
    Change(CustomerChangeRequested),
    Consent(ConsentChangeRequested),
    Kyc(KycDecided),
}

impl Command {
    /// Whom it is about.
    pub(super) fn customer_id(&self) -> &CustomerId {
        match self {
            Self::Register(asked) => &asked.customer_id,
            Self::Change(asked) => &asked.customer_id,
            Self::Consent(asked) => &asked.customer_id,
            Self::Kyc(asked) => &asked.customer_id,
        }
    }

    /// Its name in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Register(_) => CustomerRegistrationRequested::TYPE,
            Self::Change(_) => CustomerChangeRequested::TYPE,
            Self::Consent(_) => ConsentChangeRequested::TYPE,
            Self::Kyc(_) => KycDecided::TYPE,
        }
    }
}

/// Reads a record's value. Errors where it is no event, or none that is a command about a customer.
pub(super) fn read(value: &[u8]) -> Result<Event<Command>, EventError> {
    let event = event::any(value)?;
    if event.is::<CustomerRegistrationRequested>() {
        event.into().map(|event| of(event, Command::Register))
    } else if event.is::<CustomerChangeRequested>() {
        event.into().map(|event| of(event, Command::Change))
    } else if event.is::<ConsentChangeRequested>() {
        event.into().map(|event| of(event, Command::Consent))
    } else {
        event.into().map(|event| of(event, Command::Kyc))
    }
}

fn of<D>(event: Event<D>, command: fn(D) -> Command) -> Event<Command> {
    let Event { event_id, kind, version, occurred_at, correlation_id, causation_id, traceparent, data } = event;
    let data = command(data);
    Event { event_id, kind, version, occurred_at, correlation_id, causation_id, traceparent, data }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    /// A command of type `kind` as the gateway writes it.
    pub(in crate::customers) fn record(kind: &str, data: &Value) -> Vec<u8> {
        json!({
            "event_id": Uuid::new_v4(),
            "type": kind,
            "version": 1,
            "occurred_at": "2026-01-02T03:04:05Z",
            "correlation_id": Uuid::new_v4(),
            "causation_id": null,
            "traceparent": null,
            "data": data,
        })
        .to_string()
        .into_bytes()
    }

    /// The same, read.
    pub(in crate::customers) fn command(kind: &str, data: &Value) -> Event<Command> {
        read(&record(kind, data)).expect("a command")
    }

    pub(in crate::customers) fn registration(id: &str) -> Value {
        json!({ "customer_id": id, "name": "Ada Lovelace", "email": "ada@example.org", "date_of_birth": "1985-12-10" })
    }

    #[test]
    fn every_command_is_read_as_what_it_is() {
        let register = command("CustomerRegistrationRequested", &registration("c-1"));
        assert!(matches!(register.data, Command::Register(_)));
        let change = command("CustomerChangeRequested", &json!({ "customer_id": "c-1", "name": "Ada King" }));
        assert!(matches!(change.data, Command::Change(_)));
        let consent = json!({ "customer_id": "c-1", "purpose": "CREDIT_CHECK", "granted": true });
        assert!(matches!(command("ConsentChangeRequested", &consent).data, Command::Consent(_)));
        let decided = json!({ "customer_id": "c-1", "state": "VERIFIED", "decided_by": "Grace" });
        assert!(matches!(command("KycDecided", &decided).data, Command::Kyc(_)));
    }

    #[test]
    fn what_is_no_command_about_a_customer_is_refused() {
        let other = record("LoanApplicationSubmitted", &registration("c-1"));
        assert!(matches!(read(&other), Err(EventError::Unexpected { .. })));
        let wrong = record("CustomerRegistrationRequested", &json!({ "customer_id": "c-1" }));
        assert!(matches!(read(&wrong), Err(EventError::Malformed(_))));
        assert!(read(b"poison").is_err());
    }
}
