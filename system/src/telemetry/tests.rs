//! What is exported, and what a line says.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use opentelemetry::trace::{Span as _, SpanKind, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::sync::mpsc;
use tracing::{error_span, info};

use super::export::Queue;
use super::span::Span;
use super::traceparent;
use crate::testing::lines::catch;
use crate::testing::traces::{Begun, collector};

fn step(parent: Option<&str>) -> Span {
    Span::start(SpanKind::Internal, parent, || "step", Vec::new)
}

#[tokio::test]
async fn a_trace_that_came_is_exported_as_who_began_it_says_and_one_that_begins_here_by_the_setting() {
    let collector = collector();
    let (wanted, unwanted) = (Begun::new(), Begun::new());
    let not_sampled = unwanted.traceparent().replace("-01", "-00");
    assert_eq!(step(Some(&not_sampled)).traceparent().as_ref(), Some(&not_sampled), "nobody hears of a step in it");
    let root = step(None).traceparent().expect("a trace begins");
    assert!(root.ends_with("-00"), "the setting of the tests samples none: {root}");
    assert_eq!(step(Some(&root)).traceparent(), Some(root), "whoever follows knows that");

    let first = step(Some(&wanted.traceparent()));
    let second = step(first.traceparent().as_deref());
    drop((second, first));
    let spans = collector.spans(&wanted.trace, 2).await;
    assert_eq!(spans[0].ids().1, wanted.step);
    assert_eq!(spans[1].ids().1, spans[0].ids().0);
    assert_eq!(spans[0].about("service.name").as_deref(), Some("tests"));
    assert_eq!(spans[0].about("service.instance.id").as_deref(), Some("tests-1"));
}

#[test]
fn what_is_no_traceparent_goes_on_as_it_came_and_nobody_follows_it() {
    collector();
    assert_eq!(step(Some("00-1")).traceparent().as_deref(), Some("00-1"));
}

#[test]
fn a_step_that_failed_says_why() {
    collector();
    let begun = Begun::new();
    let mut failed = step(Some(&begun.traceparent()));
    failed.failed("poison", &"it is no event");
    drop(failed);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let spans = runtime.block_on(collector().spans(&begun.trace, 1));
    let status = spans[0].span.status.as_ref().expect("a status");
    assert_eq!((status.code, status.message.as_str()), (2, "it is no event"));
    assert_eq!(spans[0].about("error.type").as_deref(), Some("poison"));
}

#[test]
fn a_full_queue_drops_spans_counts_them_and_keeps_nobody_waiting() {
    let (queue, mut queued) = mpsc::channel(1);
    let provider =
        SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOn).with_span_processor(Queue(queue)).build();
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        for _ in 0..3 {
            provider.tracer("test").start("step").end();
        }
    });
    assert_eq!(queued.try_recv().expect("the first").name, "step");
    assert!(queued.try_recv().is_err());
    let counted = recorder.handle().render();
    assert!(counted.contains("lending_spans_dropped_total{reason=\"queue\"} 2"), "{counted}");
}

#[test]
fn a_line_is_flat_and_has_the_fields_of_the_spans_that_it_is_in() {
    let caught = catch();
    let outer = error_span!("outer", request_id = "r-1", customer_id = tracing::field::Empty).entered();
    outer.record("customer_id", "c-1");
    error_span!("inner", correlation_id = "k-1").in_scope(|| {
        info!(request_id = "its own", rows = 3, late = true, took = ?Duration::from_millis(5), "done");
    });
    let line = &caught.lines()[0];
    for (name, value) in [("message", "done"), ("level", "INFO"), ("request_id", "its own"), ("took", "5ms")] {
        assert_eq!(line[name], value, "{line}");
    }
    assert_eq!((&line["customer_id"], &line["correlation_id"]), (&"c-1".into(), &"k-1".into()));
    assert_eq!((&line["rows"], &line["late"]), (&3.into(), &true.into()));
    assert!(line["timestamp"].as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()), "{line}");
    assert!(line["target"].as_str().is_some_and(|text| text.ends_with("telemetry::tests")), "{line}");
}

#[test]
fn two_steps_of_one_trace_are_known_as_that() {
    collector();
    let begun = Begun::new().traceparent();
    let own = step(Some(&begun)).traceparent().expect("a step");
    assert!(own != begun && traceparent::same_trace(&own, &begun));
}
