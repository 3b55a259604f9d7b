//! What a run of traffic promises: every arrival is accounted for, whatever the system does.

use crate::support::{BOUND, SEED, request, run, serve, start, traffic};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use proofload_history::operation::{UNSENT_GENERATOR, UNSENT_WORKERS_WAITING};
use proofload_history::{Entry, Event, Id, Outcome};
use proofload_scenarios::traffic::MAX_WORKERS;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::watch;

const READ: &str = "method = 'GET'\npath = '/'\nok = [200]\ntimeout = '60s'";
const SUBMIT: &str = r#"
    method = "POST"
    path = "/"
    headers = { Idempotency-Key = "{id}" }
    body = '{"id":"{id}","amount":{integer:1..1000000000}}'
    ok = [202]
    timeout = "60s"
"#;

fn fine() -> Router {
    Router::new().route("/", get(|| async { "fine" }))
}

/// A system that answers nothing until the gate is opened.
async fn gated() -> (String, watch::Sender<bool>) {
    let (gate, opened) = watch::channel(false);
    let answer = move || {
        let mut opened = opened.clone();
        async move {
            let _ = opened.wait_for(|open| *open).await;
            "fine"
        }
    };
    (serve(Router::new().route("/", get(answer))).await, gate)
}

fn issued(entries: &[Entry]) -> Vec<(u16, u64, u64)> {
    let blocks = entries.iter().filter_map(|entry| match &entry.event {
        Event::IdsIssued { stream, from, to, .. } => Some((*stream, *from, *to)),
        _ => None,
    });
    blocks.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_arrival_is_sent_recorded_and_counted_by_goose_too() {
    let ended = run(&serve(fine()).await, vec![traffic("browse", 1, "300/s", 1_000, &[request("read", READ)])]).await;
    let operations = ended.operations("read");
    assert_eq!(operations.len(), 300);
    assert!(operations.iter().all(|operation| operation.outcome == Outcome::Ok && operation.attempt == 0));
    assert!(operations.iter().all(|operation| operation.sent.unwrap() >= operation.intended));
    assert!(operations.iter().all(|operation| operation.done > operation.sent.unwrap()));
    let audit = &ended.audits[0];
    assert_eq!((audit.scheduled, audit.sent, audit.goose_requests, audit.panics), (300, 300, 300, 0));
    assert_eq!(ended.history.journal.load_audits().collect::<Vec<_>>(), [audit]);
}

#[tokio::test(flavor = "multi_thread")]
async fn intended_instants_are_the_schedules_and_not_the_answers() {
    let ended = run(&serve(fine()).await, vec![traffic("browse", 1, "50/s", 400, &[request("read", READ)])]).await;
    let operations = ended.operations("read");
    let gaps = operations.windows(2).map(|pair| pair[1].intended.since(pair[0].intended));
    assert!(gaps.into_iter().all(|gap| gap == Duration::from_millis(20)), "{operations:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_issued_in_blocks_without_gaps_and_each_has_a_row() {
    let ended = run(&serve(fine()).await, vec![traffic("browse", 3, "600/s", 1_500, &[request("read", READ)])]).await;
    let blocks = issued(&ended.history.journal.entries);
    assert!((4..=20).contains(&blocks.len()), "blocks, of at most 256: {blocks:?}");
    let mut next = 0;
    for (stream, from, to) in blocks {
        assert_eq!((stream, from), (3, next));
        assert!(to - from <= 256);
        next = to;
    }
    assert_eq!(next, 900);
    let intents = ended.history.intents("read").unwrap();
    assert_eq!(intents.len(), 900);
    assert!(intents.iter().all(|intent| intent.decisive.is_some()), "no id was issued in vain");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_in_the_journal_before_it_reaches_the_system() {
    type Seen = Arc<(OnceLock<PathBuf>, Mutex<Vec<String>>)>;
    async fn submit(State(seen): State<Seen>, headers: HeaderMap) -> StatusCode {
        let id: Id = headers["idempotency-key"].to_str().unwrap().parse().unwrap();
        let (_, counter) = id.counter(SEED).unwrap();
        let journal = std::fs::read_to_string(seen.0.wait()).unwrap();
        let entries: Vec<Entry> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if !issued(&entries).iter().any(|(_, from, to)| (*from..*to).contains(&counter)) {
            seen.1.lock().unwrap().push(id.to_string());
        }
        StatusCode::ACCEPTED
    }
    let seen = Seen::default();
    let base_url = serve(Router::new().route("/", post(submit)).with_state(Arc::clone(&seen))).await;
    let running =
        start(&base_url, vec![traffic("apply", 1, "500/s", 1_000, &[request("submit", SUBMIT)])], MAX_WORKERS);
    seen.0.set(running.run.journal()).unwrap();
    let ended = running.end().await;
    assert!(ended.operations("submit").iter().all(|operation| operation.outcome == Outcome::Ok));
    assert_eq!(*seen.1.lock().unwrap(), Vec::<String>::new(), "came before the journal knew of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_shows_in_the_latency_of_everything_that_was_due_meanwhile() {
    let (base_url, gate) = gated().await;
    // 20 workers, so that arrivals queue behind them: exactly what a closed model would leave out.
    let running = start(&base_url, vec![traffic("browse", 1, "20/s", 1_500, &[request("read", READ)])], 20);
    running.until(|counts| counts.offered == 30 && counts.in_flight == 20).await;
    gate.send_replace(true);
    let ended = running.end().await;
    let operations = ended.operations("read");
    assert_eq!(operations.len(), 30);
    let last_intended = operations[29].intended;
    for operation in &operations {
        // Nothing was answered before the last was due, so each waited at least from its own instant to that one.
        let waited = Duration::from_nanos(operation.latency_ns().unwrap());
        assert!(waited >= last_intended.since(operation.intended), "{operation:?}");
    }
    let queued: Vec<_> = operations.iter().filter(|operation| operation.sent.unwrap() > last_intended).collect();
    assert_eq!(queued.len(), 10, "those behind the 20 workers were sent when the stall ended");
    assert_eq!((ended.audits[0].sent, ended.audits[0].workers_busy_max), (30, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn arrivals_that_find_every_worker_waiting_are_unsent_and_the_systems_failure() {
    let (base_url, gate) = gated().await;
    let running = start(&base_url, vec![traffic("browse", 1, "40/s", 60_000, &[request("read", READ)])], 40);
    // 40 workers and 16 places in the queue; the clients would wait for a minute.
    running.until(|counts| counts.fail >= 5).await;
    gate.send_replace(true);
    running.handle.stop();
    let ended = running.end().await;
    let unsent: Vec<_> = ended.operations("read").into_iter().filter(|operation| operation.sent.is_none()).collect();
    assert!(unsent.len() >= 5);
    for operation in &unsent {
        assert_eq!(operation.error.as_deref(), Some(UNSENT_WORKERS_WAITING), "{operation:?}");
        assert_eq!((operation.outcome, operation.latency_ns()), (Outcome::Fail, None));
    }
    let audit = &ended.audits[0];
    assert_eq!(audit.unsent_workers_waiting, unsent.len() as u64);
    assert_eq!(audit.workers_busy_max, 40);
    assert_eq!(audit.scheduled, audit.sent + audit.unsent_workers_waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_rate_is_the_generators_failure_and_ends_by_itself() {
    let base_url = serve(fine()).await;
    let ended =
        start(&base_url, vec![traffic("flood", 1, "200000/s", 1_000, &[request("read", READ)])], 256).end().await;
    let audit = &ended.audits[0];
    assert_eq!(audit.scheduled, 200_000);
    assert!(audit.unsent_generator > 100_000, "{audit:?}");
    assert_eq!(audit.unsent_workers_waiting, 0, "256 workers are too few to blame the system: {audit:?}");
    let unsent = ended.made.iter().filter(|operation| operation.sent.is_none());
    let words: Vec<_> = unsent.map(|operation| operation.error.as_deref()).collect();
    assert_eq!(words.len(), 50_000, "rows of unsent arrivals are bounded; the audit counts the rest");
    assert!(words.iter().all(|word| *word == Some(UNSENT_GENERATOR)));
    let said = ended.history.journal.entries.iter().any(|entry| {
        matches!(&entry.event, Event::Noted { note } if note.contains("`flood` would take") && note.contains("256"))
    });
    assert!(said, "the cap on the workers is in the journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_the_same_request_under_the_same_id() {
    type Bodies = Arc<Mutex<BTreeMap<String, Vec<String>>>>;
    async fn submit(State(bodies): State<Bodies>, headers: HeaderMap, body: String) -> StatusCode {
        let mut bodies = bodies.lock().unwrap();
        let seen = bodies.entry(headers["idempotency-key"].to_str().unwrap().to_owned()).or_default();
        seen.push(body);
        if seen.len() < 3 { StatusCode::BAD_GATEWAY } else { StatusCode::ACCEPTED }
    }
    let bodies = Bodies::default();
    let base_url = serve(Router::new().route("/", post(submit)).with_state(Arc::clone(&bodies))).await;
    let patient = format!("{SUBMIT}\nretry = {{ attempts = 5, backoff = '5ms', on = 'indeterminate' }}");
    let ended = run(&base_url, vec![traffic("apply", 1, "20/s", 500, &[request("submit", &patient)])]).await;
    let bodies = bodies.lock().unwrap();
    assert_eq!(bodies.len(), 10);
    for (id, bodies) in bodies.iter() {
        assert!(bodies[0].contains(id));
        assert_eq!(bodies.iter().collect::<HashSet<_>>().len(), 1, "{bodies:?}");
    }
    let operations = ended.operations("submit");
    let told: Vec<_> =
        operations.iter().map(|operation| (operation.attempt, operation.outcome, operation.status)).collect();
    let thrice =
        [(0, Outcome::Indeterminate, Some(502)), (1, Outcome::Indeterminate, Some(502)), (2, Outcome::Ok, Some(202))];
    assert_eq!(told, thrice.repeat(10));
    assert!(operations.chunks(3).all(|attempts| attempts.iter().all(|one| one.intended == attempts[0].intended)));
    assert_eq!((ended.audits[0].sent, ended.audits[0].goose_requests), (10, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fail_is_not_tried_again_when_only_indeterminate_ones_are() {
    let system = Router::new().route("/", get(|| async { StatusCode::TOO_MANY_REQUESTS }));
    let read = format!("{READ}\nfail = [429]\nretry = {{ attempts = 3, backoff = '1ms', on = 'indeterminate' }}");
    let ended = run(&serve(system).await, vec![traffic("browse", 1, "20/s", 250, &[request("read", &read)])]).await;
    assert_eq!(ended.operations("read").len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_step_is_made_under_the_same_id_and_only_after_an_ok() {
    async fn create(body: String) -> StatusCode {
        let counter: u64 = body.parse().unwrap();
        if counter.is_multiple_of(2) { StatusCode::CREATED } else { StatusCode::INTERNAL_SERVER_ERROR }
    }
    let system = Router::new().route("/loans", post(create)).route("/loans/{id}", get(|| async { "there" }));
    let create = request("create", "method = 'POST'\npath = '/loans'\nbody = '{n}'\nok = [201]\ntimeout = '60s'");
    let read = request("read", "method = 'GET'\npath = '/loans/{id}'\nok = [200]\ntimeout = '60s'");
    let ended = run(&serve(system).await, vec![traffic("borrow", 1, "20/s", 500, &[create, read])]).await;
    let even: Vec<Id> = (0..10).step_by(2).map(|counter| Id::issued(SEED, 1, counter)).collect();
    let read: Vec<Id> = ended.operations("read").iter().map(|operation| operation.intent).collect();
    assert_eq!((ended.operations("create").len(), read), (10, even));
}

#[tokio::test(flavor = "multi_thread")]
async fn traffics_run_side_by_side_with_ids_and_audits_of_their_own() {
    let read = request("read", READ);
    let traffics = vec![
        traffic("slow", 1, "20/s", 1_000, std::slice::from_ref(&read)),
        traffic("fast", 2, "80/s", 1_000, &[read]),
    ];
    let ended = run(&serve(fine()).await, traffics).await;
    let audited: Vec<_> = ended
        .audits
        .iter()
        .map(|audit| (audit.traffic.as_str(), audit.scheduled, audit.sent, audit.goose_requests))
        .collect();
    assert_eq!(audited, [("slow", 20, 20, 20), ("fast", 80, 80, 80)]);
    let ids: HashSet<Id> = ended.made.iter().map(|operation| operation.intent).collect();
    assert_eq!(ids.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_traffic_that_is_stopped_ends_and_accounts_for_what_was_due() {
    let running = start(
        &serve(fine()).await,
        vec![traffic("browse", 1, "50/s", 3_600_000, &[request("read", READ)])],
        MAX_WORKERS,
    );
    running.until(|counts| counts.ok >= 20).await;
    running.handle.stop();
    let ended = running.end().await;
    let audit = &ended.audits[0];
    assert_eq!(audit.scheduled, ended.made.len() as u64);
    assert!(audit.scheduled >= 20);
    let (_, _, to) = *issued(&ended.history.journal.entries).last().unwrap();
    assert!(to - audit.scheduled < 256, "at most one block was issued ahead");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_traffic_lasts_to_its_end_even_if_nobody_comes_there() {
    let traffic = traffic("rare", 1, "1/h", 700, &[request("read", READ)]);
    let mut running = start(&serve(fine()).await, vec![traffic], MAX_WORKERS);
    let started = running.handle.started().await.unwrap();
    let ended = running.end().await;
    let entries = &ended.history.journal.entries;
    let traffic_ended = entries.iter().find(|entry| matches!(entry.event, Event::TrafficEnded {})).unwrap().at;
    assert_eq!(ended.operations("read").len(), 1);
    assert!(traffic_ended.since(started) >= Duration::from_millis(700));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counts_can_be_read_while_it_runs() {
    let (base_url, gate) = gated().await;
    let mut running = start(&base_url, vec![traffic("browse", 1, "20/s", 60_000, &[request("read", READ)])], 40);
    assert!(running.handle.started().await.is_some());
    running.until(|counts| counts.in_flight >= 5 && counts.offered >= 5 && counts.ok == 0).await;
    gate.send_replace(true);
    running.until(|counts| counts.ok >= 5 && counts.p95.is_some()).await;
    running.handle.stop();
    running.until(|counts| counts.in_flight == 0).await;
    let ended = running.end().await;
    assert!(ended.operations("read").len() >= 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_given_up_makes_way_for_the_next() {
    let base_url = serve(fine()).await;
    let read = request("read", READ);
    let given_up = start(&base_url, vec![traffic("long", 1, "20/s", 3_600_000, std::slice::from_ref(&read))], 64);
    given_up.until(|counts| counts.ok > 0).await;
    given_up.give_up();
    let next = run(&base_url, vec![traffic("next", 1, "20/s", 200, &[read])]);
    let ended = tokio::time::timeout(BOUND, next).await.expect("the next run gets its turn");
    assert_eq!(ended.audits[0].sent, 4);
}
