use super::*;
use crate::servicing::timer;

#[tokio::test]
async fn an_accepted_offer_is_a_loan_with_its_booking_its_transfer_and_its_event() {
    let desk = desk(POLICY).await;
    apply(&desk, &[accepted(loan(1)), accepted(loan(2))]).await.unwrap();
    assert_eq!(statuses(&desk).await, ["APPROVED", "APPROVED"]);
    assert_eq!(events(&desk).await, ["LoanCreated", "LoanCreated"]);
    let transfers = rows(&desk, "select to_jsonb(t) as row from transfer t").await;
    assert_eq!(transfers.len(), 2);
    assert!(transfers.iter().all(|one| one["direction"] == "OUT" && one["amount_minor_units"] == PRINCIPAL));
    assert_eq!((balance(&desk, "LOAN_PORTFOLIO").await, balance(&desk, "FUND_SOURCE").await), (200_000, -200_000));
}

#[tokio::test]
async fn however_often_and_from_wherever_a_batch_comes_it_has_one_effect() {
    let desk = desk(POLICY).await;
    let batch: Arc<Vec<_>> = Arc::new((0..20).map(|number| accepted(loan(number))).collect());
    let repeats = (0..8).map(|_| {
        let (desk, batch) = (desk.clone(), Arc::clone(&batch));
        tokio::spawn(async move { apply(&desk, &[&batch[..], &batch[..]].concat()).await })
    });
    for ended in futures::future::join_all(repeats).await {
        ended.unwrap().unwrap();
    }
    assert_eq!((loans(&desk).await.len(), events(&desk).await.len()), (20, 20));
    assert_eq!(balance(&desk, "LOAN_PORTFOLIO").await, 20 * PRINCIPAL);
}

#[tokio::test]
async fn the_same_acceptance_in_another_event_makes_no_second_loan() {
    let desk = desk(POLICY).await;
    for _ in 0..2 {
        apply(&desk, &[accepted(loan(1))]).await.unwrap();
    }
    assert_eq!(rows(&desk, "select to_jsonb(t) as row from transfer t").await.len(), 1);
}

#[tokio::test]
async fn without_deduplication_a_repeat_is_a_second_payout() {
    let desk = desk(Policy { dedup: Dedup::None, ..POLICY }).await;
    let batch = [accepted(loan(1))];
    for _ in 0..2 {
        apply(&desk, &batch).await.unwrap();
    }
    let railway = Railway::new(rail::tests::good()).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    assert_eq!((loans(&desk).await.len(), railway.journal().len()), (1, 2));
}

#[tokio::test]
async fn a_command_that_comes_before_its_loan_waits_and_is_applied() {
    let desk = desk(POLICY).await;
    apply(&desk, &[repayment(loan(1), 8_885)]).await.unwrap();
    assert_eq!(timer::waiting(&desk, 10).await.unwrap(), 0);
    apply(&desk, &[accepted(loan(1))]).await.unwrap();
    assert_eq!(timer::waiting(&desk, 10).await.unwrap(), 0, "the loan is not paid out yet");
    let railway = Railway::new(rail::tests::good()).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    // A later one goes behind it, and nothing is lost or done twice.
    apply(&desk, &[repayment(loan(1), 100)]).await.unwrap();
    assert_eq!(timer::waiting(&desk, 10).await.unwrap(), 2);
    assert_eq!(timer::waiting(&desk, 10).await.unwrap(), 0);
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    let kinds = events(&desk).await;
    assert_eq!(kinds, ["LoanCreated", "LoanDisbursed", "RepaymentReceived", "RepaymentReceived"]);
}

#[tokio::test]
async fn a_command_whose_loan_does_not_come_is_refused() {
    let desk = desk(Policy { waiting_command_max: SignedDuration::ZERO, ..POLICY }).await;
    apply(&desk, &[repayment(loan(1), 8_885), write_off(loan(2))]).await.unwrap();
    assert_eq!(timer::waiting(&desk, 10).await.unwrap(), 2);
    assert_eq!(events(&desk).await, ["RepaymentRefused", "CommandRefused"]);
    assert!(rows(&desk, "select to_jsonb(w) as row from waiting_command w").await.is_empty());
}

#[tokio::test]
async fn text_that_the_database_cannot_hold_is_refused_as_data() {
    let desk = desk(POLICY).await;
    let Input::Accepted(mut poison) = accepted(loan(1)) else { panic!("an acceptance") };
    poison.traceparent = Some("\0".to_owned());
    let error = apply(&desk, &[Input::Accepted(poison)]).await.expect_err("refused");
    let StoreError::Database { source, .. } = error else { panic!("{error}") };
    let code = source.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default().into_owned();
    assert!(code.starts_with("22"), "{code}: what the consumer puts among the dead letters");
}
