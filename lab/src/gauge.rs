//! The gauges of a manifest, read from the running system.
//!
//! Connections are kept and made again after a failure. Everything goes over the direct listeners and is bounded by
//! seconds: a gauge that cannot be read is an error, not a wait.

use crate::manifest::{GaugeSource, Manifest};
use crate::{Lab, database, kafka};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use sqlx::{AssertSqlSafe, PgConnection, Row, ValueRef};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Longer than this, and a source counts as unreadable.
const WITHIN: Duration = Duration::from_secs(3);
/// The consumer group of readings that are no group's; it never commits.
const GROUP: &str = "proofload-gauge";

/// The gauges of a manifest over a running lab. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Gauges(Arc<Shared>);

struct Shared {
    lab: Lab,
    manifest: Manifest,
    /// By component and database. A connection is taken out while it is used, and put back only if it still works.
    databases: BTreeMap<(String, String), Mutex<Option<PgConnection>>>,
    /// By component and consumer group. librdkafka connects again by itself.
    clients: BTreeMap<(String, String), Mutex<Option<Arc<BaseConsumer>>>>,
}

impl Gauges {
    /// The gauges of `manifest`. Connects to nobody yet.
    #[must_use]
    pub fn new(lab: &Lab, manifest: &Manifest) -> Self {
        let mut databases = BTreeMap::new();
        let mut clients = BTreeMap::new();
        for source in manifest.gauges.values().flat_map(|gauge| gauge.plus.iter().chain(&gauge.minus)) {
            match source {
                GaugeSource::Sql { component, database, .. } => {
                    let key = (component.get_ref().clone(), database.get_ref().clone());
                    databases.entry(key).or_insert_with(|| Mutex::new(None));
                }
                // It keeps no connection.
                GaugeSource::InSync { .. } => {}
                GaugeSource::EndOffsets { topic } | GaugeSource::Committed { topic, .. } => {
                    if let Some((component, _)) = manifest.topic(topic.get_ref()) {
                        clients.entry((component.to_owned(), group_of(source))).or_insert_with(|| Mutex::new(None));
                    }
                }
            }
        }
        Self(Arc::new(Shared { lab: lab.clone(), manifest: manifest.clone(), databases, clients }))
    }

    /// The present value of the gauge called `name`.
    ///
    /// What is taken off is read before what is added: a system at work looks busier than it is, never done too early.
    ///
    /// # Errors
    /// If there is no such gauge, or one of its sources cannot be read within seconds; the message says which and why.
    pub async fn read(&self, name: &str) -> Result<f64, String> {
        let gauge = self.0.manifest.gauges.get(name).ok_or_else(|| format!("there is no gauge `{name}`"))?;
        let mut value = 0.0;
        for source in &gauge.minus {
            value -= self.source(source).await?;
        }
        for source in &gauge.plus {
            value += self.source(source).await?;
        }
        Ok(value)
    }

    async fn source(&self, source: &GaugeSource) -> Result<f64, String> {
        match source {
            GaugeSource::Sql { sql, component, database } => {
                self.sql(sql, component.get_ref(), database.get_ref()).await
            }
            GaugeSource::EndOffsets { topic } => self.offsets(source, topic.get_ref(), end_offsets).await,
            GaugeSource::Committed { topic, .. } => self.offsets(source, topic.get_ref(), committed).await,
            GaugeSource::InSync { topic } => self.in_sync(topic.get_ref()).await,
        }
    }

    /// The size of the smallest in-sync set of `topic`, as most brokers believe it to be.
    async fn in_sync(&self, topic: &str) -> Result<f64, String> {
        let partitions = kafka::View::new(&self.0.lab).partitions().await?;
        let of_topic = partitions.iter().filter(|it| it.topic == topic);
        let smallest = of_topic.map(|it| it.in_sync.len()).min();
        smallest.map(|size| size as f64).ok_or_else(|| format!("the brokers know no topic `{topic}`"))
    }

    async fn sql(&self, sql: &str, component: &str, database: &str) -> Result<f64, String> {
        let key = (component.to_owned(), database.to_owned());
        let slot = self.0.databases.get(&key).ok_or_else(|| format!("no gauge reads {component}/{database}"))?;
        let mut slot = slot.lock().await;
        // Taken out of its slot: a connection whose query failed or was given up is never used again.
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => database::connect(&self.0.lab, component, database).await?,
        };
        let answer = tokio::time::timeout(WITHIN, number(&mut connection, sql)).await;
        let value =
            answer.map_err(|_| format!("{component}/{database} gave no answer within {} s", WITHIN.as_secs()))??;
        *slot = Some(connection);
        Ok(value)
    }

    /// Asks for offsets of `topic` by a kept client, off the async threads, for librdkafka blocks.
    async fn offsets(
        &self,
        source: &GaugeSource,
        topic: &str,
        ask: fn(&BaseConsumer, &str, i32) -> Result<i64, KafkaError>,
    ) -> Result<f64, String> {
        let lacking = || format!("no component has the topic `{topic}`");
        let (component, described) = self.0.manifest.topic(topic).ok_or_else(lacking)?;
        let key = (component.to_owned(), group_of(source));
        let mut slot = self.0.clients.get(&key).ok_or_else(lacking)?.lock().await;
        let cannot = |error: KafkaError| format!("cannot read the offsets of `{topic}`: {error}");
        let client = match slot.take() {
            Some(client) => client,
            // What stands behind an open transaction is work too: its end under read_committed would hide it.
            None => {
                let mut config = kafka::direct(&self.0.lab, component, &key.1);
                Arc::new(config.set("isolation.level", "read_uncommitted").create().map_err(cannot)?)
            }
        };
        *slot = Some(Arc::clone(&client));
        let (topic, partitions) = (topic.to_owned(), i32::try_from(described.partitions).unwrap_or(i32::MAX));
        let answer = tokio::task::spawn_blocking(move || ask(&client, &topic, partitions)).await;
        answer.map_err(|error| error.to_string())?.map(|sum| sum as f64).map_err(cannot)
    }
}

fn group_of(source: &GaugeSource) -> String {
    match source {
        GaugeSource::Committed { group, .. } => group.clone(),
        GaugeSource::Sql { .. } | GaugeSource::EndOffsets { .. } | GaugeSource::InSync { .. } => GROUP.to_owned(),
    }
}

/// The one number that `sql` answers.
async fn number(connection: &mut PgConnection, sql: &str) -> Result<f64, String> {
    let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    let row = query.fetch_one(connection).await.map_err(|error| format!("{error} in `{sql}`"))?;
    let value = row.try_get_raw(0).map_err(|error| format!("{error} in `{sql}`"))?;
    let text = if value.is_null() { "null" } else { value.as_str().map_err(|error| error.to_string())? };
    text.parse().map_err(|_| format!("`{sql}` answered `{text}`, which is not a number"))
}

/// The sum of the partitions' high watermarks.
fn end_offsets(client: &BaseConsumer, topic: &str, partitions: i32) -> Result<i64, KafkaError> {
    bounds(client, topic, 0..partitions, Offset::End)
}

/// The sum of what the client's group has committed. A partition without a commit counts with its first offset.
fn committed(client: &BaseConsumer, topic: &str, partitions: i32) -> Result<i64, KafkaError> {
    let commits = client.committed_offsets(listed(topic, 0..partitions, Offset::Invalid)?, WITHIN)?;
    let (mut sum, mut without) = (0, Vec::new());
    for commit in commits.elements() {
        commit.error()?;
        match commit.offset() {
            Offset::Offset(offset) => sum += offset,
            _ => without.push(commit.partition()),
        }
    }
    if without.is_empty() {
        return Ok(sum);
    }
    Ok(sum + bounds(client, topic, without.into_iter(), Offset::Beginning)?)
}

/// The sum of the partitions' ends or beginnings. In a question for the offsets of stamps these two stand for
/// themselves, and so all partitions are asked at once.
fn bounds(
    client: &BaseConsumer,
    topic: &str,
    partitions: impl Iterator<Item = i32>,
    which: Offset,
) -> Result<i64, KafkaError> {
    let offsets = client.offsets_for_times(listed(topic, partitions, which)?, WITHIN)?;
    let position = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        element.error()?;
        match element.offset() {
            Offset::Offset(offset) => Ok(offset),
            // Not an answer: a number made of it would be a lag that nobody measured.
            _ => Err(KafkaError::OffsetFetch(RDKafkaErrorCode::OffsetNotAvailable)),
        }
    };
    offsets.elements().iter().map(position).sum()
}

fn listed(
    topic: &str,
    partitions: impl Iterator<Item = i32>,
    offset: Offset,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition_offset(topic, partition, offset)?;
    }
    Ok(list)
}
