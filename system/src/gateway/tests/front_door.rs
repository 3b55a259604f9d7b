//! nginx, the front door: a real one with the template, and what it says of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::Router;
use axum::http::{HeaderMap, Method};
use futures::StreamExt;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::BOUND;
use crate::http::problem::Kind;
use crate::testing::log::wait_for;

const TEMPLATE: &str = include_str!("../../../nginx.conf");
/// The header in which the gateways of these tests say who they are.
const GATEWAY: &str = "x-gateway";
/// Where nginx logs, in its folder.
const LOG: &str = "nginx.log";
/// What nginx says of its own.
const KINDS: [Kind; 11] = [
    Kind::BadRequest,
    Kind::UnknownPath,
    Kind::MethodNotAllowed,
    Kind::RequestTimeout,
    Kind::BodyTooLarge,
    Kind::UriTooLong,
    Kind::TooManyRequests,
    Kind::HeadersTooLarge,
    Kind::Internal,
    Kind::BadGateway,
    Kind::Unconfirmed,
];

/// nginx with the template; it ends with this value.
struct FrontDoor {
    nginx: Child,
    port: u16,
    client: reqwest::Client,
    folder: TempDir,
}

impl FrontDoor {
    /// Before gateways at these addresses, with the template changed by `change`.
    async fn open(gateways: &[&str], change: impl Fn(String) -> String) -> Self {
        // Between looking for a free port and listening on it somebody else may take it.
        for _ in 0..5 {
            if let Some(door) = Self::try_open(gateways, &change).await {
                return door;
            }
        }
        panic!("nginx does not answer")
    }

    async fn try_open(gateways: &[&str], change: impl Fn(String) -> String) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        certify(folder.path());
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, change(configuration(folder.path(), port, gateways))).expect("written");
        let output = nginx(folder.path()).arg("-t").arg("-q").output().expect("nginx runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let log = File::create(folder.path().join(LOG)).expect("a file");
        let nginx = nginx(folder.path()).stderr(log).spawn().expect("nginx runs");
        let client = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true);
        let mut door = Self { nginx, port, client: client.build().expect("a client"), folder };
        let started = Instant::now();
        while door.nginx.try_wait().expect("a child").is_none() && started.elapsed() < BOUND {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(door);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        None
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("https://127.0.0.1:{}{path}", self.port))
    }

    /// Who answers a request.
    async fn passed_to(&self, method: &Method) -> String {
        let request = self.client.request(method.clone(), format!("https://127.0.0.1:{}/", self.port));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{method}");
        answer.headers()[GATEWAY].to_str().expect("text").to_owned()
    }

    /// How often nginx was refused a connection by the gateway at this address.
    fn refused_by(&self, gateway: &str) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join(LOG)).expect("the log");
        let upstream = format!("upstream: \"http://{gateway}/\"");
        log.lines().filter(|line| line.contains("Connection refused") && line.contains(&upstream)).count()
    }
}

impl Drop for FrontDoor {
    fn drop(&mut self) {
        // SIGTERM, so that the worker ends too; a kill would leave it behind.
        let _ = Command::new("kill").arg(self.nginx.id().to_string()).status();
        let _ = self.nginx.wait();
    }
}

/// The template with every placeholder filled in as the lab does.
fn configuration(folder: &Path, port: u16, gateways: &[&str]) -> String {
    let servers = gateways.iter().map(|gateway| format!("server {gateway} max_fails=1 fail_timeout=1s;\n"));
    let file = |name: &str| folder.join(name).display().to_string();
    TEMPLATE
        .replace("{listen}", &format!("127.0.0.1:{port}"))
        .replace("{dir}", &folder.display().to_string())
        .replace("{setting:rate}", "1000")
        .replace("{setting:burst}", "500")
        .replace("{certificate}", &file("certificate.pem"))
        .replace("{certificate_key}", &file("key.pem"))
        .replace("{servers:gateway:8080}", &servers.collect::<String>())
}

fn certify(folder: &Path) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args(["-subj", "/CN=nginx", "-days", "1", "-keyout", "key.pem", "-out", "certificate.pem"]);
    let output = command.current_dir(folder).output().expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn nginx(folder: &Path) -> Command {
    let program = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists());
    let mut command = Command::new(program.expect("nginx is installed (./setup)"));
    command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    command
}

/// A gateway that takes everything and tells who it is and the headers that it saw.
async fn gateway() -> String {
    gateway_at("127.0.0.1:0").await
}

async fn gateway_at(address: &str) -> String {
    let listener = tokio::net::TcpListener::bind(address).await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let own = address.clone();
    let tell = move |headers: HeaderMap| std::future::ready(([(GATEWAY, own)], format!("{headers:?}")));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(tell)).await });
    address
}

/// An address that refuses: nobody listens there any more.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").to_string()
}

/// A gateway that takes connections and never answers, and how many it has taken.
async fn hanging_gateway() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            held.push(connection);
        }
    });
    (address, taken)
}

/// A gateway that dies with each request in hand: it reads it and closes the connection.
async fn dying_gateway() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 4096]).await;
        }
    });
    address
}

/// A gateway that fails is left alone for longer than a test takes.
fn for_an_hour(text: &str) -> String {
    text.replace("fail_timeout=1s", "fail_timeout=1h")
}

async fn problem(answer: reqwest::Response) -> (u16, String) {
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let status = answer.status().as_u16();
    let document: Value = answer.json().await.expect("a document");
    assert_eq!(document["status"], status);
    (status, document["type"].as_str().expect("a kind").to_owned())
}

fn expected(kind: Kind) -> (u16, String) {
    let (name, status, _) = kind.description();
    (status.as_u16(), format!("urn:lending:problem:{name}"))
}

#[tokio::test]
async fn it_passes_requests_on_with_an_id_and_says_in_documents_what_it_does_not_pass_on() {
    let gateway = gateway().await;
    let door = FrontDoor::open(&[&gateway], |text| text).await;
    let ask = async |request: reqwest::RequestBuilder| request.send().await.expect("an answer");
    let passed = ask(door.get("/v1/customers/1").header("x-request-id", "no'uuid")).await;
    assert_eq!(passed.status(), 200);
    let seen = passed.text().await.expect("a body");
    assert!(seen.contains("\"x-request-id\"") && !seen.contains("no'uuid"), "{seen}");
    assert!(seen.contains("\"x-forwarded-for\": \"127.0.0.1\""), "{seen}");

    let long = "a".repeat(12_000);
    let post = door.client.post(format!("https://127.0.0.1:{}/", door.port));
    for (request, kind) in [
        (door.get("/metrics"), Kind::UnknownPath),
        (door.get("/health/ready"), Kind::UnknownPath),
        (door.get("/.problem/internal"), Kind::UnknownPath),
        (door.client.request(Method::TRACE, format!("https://127.0.0.1:{}/", door.port)), Kind::MethodNotAllowed),
        (door.get(&format!("/{long}")), Kind::UriTooLong),
        (door.get("/").header("x-much", &long), Kind::HeadersTooLarge),
        (post.body("a".repeat(10 * 1024 * 1024)), Kind::BodyTooLarge),
        (door.client.get(format!("http://127.0.0.1:{}/", door.port)), Kind::BadRequest),
    ] {
        // nginx may refuse a body before it is sent; whoever goes on sending may miss the answer.
        match request.send().await {
            Ok(answer) => assert_eq!(problem(answer).await, expected(kind)),
            Err(error) => assert!(kind == Kind::BodyTooLarge && error.is_request(), "{error:?}"),
        }
    }
    let mut garbage = TcpStream::connect(("127.0.0.1", door.port)).await.expect("connected");
    garbage.write_all(b"GET\r\n\r\n").await.expect("written");
    let mut answer = String::new();
    garbage.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.contains("urn:lending:problem:bad-request"), "{answer}");
}

#[tokio::test]
async fn a_client_over_its_rate_is_told_when_to_come_back_and_that_nothing_was_done() {
    let gateway = gateway().await;
    // So slow that no machine is too slow to exceed it.
    let slow = |text: String| text.replace("rate=1000r/s", "rate=1r/m").replace("burst=500", "burst=2");
    let door = FrontDoor::open(&[&gateway], slow).await;
    let ask = async |token: Option<&str>| {
        let request = token.into_iter().fold(door.get("/"), reqwest::RequestBuilder::bearer_auth);
        request.send().await.expect("an answer")
    };
    for token in [Some("one"), Some("two"), None] {
        for _ in 0..3 {
            assert_eq!(ask(token).await.status(), 200, "{token:?} has not asked for too much");
        }
        let refused = ask(token).await;
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(refused.headers()["not-attempted"], "true");
        assert_eq!(problem(refused).await, expected(Kind::TooManyRequests));
    }
}

#[tokio::test]
async fn a_limit_that_was_set_out_of_reach_refuses_nobody() {
    let gateway = gateway().await;
    // As the variant `no-rate-limit` has it; in nginx's own units these are a thousand times as much.
    let open = |text: String| text.replace("rate=1000r/s", "rate=1000000r/s").replace("burst=500", "burst=1000000");
    let door = FrontDoor::open(&[&gateway], open).await;
    let asked = (0..1_200).map(|_| door.get("/").bearer_auth("one").send());
    let answers: Vec<_> = futures::stream::iter(asked).buffer_unordered(100).collect().await;
    for answer in answers {
        assert_eq!(answer.expect("an answer").status(), 200);
    }
}

#[tokio::test]
async fn a_gateway_that_is_away_is_said_to_be() {
    // Port 1 of the loopback refuses; nothing listens there.
    let door = FrontDoor::open(&["127.0.0.1:1"], |text| text).await;
    let answer = door.get("/").send().await.expect("an answer");
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(problem(answer).await, expected(Kind::BadGateway));
}

#[tokio::test]
async fn sound_gateways_take_turns() {
    let (one, other) = (gateway().await, gateway().await);
    let door = FrontDoor::open(&[&one, &other], |text| text).await;
    let mut passed = BTreeMap::new();
    for _ in 0..20 {
        *passed.entry(door.passed_to(&Method::GET).await).or_insert(0) += 1;
    }
    assert_eq!(passed, BTreeMap::from([(one, 10), (other, 10)]));
}

#[tokio::test]
async fn a_dead_gateway_costs_no_request_and_is_left_alone() {
    let (dead, sound) = (nobody(), gateway().await);
    let door = FrontDoor::open(&[&dead, &sound], |text| for_an_hour(&text)).await;
    for _ in 0..10 {
        // A command too: nothing of it was sent to the dead one.
        for method in [Method::POST, Method::GET] {
            assert_eq!(door.passed_to(&method).await, sound);
        }
    }
    assert_eq!(door.refused_by(&dead), 1);
}

#[tokio::test]
async fn of_what_a_gateway_died_with_a_put_is_passed_on_and_a_post_is_not() {
    let (dying, sound) = (dying_gateway().await, gateway().await);
    for (method, passed_on) in [(Method::PUT, true), (Method::POST, false), (Method::PATCH, false)] {
        // The dying one is asked first by a door that nobody has been through, and then left alone.
        let door = FrontDoor::open(&[&dying, &sound], |text| for_an_hour(&text)).await;
        let answer = door.client.request(method.clone(), format!("https://127.0.0.1:{}/", door.port)).send().await;
        let answer = answer.expect("an answer");
        if passed_on {
            assert_eq!(answer.status(), 200, "{method}");
            assert_eq!(answer.headers()[GATEWAY], sound.as_str(), "{method}");
        } else {
            assert_eq!(problem(answer).await, expected(Kind::BadGateway), "{method}");
        }
    }
}

#[tokio::test]
async fn a_gateway_that_is_back_is_asked_again_when_it_was_left_alone_for_its_time() {
    let (dead, sound) = (nobody(), gateway().await);
    let door = FrontDoor::open(&[&dead, &sound], |text| text).await;
    assert_eq!(door.passed_to(&Method::GET).await, sound);
    assert_eq!(gateway_at(&dead).await, dead);
    wait_for("the one that is back is asked", async || door.passed_to(&Method::GET).await == dead).await;
}

#[tokio::test]
async fn a_gateway_that_hangs_costs_one_request_whose_fate_is_unknown_and_is_left_alone() {
    let ((hanging, taken), sound) = (hanging_gateway().await, gateway().await);
    // Shorter than in the template, and still longer than it leaves for a second try, as there.
    let shorter = |text: String| {
        text.replace("proxy_read_timeout 9500ms", "proxy_read_timeout 3s")
            .replace("proxy_next_upstream_timeout 3s", "proxy_next_upstream_timeout 1s")
    };
    let door = FrontDoor::open(&[&hanging, &sound], |text| for_an_hour(&shorter(text))).await;
    let (mut passed, mut unknown) = (0, 0);
    for _ in 0..20 {
        let answer = door.get("/").send().await.expect("an answer");
        if answer.status() == 200 {
            assert_eq!(answer.headers()[GATEWAY], sound.as_str());
            passed += 1;
        } else {
            assert_eq!(problem(answer).await, expected(Kind::Unconfirmed));
            unknown += 1;
        }
    }
    assert_eq!((passed, unknown, taken.load(Ordering::Relaxed)), (19, 1, 1));
}

/// The documents that nginx answers with, and the status before each.
fn documents() -> impl Iterator<Item = (u16, Value)> {
    let returned = |line: &'static str| line.trim().strip_prefix("return ")?.strip_suffix("';")?.split_once(" '");
    TEMPLATE.lines().filter_map(returned).map(|(status, document)| {
        (status.parse().expect("a status"), serde_json::from_str(document).expect("a problem document"))
    })
}

#[test]
fn what_nginx_says_is_a_problem_as_a_gateway_would_say_it() {
    for ((status, document), kind) in documents().zip(KINDS) {
        let (_, _, title) = kind.description();
        let told = (status, document["type"].as_str().expect("a kind").to_owned());
        assert_eq!(told, expected(kind));
        assert_eq!((&document["status"], &document["title"]), (&Value::from(status), &Value::from(title)));
        assert!(document["detail"].is_string(), "{kind:?}");
    }
    assert_eq!(documents().count(), KINDS.len());
}
