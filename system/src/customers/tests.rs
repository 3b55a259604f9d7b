//! Commands to rows and events, in a real database.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::command::Command;
use super::command::tests::{command, registration};
use super::*;
use crate::config::customers::KycPolicy;
use crate::config::migrate::Service;
use crate::domain::customer::{CustomerId, Kyc, Purpose};
use crate::gateway::assert_told;
use crate::http::problem::Kind;
use crate::messaging::consumer::Handler;
use crate::messaging::contract::customers::CustomerChanged;
use crate::messaging::event::Event;
use crate::messaging::inbox::Dedup;
use crate::store::column;
use crate::testing::postgres;

async fn intake(dedup: Dedup) -> Intake {
    let store = postgres::store(Service::Customers).await;
    Intake { store, publisher: Arc::new(Publisher::Outbox), policy: Policy { kyc: KycPolicy::Automatic, dedup } }
}

fn id(text: &str) -> CustomerId {
    CustomerId::try_from(text.to_owned()).expect("an id")
}

fn register(id: &str) -> Event<Command> {
    command("CustomerRegistrationRequested", &registration(id))
}

fn rename(id: &str, name: &str) -> Event<Command> {
    command("CustomerChangeRequested", &json!({ "customer_id": id, "name": name }))
}

fn consent(id: &str, granted: bool) -> Event<Command> {
    command("ConsentChangeRequested", &json!({ "customer_id": id, "purpose": "CREDIT_CHECK", "granted": granted }))
}

/// What the outbox holds: topic, key and event, in the order of their appending.
async fn events(store: &Store) -> Vec<(String, String, Event<CustomerChanged>)> {
    let rows = store.rows("read", sqlx::query("select topic, key, payload from outbox order by position")).await;
    let text = |row, name| column::<String>(row, name).expect("a text");
    let event = |row| Event::parse(text(row, "payload").as_bytes()).expect("an event");
    let rows = rows.expect("readable");
    rows.iter().map(|row| (text(row, "topic"), text(row, "key"), event(row))).collect()
}

#[tokio::test]
async fn every_change_is_a_row_and_an_event_and_a_repeat_is_neither() {
    let intake = intake(Dedup::Inbox).await;
    let batch =
        [register("b"), register("a"), consent("a", true), rename("a", "Ada King"), rename("stranger", "Nobody")];
    // The same event twice in one batch, and the same registration as another event.
    let batch: Vec<_> = batch.iter().cloned().chain([batch[3].clone(), register("b"), consent("a", true)]).collect();
    for _ in 0..2 {
        intake.apply(&batch).await.expect("applied");
        let known = table::find(&intake.store, &id("a")).await.expect("readable").expect("registered");
        assert_eq!((known.name.as_str(), known.version, known.kyc), ("Ada King", 3, Kyc::Verified));
        assert_eq!(
            (known.consents, known.date_of_birth.to_string()),
            (BTreeSet::from([Purpose::CreditCheck]), "1985-12-10".to_owned())
        );
        assert!(table::find(&intake.store, &id("stranger")).await.expect("readable").is_none());
        let events = events(&intake.store).await;
        let told: Vec<_> = events.iter().map(|(_, key, event)| (key.as_str(), event.data.customer_version)).collect();
        assert_eq!(told, [("b", 1), ("a", 1), ("a", 2), ("a", 3)]);
        let (topic, _, last) = events.last().expect("four");
        assert_eq!((topic.as_str(), last.data.name.as_str()), ("customers.changed", "Ada King"));
        assert_eq!((last.causation_id, last.correlation_id), (Some(batch[3].event_id), batch[3].correlation_id));
    }
}

#[tokio::test]
async fn without_deduplication_a_second_registration_overwrites_and_is_told() {
    let intake = intake(Dedup::None).await;
    let batch = [register("a"), consent("a", true)];
    intake.apply(&batch).await.expect("applied");
    intake.apply(&batch[..1]).await.expect("applied");
    let known = table::find(&intake.store, &id("a")).await.expect("readable").expect("registered");
    assert_eq!((known.version, known.consents.len()), (3, 0));
    assert_eq!(events(&intake.store).await.len(), 3);
}

#[tokio::test]
async fn instances_that_change_one_customer_at_once_lose_nothing() {
    let intake = Arc::new(intake(Dedup::Inbox).await);
    let mut instances = tokio::task::JoinSet::new();
    for number in 0..8 {
        let intake = Arc::clone(&intake);
        instances.spawn(async move {
            let batch = [register("a"), rename("a", &format!("Ada {number}"))];
            // A customer who was registered in between is found by the next try.
            while intake.apply(&batch).await.is_err() {}
        });
    }
    while let Some(ended) = instances.join_next().await {
        ended.expect("no panic");
    }
    let known = table::find(&intake.store, &id("a")).await.expect("readable").expect("registered");
    let mut versions: Vec<_> =
        events(&intake.store).await.iter().map(|(_, _, event)| event.data.customer_version).collect();
    versions.sort_unstable();
    // Each of the eight renames it; the first one registered it.
    assert_eq!((known.version, versions), (9, (1..=9).collect()));
}

#[tokio::test]
async fn names_are_stored_as_they_are_given() {
    let intake = intake(Dedup::Inbox).await;
    let name = r#"Robert'); drop table customer; -- "{},\ Ünï"#;
    intake.apply(&[register("a"), rename("a", name)]).await.expect("applied");
    let known = table::find(&intake.store, &id("a")).await.expect("readable").expect("registered");
    assert_eq!(known.name.as_str(), name);
}

#[tokio::test]
async fn the_api_shows_the_customer_or_says_what_is_wrong() {
    let intake = intake(Dedup::Inbox).await;
    intake.apply(&[register("a"), consent("a", true)]).await.expect("applied");
    let store = Arc::new(intake.store.clone());
    let read = |id: &str| api::read(State(Arc::clone(&store)), Ok(Path(id.to_owned())));
    let shown: Value = serde_json::to_value(&read("a").await.expect("there").0).expect("serialisable");
    let expected = json!({
        "customer_id": "a",
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "date_of_birth": "1985-12-10",
        "kyc": "VERIFIED",
        "consents": ["CREDIT_CHECK"],
        "version": 2,
    });
    assert_eq!(shown, expected);
    assert_told("/v1/customers/{customer_id}", &shown);
    assert_eq!(read("b").await.map(drop).expect_err("nobody").kind, Kind::UnknownCustomer);
    assert_eq!(read("'; --").await.map(drop).expect_err("no id").kind, Kind::InvalidId);
}

#[tokio::test]
async fn a_seed_makes_who_is_missing_and_changes_nobody() {
    let intake = intake(Dedup::Inbox).await;
    intake.apply(&[register("customer-2")]).await.expect("applied");
    assert_eq!(seed::seed(&intake.store, 501).await.expect("seeded"), 500);
    assert_eq!(seed::seed(&intake.store, 503).await.expect("seeded"), 2);
    assert_eq!(seed::seed(&intake.store, 503).await.expect("seeded"), 0);
    let registered = table::find(&intake.store, &id("customer-2")).await.expect("readable").expect("there");
    assert_eq!((registered.name.as_str(), registered.version), ("Ada Lovelace", 1));
    let events = events(&intake.store).await;
    let keys: BTreeSet<_> = events.iter().map(|(_, key, _)| key.clone()).collect();
    assert_eq!((events.len(), keys.len()), (503, 503));
    let (_, _, last) = events.last().expect("some");
    assert_eq!((last.data.kyc, last.data.customer_version), (Kyc::Verified, 1));
    assert_eq!(last.data.consents, BTreeSet::from([Purpose::CreditCheck]));
}
