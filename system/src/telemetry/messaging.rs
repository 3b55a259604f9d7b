//! Steps that have to do with the log: a record is appended, a record is processed. One span per record, each with the
//! record's own trace, whatever else is in its batch.
//!
//! Names and attributes are those of OpenTelemetry's conventions for messaging and for Kafka.

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use rdkafka::Message;
use rdkafka::message::{Headers, OwnedMessage};

use super::span::Span;
use super::traceparent;

/// A record with this key is appended to `topic`, because of `parent`.
pub(crate) fn append(topic: &str, key: Option<&[u8]>, parent: Option<&str>) -> Span {
    Span::start(
        SpanKind::Producer,
        parent,
        || format!("send {topic}"),
        || {
            let mut about = of_topic(topic, "send");
            about.extend(of_key(key));
            about
        },
    )
}

/// The log has the record at `offset` of `partition`.
pub(crate) fn appended(span: &mut Span, partition: i32, offset: i64) {
    span.set("messaging.destination.partition.id", partition.to_string());
    span.set("messaging.kafka.offset", offset);
}

/// `group` processes a record, which says itself what it follows from.
pub(crate) fn process(group: &'static str, record: &OwnedMessage) -> Span {
    let topic = record.topic();
    Span::start(
        SpanKind::Consumer,
        parent(record),
        || format!("process {topic}"),
        || {
            let mut about = of_topic(topic, "process");
            about.extend(of_key(record.key()));
            about.extend([
                KeyValue::new("messaging.consumer.group.name", group),
                KeyValue::new("messaging.destination.partition.id", record.partition().to_string()),
                KeyValue::new("messaging.kafka.offset", record.offset()),
            ]);
            about
        },
    )
}

/// What a record says that it follows from, where that is sound: rows and events that follow from it take it over.
fn parent(record: &OwnedMessage) -> Option<&str> {
    let headers = record.headers()?;
    let found = headers.iter().filter(|header| header.key == traceparent::HEADER).last()?;
    std::str::from_utf8(found.value?).ok().filter(|text| traceparent::sound(text))
}

fn of_topic(topic: &str, operation: &'static str) -> Vec<KeyValue> {
    vec![
        KeyValue::new("messaging.system", "kafka"),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.operation.type", operation),
        KeyValue::new("messaging.destination.name", topic.to_owned()),
    ]
}

fn of_key(key: Option<&[u8]>) -> Option<KeyValue> {
    let key = std::str::from_utf8(key?).ok()?;
    Some(KeyValue::new("messaging.kafka.message.key", key.to_owned()))
}
