//! A line of the log: one JSON object, flat, with the fields of the spans that the line is in.

use std::fmt;

use serde::Serializer;
use serde::ser::SerializeMap;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// Writes lines; the fields of spans have to be formatted as JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            if let Some(formatted) = span.extensions().get::<FormattedFields<N>>()
                && let Ok(Value::Object(known)) = serde_json::from_str(formatted)
            {
                fields.0.extend(known);
            }
        }
        // The line's own word counts, where a span has said something else.
        event.record(&mut fields);
        let line = line(*event.metadata().level(), event.metadata().target(), fields.0).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

fn line(level: tracing::Level, target: &str, mut fields: Map<String, Value>) -> serde_json::Result<String> {
    // What comes through the crate `log` has its place in fields.
    let place = fields.remove("log.target");
    fields.retain(|name, _| !name.starts_with("log."));
    let message = fields.remove("message");
    let mut text = Vec::with_capacity(256);
    let mut json = serde_json::Serializer::new(&mut text);
    let mut line = json.serialize_map(None)?;
    line.serialize_entry("timestamp", &format!("{:.6}", jiff::Timestamp::now()))?;
    line.serialize_entry("level", level.as_str())?;
    line.serialize_entry("message", &message)?;
    for (name, value) in &fields {
        line.serialize_entry(name, value)?;
    }
    line.serialize_entry("target", place.as_ref().and_then(Value::as_str).unwrap_or(target))?;
    line.end()?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Fields by their names.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn take(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().trim_start_matches("r#").to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, value);
    }
}
