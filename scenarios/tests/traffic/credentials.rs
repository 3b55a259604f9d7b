//! What clients show to be let in: got before the traffic, shared in turn, renewed while it lasts.

use crate::support::{SEED, request, serve, start_load, traffic};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use proofload_history::Event;
use proofload_scenarios::{Credential, Load, Request};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// How often each client was given a token, and which tokens were shown with which numbers.
#[derive(Default)]
struct Door {
    given: BTreeMap<String, u32>,
    shown: Vec<(u64, String)>,
    lasts_seconds: f64,
    /// From the third token of a client on, so many attempts come to nothing.
    failing: u32,
}

impl Door {
    /// The clients that have shown their third token, or a later one.
    fn renewed_twice(&self) -> BTreeSet<&str> {
        let shown = self.shown.iter().filter_map(|(_, token)| token.split_once('/'));
        shown.filter(|(_, number)| number.parse::<u32>().unwrap() >= 3).map(|(client, _)| client).collect()
    }
}

type Shared = Arc<Mutex<Door>>;

async fn token(State(door): State<Shared>, Json(body): Json<Value>) -> Result<Json<Value>, StatusCode> {
    let mut door = door.lock().unwrap();
    let client = body["client"].as_str().unwrap().to_owned();
    if door.given.get(&client).is_some_and(|given| *given >= 2) && door.failing > 0 {
        door.failing -= 1;
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let lasts = door.lasts_seconds;
    let given = door.given.entry(client.clone()).or_default();
    *given += 1;
    Ok(Json(json!({ "access": { "token": format!("{client}/{given}") }, "expires_in": lasts })))
}

async fn enter(State(door): State<Shared>, headers: HeaderMap) {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let shown = (text("x-n").parse().unwrap(), text("authorization"));
    door.lock().unwrap().shown.push(shown);
}

fn get_token() -> Arc<Request> {
    let spec = r#"
        method = "POST"
        path = "/token"
        headers = { Content-Type = "application/json" }
        body = '{"client":"client-{n}"}'
        ok = [200]
        timeout = "60s"
    "#;
    request("get_token", spec)
}

/// A door that gives tokens of this life at one address, and lets clients in at another.
async fn load(door: &Shared, rate: &str, lasts_ms: u64) -> Load {
    let issuer = serve(Router::new().route("/token", post(token)).with_state(Arc::clone(door))).await;
    let system = serve(Router::new().route("/", get(enter)).with_state(Arc::clone(door))).await;
    let spec = "method = 'GET'\npath = '/'\nok = [200]\ntimeout = '60s'\n\
                headers = { Authorization = 'Bearer {credential:client}', X-N = '{n}' }";
    let credential = Credential {
        name: "client".into(),
        request: get_token(),
        token: "/access/token".to_owned(),
        lasts_seconds: "/expires_in".to_owned(),
        count: 3,
    };
    Load {
        credentials: vec![credential],
        places: [("get_token".into(), issuer)].into(),
        ..Load::new(system, SEED, vec![traffic("browse", 1, rate, lasts_ms, &[request("read", spec)])])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arrivals_share_the_credentials_in_turn_and_getting_them_is_no_part_of_the_load() {
    let door = Shared::new(Mutex::new(Door { lasts_seconds: 3_600.0, ..Door::default() }));
    let ended = start_load(load(&door, "60/s", 500).await).end().await;
    let mut shown = std::mem::take(&mut door.lock().unwrap().shown);
    shown.sort();
    let expected: Vec<(u64, String)> = (0..30).map(|n| (n, format!("Bearer client-{}/1", n % 3 + 1))).collect();
    assert_eq!(shown, expected);
    assert!(ended.operations("get_token").is_empty());
    assert_eq!((ended.audits[0].sent, ended.audits[0].goose_requests), (30, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_renewed_while_the_traffic_lasts_and_a_failed_renewal_is_noted() {
    let door = Shared::new(Mutex::new(Door { lasts_seconds: 0.3, failing: 1, ..Door::default() }));
    let running = start_load(load(&door, "20/s", 3_600_000).await);
    // Each client shows its third token or a later one: it was renewed twice, the failure in between overcome.
    running.until(|_| door.lock().unwrap().renewed_twice().len() == 3).await;
    running.handle.stop();
    let ended = running.end().await;
    let notes = ended.history.journal.entries.iter().filter_map(|entry| match &entry.event {
        Event::Noted { note } => Some(note.as_str()),
        _ => None,
    });
    let notes: Vec<&str> = notes.collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("cannot be renewed") && notes[0].contains("503"), "{notes:?}");
}
