//! What the tests have played inside a lab. A scenario fails by an error, which the test shows.

use crate::{autopsy, reading, secure};
use proofload_history::{Clock, Recorder, RunDir};
use proofload_lab::manifest::Manifest;
use proofload_lab::toxic::{Effect, Stream};
use proofload_lab::{Lab, LabError, Signal, Toolbox, Toxic};
use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) type Played = Result<ExitCode, Box<dyn Error>>;

/// Two hosts and a service with a link.
const SMALL: &str = r#"
format = 1
name = "small"
title = "Two hosts and a service"
entry = { host = "service", port = 8080 }

[component.one]
kind = "redis"
[component.two]
kind = "redis"
[process.service]
command = ["inside", "serve"]
needs = ["one"]
ready = { http = "/health", port = 8080 }
env = { LISTEN = "0.0.0.0:8080", REDIS = "{link:one}" }
"#;

/// nginx in front of two services.
const FRONT_DOOR: &str = r#"
format = 1
name = "front-door"
title = "nginx in front of two services"
entry = { host = "nginx", port = 8081 }

[component.nginx]
kind = "nginx"
template = "nginx.conf"
listen = 8081
needs = ["service"]
settings = { idle_seconds = 7 }
[process.service]
command = ["inside", "serve"]
replicas = 2
ready = { http = "/health", port = 8080 }
env = { LISTEN = "0.0.0.0:8080" }
"#;

/// Its template.
const NGINX: &str = "pid {dir}/pid; events {} http { access_log off; \
    client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d; \
    scgi_temp_path {dir}/e; upstream services { {servers:service:8080} } \
    keepalive_timeout {setting:idle_seconds}s; server { listen {listen}; location / { proxy_pass http://services; } } }";

/// Three brokers, a database, a cache and a service with links to all of them.
const WHOLE: &str = r#"
format = 1
name = "whole"
title = "Everything"
entry = { host = "service", port = 8080 }

[component.kafka]
kind = "kafka"
replicas = 3
settings = { "broker.session.timeout.ms" = 3000, "broker.heartbeat.interval.ms" = 500 }
topic.records = { partitions = 3, replication = 3, settings = { "min.insync.replicas" = 2 } }
[component.postgres]
kind = "postgres"
databases = ["records"]
settings = { max_connections = 20 }
[component.redis]
kind = "redis"
settings = { maxmemory = "16mb" }
[process.service]
command = ["inside", "serve"]
needs = ["kafka", "postgres", "redis"]
ready = { http = "/health", port = 8080 }
env = { LISTEN = "0.0.0.0:8080", REDIS = "{link:redis}", KAFKA = "{link:kafka}", POSTGRES = "{link:postgres}", TOPIC = "records" }
"#;

pub(crate) async fn play(name: &str, folder: &Path) -> Played {
    match name {
        "exit-with-37" => Ok(ExitCode::from(37)),
        "wait" => wait(folder).await,
        "names" => names(folder).await,
        "drop" => drop_packets(folder).await,
        "latency" => latency(folder).await,
        "pause" => pause(folder).await,
        "surprise" => surprise(folder).await,
        "toxiproxy-gone" => toxiproxy_gone(folder).await,
        "front-door" => front_door(folder).await,
        "bad-template" => {
            std::fs::write(folder.join("nginx.conf"), NGINX.replace("events {}", "evens {}"))?;
            refused(folder, FRONT_DOOR, "evens").await
        }
        "template-without-tls" => {
            std::fs::write(folder.join("nginx.conf"), NGINX.replace("{listen};", "{listen} ssl; {certificate}"))?;
            refused(folder, FRONT_DOOR, "`nginx` has no certificate: add `tls = true` to it").await
        }
        "template-without-setting" => {
            std::fs::write(folder.join("nginx.conf"), NGINX)?;
            let manifest = FRONT_DOOR.replace("idle_seconds", "idle");
            refused(folder, &manifest, "there is no `idle_seconds` in `component.nginx.settings`").await
        }
        "secure" => secure::secure(folder).await,
        "whole" => whole(folder).await,
        "broker-again" => broker_again(folder).await,
        "database-again" => database_again(folder).await,
        "stages" => reading::stages(folder).await,
        "leaders" => reading::leaders(folder).await,
        "autopsy" => autopsy::autopsy(folder).await,
        "no-program" => refused(folder, &SMALL.replace("\"inside\"", "\"no-such-program\""), "./setup").await,
        "port-taken" => {
            let manifest =
                SMALL.replace("0.0.0.0:8080", "0.0.0.0:8474").replace("port = 8080 }\nenv", "port = 8474 }\nenv");
            refused(folder, &manifest, "listens on its port already").await
        }
        "no-brokers" => {
            let manifest = WHOLE.replace(
                "settings = { \"broker.session",
                "settings = { \"process.roles\" = \"cook\", \"broker.session",
            );
            refused(folder, &manifest, "cook").await
        }
        other => Err(format!("there is no scenario `{other}`").into()),
    }
}

pub(crate) async fn start(folder: &Path, manifest: &str) -> Result<Lab, Box<dyn Error>> {
    let run = RunDir::at(folder);
    let recorder = Arc::new(Recorder::create(&run, Clock::new())?);
    let tools = Toolbox::find().map_err(|missing| format!("{missing:?}"))?;
    let mut manifest = Manifest::parse(manifest)?;
    manifest.folder = folder.to_owned();
    Ok(Lab::start(&manifest, &run, recorder, &tools, false, &|said| eprintln!("{said}")).await?)
}

/// Says so in a file when it is up, and ends with 42 on SIGTERM. Meanwhile a second process waits as well.
async fn wait(folder: &Path) -> Played {
    let mut terminate = signal(SignalKind::terminate())?;
    let lab = start(folder, SMALL).await?;
    std::fs::write(folder.join("up"), lab.instances().len().to_string())?;
    terminate.recv().await;
    lab.stop().await;
    Ok(ExitCode::from(42))
}

/// The service asks `one` through its own link, by the name in its own hosts file; a shell in `two` asks it directly.
async fn names(folder: &Path) -> Played {
    let lab = start(folder, SMALL).await?;
    let ask = r#"exec 3<>/dev/tcp/one/6379; printf 'PING\r\n' >&3; read -r -u 3 answer; echo "$answer""#;
    let answer = lab.in_host("two", &["bash", "-c", ask], None).await?;
    check(answer.starts_with("+PONG"), || format!("`one` answered {answer:?}"))?;
    lab.probe("service").await?;
    lab.stop().await;
    check(!folder.join("data").exists(), || "the data is still there".to_owned())?;
    Ok(ExitCode::SUCCESS)
}

async fn drop_packets(folder: &Path) -> Played {
    let lab = start(folder, SMALL).await?;
    let address = lab.address("two").ok_or("no address")?;
    let ask = format!("timeout 2 bash -c 'exec 3<>/dev/tcp/{address}/6379'");
    lab.in_host("one", &["bash", "-c", &ask], None).await?;
    let rules =
        format!("table inet chaos {{ chain o {{ type filter hook output priority 0; ip daddr {address} drop; }}; }}");
    lab.in_host("one", &["nft", "-f", "-"], Some(&rules)).await?;
    let cut = lab.in_host("one", &["bash", "-c", &ask], None).await;
    check(cut.is_err(), || "a connection was made through the cut".to_owned())?;
    lab.probe("two").await?;
    lab.in_host("one", &["nft", "delete", "table", "inet", "chaos"], None).await?;
    lab.in_host("one", &["bash", "-c", &ask], None).await?;
    Ok(ExitCode::SUCCESS)
}

async fn latency(folder: &Path) -> Played {
    let lab = start(folder, SMALL).await?;
    let links = lab.links("service", "one");
    let [link] = links.as_slice() else { return Err(format!("links: {links:?}").into()) };
    let slow = Duration::from_millis(400);
    let effect = Effect::Latency { latency: slow, jitter: Duration::ZERO };
    let toxic = Toxic { effect, stream: Stream::Downstream, toxicity: 1.0 };
    let before = lab.probe_link(link).await?;
    lab.add_toxic(link, toxic).await?;
    let during = lab.probe_link(link).await?;
    check(lab.add_toxic(link, toxic).await.is_err(), || "the same toxic was put there twice".to_owned())?;
    lab.remove_toxic(link, &toxic.name()).await?;
    lab.remove_toxic(link, &toxic.name()).await?;
    let after = lab.probe_link(link).await?;
    check(before < slow && during >= slow && after < slow, || format!("{before:?}, {during:?}, {after:?}"))?;
    let reset = Toxic { effect: Effect::ResetPeer { after: Duration::ZERO }, ..toxic };
    lab.add_toxic(link, reset).await?;
    check(lab.probe_link(link).await.is_err(), || "an answer came through a link that resets".to_owned())?;
    Ok(ExitCode::SUCCESS)
}

async fn pause(folder: &Path) -> Played {
    let lab = start(folder, SMALL).await?;
    lab.signal("one", Signal::STOP)?;
    check(lab.probe("one").await.is_err(), || "stopped, and it answers".to_owned())?;
    lab.signal("one", Signal::CONT)?;
    lab.probe("one").await?;
    Ok(ExitCode::SUCCESS)
}

/// Ends a process behind the lab's back.
async fn surprise(folder: &Path) -> Played {
    let lab = start(folder, SMALL).await?;
    let pid = lab.pid("one").ok_or("no pid")?;
    lab.in_host("one", &["kill", "-KILL", &pid.to_string()], None).await?;
    let journal = RunDir::at(folder).journal();
    let said = async {
        while !std::fs::read_to_string(&journal)?.contains(r#""status":"signal 9","expected":false"#) {
            tokio::task::yield_now().await;
        }
        Ok::<_, std::io::Error>(())
    };
    tokio::time::timeout(Duration::from_secs(30), said).await??;
    check(lab.kill("one").await.is_err(), || "what does not run was killed".to_owned())?;
    lab.start_again("one", false).await?;
    check(lab.start_again("one", false).await.is_err(), || "what runs was started again".to_owned())?;
    check(lab.kill("three").await.is_err(), || "an instance that does not exist was killed".to_owned())?;
    Ok(ExitCode::SUCCESS)
}

/// Ends the Toxiproxy of a host behind the lab's back.
async fn toxiproxy_gone(folder: &Path) -> Played {
    let lab = start(folder, SMALL).await?;
    let journal = std::fs::read_to_string(RunDir::at(folder).journal())?;
    let (_, rest) = journal.split_once(r#""service.toxiproxy","pid":"#).ok_or("no Toxiproxy in the journal")?;
    let pid = rest.split('}').next().ok_or("no pid")?;
    lab.in_host("service", &["kill", "-KILL", pid], None).await?;
    let links = lab.links("service", "one");
    let link = links.first().ok_or("no link")?;
    let effect = Effect::Timeout { after: Duration::ZERO };
    let toxic = Toxic { effect, stream: Stream::Upstream, toxicity: 1.0 };
    for refused in [lab.add_toxic(link, toxic).await, lab.remove_toxic(link, &toxic.name()).await] {
        let said = refused.err().ok_or("a Toxiproxy that is gone did what it was asked")?.to_string();
        check(said.contains("logs/service.toxiproxy.log"), || format!("no word of its log: {said}"))?;
    }
    check(lab.probe_link(link).await.is_err(), || "an answer came through a link that is gone".to_owned())?;
    lab.probe("one").await?;
    Ok(ExitCode::SUCCESS)
}

async fn front_door(folder: &Path) -> Played {
    std::fs::write(folder.join("nginx.conf"), NGINX)?;
    let lab = start(folder, FRONT_DOOR).await?;
    let configured = std::fs::read_to_string(RunDir::at(folder).data().join("nginx/nginx.conf"))?;
    check(configured.contains("keepalive_timeout 7s;"), || format!("its setting is not in {configured}"))?;
    let url = format!("{}/health", lab.entry_url()?);
    check(get(&url).await? == "up", || "another answer".to_owned())?;
    lab.kill("service-1").await?;
    for _ in 0..3 {
        get(&url).await?;
    }
    lab.kill("service-2").await?;
    check(get(&url).await.is_err(), || "an answer of nobody".to_owned())?;
    lab.kill("nginx").await?;
    lab.start_again("nginx", false).await?;
    Ok(ExitCode::SUCCESS)
}

async fn whole(folder: &Path) -> Played {
    let begun = Instant::now();
    let lab = start(folder, WHOLE).await?;
    eprintln!("ready after {:.2} s", begun.elapsed().as_secs_f64());
    let answer = get(&format!("{}/produce", lab.entry_url()?)).await?;
    let (partition, offset) = answer.split_once(' ').ok_or("no position")?;
    let value = read_one("records", partition.parse()?, offset.parse()?).await?;
    check(value == "through the link", || format!("read {value:?}"))?;
    for instance in lab.instances() {
        lab.probe(&instance.name).await?;
    }
    check(lab.links("service", "kafka").len() == 3, || "not three links to three brokers".to_owned())?;
    for link in lab.links("service", "kafka").iter().chain(&lab.links("service", "postgres")) {
        lab.probe_link(link).await?;
    }
    let stopping = Instant::now();
    lab.stop().await;
    eprintln!("stopped after {:.2} s", stopping.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

async fn broker_again(folder: &Path) -> Played {
    let lab = start(folder, WHOLE).await?;
    let first = lab.pid("kafka-2");
    lab.kill("kafka-2").await?;
    check(lab.pid("kafka-2").is_none(), || "killed, and it has a pid".to_owned())?;
    check(lab.probe("kafka-2").await.is_err(), || "killed, and it answers".to_owned())?;
    for wipe in [false, true] {
        let begun = Instant::now();
        lab.start_again("kafka-2", wipe).await?;
        eprintln!("again (wiped: {wipe}) after {:.2} s", begun.elapsed().as_secs_f64());
        lab.probe("kafka-2").await?;
        check(lab.pid("kafka-2") != first, || "the same pid".to_owned())?;
        lab.kill("kafka-2").await?;
    }
    let journal = std::fs::read_to_string(RunDir::at(folder).journal())?;
    check(!journal.contains("\"expected\":false"), || "an end that was asked for is called unexpected".to_owned())?;
    Ok(ExitCode::SUCCESS)
}

/// A killed server is more than one process: the next one would find the old one's shared memory in use.
async fn database_again(folder: &Path) -> Played {
    let lab = start(folder, WHOLE).await?;
    for _ in 0..3 {
        let members = lab.pids("postgres");
        check(members.len() > 2, || format!("its processes are {members:?}"))?;
        lab.kill("postgres").await?;
        let left: Vec<&i32> = members.iter().filter(|pid| Path::new(&format!("/proc/{pid}/cwd/.")).exists()).collect();
        check(left.is_empty(), || format!("killed, and {left:?} live on"))?;
        lab.start_again("postgres", false).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The manifest cannot be started, and the reason says `words`.
async fn refused(folder: &Path, manifest: &str, words: &str) -> Played {
    match start(folder, manifest).await {
        Ok(_) => Err("it was started".into()),
        Err(error) => {
            check(error.is::<LabError>(), || format!("not the lab's own error: {error}"))?;
            check(error.to_string().contains(words), || format!("no word of `{words}`: {error}"))?;
            eprintln!("{error}");
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn get(url: &str) -> Result<String, Box<dyn Error>> {
    let answer = reqwest::Client::builder().no_proxy().build()?.get(url).send().await?;
    let (good, body) = (answer.status().is_success(), answer.text().await?);
    if good { Ok(body) } else { Err(format!("GET {url}: {body}").into()) }
}

/// Reads one record over the direct listeners.
async fn read_one(topic: &'static str, partition: i32, offset: i64) -> Result<String, Box<dyn Error>> {
    let read = move || -> Result<String, String> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "kafka-1:9092").set("group.id", "none").set("log_level", "0");
        let consumer: BaseConsumer = config.create().map_err(|error| error.to_string())?;
        let mut at = TopicPartitionList::new();
        at.add_partition_offset(topic, partition, Offset::Offset(offset)).map_err(|error| error.to_string())?;
        consumer.assign(&at).map_err(|error| error.to_string())?;
        let record = consumer.poll(Duration::from_secs(20)).ok_or("no record")?.map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(record.payload().unwrap_or_default()).into_owned())
    };
    Ok(tokio::task::spawn_blocking(read).await??)
}

pub(crate) fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Box<dyn Error>> {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}
