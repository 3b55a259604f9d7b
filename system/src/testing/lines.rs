//! Lines of the log, as they are written, caught before they are.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;

use crate::telemetry::log::Lines;

/// Two that nobody logs to. As long as there is one dispatcher alone, tracing asks that of the thread which comes to a
/// place in the code first, and where that thread has none, the place is silent for all.
static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();

/// What this thread logs, as long as this value lives.
pub(crate) struct Caught {
    text: Buffer,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Catches lines from `warn` on, and, of this system, all.
pub(crate) fn catch() -> Caught {
    OTHERS.get_or_init(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));
    let text = Buffer::default();
    let writer = text.clone();
    let log = tracing_subscriber::fmt().json().event_format(Lines).with_env_filter("warn,lending=debug");
    let log = log.with_writer(move || writer.clone()).finish();
    Caught { text, _guard: tracing::subscriber::set_default(log) }
}

impl Caught {
    /// Every line so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = self.text.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8(text.clone()).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    /// Those that say this.
    pub(crate) fn saying(&self, message: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["message"] == message).collect()
    }
}
