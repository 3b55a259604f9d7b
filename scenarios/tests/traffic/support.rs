//! A system to send traffic to, and the history of what was sent.

use axum::Router;
use proofload_history::journal::LoadAudit;
use proofload_history::{Clock, Event, History, Operation, Recorder, RunDir};
use proofload_scenarios::traffic::MAX_WORKERS;
use proofload_scenarios::{
    Arrivals, Generator, GeneratorError, Handle, Journey, Load, Mix, Request, Step, Traffic, ctrl_c,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, pki_types::PrivateKeyDer};

/// Nothing here takes this long, on any machine.
pub(crate) const BOUND: Duration = Duration::from_secs(120);
pub(crate) const SEED: u64 = 7;

/// A request, in the words of a TOML file.
pub(crate) fn request(name: &str, spec: &str) -> Arc<Request> {
    Arc::new(Request::new(name, &toml::from_str(spec).unwrap()).unwrap())
}

/// A step that makes a request once.
pub(crate) fn once(request: &Arc<Request>) -> Step {
    Step::Do { request: Arc::clone(request), times: 1 }
}

/// A traffic whose clients make these requests, one after the other.
pub(crate) fn traffic(name: &str, stream: u16, rate: &str, lasts_ms: u64, steps: &[Arc<Request>]) -> Traffic {
    mixed(name, stream, rate, lasts_ms, Journey::new(name, steps.iter().map(once).collect()).unwrap())
}

/// A traffic whose clients make these journeys.
pub(crate) fn mixed(name: &str, stream: u16, rate: &str, lasts_ms: u64, mix: impl Into<Mix>) -> Traffic {
    Traffic {
        name: name.into(),
        stream,
        arrivals: Arrivals::Constant(rate.parse().unwrap()),
        lasts: Duration::from_millis(lasts_ms),
        mix: mix.into(),
    }
}

/// Serves `system` on loopback; tells where.
pub(crate) async fn serve(system: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, system).await });
    url(address)
}

/// Gives every connection to `answer`; tells where.
pub(crate) async fn serve_raw<F: Future<Output = ()> + Send + 'static>(answer: fn(TcpStream) -> F) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    url(address)
}

/// Answers every request over TLS, with this certificate and this key; tells where.
pub(crate) async fn serve_tls(certificate: Vec<u8>, key: Vec<u8>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(key).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.into()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that trusts nobody here goes away.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                // Each request of these tests is one small write.
                while stream.read(&mut [0; 4_096]).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine").await;
                    let _ = stream.flush().await;
                }
            });
        }
    });
    address
}

/// An address where nobody listens.
pub(crate) async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url(listener.local_addr().unwrap())
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// A load that runs.
pub(crate) struct Running {
    pub(crate) handle: Handle,
    pub(crate) run: RunDir,
    task: JoinHandle<Result<Vec<LoadAudit>, GeneratorError>>,
    recorder: Arc<Recorder>,
    _folder: tempfile::TempDir,
}

/// What became of it.
pub(crate) struct Ended {
    pub(crate) audits: Vec<LoadAudit>,
    pub(crate) history: History,
    /// All operations, in the order recorded.
    pub(crate) made: Vec<Operation>,
}

/// Starts `traffics` against `base_url`.
pub(crate) fn start(base_url: &str, traffics: Vec<Traffic>, max_workers: usize) -> Running {
    start_load(Load { max_workers, ..Load::new(base_url, SEED, traffics) })
}

/// Starts a load.
pub(crate) fn start_load(load: Load) -> Running {
    ctrl_c::reserve().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path(), "test").unwrap();
    let recorder = Arc::new(Recorder::create(&run, Clock::new()).unwrap());
    let started = Event::RunStarted {
        experiment: "test".to_owned(),
        wall_ms: recorder.clock().wall_start_ms(),
        seed: SEED,
        variants: Vec::new(),
        environment: "loopback".to_owned(),
        machine: std::collections::BTreeMap::new(),
    };
    recorder.event(started).unwrap();
    let generator = Generator::new(load, Arc::clone(&recorder)).unwrap();
    let handle = generator.handle();
    Running { handle, run, task: tokio::spawn(generator.run()), recorder, _folder: folder }
}

/// Runs `traffics` against `base_url` to their end.
pub(crate) async fn run(base_url: &str, traffics: Vec<Traffic>) -> Ended {
    start(base_url, traffics, MAX_WORKERS).end().await
}

impl Running {
    /// Waits for the end of the run and reads its history.
    pub(crate) async fn end(self) -> Ended {
        let audits = tokio::time::timeout(BOUND, self.task).await.expect("the run ends").unwrap().unwrap();
        self.recorder.event(Event::RunEnded {}).unwrap();
        self.recorder.close().unwrap();
        let history = History::read(&self.run).unwrap();
        assert_eq!(history.damage, Vec::<String>::new());
        let made = history.operations.to_vec().unwrap();
        Ended { audits, history, made }
    }

    /// Gives the run up, as a conductor does that is cancelled.
    pub(crate) fn give_up(self) {
        self.task.abort();
    }

    /// Waits until `holds` of the counts.
    pub(crate) async fn until(&self, holds: impl Fn(proofload_scenarios::LiveCounts) -> bool) {
        tokio::time::timeout(BOUND, self.handle.until(holds)).await.expect("the condition holds some time");
    }
}

impl Ended {
    /// The operations called `name`, in the order in which they were intended.
    pub(crate) fn operations(&self, name: &str) -> Vec<&Operation> {
        let mut operations: Vec<&Operation> = self.made.iter().filter(|operation| &*operation.name == name).collect();
        operations.sort_by_key(|operation| (operation.intended, operation.intent, operation.attempt));
        operations
    }
}
