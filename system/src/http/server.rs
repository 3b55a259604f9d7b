//! Serves a router until the process is told to stop, then finishes what is in flight.

use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::http::{Method, Uri};
use axum::serve::ListenerExt;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use super::health::{self, Readiness};
use super::problem::{Kind, Problem};
use super::{head, metrics, request_id, trace};
use crate::config::server::{ServerSettings, Shutdown};

/// The exit code of a process that SIGTERM ends.
const TERMINATED: i32 = 128 + 15;

/// A service's routes, measured, traced and told apart in the log by their requests, with health, metrics and problem
/// documents for what no route matches.
pub(crate) fn with_operations(routes: Router, readiness: Readiness, handle: PrometheusHandle) -> Router {
    routes
        .route_layer(axum::middleware::from_fn(metrics::measure))
        .route_layer(axum::middleware::from_fn(trace::follow))
        .route_layer(axum::middleware::from_fn(request_id::know))
        .merge(health::routes(readiness))
        .merge(metrics::routes(handle))
        .fallback(unknown_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(axum::middleware::from_fn(head::bound))
}

async fn unknown_path(uri: Uri) -> Problem {
    Kind::UnknownPath.with(format!("{} is not served here", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Kind::MethodNotAllowed.with(format!("{} does not know {method}", uri.path()))
}

/// Serves until SIGTERM or SIGINT, as [`serve_until`] does. Errors where the address cannot be listened on.
pub(crate) async fn serve(settings: &ServerSettings, router: Router, readiness: Readiness) -> anyhow::Result<()> {
    serve_until(stop_signal(), listen(settings).await?, settings, router, readiness).await
}

/// Listens on the address of the settings.
pub(crate) async fn listen(settings: &ServerSettings) -> anyhow::Result<TcpListener> {
    let listen = settings.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    info!(%listen, "listening");
    Ok(listener)
}

/// Serves until `stop`, then waits for what is in flight, at most for the shutdown time-out; where a stop is to be
/// abrupt, it ends the process instead.
pub(crate) async fn serve_until(
    stop: impl Future<Output = ()> + Send + 'static,
    listener: TcpListener,
    settings: &ServerSettings,
    router: Router,
    readiness: Readiness,
) -> anyhow::Result<()> {
    let (stopping, stopped) = watch::channel(false);
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            warn!(%error, "cannot switch off Nagle's algorithm");
        }
    });
    let server = axum::serve(listener, router).with_graceful_shutdown(told(stopped.clone()));
    let shutdown = settings.shutdown;
    tokio::spawn(async move {
        stop.await;
        if shutdown == Shutdown::Abrupt {
            warn!("ending at once: what is in flight is dropped");
            std::process::exit(TERMINATED);
        }
        readiness.end();
        let _ = stopping.send(true);
    });
    tokio::select! {
        ended = server => ended.context("the HTTP server failed")?,
        () = overdue(stopped, settings.shutdown_timeout) => {
            warn!("requests were still in flight when the shutdown time-out passed");
        }
    }
    info!("stopped serving");
    Ok(())
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // The sender lives until it has sent; an error means that the runtime goes away, which is a stop as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn overdue(stopped: watch::Receiver<bool>, timeout: Duration) {
    told(stopped).await;
    tokio::time::sleep(timeout).await;
}

/// Waits for SIGTERM or SIGINT. They are listened for from the call on, not from the first time that it is awaited:
/// whoever can ask this process for something can also tell it to stop.
pub(crate) fn stop_signal() -> impl Future<Output = ()> + Send + 'static {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            warn!("cannot listen for signals; only a kill will stop this process");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => info!("told to stop by SIGTERM"),
            _ = interrupt.recv() => info!("told to stop by SIGINT"),
        }
    }
}
