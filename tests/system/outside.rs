//! An outside judge: Schemathesis makes requests from the OpenAPI document that the front door serves, right ones and
//! wrong ones, and holds every answer against it. What it asks and how it judges stands in `outside/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use proofload_lab::Toolbox;
use reqwest::Method;
use serde_json::json;

use crate::client::Caller;
use crate::inside::{self, entry};

/// The version is the first of these.
const REQUIREMENTS: &str = include_str!("outside/requirements.txt");
/// The document's own example of an application; bureaus think well of it.
const APPLICATION: &str = "0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0001";

/// The Python that has Schemathesis.
fn python() -> PathBuf {
    let pinned = REQUIREMENTS.lines().find_map(|line| line.strip_prefix("schemathesis=="));
    let version = pinned.and_then(|rest| rest.split(' ').next()).unwrap();
    let python = Toolbox::find().unwrap().home.join("schemathesis").join(version).join("bin/python");
    assert!(python.exists(), "{} is not there: run `./setup test`, or `make test`", python.display());
    python
}

/// Something that can be read: an application that became a loan.
async fn lend(caller: &Caller) {
    let application = json!({
        "external_id": APPLICATION, "customer_id": "customer-4997", "product": "car",
        "principal": { "currency": "EUR", "minor_units": 1_250_000 }, "term_months": 48,
    });
    let at = caller.accepted(Method::POST, "/v1/loan-applications", &application).await;
    caller.until(&at, |seen| seen["stage"] == "OFFER_PENDING").await;
    caller.accepted(Method::POST, &format!("{at}/offer/acceptance"), &json!({})).await;
    caller.until(&format!("/v1/loans/{APPLICATION}"), |loan| loan["status"] == "ACTIVE").await;
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_every_answer_is_one_that_the_openapi_document_tells_of() {
    let client = Caller::sign_in("client-8").await;
    lend(&client).await;
    let http = inside::http();
    let empty = tempfile::tempdir().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/system/outside");
    let output = Command::new(python())
        .args(["-m", "schemathesis.cli", "--no-color", "--config-file"])
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &format!("{}/openapi.json", entry())])
        .current_dir(empty.path())
        .env("SCHEMATHESIS_HOOKS", folder.join("hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // There is no proxy in the lab, whatever there is outside.
        .env("NO_PROXY", "*")
        .env("CLIENT_TOKEN", client.token_of("client-8").await)
        .env("OFFICER_TOKEN", inside::token(&http, "officer-8").await)
        .env("BUREAU_TOKEN", inside::token(&http, "bureau-8").await)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "Schemathesis found something:\n{said}");
}
