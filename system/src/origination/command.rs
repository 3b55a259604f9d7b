//! Records of `origination.commands`, as origination understands them.

use uuid::Uuid;

use super::step::Input;
use crate::domain::application::LoanApplication;
use crate::messaging::contract::origination::{
    CreditReportReceived, ManualDecisionMade, OfferAcceptanceRequested, OfferRefused, WithdrawalRequested,
};
use crate::messaging::event::{self, Cause, Event, EventData, EventError};

/// What somebody wants of an application, or has to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) event_id: Uuid,
    pub(super) external_id: Uuid,
    /// What follows from it takes this over.
    pub(super) cause: Cause,
    pub(super) content: Content,
}

/// What a command says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Here is an application.
    Submitted(Box<LoanApplication>),
    /// Something happens to one.
    Happens(Input),
}

impl Command {
    /// Reads a record's value. Errors where it is no event, or one that origination does not know.
    pub(super) fn parse(value: &[u8]) -> Result<Self, EventError> {
        let event = event::any(value)?;
        match event.kind.as_str() {
            LoanApplication::TYPE => Ok(Self::of(event.into()?, |data: LoanApplication| {
                (data.external_id, Content::Submitted(Box::new(data)))
            })),
            WithdrawalRequested::TYPE => Ok(Self::of(event.into()?, |data: WithdrawalRequested| {
                (data.external_id, Content::Happens(Input::Withdrawal))
            })),
            CreditReportReceived::TYPE => Ok(Self::of(event.into()?, |data: CreditReportReceived| {
                let CreditReportReceived { request_id, external_id, bureau: _, score } = data;
                (external_id, Content::Happens(Input::Report { request_id, score }))
            })),
            ManualDecisionMade::TYPE => Ok(Self::of(event.into()?, |data: ManualDecisionMade| {
                (data.external_id, Content::Happens(Input::Decision(data.decision)))
            })),
            OfferAcceptanceRequested::TYPE => Ok(Self::of(event.into()?, |data: OfferAcceptanceRequested| {
                (data.external_id, Content::Happens(Input::Acceptance))
            })),
            OfferRefused::TYPE => {
                Ok(Self::of(event.into()?, |data: OfferRefused| (data.external_id, Content::Happens(Input::Refusal))))
            }
            _ => Err(EventError::Unexpected { kind: event.kind, version: event.version }),
        }
    }

    fn of<D: EventData>(event: Event<D>, content: fn(D) -> (Uuid, Content)) -> Self {
        let (event_id, cause) = (event.event_id, event.cause());
        let (external_id, content) = content(event.data);
        Self { event_id, external_id, cause, content }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::application::tests::sound;
    use crate::messaging::contract::origination::LoanApplicationDecided;

    fn event<D: EventData>(data: serde_json::Value) -> Event<D> {
        let cause = Cause { correlation_id: Uuid::from_u128(1), causation_id: None, traceparent: Some("00-1".into()) };
        Event::now(cause, serde_json::from_value(data).expect("sound"))
    }

    fn input<D: EventData>(more: serde_json::Value) -> Input {
        let mut data = serde_json::json!({ "external_id": Uuid::from_u128(7) });
        let (Some(data_fields), serde_json::Value::Object(more)) = (data.as_object_mut(), more) else { panic!() };
        data_fields.extend(more);
        let text = event::<D>(data).to_json().expect("serialisable");
        let command = Command::parse(text.as_bytes()).expect("a command");
        assert_eq!(command.external_id, Uuid::from_u128(7));
        match command.content {
            Content::Happens(input) => input,
            Content::Submitted(_) => panic!("nothing was submitted"),
        }
    }

    #[test]
    fn each_command_is_what_happens_to_an_application() {
        use serde_json::json;
        assert_eq!(input::<WithdrawalRequested>(json!({})), Input::Withdrawal);
        assert_eq!(input::<OfferAcceptanceRequested>(json!({})), Input::Acceptance);
        assert_eq!(input::<OfferRefused>(json!({})), Input::Refusal);
        let decision = json!({ "decision": "APPROVED", "decided_by": "Ada" });
        assert_eq!(input::<ManualDecisionMade>(decision), Input::Decision(crate::domain::status::Decision::Approved));
        let request_id = Uuid::from_u128(9);
        let report = json!({ "request_id": request_id, "bureau": "north", "score": 512 });
        assert_eq!(input::<CreditReportReceived>(report), Input::Report { request_id, score: Some(512) });
    }

    #[test]
    fn a_submission_keeps_its_event_and_its_trace() {
        let submitted: Event<LoanApplication> = event(sound());
        let command = Command::parse(submitted.to_json().expect("serialisable").as_bytes()).expect("a command");
        assert_eq!((command.event_id, &command.cause), (submitted.event_id, &submitted.cause()));
        assert_eq!(command.content, Content::Submitted(Box::new(submitted.data)));
    }

    #[test]
    fn what_origination_does_not_know_is_refused() {
        let data = serde_json::json!({
            "external_id": Uuid::nil(), "customer_id": "c", "status": "APPROVED", "reason": null, "score": null,
            "application_version": 2,
        });
        let stranger = event::<LoanApplicationDecided>(data).to_json().expect("serialisable");
        assert!(matches!(Command::parse(stranger.as_bytes()), Err(EventError::Unexpected { .. })));
        assert!(matches!(Command::parse(b"poison"), Err(EventError::Malformed(_))));
    }
}
