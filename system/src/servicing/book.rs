//! A batch's work on loans, without I/O: what is known goes in, inputs are applied one after the other, and what has
//! changed comes out, to be written in one transaction.
//!
//! - [`changes`]: what comes out
//! - [`results`]: what follows from the rail's results
//! - this file: which offers, commands and timers fit a loan, and what follows from them

mod changes;
mod results;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use super::input::Command;
use super::transfer::{Purpose, Transfer, derived_id};
use crate::domain::ledger::{Occasion, Posting};
use crate::domain::loan::{FallenDue, Grant, Loan};
use crate::domain::money::{Amount, Currency};
use crate::domain::schedule::{Instalment, Plan};
use crate::domain::status::LoanStatus;
use crate::messaging::contract::origination::{CommandRefused, OfferAccepted};
use crate::messaging::contract::servicing::{
    LoanClosed, LoanCreated, LoanInArrears, RepaymentRefused, RepaymentRequested, WriteOffRequested,
};
use crate::messaging::event::{Cause, Event, EventData};
use crate::messaging::inbox::Dedup;
use crate::store::StoreError;
pub(super) use changes::Changes;

/// The state of a loan that is not there, in refusals.
const UNKNOWN: &str = "UNKNOWN";
/// Why a repayment in another currency is refused.
const OTHER_CURRENCY: &str = "OTHER_CURRENCY";
/// Why a repayment under the id of another one is refused.
const REPAYMENT_ID_USED: &str = "REPAYMENT_ID_USED";

/// What servicing was told to do, as far as a loan is concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// From one instalment to the next.
    pub(super) month: SignedDuration,
    /// How long a command waits for its loan.
    pub(super) waiting_command_max: SignedDuration,
    /// Without deduplication every delivery asks for a transfer of its own.
    pub(super) dedup: Dedup,
    /// Whether a refused disbursement takes its booking back.
    pub(super) compensation: bool,
}

/// What is known before: the loans that a batch is about, locked, and repayments under the ids that it has.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Known {
    pub(super) now: Timestamp,
    pub(super) loans: Vec<Held>,
    pub(super) transfers: Vec<Transfer>,
}

/// A loan, and whether commands about it wait.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Held {
    pub(super) loan: Loan,
    pub(super) awaited: bool,
}

/// How a command comes to its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// From the log; it waits where it has to.
    Arrived,
    /// After it has waited; nothing is ahead of it.
    Waited,
    /// After it has waited for too long.
    Overdue,
}

/// What the rail said about a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RailResult {
    Executed,
    Refused(String),
}

/// The work in hand.
pub(super) struct Book {
    policy: Policy,
    now: Timestamp,
    loans: BTreeMap<Uuid, Held>,
    /// By instruction id.
    transfers: HashMap<Uuid, Transfer>,
    changes: Changes,
}

impl Book {
    pub(super) fn new(policy: Policy, known: Known) -> Self {
        Self {
            policy,
            now: known.now,
            loans: known.loans.into_iter().map(|held| (held.loan.external_id, held)).collect(),
            transfers: known.transfers.into_iter().map(|transfer| (transfer.instruction_id, transfer)).collect(),
            changes: Changes::default(),
        }
    }

    /// What is to be written.
    pub(super) fn into_changes(self) -> Changes {
        self.changes.with_loans(self.loans)
    }

    /// An offer was accepted: its loan is made, booked, and to be paid out.
    pub(super) fn accepted(&mut self, event: &Event<OfferAccepted>) -> Result<(), StoreError> {
        let OfferAccepted { external_id, terms, .. } = &event.data;
        let known = self.loans.contains_key(external_id);
        let instruction_id = match self.policy.dedup {
            Dedup::Inbox if known => return Ok(()),
            Dedup::Inbox => derived_id(*external_id, "DISBURSEMENT"),
            // A second payout.
            Dedup::None => Uuid::new_v4(),
        };
        if !known {
            self.create(event)?;
        }
        let transfer =
            Transfer::of(instruction_id, *external_id, Purpose::Disbursement, terms.principal, event.cause());
        let occasion = Occasion { external_id: *external_id, instruction_id, currency: terms.principal.currency };
        self.changes.postings.push(Posting::disbursement(occasion, terms.principal.minor_units));
        self.changes.transfers.push(transfer);
        Ok(())
    }

    fn create(&mut self, event: &Event<OfferAccepted>) -> Result<(), StoreError> {
        let OfferAccepted { external_id, customer_id, terms, .. } = &event.data;
        let plan = Plan {
            rate_basis_points: terms.rate_basis_points,
            term_months: terms.term_months,
            instalment: terms.instalment_minor_units,
        };
        let loan = Loan::approved(Grant {
            external_id: *external_id,
            customer_id: customer_id.clone(),
            principal: terms.principal,
            plan,
            month: self.policy.month,
            correlation_id: event.correlation_id,
            causation_id: event.event_id,
            traceparent: event.traceparent.clone(),
        });
        let created = LoanCreated {
            external_id: *external_id,
            customer_id: customer_id.clone(),
            principal: terms.principal,
            loan_version: loan.version,
        };
        self.changes.created.insert(*external_id);
        self.loans.insert(*external_id, Held { loan, awaited: false });
        self.publish(*external_id, event.cause(), created)
    }

    /// A command: applied, refused, or put aside until its loan is there and paid out.
    pub(super) fn command(&mut self, command: &Command, turn: Turn) -> Result<(), StoreError> {
        let external_id = command.external_id();
        let held = self.loans.get_mut(&external_id);
        let ready = held.as_ref().is_some_and(|held| held.loan.status != LoanStatus::Approved);
        let behind = held.as_ref().is_some_and(|held| held.awaited) && turn == Turn::Arrived;
        if (!ready && turn != Turn::Overdue) || behind {
            // Whatever comes later waits behind it.
            if let Some(held) = held {
                held.awaited = true;
            }
            let until = self.now.checked_add(self.policy.waiting_command_max).unwrap_or(Timestamp::MAX);
            return self.changes.put_aside(command, until);
        }
        match command {
            Command::Repayment(event) => self.repayment(event),
            Command::WriteOff(event) => self.write_off(event),
        }
    }

    fn repayment(&mut self, event: &Event<RepaymentRequested>) -> Result<(), StoreError> {
        let RepaymentRequested { external_id, repayment_id, amount } = event.data;
        if let Some(reason) = self.refuses(external_id, repayment_id, amount) {
            let refused = RepaymentRefused { external_id, repayment_id, reason: reason.to_owned() };
            return self.publish(external_id, event.cause(), refused);
        }
        let instruction_id = match self.policy.dedup {
            Dedup::Inbox if self.transfers.contains_key(&repayment_id) => return Ok(()),
            Dedup::Inbox => repayment_id,
            // Collected twice.
            Dedup::None => Uuid::new_v4(),
        };
        let purpose = Purpose::Repayment(repayment_id);
        let transfer = Transfer::of(instruction_id, external_id, purpose, amount, event.cause());
        self.transfers.insert(instruction_id, transfer.clone());
        self.changes.transfers.push(transfer);
        Ok(())
    }

    /// Why a repayment is refused before the rail hears of it.
    fn refuses(&self, external_id: Uuid, repayment_id: Uuid, amount: Amount) -> Option<&'static str> {
        if let Some(other) = self.transfers.get(&repayment_id) {
            let same = other.external_id == external_id
                && other.repayment_id == Some(repayment_id)
                && (other.currency, other.amount_minor_units) == (amount.currency, amount.minor_units);
            // The same again is no second repayment, whatever has become of the loan since.
            return if same { None } else { Some(REPAYMENT_ID_USED) };
        }
        match self.loans.get(&external_id).map(|held| &held.loan) {
            None => Some(UNKNOWN),
            Some(loan) if loan.status != LoanStatus::Active => Some(loan.status.name()),
            Some(loan) if loan.currency != amount.currency => Some(OTHER_CURRENCY),
            Some(_) => None,
        }
    }

    fn write_off(&mut self, event: &Event<WriteOffRequested>) -> Result<(), StoreError> {
        let external_id = event.data.external_id;
        match self.loans.get_mut(&external_id).map(|held| &mut held.loan) {
            Some(loan) if loan.status == LoanStatus::Active => {
                let instruction_id = derived_id(external_id, "WRITEOFF");
                let occasion = Occasion { external_id, instruction_id, currency: loan.currency };
                self.changes.postings.push(Posting::write_off(occasion, loan.write_off()));
                self.close(external_id, event.cause())
            }
            other => {
                let state = other.map_or(UNKNOWN, |loan| loan.status.name()).to_owned();
                let command = WriteOffRequested::TYPE.to_owned();
                self.publish(external_id, event.cause(), CommandRefused { external_id, command, state })
            }
        }
    }

    /// A loan's timer has come: what fell due and is not paid is told, each instalment once, and its interest accrued.
    pub(super) fn fall_due(&mut self, external_id: Uuid) -> Result<(), StoreError> {
        let now = self.now;
        let Some(Held { loan, .. }) = self.loans.get_mut(&external_id) else { return Ok(()) };
        let FallenDue { overdue, accrued } = loan.fall_due(now);
        let (before, cause, currency) = (loan.version, cause(loan), loan.currency);
        loan.version += i64::try_from(overdue.len()).unwrap_or(0);
        self.changes.changed.insert(external_id);
        self.accrue(external_id, currency, &accrued);
        for (loan_version, dated) in (before + 1..).zip(overdue) {
            self.changes.note(external_id, dated).in_arrears_at = Some(now);
            let (instalment, due_at) = (dated.instalment.number, dated.due_at);
            let arrears = LoanInArrears { external_id, instalment, due_at, loan_version };
            self.publish(external_id, cause.clone(), arrears)?;
        }
        Ok(())
    }

    /// The interest of each instalment is booked under an id of its own, so that it cannot be booked twice.
    fn accrue(&mut self, external_id: Uuid, currency: Currency, instalments: &[Instalment]) {
        self.changes.postings.extend(instalments.iter().map(|one| {
            let instruction_id = derived_id(external_id, &format!("ACCRUAL {}", one.number));
            Posting::accrual(Occasion { external_id, instruction_id, currency }, one.interest)
        }));
    }

    fn close(&mut self, external_id: Uuid, cause: Cause) -> Result<(), StoreError> {
        let Some(Held { loan, .. }) = self.loans.get_mut(&external_id) else { return Ok(()) };
        let closed = LoanClosed { external_id, status: loan.status, loan_version: grown(loan) };
        self.change(external_id, cause, closed)
    }

    /// An event that tells of a change of a loan.
    fn change(&mut self, external_id: Uuid, cause: Cause, data: impl EventData) -> Result<(), StoreError> {
        self.changes.changed.insert(external_id);
        self.publish(external_id, cause, data)
    }

    fn publish(&mut self, external_id: Uuid, cause: Cause, data: impl EventData) -> Result<(), StoreError> {
        self.changes.publish(external_id, &Event::now(cause, data))
    }
}

/// The loan's next version.
fn grown(loan: &mut Loan) -> i64 {
    loan.version += 1;
    loan.version
}

/// Where what time brings about comes from: the event that made the loan.
fn cause(loan: &Loan) -> Cause {
    Cause {
        correlation_id: loan.correlation_id,
        causation_id: Some(loan.causation_id),
        traceparent: loan.traceparent.clone(),
    }
}
