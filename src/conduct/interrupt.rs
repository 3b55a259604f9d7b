//! The wish of a user, or of a CI system, that the run end now.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells everybody who waits that the run is to end, and by which signal.
#[derive(Clone)]
pub(super) struct Interrupt(watch::Receiver<Option<&'static str>>);

impl Interrupt {
    /// Takes SIGINT and SIGTERM over from now on; before anything else could.
    pub(super) fn listen() -> std::io::Result<Self> {
        let mut int = signal(SignalKind::interrupt())?;
        let mut term = signal(SignalKind::terminate())?;
        let (tell, told) = watch::channel(None);
        tokio::spawn(async move {
            let by = tokio::select! {
                _ = int.recv() => "SIGINT",
                _ = term.recv() => "SIGTERM",
            };
            tell.send_replace(Some(by));
            // A second signal changes nothing: healing goes on. SIGKILL remains for who cannot wait.
            tell.closed().await;
        });
        Ok(Self(told))
    }

    /// Returns when a signal has come; never, if none does.
    pub(super) async fn wait(&self) -> &'static str {
        let mut told = self.0.clone();
        match told.wait_for(Option::is_some).await {
            Ok(by) => by.unwrap_or("signal"),
            Err(_) => std::future::pending().await,
        }
    }
}
