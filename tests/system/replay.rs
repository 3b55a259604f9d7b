//! A dead letter is put back when what refused it is mended.

use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::books;
use crate::client::Caller;
use crate::inside::brokers;
use crate::log::{self, value};

/// A migration that went wrong: it refuses a customer whom the system has accepted.
const WRONG: &str = "alter table customer add constraint nobody_is_called_so check (name <> 'Evelyn Boyd Granville')";
const MENDED: &str = "alter table customer drop constraint nobody_is_called_so";

/// `lending replay` with these arguments; returns what it says.
async fn replay(arguments: &'static [&'static str]) -> String {
    let run = move || {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_proofload")).with_file_name("lending"));
        let done = command.arg("replay").args(arguments).env("LENDING_KAFKA", brokers()).output().unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
        said
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_dead_letter_is_replayed_when_what_refused_it_is_mended() {
    let caller = Caller::sign_in("client-9").await;
    let id = format!("refused-{}", Uuid::new_v4());
    let profile = json!({ "customer_id": id, "name": "Evelyn Boyd Granville", "email": "evelyn@example.org", "date_of_birth": "1964-05-01" });
    books::administer("customers", WRONG).await;
    let at = caller.accepted(Method::POST, "/v1/customers", &profile).await;
    let hers = id.clone();
    log::read("dead-letters", move |letters| letters.iter().any(|letter| value(letter).contains(&hers))).await;
    assert_eq!(caller.read(&at).await, None, "she was refused");

    books::administer("customers", MENDED).await;
    let said = replay(&["--topic", "customers.commands", "--reason", "nobody_is_called_so"]).await;
    assert!(said.contains("\n1 put back, ") && said.contains("violates check constraint"), "{said}");
    caller.until(&at, |customer| customer["kyc"] == "VERIFIED").await;
    let again = replay(&["--reason", "nobody_is_called_so", "--dry-run"]).await;
    assert!(again.contains("0 would be put back, "), "{again}");
}
