//! What the rail is asked to do for a loan.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::money::{Amount, Currency};
use crate::messaging::event::Cause;
use crate::rail::transfer::{Direction, Instruction};

/// The namespace of ids that are made from a loan and what is done to it.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f2a_1f6e_6c58_4b0e_9d0b_5b1c_0a6f_43d7);

/// The id of `what` happens to a loan once: the same for whoever computes it, however often.
pub(super) fn derived_id(external_id: Uuid, what: &str) -> Uuid {
    let mut name = external_id.as_bytes().to_vec();
    name.extend_from_slice(what.as_bytes());
    Uuid::new_v5(&NAMESPACE, &name)
}

/// What a transfer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum TransferKind {
    /// Paying the loan out.
    Disbursement,
    /// Collecting a repayment.
    Repayment,
}

impl TransferKind {
    fn direction(self) -> Direction {
        match self {
            Self::Disbursement => Direction::Out,
            Self::Repayment => Direction::In,
        }
    }
}

/// A transfer that was asked for. The fields are columns of the table `transfer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Transfer {
    pub(super) instruction_id: Uuid,
    pub(super) external_id: Uuid,
    /// The client's id of a repayment.
    pub(super) repayment_id: Option<Uuid>,
    pub(super) kind: TransferKind,
    pub(super) direction: Direction,
    pub(super) currency: Currency,
    pub(super) amount_minor_units: i64,
    pub(super) correlation_id: Uuid,
    /// The event that asked for it.
    pub(super) causation_id: Uuid,
    pub(super) traceparent: Option<String>,
}

impl Transfer {
    /// A transfer under this id, because of an event.
    pub(super) fn of(instruction_id: Uuid, external_id: Uuid, purpose: Purpose, amount: Amount, cause: Cause) -> Self {
        let (kind, repayment_id) = match purpose {
            Purpose::Disbursement => (TransferKind::Disbursement, None),
            Purpose::Repayment(repayment_id) => (TransferKind::Repayment, Some(repayment_id)),
        };
        Self {
            instruction_id,
            external_id,
            repayment_id,
            kind,
            direction: kind.direction(),
            currency: amount.currency,
            amount_minor_units: amount.minor_units,
            correlation_id: cause.correlation_id,
            causation_id: cause.causation_id.unwrap_or(cause.correlation_id),
            traceparent: cause.traceparent,
        }
    }

    /// Where what follows from its result comes from.
    pub(super) fn cause(&self) -> Cause {
        Cause {
            correlation_id: self.correlation_id,
            causation_id: Some(self.causation_id),
            traceparent: self.traceparent.clone(),
        }
    }

    /// What the rail is told, under the id that it is to know it by.
    pub(super) fn instruction(&self, instruction_id: Uuid) -> Instruction {
        Instruction {
            instruction_id,
            external_id: self.external_id,
            direction: self.direction,
            amount: Amount { currency: self.currency, minor_units: self.amount_minor_units },
            traceparent: self.traceparent.clone(),
        }
    }
}

/// What a new transfer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Disbursement,
    /// A repayment under the client's id.
    Repayment(Uuid),
}
