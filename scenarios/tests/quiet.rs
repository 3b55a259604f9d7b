//! Standard output carries results only, and Ctrl-C belongs to the conductor: neither is Goose's.
//!
//! The test starts itself again as a process of its own and looks at what that wrote, so it has no test harness.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its system has failed")]

#[path = "traffic/support.rs"]
#[expect(dead_code, reason = "shared with the tests of traffic, which need more of it")]
mod support;

use axum::Router;
use axum::routing::get;
use proofload_scenarios::{Generator, GeneratorError, Load, ctrl_c};
use std::process::Command;
use std::sync::Arc;
use support::{BOUND, nowhere, request, run, serve, traffic};
use tokio::signal::unix::{SignalKind, signal};

const CHILD: &str = "PROOFLOAD_QUIET_CHILD";

fn main() {
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(child());
        return;
    }
    let itself = std::env::current_exe().unwrap();
    let output = Command::new(itself).env(CHILD, "1").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the child failed: {stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing may be written to standard output");
    assert_eq!(stderr, "", "nor to standard error");
}

async fn child() {
    let read = request("read", "method = 'GET'\npath = '/'\nok = [200]\ntimeout = '60s'");
    let browse = traffic("browse", 1, "50/s", 400, &[read]);

    // Without Ctrl-C reserved nothing starts.
    let folder = tempfile::tempdir().unwrap();
    let directory = proofload_history::RunDir::create(folder.path(), "quiet").unwrap();
    let recorder = proofload_history::Recorder::create(&directory, proofload_history::Clock::new()).unwrap();
    let load = Load { max_workers: 64, ..Load::new("http://127.0.0.1:1", 7, vec![browse.clone()]) };
    let refused = Generator::new(load, Arc::new(recorder)).unwrap().run().await;
    assert!(matches!(refused, Err(GeneratorError::CtrlC)));

    ctrl_c::reserve().unwrap();
    let mut interrupts = signal(SignalKind::interrupt()).unwrap();
    // Goose warns of every transport error.
    run(&nowhere().await, vec![browse.clone()]).await;
    run(&serve(Router::new().route("/", get(|| async { "fine" }))).await, vec![browse]).await;
    // Goose's own handler would end the process at the second one.
    for _ in 0..2 {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT).unwrap();
        tokio::time::timeout(BOUND, interrupts.recv()).await.expect("Ctrl-C still reaches us").unwrap();
    }
}
