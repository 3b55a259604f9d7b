use reqwest::StatusCode;

use super::*;
use crate::gateway::assert_told;
use crate::rail::tests::good;
use crate::servicing::api;
use crate::testing::http::{self, Server};

/// What is answered, which is what the gateway's document says of it.
async fn get(desk: &Desk, path: &str) -> (StatusCode, Value) {
    let server = Server::of(api::routes(desk.store.clone())).await;
    let answer = http::client().get(format!("{}{path}", server.url())).send().await.unwrap();
    let found = (answer.status(), answer.json().await.unwrap());
    if found.0 == StatusCode::OK {
        let ledger = if path.ends_with("/ledger") { "/ledger" } else { "" };
        assert_told(&format!("/v1/loans/{{external_id}}{ledger}"), &found.1);
    }
    found
}

async fn read(desk: &Desk) -> Value {
    let (status, document) = get(desk, &format!("/v1/loans/{}", loan(1))).await;
    assert_eq!(status, StatusCode::OK);
    document
}

#[tokio::test]
async fn a_loan_is_repaid_instalment_by_instalment_and_every_cent_is_accounted_for() {
    let desk = desk(POLICY).await;
    let railway = Railway::new(good()).await;
    let dispatcher = railway.dispatcher(&desk);
    apply(&desk, &[accepted(loan(1))]).await.unwrap();
    let approved = read(&desk).await;
    assert_eq!((&approved["status"], &approved["next_instalment"]), (&Value::from("APPROVED"), &Value::Null));
    dispatch_all(&desk, &dispatcher).await;

    let mut paid = 0;
    loop {
        let document = read(&desk).await;
        assert_eq!(document["schedule"].as_array().unwrap().len(), 12);
        if document["status"] == "CLOSED_OBLIGATIONS_MET" {
            break;
        }
        assert_eq!(document["status"], "ACTIVE");
        assert_eq!(document["next_instalment"]["number"], paid + 1);
        let minor_units = document["next_instalment"]["minor_units"].as_i64().unwrap();
        apply(&desk, &[repayment(loan(1), minor_units)]).await.unwrap();
        dispatch_all(&desk, &dispatcher).await;
        paid += 1;
    }
    assert_eq!(paid, 12);

    let closed = read(&desk).await;
    assert!(closed["schedule"].as_array().unwrap().iter().all(|line| line["paid"] == true));
    assert_eq!(
        (&closed["outstanding"]["minor_units"], &closed["payoff_minor_units"]),
        (&Value::from(0), &Value::from(0))
    );
    let (_, ledger) = get(&desk, &format!("/v1/loans/{}/ledger", loan(1))).await;
    let kinds: Vec<_> = ledger["transactions"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds[..3], ["DISBURSEMENT", "ACCRUAL", "REPAYMENT"]);
    assert_eq!(kinds.len(), 1 + 2 * 12);
    let balances = ledger["balances"].as_object().unwrap();
    assert_eq!(balances.values().map(|balance| balance.as_i64().unwrap()).sum::<i64>(), 0);
    assert_eq!(balances["LOAN_PORTFOLIO"], 0);
    let moved: i64 = railway
        .journal()
        .iter()
        .map(|line| line["amount_minor_units"].as_i64().unwrap() * if line["direction"] == "OUT" { -1 } else { 1 })
        .sum();
    assert_eq!(balances["FUND_SOURCE"], moved, "the ledger has what the rail moved");
    assert_eq!((&balances["INTEREST_ON_LOANS"], &balances["INTEREST_RECEIVABLE"]), (&(-moved).into(), &0.into()));
}

#[tokio::test]
async fn what_closes_a_loan_today_closes_it() {
    let desk = desk(POLICY).await;
    let railway = Railway::new(good()).await;
    apply(&desk, &[accepted(loan(1))]).await.unwrap();
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    let payoff = read(&desk).await["payoff_minor_units"].as_i64().unwrap();
    assert_eq!(payoff, PRINCIPAL + 1_000);
    apply(&desk, &[repayment(loan(1), payoff)]).await.unwrap();
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    assert_eq!(read(&desk).await["status"], "CLOSED_OBLIGATIONS_MET");
}

#[tokio::test]
async fn a_loan_that_is_not_there_and_an_id_that_is_none_are_problems() {
    let desk = desk(POLICY).await;
    for path in ["", "/ledger"] {
        let (status, problem) = get(&desk, &format!("/v1/loans/{}{path}", loan(1))).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::NOT_FOUND, &Value::from("urn:lending:problem:unknown-loan"))
        );
        let (status, problem) = get(&desk, &format!("/v1/loans/one{path}")).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::BAD_REQUEST, &Value::from("urn:lending:problem:invalid-id"))
        );
    }
}
