//! A collector of the tests' own: takes OTLP as protobuf over HTTP, and remembers every span.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long a span may take to be exported on a loaded machine.
const BOUND: Duration = Duration::from_secs(60);

/// A span, and what says whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) span: Span,
    resource: Vec<KeyValue>,
}

impl Received {
    /// Its own id and its parent's, in hexadecimal; the parent's is empty where it has none.
    pub(crate) fn ids(&self) -> (String, String) {
        (hexadecimal(&self.span.span_id), hexadecimal(&self.span.parent_span_id))
    }

    /// An attribute as text, of the span or of whose it is.
    pub(crate) fn about(&self, name: &str) -> Option<String> {
        let all = self.span.attributes.iter().chain(&self.resource);
        all.filter(|one| one.key == name).find_map(|one| text(one.value.as_ref()?))
    }
}

fn text(value: &AnyValue) -> Option<String> {
    match value.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The collector; cheap to clone.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    received: watch::Sender<Vec<Received>>,
}

impl Collector {
    /// Takes spans until the runtime ends.
    pub(crate) async fn start() -> Self {
        let received = watch::Sender::default();
        let all = received.clone();
        let take = async move |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
            all.send_modify(|all: &mut Vec<Received>| all.extend(spans(request)));
            ExportTraceServiceResponse::default().encode_to_vec()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", post(take))).await });
        Self { endpoint, received }
    }

    /// Waits for `count` spans of a trace, and returns them as they began; no more may be there then.
    pub(crate) async fn spans(&self, trace: &str, count: usize) -> Vec<Received> {
        let of_trace = |all: &Vec<Received>| -> Vec<Received> {
            all.iter().filter(|one| hexadecimal(&one.span.trace_id) == trace).cloned().collect()
        };
        let mut received = self.received.subscribe();
        let waited = tokio::time::timeout(BOUND, received.wait_for(|all| of_trace(all).len() >= count)).await;
        let mut found = of_trace(&self.received.borrow());
        assert!(waited.is_ok(), "{} of {count} spans: {found:#?}", found.len());
        drop(waited);
        found.sort_by_key(|one| one.span.start_time_unix_nano);
        assert_eq!(found.len(), count, "{found:#?}");
        found
    }
}

fn spans(request: ExportTraceServiceRequest) -> impl Iterator<Item = Received> {
    request.resource_spans.into_iter().flat_map(|of_resource| {
        let resource = of_resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        let spans = of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans);
        spans.map(move |span| Received { span, resource: resource.clone() })
    })
}
