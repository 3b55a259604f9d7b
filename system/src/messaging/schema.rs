//! The schemas of the events: a JSON Schema for each type and version, made from the types that read and write them.
//!
//! They lie in `schemas/`, for whoever reads the log in another language, and for a test that holds them equal to the
//! types. A schema that was published changes only by fields that may be missing; anything else needs a new version.

use std::path::Path;

use anyhow::{Context, bail};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::contract::{customers::*, origination::*, servicing::*};
use super::event::{Event, EventData, EventError};
use super::topic;
use crate::domain::application::LoanApplication;

/// The schema of one type in one version.
pub(crate) struct Schema {
    kind: &'static str,
    version: u16,
    /// Where its records are.
    topics: &'static [&'static str],
    document: Value,
    /// Reads a record of it.
    #[cfg_attr(not(test), expect(dead_code, reason = "records are read by who consumes them"))]
    read: fn(&[u8]) -> Result<(), EventError>,
}

impl Schema {
    fn of<D: EventData + JsonSchema>(topics: &'static [&'static str]) -> Self {
        let mut document = schemars::schema_for!(Event<D>).to_value();
        let properties = document.get_mut("properties").and_then(Value::as_object_mut);
        let properties = properties.map(|properties| {
            properties.insert("type".to_owned(), json!({ "type": "string", "const": D::TYPE }));
            properties.insert("version".to_owned(), json!({ "type": "integer", "const": D::VERSION }));
        });
        debug_assert!(properties.is_some(), "an event is an object");
        if let Some(top) = document.as_object_mut() {
            top.insert("title".to_owned(), json!(format!("{} version {}", D::TYPE, D::VERSION)));
            // That of the envelope's type is about this program.
            top.remove("description");
        }
        Self { kind: D::TYPE, version: D::VERSION, topics, document, read: |bytes| Event::<D>::parse(bytes).map(drop) }
    }

    /// The schema of what it says beside the envelope.
    fn data(&self) -> &Value {
        let reference = self.document.pointer("/properties/data/$ref").and_then(Value::as_str);
        let pointer = reference.map_or("/properties/data", |reference| reference.trim_start_matches('#'));
        self.document.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Its line in the table of events.
    fn line(&self) -> String {
        let topics: Vec<_> = self.topics.iter().map(|topic| format!("`{topic}`")).collect();
        let fields = self.data()["properties"].as_object().into_iter().flat_map(Map::keys);
        let fields: Vec<_> = fields.map(|field| format!("`{field}`")).collect();
        let says = self.data()["description"].as_str().unwrap_or_default().replace('\n', " ");
        let (topics, kind, version, fields) = (topics.join(", "), self.kind, self.version, fields.join(", "));
        format!("| {topics} | `{kind}` | {version} | {says} | {fields} |\n")
    }

    fn file(&self) -> String {
        format!("{}.v{}.json", self.kind, self.version)
    }

    fn text(&self) -> String {
        format!("{:#}\n", self.document)
    }
}

/// Every type in every version.
pub(crate) fn all() -> Vec<Schema> {
    vec![
        Schema::of::<CustomerRegistrationRequested>(&[topic::CUSTOMERS_COMMANDS]),
        Schema::of::<CustomerChangeRequested>(&[topic::CUSTOMERS_COMMANDS]),
        Schema::of::<ConsentChangeRequested>(&[topic::CUSTOMERS_COMMANDS]),
        Schema::of::<KycDecided>(&[topic::CUSTOMERS_COMMANDS]),
        Schema::of::<CustomerChanged>(&[topic::CUSTOMERS_CHANGED]),
        Schema::of::<LoanApplication>(&[topic::ORIGINATION_COMMANDS]),
        Schema::of::<WithdrawalRequested>(&[topic::ORIGINATION_COMMANDS]),
        Schema::of::<CreditReportReceived>(&[topic::ORIGINATION_COMMANDS]),
        Schema::of::<ManualDecisionMade>(&[topic::ORIGINATION_COMMANDS]),
        Schema::of::<OfferAcceptanceRequested>(&[topic::ORIGINATION_COMMANDS]),
        Schema::of::<OfferRefused>(&[topic::ORIGINATION_COMMANDS]),
        Schema::of::<EvaluationStarted>(&[topic::ORIGINATION_EVENTS]),
        Schema::of::<ReferredToManualDecision>(&[topic::ORIGINATION_EVENTS]),
        Schema::of::<LoanApplicationDecided>(&[topic::ORIGINATION_EVENTS]),
        Schema::of::<OfferIssued>(&[topic::ORIGINATION_EVENTS]),
        Schema::of::<OfferAccepted>(&[topic::ORIGINATION_EVENTS]),
        Schema::of::<LoanApplicationWithdrawn>(&[topic::ORIGINATION_EVENTS]),
        Schema::of::<CommandRefused>(&[topic::ORIGINATION_EVENTS, topic::SERVICING_EVENTS]),
        Schema::of::<RepaymentRequested>(&[topic::SERVICING_COMMANDS]),
        Schema::of::<WriteOffRequested>(&[topic::SERVICING_COMMANDS]),
        Schema::of::<LoanCreated>(&[topic::SERVICING_EVENTS]),
        Schema::of::<LoanDisbursed>(&[topic::SERVICING_EVENTS]),
        Schema::of::<DisbursementFailed>(&[topic::SERVICING_EVENTS]),
        Schema::of::<RepaymentReceived>(&[topic::SERVICING_EVENTS]),
        Schema::of::<RepaymentRefused>(&[topic::SERVICING_EVENTS]),
        Schema::of::<LoanInArrears>(&[topic::SERVICING_EVENTS]),
        Schema::of::<LoanClosed>(&[topic::SERVICING_EVENTS]),
    ]
}

/// The table of events in Markdown, as the README has it.
pub(crate) fn table() -> String {
    let head = "| topic | type | version | what it says | data |\n| --- | --- | --- | --- | --- |\n";
    let lines: Vec<_> = all().iter().map(Schema::line).collect();
    format!("{head}{}", lines.concat())
}

/// Writes every schema into `folder`. Errors where one of the same version was published that this one is not
/// compatible with.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    for schema in all() {
        let file = folder.join(schema.file());
        if file.exists() {
            let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let published = serde_json::from_str(&text).with_context(|| format!("cannot parse {}", file.display()))?;
            let breaks = breaks(&published, &schema.document);
            if !breaks.is_empty() {
                let (kind, version) = (schema.kind, schema.version);
                bail!(
                    "{kind} version {version} is published and must not change ({}): make a new version",
                    breaks.join("; ")
                );
            }
        }
        std::fs::write(&file, schema.text()).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// What in `new` would break somebody who goes by `published`; empty where nothing would.
fn breaks(published: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Comparison { published, new }.node("", published, new, &mut found);
    found
}

/// Two documents, for the references within each.
struct Comparison<'a> {
    published: &'a Value,
    new: &'a Value,
}

impl Comparison<'_> {
    fn node(&self, place: &str, published: &Value, new: &Value, found: &mut Vec<String>) {
        let (published, new) = (resolved(self.published, published), resolved(self.new, new));
        match (published, new) {
            (Value::Object(published), Value::Object(new)) => self.object(place, published, new, found),
            (Value::Array(published), Value::Array(new)) if published.len() == new.len() => {
                for (published, new) in published.iter().zip(new) {
                    self.node(place, published, new, found);
                }
            }
            _ if published == new => {}
            _ => found.push(format!("{place} changed from {published} to {new}")),
        }
    }

    fn object(&self, place: &str, published: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<String>) {
        let none = Value::Null;
        let meaning = |name: &&String| !matches!(name.as_str(), "title" | "description" | "$defs" | "$schema");
        let names = published.keys().chain(new.keys().filter(|name| !published.contains_key(*name)));
        for name in names.filter(meaning) {
            let (before, after) = (published.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none));
            match name.as_str() {
                "properties" => self.fields(place, before, after, found),
                "required" => required(place, before, after, found),
                _ => self.node(&format!("{place}/{name}"), before, after, found),
            }
        }
    }

    fn fields(&self, place: &str, published: &Value, new: &Value, found: &mut Vec<String>) {
        for (field, published) in published.as_object().into_iter().flatten() {
            match new.get(field) {
                Some(new) => self.node(&format!("{place}/{field}"), published, new, found),
                None => found.push(format!("{place}/{field} was removed")),
            }
        }
    }
}

fn required(place: &str, published: &Value, new: &Value, found: &mut Vec<String>) {
    let has = |list: &Value, field: &Value| list.as_array().is_some_and(|list| list.contains(field));
    for field in new.as_array().into_iter().flatten().filter(|field| !has(published, field)) {
        found.push(format!("{place}/{field} became required"));
    }
    for field in published.as_array().into_iter().flatten().filter(|field| !has(new, field)) {
        found.push(format!("{place}/{field} is required no more"));
    }
}

/// What a reference stands for, if it is one.
fn resolved<'a>(document: &'a Value, node: &'a Value) -> &'a Value {
    let target = node.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(node)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
    }

    fn files(folder: &Path) -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.path().is_file());
        files.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn every_event_type_has_a_schema() {
        let contracts = [
            include_str!("contract/customers.rs"),
            include_str!("contract/origination.rs"),
            include_str!("contract/servicing.rs"),
        ];
        let events = contracts.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("event!("));
        assert_eq!(events.count(), all().len(), "messaging/schema.rs lists every type");
    }

    #[test]
    fn the_readme_has_the_table_as_the_code_has_it() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&table()), "run `lending events` and paste it into README.md");
    }

    #[test]
    fn the_table_says_of_every_event_where_it_is_and_what_it_says() {
        for schema in all() {
            assert!(!schema.topics.is_empty(), "{}", schema.kind);
            assert!(topic::TOPICS.iter().filter(|topic| schema.topics.contains(&topic.name)).count() > 0);
            assert!(schema.data()["description"].is_string(), "{} has no description", schema.line());
            assert!(schema.data()["properties"].is_object(), "{} has no fields", schema.line());
        }
    }

    #[test]
    fn the_files_have_the_schemas_as_the_types_have_them() {
        let schemas = all();
        let expected: BTreeSet<_> = schemas.iter().map(Schema::file).collect();
        assert_eq!(files(&folder()), expected);
        for schema in schemas {
            let text = std::fs::read_to_string(folder().join(schema.file())).unwrap();
            assert!(text == schema.text(), "{} is not up to date: run `lending schemas system/schemas`", schema.file());
        }
    }

    #[test]
    fn events_as_they_were_first_published_are_read_and_fit_their_schema() {
        let schemas = all();
        let samples = folder().join("samples");
        assert_eq!(files(&samples), schemas.iter().map(Schema::file).collect());
        for schema in schemas {
            let text = std::fs::read(samples.join(schema.file())).unwrap();
            let events: Vec<Value> = serde_json::from_slice(&text).unwrap();
            assert!(!events.is_empty(), "{} has no event", schema.file());
            let validator = jsonschema::validator_for(&schema.document).unwrap();
            for event in events {
                let said = format!("{}: {event}", schema.file());
                (schema.read)(event.to_string().as_bytes()).expect(&said);
                let errors: Vec<_> = validator.iter_errors(&event).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{said}: {errors:?}");
            }
        }
    }

    #[test]
    fn a_published_schema_is_not_overwritten_by_one_that_breaks_it() {
        let folder = std::env::temp_dir().join(format!("lending-schemas-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        write(&folder).expect("nothing is published yet");
        write(&folder).expect("nothing has changed");
        let file = folder.join("WithdrawalRequested.v1.json");
        let published = std::fs::read_to_string(&file).unwrap().replace("external_id", "loan_id");
        std::fs::write(&file, &published).unwrap();
        let refused = write(&folder).unwrap_err().to_string();
        assert!(
            refused.contains("WithdrawalRequested version 1") && refused.contains("loan_id was removed"),
            "{refused}"
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), published);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    fn published() -> Value {
        json!({
            "properties": { "id": { "type": "string" }, "amount": { "$ref": "#/$defs/Amount" } },
            "required": ["id"],
            "$defs": { "Amount": { "type": "object", "properties": { "currency": { "enum": ["EUR", "USD"] } } } },
        })
    }

    fn broken_by(pointer: &str, value: Value) -> Vec<String> {
        let mut new = published();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = new.pointer_mut(parent).unwrap();
        match value {
            Value::Null => drop(parent.as_object_mut().unwrap().remove(name)),
            value => parent[name] = value,
        }
        breaks(&published(), &new)
    }

    #[test]
    fn a_published_schema_can_get_fields_that_may_be_missing_and_words() {
        assert!(breaks(&published(), &published()).is_empty());
        assert!(broken_by("/properties/channel", json!({ "type": "string" })).is_empty());
        assert!(broken_by("/description", json!("An event.")).is_empty());
        assert!(broken_by("/properties/amount", published()["$defs"]["Amount"].clone()).is_empty());
    }

    #[test]
    fn what_breaks_somebody_needs_a_new_version() {
        assert_eq!(broken_by("/properties/id", Value::Null), ["/id was removed"]);
        assert_eq!(broken_by("/properties/id", json!({ "type": "integer" })).len(), 1);
        assert_eq!(broken_by("/required", json!(["id", "amount"])), ["/\"amount\" became required"]);
        assert_eq!(broken_by("/required", json!([])), ["/\"id\" is required no more"]);
        assert_eq!(broken_by("/$defs/Amount/properties/currency", json!({ "enum": ["EUR"] })).len(), 1);
        assert_eq!(broken_by("/properties/id", json!({ "type": "string", "maxLength": 3 })).len(), 1);
    }
}
