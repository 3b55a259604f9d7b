//! What an operator does to the system by hand, from inside the lab.

use std::process::Command;

/// `proofload lab ACTION INSTANCE`: returns when it is done; what is started is ready then.
pub(crate) async fn lab(action: &'static str, instance: &'static str) {
    tokio::task::spawn_blocking(move || told_to(action, instance)).await.unwrap();
}

/// The same, of all credit bureaus: they take questions and answer none until this value goes, so that an application
/// stays as open as a test needs it.
pub(crate) struct SilentBureaus(());

const BUREAUS: [&str; 3] = ["bureau-1", "bureau-2", "bureau-3"];

impl SilentBureaus {
    pub(crate) async fn new() -> Self {
        for bureau in BUREAUS {
            lab("pause", bureau).await;
        }
        Self(())
    }
}

impl Drop for SilentBureaus {
    fn drop(&mut self) {
        for bureau in BUREAUS {
            told_to("resume", bureau);
        }
    }
}

fn told_to(action: &str, instance: &str) {
    let done = Command::new(env!("CARGO_BIN_EXE_proofload")).args(["lab", action, instance]).output().unwrap();
    // A test that has failed has said why already.
    if !std::thread::panicking() {
        assert!(done.status.success(), "{action} {instance}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
