//! What servicing hears: offers that were accepted, and commands about loans.

use rdkafka::message::{Message, OwnedMessage};
use serde::de::Error;
use uuid::Uuid;

use crate::messaging::contract::origination::{OfferAccepted, Terms};
use crate::messaging::contract::servicing::{RepaymentRequested, WriteOffRequested};
use crate::messaging::event::{AnyEvent, Event, EventData, EventError, any};
use crate::messaging::topic;

/// The longest term, in months, and the highest rate, in basis points a year: with more, arithmetic on the largest
/// amounts would not be sure to fit.
const TERM_MONTHS_MAX: u16 = 600;
const RATE_BASIS_POINTS_MAX: u32 = 100_000;

/// An event that concerns a loan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    Accepted(Event<OfferAccepted>),
    Command(Command),
}

/// A command about a loan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Repayment(Event<RepaymentRequested>),
    WriteOff(Event<WriteOffRequested>),
}

impl Input {
    /// Reads a record of `origination.events` or `servicing.commands`; none where it does not concern a loan.
    pub(super) fn read(record: &OwnedMessage) -> Result<Option<Self>, EventError> {
        let event = any(record.payload().unwrap_or_default())?;
        match record.topic() {
            topic::ORIGINATION_EVENTS if event.kind != OfferAccepted::TYPE => Ok(None),
            topic::ORIGINATION_EVENTS => {
                let accepted = event.into::<OfferAccepted>()?;
                sound(&accepted.data.terms)?;
                Ok(Some(Self::Accepted(accepted)))
            }
            _ => Command::of(event).map(Self::Command).map(Some),
        }
    }

    /// The id that makes a repeat a repeat.
    pub(super) fn event_id(&self) -> Uuid {
        match self {
            Self::Accepted(event) => event.event_id,
            Self::Command(command) => command.event_id(),
        }
    }

    /// The step of a trace that it follows from.
    pub(super) fn traceparent(&mut self) -> &mut Option<String> {
        match self {
            Self::Accepted(event) => &mut event.traceparent,
            Self::Command(Command::Repayment(event)) => &mut event.traceparent,
            Self::Command(Command::WriteOff(event)) => &mut event.traceparent,
        }
    }

    /// Which loan it concerns.
    pub(super) fn external_id(&self) -> Uuid {
        match self {
            Self::Accepted(event) => event.data.external_id,
            Self::Command(command) => command.external_id(),
        }
    }

    /// The client's id of the repayment that it asks for.
    pub(super) fn repayment_id(&self) -> Option<Uuid> {
        match self {
            Self::Accepted(_) => None,
            Self::Command(command) => command.repayment_id(),
        }
    }
}

impl Command {
    /// Reads a command that was put aside.
    pub(super) fn parse(payload: &str) -> Result<Self, EventError> {
        Self::of(any(payload.as_bytes())?)
    }

    fn of(event: AnyEvent) -> Result<Self, EventError> {
        match event.kind.as_str() {
            WriteOffRequested::TYPE => event.into().map(Self::WriteOff),
            _ => event.into().map(Self::Repayment),
        }
    }

    /// The event as it is put aside.
    pub(super) fn to_json(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Repayment(event) => event.to_json(),
            Self::WriteOff(event) => event.to_json(),
        }
    }

    pub(super) fn event_id(&self) -> Uuid {
        match self {
            Self::Repayment(event) => event.event_id,
            Self::WriteOff(event) => event.event_id,
        }
    }

    pub(super) fn external_id(&self) -> Uuid {
        match self {
            Self::Repayment(event) => event.data.external_id,
            Self::WriteOff(event) => event.data.external_id,
        }
    }

    pub(super) fn repayment_id(&self) -> Option<Uuid> {
        match self {
            Self::Repayment(event) => Some(event.data.repayment_id),
            Self::WriteOff(_) => None,
        }
    }
}

/// That a loan can be made on these terms.
fn sound(terms: &Terms) -> Result<(), EventError> {
    let wrong = |what: String| Err(EventError::from(serde_json::Error::custom(what)));
    match terms {
        Terms { term_months, .. } if !(1..=TERM_MONTHS_MAX).contains(term_months) => {
            wrong(format!("term_months is {term_months}, must be from 1 to {TERM_MONTHS_MAX}"))
        }
        Terms { rate_basis_points, .. } if *rate_basis_points > RATE_BASIS_POINTS_MAX => {
            wrong(format!("rate_basis_points is {rate_basis_points}, must be at most {RATE_BASIS_POINTS_MAX}"))
        }
        Terms { instalment_minor_units, .. } if *instalment_minor_units < 0 => {
            wrong(format!("instalment_minor_units is {instalment_minor_units}, must not be negative"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use rdkafka::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn record(topic: &str, payload: Option<Vec<u8>>) -> OwnedMessage {
        OwnedMessage::new(payload, None, topic.to_owned(), Timestamp::NotAvailable, 0, 0, None)
    }

    fn envelope(kind: &str, data: &Value) -> Vec<u8> {
        let event = json!({
            "event_id": Uuid::from_u128(1), "type": kind, "version": 1, "occurred_at": "2026-01-01T00:00:00Z",
            "correlation_id": Uuid::from_u128(2), "causation_id": null, "traceparent": null, "data": data,
        });
        event.to_string().into_bytes()
    }

    fn accepted(term_months: u16) -> Value {
        json!({
            "external_id": Uuid::from_u128(3), "customer_id": "c-1", "application_version": 4,
            "terms": {
                "principal": {"currency": "EUR", "minor_units": 100_000}, "rate_basis_points": 1_200,
                "term_months": term_months, "instalment_minor_units": 8_885,
            },
        })
    }

    #[test]
    fn an_accepted_offer_is_read_and_what_else_became_of_applications_is_not() {
        let read = |kind, data: &Value| Input::read(&record(topic::ORIGINATION_EVENTS, Some(envelope(kind, data))));
        let input = read("OfferAccepted", &accepted(12)).expect("an event").expect("for servicing");
        assert_eq!((input.event_id(), input.external_id()), (Uuid::from_u128(1), Uuid::from_u128(3)));
        assert_eq!(read("OfferIssued", &json!({"any": "thing"})).expect("an event"), None);
    }

    #[test]
    fn a_command_that_is_put_aside_is_the_same_afterwards() {
        let data = json!({
            "external_id": Uuid::from_u128(3), "repayment_id": Uuid::from_u128(4),
            "amount": {"currency": "EUR", "minor_units": 100},
        });
        let read = Input::read(&record(topic::SERVICING_COMMANDS, Some(envelope("RepaymentRequested", &data))));
        let Ok(Some(Input::Command(command))) = read else { panic!("a command: {read:?}") };
        let aside = command.to_json().expect("JSON");
        assert_eq!(Command::parse(&aside).expect("a command"), command);
        assert_eq!(command.repayment_id(), Some(Uuid::from_u128(4)));
    }

    #[test]
    fn what_servicing_cannot_act_on_is_poison() {
        let of = |payload: Option<Vec<u8>>, topic| Input::read(&record(topic, payload)).is_err();
        assert!(of(None, topic::SERVICING_COMMANDS));
        assert!(of(Some(b"{".to_vec()), topic::ORIGINATION_EVENTS));
        assert!(of(Some(envelope("LoanForgiven", &json!({}))), topic::SERVICING_COMMANDS));
        assert!(of(Some(envelope("OfferAccepted", &accepted(0))), topic::ORIGINATION_EVENTS));
        assert!(of(Some(envelope("OfferAccepted", &accepted(601))), topic::ORIGINATION_EVENTS));
    }
}
