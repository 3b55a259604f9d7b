use super::*;
use crate::rail::tests::good;
use crate::testing::traces::{Begun, collector};

async fn approved(policy: Policy, loans: u128) -> Desk {
    let desk = desk(policy).await;
    let batch: Vec<_> = (1..=loans).map(|number| accepted(loan(number))).collect();
    apply(&desk, &batch).await.unwrap();
    desk
}

#[tokio::test]
async fn what_the_rail_executes_is_paid_out() {
    let desk = approved(POLICY, 3).await;
    let railway = Railway::new(good()).await;
    assert_eq!(railway.dispatcher(&desk).dispatch().await.unwrap(), 3);
    assert_eq!(statuses(&desk).await, ["ACTIVE"; 3]);
    assert_eq!(railway.journal().len(), 3);
    assert_eq!(events(&desk).await[3..], ["LoanDisbursed"; 3]);
    assert_eq!(railway.dispatcher(&desk).dispatch().await.unwrap(), 0);
}

#[tokio::test]
async fn each_transfer_of_a_call_is_followed_to_the_rail_in_a_trace_of_its_own() {
    let (collector, begun) = (collector(), [Begun::new(), Begun::new()]);
    let desk = desk(POLICY).await;
    let batch = begun.iter().zip(1..).map(|(begun, number)| {
        let mut input = accepted(loan(number));
        Desk::processed_in(&mut input, begun.traceparent());
        input
    });
    apply(&desk, &batch.collect::<Vec<_>>()).await.unwrap();
    let railway = Railway::new(good()).await;
    assert_eq!(railway.dispatcher(&desk).dispatch().await.unwrap(), 2);
    for begun in begun {
        let spans = collector.spans(&begun.trace, 2).await;
        let (called, executed) = (&spans[0], &spans[1]);
        assert_eq!((called.span.name.as_str(), called.ids().1), ("POST /v1/transfers", begun.step));
        assert_eq!((executed.span.name.as_str(), executed.ids().1), ("transfer", called.ids().0));
        assert_eq!(called.about("http.response.status_code").as_deref(), Some("200"));
    }
    let told =
        rows(&desk, "select payload::jsonb as row from outbox where payload::jsonb ->> 'type' = 'LoanDisbursed'");
    assert!(told.await.iter().all(|event| event["traceparent"].is_string()), "what follows belongs to it as well");
}

#[tokio::test]
async fn what_the_rail_refuses_is_taken_back() {
    let desk = approved(POLICY, 1).await;
    let railway = Railway::new(Conduct { refusal: 1.0, ..good() }).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    assert_eq!(statuses(&desk).await, ["REJECTED"]);
    assert_eq!(events(&desk).await, ["LoanCreated", "DisbursementFailed"]);
    let ledger = rows(&desk, "select to_jsonb(t) as row from ledger_transaction t order by id").await;
    assert_eq!((&ledger[1]["kind"], &ledger[1]["reversal_of"]), (&Value::from("REVERSAL"), &ledger[0]["id"]));
    assert_eq!(balance(&desk, "LOAN_PORTFOLIO").await, 0);
}

#[tokio::test]
async fn without_compensation_what_the_rail_refuses_stays_booked() {
    let desk = approved(Policy { compensation: false, ..POLICY }, 1).await;
    let railway = Railway::new(Conduct { refusal: 1.0, ..good() }).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    assert_eq!(statuses(&desk).await, ["REJECTED"]);
    assert_eq!(balance(&desk, "LOAN_PORTFOLIO").await, PRINCIPAL);
}

#[tokio::test]
async fn a_transfer_without_an_answer_is_asked_for_until_it_is_known_and_moves_money_once() {
    let desk = approved(POLICY, 1).await;
    let mut railway = Railway::new(Conduct { error_after: 1.0, ..good() }).await;
    railway.dispatcher(&desk).dispatch().await.unwrap();
    assert_eq!((statuses(&desk).await, railway.journal().len()), (vec!["APPROVED".to_owned()], 1));
    railway.becomes(good()).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    assert_eq!((statuses(&desk).await, railway.journal().len()), (vec!["ACTIVE".to_owned()], 1));
}

#[tokio::test]
async fn a_new_instruction_for_each_call_moves_money_twice() {
    let desk = approved(POLICY, 1).await;
    let mut railway = Railway::new(Conduct { error_after: 1.0, ..good() }).await;
    railway.settings.instruction = RailInstruction::Random;
    railway.dispatcher(&desk).dispatch().await.unwrap();
    railway.becomes(good()).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    assert_eq!((statuses(&desk).await, railway.journal().len()), (vec!["ACTIVE".to_owned()], 2));
}

#[tokio::test]
async fn without_timers_nobody_asks_again() {
    let desk = approved(POLICY, 1).await;
    let mut railway = Railway::new(Conduct { error_before: 1.0, ..good() }).await;
    railway.settings.timers = false;
    railway.dispatcher(&desk).dispatch().await.unwrap();
    let due = rows(&desk, "select to_jsonb(due_at) as row from transfer").await;
    assert_eq!(due, ["infinity"]);
    railway.becomes(good()).await;
    assert_eq!(railway.dispatcher(&desk).dispatch().await.unwrap(), 0);
}

#[tokio::test]
async fn a_transfer_whose_instance_died_is_taken_by_another() {
    let desk = approved(POLICY, 1).await;
    let mut railway = Railway::new(Conduct { silence: 1.0, ..good() }).await;
    railway.settings.lease = Duration::from_millis(1);
    let silent = railway.dispatcher(&desk);
    let dead = tokio::spawn(async move { silent.dispatch().await });
    let started = Instant::now();
    while railway.journal().is_empty() {
        assert!(started.elapsed() < BOUND, "the rail was not asked");
        tokio::task::yield_now().await;
    }
    dead.abort();
    railway.becomes(good()).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    assert_eq!((statuses(&desk).await, railway.journal().len()), (vec!["ACTIVE".to_owned()], 1));
}

#[tokio::test]
async fn a_rail_that_fails_again_and_again_is_left_alone() {
    let desk = approved(POLICY, 1).await;
    let railway = Railway::new(Conduct { error_before: 1.0, ..good() }).await;
    let dispatcher = railway.dispatcher(&desk);
    let attempts = || async {
        rows(&desk, "select to_jsonb(attempts) as row from transfer").await[0].as_i64().unwrap_or_default()
    };
    let started = Instant::now();
    while attempts().await < 3 {
        assert!(started.elapsed() < BOUND, "the rail was not asked again");
        dispatcher.dispatch().await.unwrap();
    }
    // The circuit is open: the transfer is due and not even claimed.
    assert_eq!((dispatcher.dispatch().await.unwrap(), attempts().await), (0, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_instances_share_the_work_and_do_it_once() {
    let desk = approved(POLICY, 60).await;
    let mut railway = Railway::new(good()).await;
    railway.settings.batch_max = 7;
    let workers = (0..4).map(|_| {
        let (desk, dispatcher) = (desk.clone(), railway.dispatcher(&desk));
        tokio::spawn(async move { dispatch_all(&desk, &dispatcher).await })
    });
    for ended in futures::future::join_all(workers).await {
        ended.unwrap();
    }
    assert_eq!((statuses(&desk).await, railway.journal().len()), (vec!["ACTIVE".to_owned(); 60], 60));
    assert_eq!(events(&desk).await.iter().filter(|name| *name == "LoanDisbursed").count(), 60);
}

#[tokio::test]
async fn a_result_that_cannot_be_booked_does_not_keep_the_others_from_it() {
    let desk = approved(POLICY, 3).await;
    // A version beyond what the column holds: the loan cannot be written any more.
    let spoil = "update loan set version = 9223372036854775806 where external_id = $1";
    desk.store.rows("spoil a loan", sqlx::query(spoil).bind(loan(2))).await.unwrap();
    let check = "alter table loan add constraint spoilt check (version < 9223372036854775807)";
    desk.store.rows("refuse it", sqlx::query(check)).await.unwrap();
    let railway = Railway::new(good()).await;
    railway.dispatcher(&desk).dispatch().await.unwrap();
    assert_eq!(statuses(&desk).await, ["ACTIVE", "APPROVED", "ACTIVE"]);
}

#[tokio::test]
async fn a_result_that_is_heard_twice_is_booked_once() {
    let desk = approved(POLICY, 1).await;
    let mut railway = Railway::new(good()).await;
    railway.settings.lease = Duration::from_millis(1);
    let dispatcher = railway.dispatcher(&desk);
    let claimed = rows(&desk, "select to_jsonb(t) as row from transfer t").await;
    let transfer: crate::servicing::transfer::Transfer = serde_json::from_value(claimed[0].clone()).unwrap();
    let heard = [(crate::servicing::book::RailResult::Executed, transfer)];
    let (first, second) = tokio::join!(dispatcher.settle(&heard), dispatcher.settle(&heard));
    first.unwrap();
    second.unwrap();
    assert_eq!(events(&desk).await, ["LoanCreated", "LoanDisbursed"]);
}
