//! The applications of one transaction while things happen to them, and what is told of it.

use std::collections::HashMap;

use jiff::Timestamp;
use tracing::debug;
use uuid::Uuid;

use super::application::Application;
use super::command::{Command, Content};
use super::policy::Policy;
use super::step::{Context, Happened, Input, KnownCustomer, begin, step};
use super::table::{Origin, Tracked};
use crate::domain::application::LoanApplication;
use crate::domain::customer::CustomerId;
use crate::messaging::contract::origination::CommandRefused;
use crate::messaging::event::{Cause, Event, EventData};
use crate::messaging::inbox::Dedup;
use crate::messaging::outbox::Outgoing;
use crate::messaging::topic;
use crate::store::StoreError;
use crate::telemetry::traceparent::same_trace;

/// What origination knows of a customer, at this moment and without asking anybody.
pub(super) type Customers = dyn Fn(&CustomerId) -> Option<KnownCustomer> + Send + Sync;

/// What a refusal says that an application is which does not exist.
const UNKNOWN: &str = "UNKNOWN";

/// Applications by the client's id, and what happened to them so far.
pub(super) struct Batch<'a> {
    now: Timestamp,
    policy: &'a Policy,
    customers: &'a Customers,
    pub(super) applications: Vec<Tracked>,
    /// Where in `applications` those of a client's id are: one, unless repeats are not recognised.
    places: HashMap<Uuid, Vec<usize>>,
    /// In the order in which they happened.
    pub(super) events: Vec<Outgoing>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(now: Timestamp, policy: &'a Policy, customers: &'a Customers, stored: Vec<Tracked>) -> Self {
        let mut places: HashMap<Uuid, Vec<usize>> = HashMap::with_capacity(stored.len());
        for (place, one) in stored.iter().enumerate() {
            places.entry(one.application.wanted.external_id).or_default().push(place);
        }
        Self { now, policy, customers, applications: stored, places, events: Vec::new() }
    }

    /// Does what a command says.
    pub(super) fn apply(&mut self, command: &Command, dedup: Dedup) -> Result<(), StoreError> {
        match &command.content {
            Content::Submitted(wanted) => match (dedup, self.first(command.external_id)) {
                (Dedup::Inbox, Some(known)) if known.wanted == **wanted => {
                    metrics::counter!("lending_applications_repeated_total").increment(1);
                    Ok(())
                }
                (Dedup::Inbox, Some(known)) => {
                    let state = known.stage.name();
                    self.refuse(command, LoanApplication::TYPE, state)
                }
                (Dedup::None, _) | (Dedup::Inbox, None) => self.submit(command, wanted),
            },
            Content::Happens(input) => self.happen(command, *input),
        }
    }

    fn first(&self, external_id: Uuid) -> Option<&Application> {
        let place = self.places.get(&external_id)?.first()?;
        Some(&self.applications[*place].application)
    }

    fn submit(&mut self, command: &Command, wanted: &LoanApplication) -> Result<(), StoreError> {
        let mut application = Application::submitted(wanted.clone(), self.now);
        let happened = begin(&mut application, self.context(&wanted.customer_id));
        let origin = Origin {
            correlation_id: command.cause.correlation_id,
            event_id: command.event_id,
            traceparent: command.cause.traceparent.clone(),
        };
        let cause = origin.cause();
        let (external_id, correlation_id) = (command.external_id, cause.correlation_id);
        let stage = application.stage.name();
        debug!(%external_id, %correlation_id, customer_id = %wanted.customer_id, stage, "begun");
        metrics::counter!("lending_stages_reached_total", "stage" => stage).increment(1);
        self.places.entry(external_id).or_default().push(self.applications.len());
        self.applications.push(Tracked { stored: None, application, origin });
        self.tell(external_id, &cause, happened)
    }

    fn happen(&mut self, command: &Command, input: Input) -> Result<(), StoreError> {
        let places = self.places.get(&command.external_id).cloned().unwrap_or_default();
        if places.is_empty() {
            return match input.command() {
                Some(name) => self.refuse(command, name, UNKNOWN),
                None => Ok(()),
            };
        }
        for place in places {
            let origin = &self.applications[place].origin;
            // A report may have come by a trace that has nothing to do with the application.
            let own = command.cause.traceparent.as_ref().filter(|own| {
                input.command().is_some() || origin.traceparent.as_ref().is_some_and(|known| same_trace(own, known))
            });
            let cause = Cause {
                // Whatever happens to an application goes back to the request that it came with.
                correlation_id: origin.correlation_id,
                causation_id: Some(command.event_id),
                traceparent: own.or(origin.traceparent.as_ref()).cloned(),
            };
            self.step(place, input, &cause)?;
        }
        Ok(())
    }

    /// Lets the same happen to every application of the batch, because of nothing that anybody sent.
    pub(super) fn happen_to_all(&mut self, input: Input) -> Result<(), StoreError> {
        for place in 0..self.applications.len() {
            let cause = self.applications[place].origin.cause();
            self.step(place, input, &cause)?;
        }
        Ok(())
    }

    /// Lets something happen to the application at a place.
    pub(super) fn step(&mut self, place: usize, input: Input, cause: &Cause) -> Result<(), StoreError> {
        let context = self.context(&self.applications[place].application.wanted.customer_id);
        let application = &mut self.applications[place].application;
        let before = application.stage;
        let happened = step(application, input, context);
        let (external_id, stage) = (application.wanted.external_id, application.stage);
        if stage != before {
            let (correlation_id, customer_id) = (cause.correlation_id, &application.wanted.customer_id);
            debug!(%external_id, %correlation_id, %customer_id, stage = stage.name(), "went on");
            metrics::counter!("lending_stages_reached_total", "stage" => stage.name()).increment(1);
        }
        self.tell(external_id, cause, happened)
    }

    fn context(&self, customer: &CustomerId) -> Context<'a> {
        Context { now: self.now, policy: self.policy, customer: (self.customers)(customer) }
    }

    fn refuse(&mut self, command: &Command, name: &str, state: &str) -> Result<(), StoreError> {
        let external_id = command.external_id;
        let refused = CommandRefused { external_id, command: name.to_owned(), state: state.to_owned() };
        self.tell(external_id, &command.cause, vec![Happened::Refused(refused)])
    }

    fn tell(&mut self, external_id: Uuid, cause: &Cause, happened: Vec<Happened>) -> Result<(), StoreError> {
        for one in happened {
            self.events.push(outgoing(external_id, cause.clone(), one)?);
        }
        Ok(())
    }
}

fn outgoing(external_id: Uuid, cause: Cause, happened: Happened) -> Result<Outgoing, StoreError> {
    match happened {
        Happened::EvaluationStarted(data) => of(external_id, cause, data),
        Happened::Referred(data) => of(external_id, cause, data),
        Happened::Decided(data) => of(external_id, cause, data),
        Happened::OfferIssued(data) => of(external_id, cause, data),
        Happened::OfferAccepted(data) => of(external_id, cause, data),
        Happened::Withdrawn(data) => of(external_id, cause, data),
        Happened::Refused(data) => {
            metrics::counter!("lending_commands_refused_total", "command" => data.command.clone()).increment(1);
            of(external_id, cause, data)
        }
    }
}

fn of<D: EventData>(external_id: Uuid, cause: Cause, data: D) -> Result<Outgoing, StoreError> {
    Outgoing::of(topic::ORIGINATION_EVENTS, external_id, &Event::now(cause, data))
}
