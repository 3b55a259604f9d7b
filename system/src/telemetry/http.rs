//! Steps that have to do with HTTP: a request is answered, somebody is called.
//!
//! A call that is about several things, each with a trace of its own, is a step of every one of these traces. Then the
//! header of the call can name none of them, and what is asked about each of the things names its own.
//!
//! Names and attributes are those of OpenTelemetry's conventions for HTTP.

use std::fmt::Display;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use reqwest::{RequestBuilder, Response, StatusCode};

use super::span::Span;
use super::traceparent;

/// A request for `path`, which `route` matches, is answered.
pub(crate) fn answer(method: &str, route: &str, path: &str, parent: Option<&str>) -> Span {
    Span::start(
        SpanKind::Server,
        parent,
        || format!("{method} {route}"),
        || {
            vec![
                KeyValue::new("http.request.method", method.to_owned()),
                KeyValue::new("http.route", route.to_owned()),
                KeyValue::new("url.path", path.to_owned()),
            ]
        },
    )
}

/// Something is done, for as long as the steps live, about each of several things that one request asks for: a step of
/// each of these traces, which goes on from there. `name` is what is done. A thing without a trace stays without one.
pub(crate) fn parts<'a>(name: &'static str, traces: impl Iterator<Item = &'a mut Option<String>>) -> Vec<Span> {
    go_on(traces, |before| Span::start(SpanKind::Server, Some(before), || name, Vec::new))
}

fn go_on<'a>(traces: impl Iterator<Item = &'a mut Option<String>>, step: impl Fn(&str) -> Span) -> Vec<Span> {
    let step = |trace: &'a mut Option<String>| {
        let step = step(trace.as_deref()?);
        *trace = step.traceparent();
        Some(step)
    };
    traces.filter_map(step).collect()
}

/// The answer to the request has this status.
pub(crate) fn answered(span: &mut Span, status: u16) {
    status_is(span, status, 500);
}

/// A status from `error_from` on is a failure: for who answers that of the server alone, for who calls any.
fn status_is(span: &mut Span, status: u16, error_from: u16) {
    span.set("http.response.status_code", i64::from(status));
    if status >= error_from {
        span.failed(status.to_string(), &"");
    }
}

/// One call as a step of the traces of all that it is about.
#[derive(Debug)]
pub(crate) struct Call {
    steps: Vec<Span>,
}

impl Call {
    /// `peer` is called because of `parent`; `route` is the path as the peer's own route has it.
    pub(crate) fn after(parent: Option<&str>, method: &'static str, peer: &str, route: &'static str) -> Self {
        Self { steps: vec![step(parent, method, peer, route)] }
    }

    /// `peer` is called about things that belong to these traces, each of which becomes what the peer is told: the step
    /// of the call in it. A thing without a trace stays without one.
    pub(crate) fn about<'a>(
        method: &'static str,
        peer: &str,
        route: &'static str,
        traces: impl Iterator<Item = &'a mut Option<String>>,
    ) -> Self {
        Self { steps: go_on(traces, |before| step(Some(before), method, peer, route)) }
    }

    /// The request with the trace in its header, where it is one.
    pub(crate) fn tell(&self, request: RequestBuilder) -> RequestBuilder {
        let only = match self.steps.as_slice() {
            [only] => only.traceparent(),
            _ => None,
        };
        match only {
            Some(traceparent) => request.header(traceparent::HEADER, traceparent),
            None => request,
        }
    }

    /// Makes the call, and notes what came of it. Errors where there is no answer.
    pub(crate) async fn send(&mut self, request: RequestBuilder) -> reqwest::Result<Response> {
        let answer = self.tell(request).send().await.inspect_err(|error| self.failed(error))?;
        self.returned(answer.status());
        Ok(answer)
    }

    /// The one who was called answered with this status.
    pub(crate) fn returned(&mut self, status: StatusCode) {
        for step in &mut self.steps {
            status_is(step, status.as_u16(), 400);
        }
    }

    fn failed(&mut self, reason: &dyn Display) {
        for step in &mut self.steps {
            step.failed("no-answer", reason);
        }
    }
}

fn step(parent: Option<&str>, method: &'static str, peer: &str, route: &'static str) -> Span {
    Span::start(
        SpanKind::Client,
        parent,
        || format!("{method} {route}"),
        || {
            vec![
                KeyValue::new("http.request.method", method),
                KeyValue::new("url.template", route),
                KeyValue::new("server.address", peer.to_owned()),
            ]
        },
    )
}
