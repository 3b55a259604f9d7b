//! A trace from a client's request to what follows from it in the log, hop by hop; and lines of the log about a request.

use std::sync::Arc;

use axum::http::Method;
use rdkafka::message::{Message, OwnedMessage};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::world::{World, send};
use crate::config::messaging::MessagingSettings;
use crate::config::migrate::Service;
use crate::domain::application::LoanApplication;
use crate::domain::application::tests::sound;
use crate::http::health::Readiness;
use crate::messaging::consumer::{self, Handler, Subscription};
use crate::messaging::event::{Event, EventError};
use crate::messaging::outbox::{Outgoing, Publisher};
use crate::messaging::{relay, topic};
use crate::store::{Store, StoreError};
use crate::telemetry::traceparent::same_trace;
use crate::testing::lines::catch;
use crate::testing::log::wait_for;
use crate::testing::postgres;
use crate::testing::traces::{Begun, collector};

const APPLICATIONS: &str = "/v1/loan-applications";
const SERVER: i32 = 2;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

/// An owner that passes on what it hears, by its outbox; the last one of a chain only hears.
struct Hop {
    store: Store,
    to: Option<&'static str>,
    /// The traces of what was heard.
    heard: watch::Sender<Vec<Option<String>>>,
}

impl Handler for Hop {
    type Input = Event<LoanApplication>;

    fn read(&self, record: &OwnedMessage) -> Result<Option<Self::Input>, EventError> {
        Event::parse(record.payload().unwrap_or_default()).map(Some)
    }

    fn processed_in(input: &mut Self::Input, traceparent: String) {
        input.traceparent = Some(traceparent);
    }

    async fn apply(&self, inputs: &[Self::Input]) -> Result<(), StoreError> {
        if let Some(topic) = self.to {
            let follows = |input: &Self::Input| Event::now(input.cause(), input.data.clone());
            let events = inputs.iter().map(|input| Outgoing::of(topic, input.data.external_id, &follows(input)));
            let events = events.collect::<Result<Vec<_>, _>>()?;
            let mut transaction = self.store.begin("pass on").await?;
            Publisher::Outbox.append(&mut transaction, &events).await?;
            transaction.commit().await?;
            Publisher::Outbox.committed(events);
        }
        self.heard.send_modify(|heard| heard.extend(inputs.iter().map(|input| input.traceparent.clone())));
        Ok(())
    }
}

/// Two owners behind a gateway, one after the other, and the relay between them.
struct Chain {
    stop: watch::Sender<bool>,
    running: JoinSet<anyhow::Result<()>>,
    heard: [watch::Receiver<Vec<Option<String>>>; 2],
}

impl Chain {
    async fn behind(world: &World, trace_propagation: bool) -> Self {
        for topic in [topic::ORIGINATION_EVENTS, topic::DEAD_LETTERS] {
            world.log.cluster.create_topic(topic, 1, 1).expect("a topic");
        }
        let mut settings = MessagingSettings::for_tests(world.log.brokers());
        settings.kafka.trace_propagation = trace_propagation;
        let store = postgres::store(Service::Origination).await;
        let (stop, stopped) = watch::channel(false);
        let mut running = JoinSet::new();
        running.spawn(relay::run(store.clone(), settings.clone(), stopped.clone()));
        let hops = [
            ("first", &[topic::ORIGINATION_COMMANDS][..], Some(topic::ORIGINATION_EVENTS)),
            ("second", &[topic::ORIGINATION_EVENTS][..], None),
        ];
        let heard = hops.map(|(group, topics, to)| {
            let (heard, hears) = watch::channel(Vec::new());
            let hop = Arc::new(Hop { store: store.clone(), to, heard });
            let subscription = Subscription { group, topics };
            let (settings, stopped) = (settings.clone(), stopped.clone());
            running.spawn(consumer::run(
                hop,
                subscription,
                settings,
                Readiness::default().needs("a consumer"),
                stopped,
            ));
            hears
        });
        Self { stop, running, heard }
    }

    /// Waits until both have heard of something, and stops; what they heard of its trace.
    async fn end(mut self) -> [Option<String>; 2] {
        let mut heard = Vec::new();
        for hears in &mut self.heard {
            wait_for("an event to come to its hop", async || !hears.borrow().is_empty()).await;
            heard.extend(hears.borrow().clone());
        }
        self.stop.send(true).expect("they run");
        while let Some(ended) = self.running.join_next().await {
            ended.expect("no panic").expect("no error");
        }
        heard.try_into().expect("one each")
    }
}

/// An application that somebody submits in this trace.
async fn submit(world: &World, begun: &Begun) {
    let mut request = world.request(Method::POST, APPLICATIONS, Uuid::new_v4(), &sound().to_string());
    request.headers_mut().insert("traceparent", begun.traceparent().parse().expect("a header"));
    assert_eq!(send(&world.router, request).await.status, 202);
}

#[tokio::test]
async fn one_trace_goes_from_the_request_through_the_log_and_the_outbox_each_step_after_the_one_before() {
    let (collector, begun) = (collector(), Begun::new());
    let world = World::new().await;
    let chain = Chain::behind(&world, true).await;
    submit(&world, &begun).await;
    chain.end().await;

    let spans = collector.spans(&begun.trace, 5).await;
    let mut before = begun.step.clone();
    for (name, kind) in [
        ("POST /v1/loan-applications", SERVER),
        ("send origination.commands", PRODUCER),
        ("process origination.commands", CONSUMER),
        ("send origination.events", PRODUCER),
        ("process origination.events", CONSUMER),
    ] {
        let step = spans.iter().find(|one| one.span.name == name).expect(name);
        assert_eq!((step.span.kind, step.ids().1), (kind, before), "{name}");
        before = step.ids().0;
    }
    let about = |name: &str, attribute: &str| {
        let step = spans.iter().find(|one| one.span.name == name).expect(name);
        step.about(attribute).unwrap_or_else(|| panic!("{name} has no {attribute}"))
    };
    assert_eq!(about("POST /v1/loan-applications", "http.response.status_code"), "202");
    assert_eq!(about("POST /v1/loan-applications", "http.route"), APPLICATIONS);
    let id = sound()["external_id"].as_str().expect("an id").to_owned();
    for name in ["send origination.commands", "process origination.events"] {
        assert_eq!(about(name, "messaging.system"), "kafka");
        assert_eq!(about(name, "messaging.kafka.message.key"), id);
        assert_eq!(about(name, "messaging.kafka.offset"), "0");
    }
    assert_eq!(about("process origination.commands", "messaging.consumer.group.name"), "first");
}

#[tokio::test]
async fn without_propagation_every_trace_ends_at_the_first_queue() {
    let (collector, begun) = (collector(), Begun::new());
    let world = World::with(&[("LENDING_TRACE_PROPAGATION", "off")]).await;
    let chain = Chain::behind(&world, false).await;
    submit(&world, &begun).await;
    assert_eq!(chain.end().await, [None, None], "no record says anything of a trace");
    let (_, event) = &world.events(topic::ORIGINATION_COMMANDS, 1).await[0];
    assert_eq!(event["traceparent"], Value::Null);
    let names: Vec<_> = collector.spans(&begun.trace, 2).await.into_iter().map(|one| one.span.name).collect();
    assert_eq!(names, ["POST /v1/loan-applications", "send origination.commands"]);
}

#[tokio::test]
async fn a_report_belongs_to_the_trace_that_it_says_and_else_to_that_of_its_request() {
    let (collector, callback, own) = (collector(), Begun::new(), Begun::new());
    let world = World::new().await;
    let report = |id: u128, traceparent: Value| {
        let id = Uuid::from_u128(id);
        json!({
            "request_id": id, "external_id": id, "bureau": "north", "score": 700, "traceparent": traceparent,
        })
    };
    let reports =
        [report(1, json!(own.traceparent())), report(2, json!(callback.traceparent())), report(3, json!("mine"))];
    let body = json!({ "reports": reports }).to_string();
    let mut request = world.request(Method::POST, "/v1/credit-reports", Uuid::new_v4(), &body);
    request.headers_mut().insert("traceparent", callback.traceparent().parse().expect("a header"));
    assert_eq!(send(&world.router, request).await.status, 202);

    let events = world.events(topic::ORIGINATION_COMMANDS, 3).await;
    let of_report = |id: u128| {
        let id = json!(Uuid::from_u128(id));
        let (_, event) = events.iter().find(|(_, event)| event["data"]["request_id"] == id).expect("an event");
        event["traceparent"].as_str().expect("a trace").to_owned()
    };
    assert!(same_trace(&of_report(1), &own.traceparent()));
    assert!(same_trace(&of_report(2), &callback.traceparent()));
    assert!(same_trace(&of_report(3), &callback.traceparent()), "what is no trace is passed over");
    assert_eq!(collector.spans(&own.trace, 1).await[0].ids().1, own.step);
    let spans = collector.spans(&callback.trace, 3).await;
    let (request, reports): (Vec<_>, Vec<_>) = spans.iter().partition(|one| one.span.kind == SERVER);
    assert!(
        reports.iter().all(|report| report.ids().1 == request[0].ids().0),
        "its own reports follow from the request"
    );
}

#[tokio::test]
async fn every_line_about_a_request_says_which_and_what_is_known_of_whose_it_is() {
    let caught = catch();
    let world = World::with(&[("LENDING_KAFKA_MESSAGE_TIMEOUT", "1s")]).await;
    let (command, read) = (Uuid::new_v4(), Uuid::new_v4());
    world.log.down();
    let mut request = world.request(Method::POST, APPLICATIONS, Uuid::new_v4(), &sound().to_string());
    request.headers_mut().insert("x-request-id", command.to_string().parse().expect("a header"));
    assert_eq!(send(&world.router, request).await.status, 504);
    let [line] = &caught.saying("a command was not accepted")[..] else { panic!("{:?}", caught.lines()) };
    for (name, value) in [
        ("request_id", json!(command)),
        ("correlation_id", json!(command)),
        ("customer_id", sound()["customer_id"].clone()),
    ] {
        assert_eq!(line[name], value, "{line}");
    }

    let mut request = world.request(Method::GET, "/v1/customers/customer-17", Uuid::new_v4(), "");
    request.headers_mut().insert("x-request-id", read.to_string().parse().expect("a header"));
    assert_eq!(send(&world.router, request).await.status, 503);
    let lines = caught.saying("cannot read from the owner of the state");
    assert!(!lines.is_empty());
    for line in lines {
        assert_eq!((&line["request_id"], &line["customer_id"]), (&json!(read), &json!("customer-17")), "{line}");
    }
}
