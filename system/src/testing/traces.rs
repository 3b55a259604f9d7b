//! Traces of what happens in the tests' own process.
//!
//! A process has one exporter, so all tests share it: it exports what belongs to a trace that says so, and none that
//! begins here. What a test does not ask for is exported by no other test either.

use std::sync::{OnceLock, mpsc};

use uuid::Uuid;

use super::otlp::Collector;
use crate::config::telemetry::TelemetrySettings;
use crate::telemetry::export;

static COLLECTOR: OnceLock<Collector> = OnceLock::new();

/// The collector of this process. It outlives the runtime of every test.
pub(crate) fn collector() -> &'static Collector {
    COLLECTOR.get_or_init(|| {
        let (started, collector) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let collector = Collector::start().await;
                let settings = TelemetrySettings {
                    service: "tests",
                    instance: "tests-1".to_owned(),
                    endpoint: collector.endpoint.clone(),
                    sampling: 0.0,
                };
                let _exporter = export::start(Some(settings)).expect("the first of this process");
                started.send(collector).expect("somebody waits");
                std::future::pending::<()>().await;
            });
        });
        collector.recv().expect("a collector")
    })
}

/// A trace that a client has begun and wants exported.
pub(crate) struct Begun {
    pub(crate) trace: String,
    /// The client's own step.
    pub(crate) step: String,
}

impl Begun {
    pub(crate) fn new() -> Self {
        let step = Uuid::new_v4().simple().to_string();
        Self { trace: Uuid::new_v4().simple().to_string(), step: step[..16].to_owned() }
    }

    /// What the client says of it.
    pub(crate) fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace, self.step)
    }
}
