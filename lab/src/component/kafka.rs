//! Kafka: nodes that are brokers and controllers of one KRaft quorum.
//!
//! Each has three listeners: DIRECT for the brokers among themselves and for the harness, CONTROLLER for the quorum, and
//! CLIENT, which advertises the name that each client's hosts file points at the client's own Toxiproxy.

use super::{Component, Site, write};
use crate::host::Recipe;
use crate::kafka::keep_logs;
use crate::plan::{Plan, link_name};
use crate::{LabError, manifest, ping};
use futures::future::BoxFuture;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::Metadata;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

const DIRECT: u16 = 9092;
const CONTROLLER: u16 = 9093;
const CLIENT: u16 = 9094;

/// How long the brokers may take to know each other, and new topics to be in sync.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// How long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// ApiVersions, version 0, correlation 1, client `lab` (KIP-511; the header is version 1).
const API_VERSIONS: [u8; 17] = [0, 0, 0, 13, 0, 18, 0, 0, 0, 0, 0, 1, 0, 3, b'l', b'a', b'b'];

/// What a broker needs to be small: three of them share a machine with everything else. The manifest's settings come on
/// top. Topics that nobody declared are not made, so that a misspelt name is an error and not an empty topic.
const SMALL: &[(&str, &str)] = &[
    ("auto.create.topics.enable", "false"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("log.cleaner.dedupe.buffer.size", "2097152"),
    ("num.io.threads", "2"),
    ("num.network.threads", "2"),
    ("offsets.topic.num.partitions", "6"),
    ("transaction.state.log.num.partitions", "6"),
    ("share.coordinator.state.topic.num.partitions", "6"),
];

/// The options of the Java that runs a broker. C1 alone costs no throughput at these rates and halves the start.
const JAVA: &[&str] = &["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];

pub(super) struct Kafka {
    settings: manifest::Settings,
    topics: BTreeMap<String, manifest::Topic>,
}

impl Kafka {
    pub(super) fn new(spec: &manifest::Component) -> Self {
        Self { settings: spec.settings.clone(), topics: spec.topics.clone() }
    }

    fn server_properties(&self, site: &Site) -> String {
        let (plan, name) = (&site.ground.plan, &site.instance.name);
        let nodes: Vec<_> = plan.of(&site.instance.of).collect();
        let voters = nodes.iter().map(|node| format!("{}@{}:{CONTROLLER}", plan.number(node), node.name));
        let replicas = nodes.len().min(3).to_string();
        let in_sync = nodes.len().min(2).to_string();
        let link = format!("{}:{}", link_name(name), Plan::link_port(&site.instance));
        let own = [
            ("process.roles", "broker,controller".to_owned()),
            ("node.id", plan.number(&site.instance).to_string()),
            ("controller.quorum.voters", voters.collect::<Vec<_>>().join(",")),
            ("controller.listener.names", "CONTROLLER".to_owned()),
            ("inter.broker.listener.name", "DIRECT".to_owned()),
            (
                "listeners",
                format!("DIRECT://{name}:{DIRECT},CONTROLLER://{name}:{CONTROLLER},CLIENT://{name}:{CLIENT}"),
            ),
            ("advertised.listeners", format!("DIRECT://{name}:{DIRECT},CLIENT://{link}")),
            ("listener.security.protocol.map", "DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENT:PLAINTEXT".to_owned()),
            ("log.dirs", site.data.join("log").display().to_string()),
            ("offsets.topic.replication.factor", replicas.clone()),
            ("transaction.state.log.replication.factor", replicas.clone()),
            ("transaction.state.log.min.isr", in_sync.clone()),
            ("share.coordinator.state.topic.replication.factor", replicas),
            ("share.coordinator.state.topic.min.isr", in_sync),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        let small = SMALL.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let given = self.settings.iter().map(|(name, value)| (name.get_ref().clone(), value.to_string()));
        // Later ones win: the manifest has the last word.
        let settings: BTreeMap<String, String> = own.chain(small).chain(given).collect();
        settings.into_iter().fold(String::new(), |mut text, (name, value)| {
            let _ = writeln!(text, "{name}={value}");
            text
        })
    }

    async fn create_topics(&self, brokers: &str) -> Result<(), LabError> {
        let wrong = |what: String| LabError::Topic { topic: self.topic_names(), what };
        let admin: AdminClient<DefaultClientContext> =
            client_config(brokers).create().map_err(|error| wrong(error.to_string()))?;
        let settings: Vec<Vec<(String, String)>> = self
            .topics
            .values()
            .map(|topic| topic.settings.iter().map(|(name, value)| (name.clone(), value.to_string())).collect())
            .collect();
        let topics: Vec<NewTopic<'_>> = self
            .topics
            .iter()
            .zip(&settings)
            .map(|((name, topic), settings)| NewTopic {
                name,
                num_partitions: i32::try_from(topic.partitions).unwrap_or(i32::MAX),
                replication: TopicReplication::Fixed(i32::try_from(*topic.replication.get_ref()).unwrap_or(i32::MAX)),
                config: settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            })
            .collect();
        let options = AdminOptions::new().operation_timeout(Some(SETTLED_WITHIN)).request_timeout(Some(SETTLED_WITHIN));
        let made = admin.create_topics(&topics, &options).await.map_err(|error| wrong(error.to_string()))?;
        made.into_iter().try_for_each(|one| match one {
            Ok(_) => Ok(()),
            Err((topic, code)) => Err(LabError::Topic { topic, what: code.to_string() }),
        })
    }

    fn topic_names(&self) -> String {
        self.topics.keys().map(String::as_str).collect::<Vec<_>>().join("`, `")
    }

    /// Whether every replica of every topic is in sync.
    fn in_sync(&self, metadata: &Metadata) -> Result<(), String> {
        for (name, wanted) in &self.topics {
            let topic = metadata.topics().iter().find(|topic| topic.name() == name);
            let partitions = topic.map(rdkafka::metadata::MetadataTopic::partitions).unwrap_or_default();
            if partitions.len() != wanted.partitions as usize {
                return Err(format!("`{name}` has {} of {} partitions", partitions.len(), wanted.partitions));
            }
            let replication = *wanted.replication.get_ref() as usize;
            if let Some(behind) = partitions.iter().find(|it| it.isr().len() != replication || it.leader() < 0) {
                return Err(format!(
                    "`{name}`/{} has {} of {replication} replicas in sync",
                    behind.id(),
                    behind.isr().len()
                ));
            }
        }
        Ok(())
    }
}

/// A client of the harness's own, on the direct listeners.
fn client_config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    // What librdkafka has to say about brokers that are not up yet is no news.
    config.set("bootstrap.servers", brokers).set("log_level", "0").set("reconnect.backoff.max.ms", "200");
    config
}

/// Fetches the cluster's metadata from `brokers` until `good` finds nothing to say against it.
async fn settle(
    brokers: String,
    within: Duration,
    good: impl Fn(&Metadata) -> Result<(), String> + Send + 'static,
) -> Result<(), String> {
    let look = move || {
        let consumer: BaseConsumer = client_config(&brokers).create().map_err(|error| error.to_string())?;
        let deadline = Instant::now() + within;
        loop {
            let fetched = consumer.fetch_metadata(None, Duration::from_secs(2)).map_err(|error| error.to_string());
            let said = match fetched.and_then(|metadata| good(&metadata)) {
                Ok(()) => return Ok(()),
                Err(said) => said,
            };
            if Instant::now() >= deadline {
                return Err(said);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    };
    // librdkafka's metadata call blocks its thread.
    tokio::task::spawn_blocking(look).await.map_err(|error| error.to_string())?
}

fn knows_brokers(metadata: &Metadata, wanted: usize) -> Result<(), String> {
    let known = metadata.brokers().len();
    if known == wanted { Ok(()) } else { Err(format!("{known} of {wanted} brokers have registered")) }
}

/// The id of a node's folder, to which its number is added. It is the same when the folder was emptied: where the only
/// replica in sync comes back with a folder of another id, Kafka (4.x, KIP-858) finds it offline, elects nobody, and does
/// not look again when the replica has got its new folder, so that whether its partitions come back is a matter of luck.
const DIRECTORY: u128 = 0x7072_6f6f_666c_4f61_8d00_0000_0000_0000;

/// Copies the formatted folder that `./setup` made, and gives the copy its own identity: formatting by Kafka's own tool
/// takes a JVM and two seconds.
fn format(formatted: &Path, log: &Path, node: usize) -> Result<(), LabError> {
    std::fs::create_dir_all(log).map_err(LabError::file("create", log))?;
    for entry in std::fs::read_dir(formatted).map_err(LabError::file("read", formatted))? {
        let from = entry.map_err(LabError::file("read", formatted))?.path();
        let to = log.join(from.file_name().unwrap_or_default());
        std::fs::copy(&from, &to).map_err(LabError::file("copy", &from))?;
    }
    let file = log.join("meta.properties");
    let text = std::fs::read_to_string(&file).map_err(LabError::file("read", &file))?;
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some(("node.id", _)) => format!("node.id={node}\n"),
        Some(("directory.id", _)) => format!("directory.id={}\n", kafka_uuid(DIRECTORY + node as u128)),
        _ => format!("{line}\n"),
    });
    write(file, &lines.collect::<String>())
}

/// 128 bits as Kafka writes a UUID: base64 for URLs, without padding.
fn kafka_uuid(bits: u128) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sextet = |at: u32| if at < 21 { bits >> (122 - 6 * at) } else { bits << 4 };
    (0..22).map(|at| char::from(ALPHABET[(sextet(at) & 63) as usize])).collect()
}

impl Component for Kafka {
    fn port(&self) -> u16 {
        CLIENT
    }

    fn ready_within(&self) -> Duration {
        Duration::from_secs(90)
    }

    fn prepare<'a>(&'a self, site: &'a Site) -> BoxFuture<'a, Result<(), LabError>> {
        Box::pin(async move {
            let node = site.ground.plan.number(&site.instance);
            format(&site.ground.tools.kafka.formatted, &site.data.join("log"), node)?;
            write(site.data.join("server.properties"), &self.server_properties(site))
        })
    }

    fn recipe(&self, site: &Site) -> Result<Recipe, LabError> {
        let kafka = &site.ground.tools.kafka;
        let option = |name: &str, path: &Path| {
            let mut option = OsString::from(name);
            option.push(path);
            option
        };
        let mut args: Vec<OsString> = JAVA.iter().map(OsString::from).collect();
        args.extend(kafka.archive.as_ref().map(|archive| option("-XX:SharedArchiveFile=", archive)));
        args.push(option("-Dlog4j2.configurationFile=", &kafka.log4j));
        args.extend(["-cp".into(), kafka.class_path.clone(), "kafka.Kafka".into()]);
        args.push(site.data.join("server.properties").into());
        let (program, folder) = (site.ground.tools.java.clone(), site.data.clone());
        Ok(Recipe { program, args, env: BTreeMap::new(), as_user: false, folder })
    }

    /// It answers, and knows itself to be registered: before that it takes no records.
    fn ready<'a>(&'a self, site: &'a Site) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let at = SocketAddr::from((site.instance.address, DIRECT));
            self.ping(site, at).await?;
            let node = i32::try_from(site.ground.plan.number(&site.instance)).unwrap_or(i32::MAX);
            settle(at.to_string(), Duration::ZERO, move |metadata| {
                let known = metadata.brokers().iter().any(|broker| broker.id() == node);
                if known { Ok(()) } else { Err("it answers and has not registered".to_owned()) }
            })
            .await
        })
    }

    /// ApiVersions: answered by the broker itself, without its peers.
    fn ping<'a>(&'a self, _site: &'a Site, at: SocketAddr) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            // Length, correlation, error code.
            match ping::ask::<10>(at, &API_VERSIONS).await? {
                [_, _, _, _, 0, 0, 0, 1, 0, 0] => Ok(()),
                answer => Err(format!("{at} answered {answer:?} to ApiVersions")),
            }
        })
    }

    /// Brokers that stop together wait for a quorum that ends with them.
    fn stops_within(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// Its logs: it cuts them off when it rejoins.
    fn keep<'a>(&'a self, site: &'a Site, fault: &'a str) -> BoxFuture<'a, ()> {
        let (site, fault) = (site.clone(), fault.to_owned());
        // A copy that ends in a panic is no copy, and the fault is healed all the same.
        Box::pin(async move { drop(tokio::task::spawn_blocking(move || keep_logs(&site, &fault)).await) })
    }

    fn furnish<'a>(&'a self, siblings: &'a [Site]) -> BoxFuture<'a, Result<(), LabError>> {
        Box::pin(async move {
            let addresses: Vec<String> =
                siblings.iter().map(|site| format!("{}:{DIRECT}", site.instance.address)).collect();
            let (brokers, wanted) = (addresses.join(","), siblings.len());
            let wrong = |what: String| LabError::Topic { topic: self.topic_names(), what };
            settle(brokers.clone(), SETTLED_WITHIN, move |metadata| knows_brokers(metadata, wanted))
                .await
                .map_err(wrong)?;
            if self.topics.is_empty() {
                return Ok(());
            }
            self.create_topics(&brokers).await?;
            let topics = Self { settings: manifest::Settings::new(), topics: self.topics.clone() };
            settle(brokers, SETTLED_WITHIN, move |metadata| topics.in_sync(metadata)).await.map_err(wrong)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_written_as_kafka_writes_it() {
        // Kafka's own reserved ids: Uuid.ZERO_UUID and Uuid.ONE_UUID.
        assert_eq!(kafka_uuid(0), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(kafka_uuid(1), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(kafka_uuid(u128::MAX), "_____________________w");
    }

    #[test]
    fn a_copy_of_the_formatted_folder_is_another_node() {
        let folder = tempfile::tempdir().unwrap();
        let (formatted, log) = (folder.path().join("formatted"), folder.path().join("log"));
        std::fs::create_dir(&formatted).unwrap();
        std::fs::write(formatted.join("meta.properties"), "#x\nnode.id=1\ndirectory.id=a\ncluster.id=c\n").unwrap();
        std::fs::write(formatted.join("bootstrap.checkpoint"), [1, 2, 3]).unwrap();
        super::format(&formatted, &log, 3).unwrap();
        let written = std::fs::read_to_string(log.join("meta.properties")).unwrap();
        assert!(written.contains("node.id=3\n") && written.contains("cluster.id=c\n"), "{written}");
        assert!(!written.contains("directory.id=a\n"), "{written}");
        super::format(&formatted, &folder.path().join("emptied"), 3).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("emptied/meta.properties")).unwrap(), written);
        super::format(&formatted, &folder.path().join("other"), 2).unwrap();
        assert_ne!(std::fs::read_to_string(folder.path().join("other/meta.properties")).unwrap(), written);
        assert_eq!(std::fs::read(log.join("bootstrap.checkpoint")).unwrap(), [1, 2, 3]);
    }
}
