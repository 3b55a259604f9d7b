//! A step of a trace, from its start until it is dropped.
//!
//! Where nothing is exported there are no spans, and what came as the parent goes on as it came: the trace crosses this
//! process as if it were not there.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::OnceLock;

use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SdkTracer;

use super::traceparent;

/// Makes the spans of this process; none where nothing is exported.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// From now on spans are made. The first tracer of a process stays; false where there is one already.
pub(super) fn make_with(tracer: SdkTracer) -> bool {
    TRACER.set(tracer).is_ok()
}

/// A step. It ends, and is exported where its trace is sampled, when it is dropped.
#[derive(Debug)]
pub(crate) struct Span {
    made: Option<opentelemetry_sdk::trace::Span>,
    /// What it was started under, as it came.
    parent: Option<String>,
}

impl Span {
    /// Starts a step that follows from `parent`, or begins a trace where there is none. `name` is one of few; `about`
    /// says what is known of the step. Neither is asked where nobody will hear of it. A parent that is not sound is
    /// passed on, and followed by nobody.
    pub(super) fn start<N: Into<Cow<'static, str>>>(
        kind: SpanKind,
        parent: Option<&str>,
        name: impl FnOnce() -> N,
        about: impl FnOnce() -> Vec<KeyValue>,
    ) -> Self {
        let mut span = Self { made: None, parent: parent.map(ToOwned::to_owned) };
        let Some(tracer) = TRACER.get() else { return span };
        let context = match parent.map(traceparent::parse) {
            None => Context::new(),
            Some(Some(remote)) => Context::new().with_remote_span_context(remote),
            Some(None) => return span,
        };
        let mut made = tracer.span_builder(name()).with_kind(kind).start_with_context(tracer, &context);
        if made.span_context().is_sampled() {
            made.set_attributes(about());
        }
        span.made = Some(made);
        span
    }

    /// What follows from this step has this as its parent: the step itself, or, where nobody will hear of it, what it
    /// was started under. A trace that begins here and is not sampled is told on as that, or each of its steps would
    /// draw anew.
    pub(crate) fn traceparent(&self) -> Option<String> {
        match (&self.made, &self.parent) {
            (Some(made), parent) if made.span_context().is_sampled() || parent.is_none() => {
                Some(traceparent::text(made.span_context()))
            }
            (_, parent) => parent.clone(),
        }
    }

    /// Says something about the step that was not known at its start.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(made) = &mut self.made {
            made.set_attribute(KeyValue::new(name, value));
        }
    }

    /// The step failed, for `reason`; `class` is one of few, such as a status or a type.
    pub(crate) fn failed(&mut self, class: impl Into<Value>, reason: &dyn Display) {
        let Some(made) = &mut self.made else { return };
        if made.is_recording() {
            made.set_attribute(KeyValue::new("error.type", class));
            made.set_status(Status::error(reason.to_string()));
        }
    }
}
