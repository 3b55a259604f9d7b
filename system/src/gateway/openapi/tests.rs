use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

fn written() -> Value {
    serde_json::to_value(document()).expect("serialisable")
}

/// A validator of one of the document's schemas.
fn validator(name: &str) -> jsonschema::Validator {
    let mut schema = json!({ "$ref": format!("#/components/schemas/{name}") });
    schema["components"] = written()["components"].clone();
    jsonschema::validator_for(&schema).expect("a schema")
}

/// Panics where `answer` is not what the document says that a GET of the route `path` answers with. Clients have to bear
/// a field that the document does not tell of; here it is one too many.
pub(crate) fn assert_told(path: &str, answer: &Value) {
    assert_fits(
        &written(),
        &["paths", path, "get", "responses", "200", "content", "application/json", "schema"],
        answer,
    );
}

/// Panics where an answer of a gateway is none that the document tells of: by its status, its media type or its body. A
/// request that the document knows nothing of may be answered in any way, and what an owner has said, which a gateway
/// passes on unread, is the owner's to hold against [`assert_told`].
pub(in crate::gateway) fn assert_answer_told(
    (method, path): (&Method, &str),
    (status, media_type): (StatusCode, &str),
    body: &Value,
) {
    let document = written();
    let routes = document["paths"].as_object().expect("paths");
    let method = method.as_str().to_ascii_lowercase();
    let route = routes.iter().find(|(route, item)| is_of(route, path) && item.get(&method).is_some());
    let Some((route, _)) = route.filter(|_| (method.as_str(), status) != ("get", StatusCode::OK)) else { return };
    assert_fits(
        &document,
        &["paths", route, &method, "responses", status.as_str(), "content", media_type, "schema"],
        body,
    );
}

/// Whether a path is one of a route with parameters in braces.
fn is_of(route: &str, path: &str) -> bool {
    let (route, path): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len() && route.iter().zip(path).all(|(one, other)| one.starts_with('{') || *one == other)
}

/// Panics where a value does not fit the schema at this place of the document, or has a field that it does not know.
fn assert_fits(document: &Value, place: &[&str], value: &Value) {
    let schema = place.iter().try_fold(document, |inner, name| inner.get(name));
    let mut schema = schema.unwrap_or_else(|| panic!("the document has no {}, for {value}", place.join(" "))).clone();
    schema["components"] = document["components"].clone();
    for one in schema["components"]["schemas"].as_object_mut().expect("schemas").values_mut() {
        if one.get("properties").is_some() {
            one["additionalProperties"] = json!(false);
        }
    }
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    let wrong: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let place = place.join(" ");
    assert!(wrong.is_empty(), "{place}: {value} is answered, and that is not what the document says: {wrong:#?}");
}

#[test]
#[should_panic(expected = "that is not what the document says")]
fn an_answer_with_a_field_that_the_document_does_not_tell_of_is_noticed() {
    let entry = json!({ "account": "FUND_SOURCE", "amount_minor_units": 5, "nobody_knows": 1 });
    let transaction = json!({ "id": 1, "kind": "DISBURSEMENT", "instruction_id": Uuid::nil(), "reversal_of": null,
        "booked_at": "2026-01-01T00:00:00Z", "entries": [entry] });
    let ledger = json!({ "external_id": Uuid::nil(), "currency": "EUR", "balances": { "FUND_SOURCE": 5 },
        "transactions": [transaction] });
    assert_told("/v1/loans/{external_id}/ledger", &ledger);
}

#[test]
#[should_panic(expected = "that is not what the document says")]
fn an_acceptance_that_does_not_fit_the_document_is_noticed() {
    let accepted = (StatusCode::ACCEPTED, "application/json");
    assert_answer_told((&Method::POST, "/v1/customers"), accepted, &json!({ "event": 1, "events": 1 }));
}

#[test]
#[should_panic(expected = "the document has no paths /v1/loans/{external_id} get responses 418")]
fn an_answer_that_the_document_does_not_tell_of_is_noticed() {
    let teapot = (StatusCode::IM_A_TEAPOT, "application/problem+json");
    assert_answer_told((&Method::GET, "/v1/loans/17"), teapot, &json!({}));
}

#[test]
fn a_word_of_the_database_is_told_as_the_database_has_it() {
    use crate::domain::stage::Stage;
    use crate::domain::status::Reason;

    for (name, words) in
        [("Stage", Stage::ALL.map(Stage::name).to_vec()), ("Reason", Reason::ALL.map(Reason::name).to_vec())]
    {
        assert_eq!(written()["components"]["schemas"][name]["enum"], json!(words), "{name}");
    }
    for stage in Stage::ALL {
        assert!(validator("ApplicationStatus").is_valid(&json!(stage.status().name())), "{stage:?}");
    }
}

#[test]
fn the_document_has_every_route_and_no_other() {
    let mut expected: BTreeSet<(String, String)> =
        COMMANDS.iter().map(|command| (command.path.to_owned(), command.method.to_string())).collect();
    expected.extend(READS.iter().map(|read| (read.path.to_owned(), "GET".to_owned())));
    expected.insert((DOCUMENT.to_owned(), "GET".to_owned()));
    let document = written();
    let paths = document["paths"].as_object().expect("paths");
    let told = paths.iter().flat_map(|(path, item)| {
        item.as_object().expect("an item").keys().map(|method| (path.clone(), method.to_ascii_uppercase()))
    });
    assert_eq!(told.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn every_entry_tells_all_that_a_client_needs() {
    let document = written();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let place = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().expect("an id").to_owned()), "{place}");
            let parameters = operation["parameters"].as_array().expect("parameters");
            let named =
                |name: &str, place: &str| parameters.iter().any(|one| one["name"] == name && one["in"] == place);
            for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                assert!(named(part, "path"), "{place}: {part}");
            }
            assert_eq!(named("Idempotency-Key", "header"), method != "get", "{place}");
            assert_eq!(operation.get("requestBody").is_some(), method != "get", "{place}");
            assert_eq!(operation.get("security").is_some(), path != DOCUMENT, "{place}");
            for (status, answer) in operation["responses"].as_object().expect("answers") {
                let media_type = if status.starts_with('2') { "application/json" } else { "application/problem+json" };
                assert!(answer["content"].get(media_type).is_some(), "{place} {status}");
            }
        }
    }
}

#[test]
fn the_readme_has_every_route_and_every_problem() {
    let readme = include_str!("../../../README.md");
    for command in &COMMANDS {
        let row = format!("| `{} {}` | `{}` | ", command.method, command.path, command.scope);
        assert!(readme.contains(&row), "{row}");
    }
    for read in &READS {
        let row = format!("| `GET {}` | `{}` | ", read.path, read.scope);
        assert!(readme.contains(&row), "{row}");
    }
    let document = written();
    let operations = document["paths"].as_object().expect("paths").values().flat_map(|item| item.as_object());
    let answers = operations.flat_map(|item| item.values()).flat_map(|operation| operation["responses"].as_object());
    for answer in answers.flat_map(|answers| answers.values()) {
        let description = answer["description"].as_str().expect("a description");
        for name in description.split('`').skip(1).step_by(2).filter(|name| !name.contains(' ')) {
            assert!(readme.contains(&format!("`{name}`")), "{name}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    found.insert(to.clone());
                }
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let (document, mut found) = (written(), BTreeSet::new());
    references(&document, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for to in found {
        let pointer = to.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{to}");
    }
}

#[test]
fn every_example_fits_its_schema_and_nothing_with_another_field_does() {
    for command in &COMMANDS {
        let validator = validator(&(command.body)().name);
        let mut example = (command.example)();
        assert!(validator.is_valid(&example), "{}: {example}", command.path);
        example["nobody_knows"] = json!(1);
        assert!(!validator.is_valid(&example), "{}: {example}", command.path);
    }
}

/// Whether the parser takes a value, to be compared with whether its schema does.
fn taken<T: serde::de::DeserializeOwned>(value: &Value) -> bool {
    serde_json::from_value::<T>(value.clone()).is_ok()
}

#[test]
fn the_schemas_bounds_are_the_parsers() {
    use crate::domain::application::LoanApplication;
    use crate::domain::customer::{CustomerId, Email, PersonName};
    use crate::domain::money::{AMOUNT_MAX, Amount};
    use crate::gateway::body::CreditReport;

    let application = |field: &str, value: Value| {
        let mut application = crate::domain::application::tests::sound();
        application[field] = value;
        application
    };
    let amount = |minor_units: i64| json!({ "currency": "EUR", "minor_units": minor_units });
    let report = |bureau: &str, score: Value| {
        let id = Uuid::nil();
        json!({ "request_id": id, "external_id": id, "bureau": bureau, "score": score })
    };
    let long = |count: usize| Value::from("x".repeat(count));
    let mail = |count: usize| Value::from(format!("a@{}", "x".repeat(count - 2)));
    type Case = (&'static str, fn(&Value) -> bool, Vec<Value>);
    let cases: Vec<Case> = vec![
        (
            "CustomerId",
            taken::<CustomerId>,
            vec![long(1), long(64), long(65), "".into(), "a b".into(), "a.b_c-d".into()],
        ),
        (
            "PersonName",
            taken::<PersonName>,
            vec![
                long(1),
                long(200),
                long(201),
                "".into(),
                " ".into(),
                " a ".into(),
                "a\nb".into(),
                "\u{85}".into(),
                "O'Hara; --".into(),
                "\u{e9}".repeat(200).into(),
            ],
        ),
        (
            "Email",
            taken::<Email>,
            vec![
                mail(254),
                mail(255),
                "a@b".into(),
                "@b".into(),
                "a@".into(),
                "a@b@c".into(),
                "a b@c".into(),
                "\u{e9}@b".into(),
            ],
        ),
        ("Amount", taken::<Amount>, vec![amount(0), amount(1), amount(AMOUNT_MAX), amount(AMOUNT_MAX + 1), amount(-1)]),
        (
            "LoanApplication",
            taken::<LoanApplication>,
            vec![
                application("term_months", json!(0)),
                application("term_months", json!(1)),
                application("term_months", json!(600)),
                application("term_months", json!(601)),
                application("product", json!("boat")),
                application("external_id", json!(17)),
            ],
        ),
        (
            "CreditReport",
            taken::<CreditReport>,
            vec![
                report("b", json!(299)),
                report("b", json!(300)),
                report("b", json!(850)),
                report("b", json!(851)),
                report("b", Value::Null),
                report("", json!(300)),
                report(&"b".repeat(64), json!(300)),
                report(&"b".repeat(65), json!(300)),
                json!({ "request_id": Uuid::nil() }),
            ],
        ),
    ];
    for (name, parser, values) in cases {
        let validator = validator(name);
        for value in values {
            assert_eq!(validator.is_valid(&value), parser(&value), "{name}: {value}");
        }
    }
}
