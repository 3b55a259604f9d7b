use super::*;
use crate::rail::tests::good;
use crate::servicing::timer;

/// Two loans that were paid out; a microsecond is a month.
async fn paid_out_long_ago() -> Desk {
    let desk = desk(Policy { month: SignedDuration::from_micros(1), ..POLICY }).await;
    apply(&desk, &[accepted(loan(1)), accepted(loan(2))]).await.unwrap();
    let railway = Railway::new(good()).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    desk
}

#[tokio::test]
async fn an_instalment_that_is_not_paid_when_it_falls_due_is_told_once_by_whoever_looks() {
    let desk = paid_out_long_ago().await;
    let looks = (0..4).map(|_| {
        let desk = desk.clone();
        tokio::spawn(async move { timer::instalments(&desk, 1).await })
    });
    for ended in futures::future::join_all(looks).await {
        ended.unwrap().unwrap();
    }
    while timer::instalments(&desk, 10).await.unwrap() > 0 {}
    let told = events(&desk).await.iter().filter(|name| *name == "LoanInArrears").count();
    assert_eq!(told, 24, "twelve instalments of two loans");
    let noted = "select to_jsonb(i) as row from instalment i where in_arrears_at is not null and settled_at is null";
    assert_eq!(rows(&desk, noted).await.len(), 24);
}

#[tokio::test]
async fn interest_is_booked_once_when_it_falls_due_paid_from_what_is_owed_and_taken_back_by_a_write_off() {
    let desk = paid_out_long_ago().await;
    while timer::instalments(&desk, 10).await.unwrap() > 0 {}
    let interest = plan(PRINCIPAL, 1_200, 12).remaining(1, PRINCIPAL).map(|one| one.interest).sum::<i64>();
    let booked = rows(&desk, "select to_jsonb(t) as row from ledger_transaction t where kind = 'ACCRUAL'").await;
    assert_eq!((booked.len(), balance(&desk, "INTEREST_RECEIVABLE").await), (24, 2 * interest));
    apply(&desk, &[repayment(loan(1), 8_885 * 2)]).await.unwrap();
    let railway = Railway::new(good()).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    assert_eq!(balance(&desk, "INTEREST_RECEIVABLE").await, 2 * interest - 1_921);
    assert_eq!(balance(&desk, "INTEREST_ON_LOANS").await, -2 * interest, "paying it earns nothing more");
    apply(&desk, &[write_off(loan(1)), write_off(loan(2))]).await.unwrap();
    assert_eq!(balance(&desk, "INTEREST_RECEIVABLE").await, 0);
    assert_eq!(balance(&desk, "INTEREST_ON_LOANS").await, -1_921, "what was paid");
}

#[tokio::test]
async fn what_is_paid_after_all_is_noted_on_the_same_instalment() {
    let desk = paid_out_long_ago().await;
    while timer::instalments(&desk, 10).await.unwrap() > 0 {}
    apply(&desk, &[repayment(loan(1), 8_885 * 2)]).await.unwrap();
    let railway = Railway::new(good()).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    let text =
        "select to_jsonb(number) as row from instalment where settled_at is not null and in_arrears_at is not null";
    assert_eq!(rows(&desk, text).await, [1, 2]);
}

#[tokio::test]
async fn a_loan_that_is_not_due_is_left_alone() {
    let desk = desk(POLICY).await;
    apply(&desk, &[accepted(loan(1))]).await.unwrap();
    let railway = Railway::new(good()).await;
    dispatch_all(&desk, &railway.dispatcher(&desk)).await;
    assert_eq!(timer::instalments(&desk, 10).await.unwrap(), 0);
}
