//! Servicing against a real PostgreSQL and a rail in the same process.

mod dispatching;
mod intake;
mod ledger;
mod reading;
mod timers;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::Value;
use sqlx::types::Json;
use tempfile::TempDir;
use uuid::Uuid;

use super::book::Policy;
use super::dispatcher::Dispatcher;
use super::input::{Command, Input};
use super::intake::{Desk, Wakeups};
use crate::config::migrate::Service;
use crate::config::rail::Conduct;
use crate::config::servicing::{RailInstruction, TransferSettings};
use crate::domain::money::{Amount, Currency};
use crate::domain::schedule::tests::plan;
use crate::messaging::consumer::Handler;
use crate::messaging::contract::origination::{OfferAccepted, Terms};
use crate::messaging::contract::servicing::{RepaymentRequested, WriteOffRequested};
use crate::messaging::event::{Cause, Event, EventData};
use crate::messaging::inbox::Dedup;
use crate::messaging::outbox::Publisher;
use crate::rail;
use crate::store::{StoreError, column};
use crate::testing::postgres;

/// How long a condition may take to come true on a loaded machine.
const BOUND: Duration = Duration::from_secs(60);
const PRINCIPAL: i64 = 100_000;

const POLICY: Policy = Policy {
    month: SignedDuration::from_hours(720),
    waiting_command_max: SignedDuration::from_hours(1),
    dedup: Dedup::Inbox,
    compensation: true,
};

async fn desk(policy: Policy) -> Desk {
    Desk {
        store: postgres::store(Service::Servicing).await,
        publisher: Arc::new(Publisher::Outbox),
        policy,
        wakeups: Arc::new(Wakeups::default()),
    }
}

fn loan(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn event<D: EventData>(data: D) -> Event<D> {
    Event::now(Cause { correlation_id: Uuid::new_v4(), causation_id: None, traceparent: None }, data)
}

fn accepted(external_id: Uuid) -> Input {
    let terms = Terms {
        principal: euros(PRINCIPAL),
        rate_basis_points: 1_200,
        term_months: 12,
        instalment_minor_units: plan(PRINCIPAL, 1_200, 12).instalment,
    };
    let customer_id = "c-1".to_owned().try_into().unwrap();
    Input::Accepted(event(OfferAccepted { external_id, customer_id, terms, application_version: 5 }))
}

fn repayment(external_id: Uuid, minor_units: i64) -> Input {
    let data = RepaymentRequested { external_id, repayment_id: Uuid::new_v4(), amount: euros(minor_units) };
    Input::Command(Command::Repayment(event(data)))
}

fn write_off(external_id: Uuid) -> Input {
    Input::Command(Command::WriteOff(event(WriteOffRequested { external_id })))
}

fn euros(minor_units: i64) -> Amount {
    Amount { currency: Currency::Eur, minor_units }
}

/// A rail, and servicing's way to it; the folder holds the rail's journal.
struct Railway {
    folder: TempDir,
    settings: TransferSettings,
}

impl Railway {
    async fn new(conduct: Conduct) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = TransferSettings {
            rail: rail::tests::serve(folder.path(), conduct).await,
            timeout: Duration::from_secs(20),
            batch_max: 100,
            concurrency: 1,
            lease: Duration::from_secs(3600),
            retry: Duration::from_millis(1),
            retry_max: Duration::from_millis(1),
            instruction: RailInstruction::Derived,
            timers: true,
        };
        Self { folder, settings }
    }

    /// Another rail with the same memory, to be asked from now on.
    async fn becomes(&mut self, conduct: Conduct) {
        self.settings.rail = rail::tests::serve(self.folder.path(), conduct).await;
    }

    fn dispatcher(&self, desk: &Desk) -> Dispatcher {
        Dispatcher::new(desk.clone(), self.settings.clone()).unwrap()
    }

    fn journal(&self) -> Vec<Value> {
        lines(self.folder.path())
    }
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("rail.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every row of a query that returns one column of JSON named `row`.
async fn rows(desk: &Desk, text: &'static str) -> Vec<Value> {
    let rows = desk.store.rows("look", sqlx::query(text)).await.unwrap();
    rows.iter().map(|row| column::<Json<Value>>(row, "row").unwrap().0).collect()
}

async fn loans(desk: &Desk) -> Vec<Value> {
    rows(desk, "select to_jsonb(l) as row from loan l order by external_id").await
}

async fn statuses(desk: &Desk) -> Vec<String> {
    loans(desk).await.iter().map(|loan| loan["status"].as_str().unwrap().to_owned()).collect()
}

/// The types of the events, in the order in which they were appended.
async fn events(desk: &Desk) -> Vec<String> {
    let all = rows(desk, "select payload::jsonb as row from outbox order by position").await;
    all.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// What is booked on an account.
async fn balance(desk: &Desk, account: &str) -> i64 {
    let text = "select coalesce(sum(amount_minor_units), 0)::bigint as balance from ledger_entry where account = $1";
    let found = desk.store.rows("add up", sqlx::query(text).bind(account)).await.unwrap();
    column(&found[0], "balance").unwrap()
}

/// Dispatches until nothing is pending.
async fn dispatch_all(desk: &Desk, dispatcher: &Dispatcher) {
    let started = Instant::now();
    while !rows(desk, "select to_jsonb(t) as row from transfer t where state = 'PENDING'").await.is_empty() {
        assert!(started.elapsed() < BOUND, "transfers are still pending");
        dispatcher.dispatch().await.unwrap();
    }
}

async fn apply(desk: &Desk, inputs: &[Input]) -> Result<(), StoreError> {
    Handler::apply(desk, inputs).await
}
