//! What a batch changes, in the shape of the tables that it is written to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::Held;
use crate::domain::ledger::Posting;
use crate::domain::loan::{Dated, Loan};
use crate::messaging::event::{Event, EventData};
use crate::messaging::outbox::Outgoing;
use crate::messaging::topic;
use crate::servicing::input::Command;
use crate::servicing::transfer::Transfer;
use crate::store::StoreError;

/// What is to be written, together or not at all.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Which loans are new.
    pub(super) created: BTreeSet<Uuid>,
    /// Which loans have changed.
    pub(super) changed: BTreeSet<Uuid>,
    /// Those loans as they are now.
    pub(crate) new_loans: Vec<Loan>,
    pub(crate) changed_loans: Vec<Loan>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) postings: Vec<Posting>,
    pub(super) instalments: BTreeMap<(Uuid, u16), InstalmentRow>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) outgoing: Vec<Outgoing>,
}

/// What became of an instalment. The fields are the columns of the table `instalment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct InstalmentRow {
    external_id: Uuid,
    number: u16,
    due_at: Timestamp,
    principal_minor_units: i64,
    interest_minor_units: i64,
    pub(super) in_arrears_at: Option<Timestamp>,
    pub(super) settled_at: Option<Timestamp>,
}

/// A command that waits. The fields are columns of the table `waiting_command`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Waiting {
    pub(crate) event_id: Uuid,
    pub(crate) external_id: Uuid,
    pub(crate) payload: String,
    pub(crate) waits_until: Timestamp,
}

impl Changes {
    /// Completes the changes by the loans themselves.
    pub(super) fn with_loans(mut self, loans: BTreeMap<Uuid, Held>) -> Self {
        for (external_id, Held { loan, .. }) in loans {
            if self.created.contains(&external_id) {
                self.new_loans.push(loan);
            } else if self.changed.contains(&external_id) {
                self.changed_loans.push(loan);
            }
        }
        self
    }

    /// Whether there is nothing to write, events aside.
    pub(crate) fn is_empty(&self) -> bool {
        self.new_loans.is_empty()
            && self.changed_loans.is_empty()
            && self.transfers.is_empty()
            && self.postings.is_empty()
            && self.instalments.is_empty()
            && self.waiting.is_empty()
    }

    /// The instalments' rows.
    pub(crate) fn instalments(&self) -> Vec<&InstalmentRow> {
        self.instalments.values().collect()
    }

    /// The row of an instalment that something is to be said about.
    pub(super) fn note(&mut self, external_id: Uuid, dated: Dated) -> &mut InstalmentRow {
        let Dated { instalment, due_at } = dated;
        self.instalments.entry((external_id, instalment.number)).or_insert(InstalmentRow {
            external_id,
            number: instalment.number,
            due_at,
            principal_minor_units: instalment.principal,
            interest_minor_units: instalment.interest,
            in_arrears_at: None,
            settled_at: None,
        })
    }

    pub(super) fn put_aside(&mut self, command: &Command, waits_until: Timestamp) -> Result<(), StoreError> {
        let payload = command.to_json().map_err(|error| StoreError::Database {
            doing: "write a command as JSON",
            source: sqlx::Error::Encode(error.into()),
        })?;
        let (event_id, external_id) = (command.event_id(), command.external_id());
        self.waiting.push(Waiting { event_id, external_id, payload, waits_until });
        Ok(())
    }

    pub(super) fn publish<D: EventData>(&mut self, external_id: Uuid, event: &Event<D>) -> Result<(), StoreError> {
        self.outgoing.push(Outgoing::of(topic::SERVICING_EVENTS, external_id, event)?);
        Ok(())
    }
}
