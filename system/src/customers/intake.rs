//! Commands to rows and events: inbox, state and outbox in one transaction a batch, whose commit is this process's own
//! last word: a batch of a process that was killed before it has no effect, and comes again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rdkafka::Message;
use rdkafka::message::OwnedMessage;
use tracing::warn;

use super::command::{self, Command};
use super::customer::{Customer, Outcome, Policy, Refusal, step};
use super::table::{self, Customers};
use crate::domain::customer::CustomerId;
use crate::messaging::consumer::Handler;
use crate::messaging::event::{Event, EventError};
use crate::messaging::inbox;
use crate::messaging::outbox::{Outgoing, Publisher};
use crate::messaging::topic;
use crate::store::{Store, StoreError};

/// What applies commands about customers.
pub(super) struct Intake {
    pub(super) store: Store,
    pub(super) publisher: Arc<Publisher>,
    pub(super) policy: Policy,
}

impl Handler for Intake {
    type Input = Event<Command>;

    fn read(&self, record: &OwnedMessage) -> Result<Option<Event<Command>>, EventError> {
        command::read(record.payload().unwrap_or_default()).map(Some)
    }

    fn processed_in(command: &mut Event<Command>, traceparent: String) {
        command.traceparent = Some(traceparent);
    }

    async fn apply(&self, commands: &[Event<Command>]) -> Result<(), StoreError> {
        let mut transaction = self.store.begin("apply commands about customers").await?;
        let received = commands.len();
        let commands = inbox::fresh(&mut transaction, self.policy.dedup, commands, |command| command.event_id).await?;
        let repeated = received - commands.len();
        let ids: BTreeSet<_> = commands.iter().map(|command| command.data.customer_id()).collect();
        let known = table::load(&mut transaction, &ids.into_iter().collect::<Vec<_>>()).await?;
        let decided = decide(known, &commands, self.policy)?;
        table::save(&mut transaction, &decided.customers.values().collect::<Vec<_>>()).await?;
        self.publisher.append(&mut transaction, &decided.events).await?;
        transaction.commit().await?;
        metrics::counter!("lending_events_repeated_total").increment(u64::try_from(repeated).unwrap_or(u64::MAX));
        decided.tell();
        self.publisher.committed(decided.events);
        Ok(())
    }
}

/// What a batch comes to.
struct Decided<'a> {
    /// Who is changed, as he is after all of it.
    customers: Customers,
    /// One for each change.
    events: Vec<Outgoing>,
    refused: Vec<(&'a Event<Command>, Refusal)>,
    /// By the command's name and what it came to.
    counts: BTreeMap<(&'static str, &'static str), u64>,
}

/// Applies commands, in their order, to the customers that are known.
fn decide<'a>(
    mut known: Customers,
    commands: &[&'a Event<Command>],
    policy: Policy,
) -> Result<Decided<'a>, StoreError> {
    let mut changed = BTreeSet::<CustomerId>::new();
    let mut decided =
        Decided { customers: Customers::new(), events: Vec::new(), refused: Vec::new(), counts: BTreeMap::new() };
    for command in commands {
        let id = command.data.customer_id();
        let result = match step(known.get(id), command, policy) {
            Outcome::Changed(customer) => {
                decided.events.push(told(&customer, command)?);
                changed.insert(id.clone());
                known.insert(id.clone(), customer);
                "changed"
            }
            Outcome::Unchanged => "unchanged",
            Outcome::Refused(refusal) => {
                decided.refused.push((command, refusal));
                refusal.name()
            }
        };
        *decided.counts.entry((command.data.name(), result)).or_default() += 1;
    }
    known.retain(|id, _| changed.contains(id));
    decided.customers = known;
    Ok(decided)
}

/// The event that tells of a change.
fn told(customer: &Customer, command: &Event<Command>) -> Result<Outgoing, StoreError> {
    let event = Event::now(command.cause(), customer.changed());
    Outgoing::of(topic::CUSTOMERS_CHANGED, &customer.customer_id, &event)
}

impl Decided<'_> {
    /// Counts and logs what is true now. The compacted topic holds states only, so a refusal is told here and nowhere
    /// else.
    fn tell(&self) {
        for (&(command, result), count) in &self.counts {
            metrics::counter!("lending_customer_commands_total", "type" => command, "result" => result)
                .increment(*count);
        }
        for (command, refusal) in &self.refused {
            let customer_id = command.data.customer_id();
            let (correlation_id, event_id) = (command.correlation_id, command.event_id);
            let (command, reason) = (command.data.name(), refusal.name());
            warn!(%correlation_id, %customer_id, %event_id, command, reason, "a command about a customer is refused");
        }
    }
}
