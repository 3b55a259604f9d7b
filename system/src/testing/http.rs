//! HTTP over the loopback: the client of every test, and servers of a test's own.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How long an answer may take on a loaded machine.
const BOUND: Duration = Duration::from_secs(60);

/// The client that every role has, with a test's patience.
pub(crate) fn client() -> Client {
    crate::http::client(BOUND, BOUND, None).expect("a client")
}

/// Routes that are served until this value is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    task: JoinSet<()>,
}

impl Server {
    pub(crate) async fn of(routes: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, routes).await.expect("served") });
        Self { address, task }
    }

    /// Its URL, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until the runtime ends; returns the address.
    pub(crate) fn for_good(mut self) -> SocketAddr {
        self.task.detach_all();
        self.address
    }
}
