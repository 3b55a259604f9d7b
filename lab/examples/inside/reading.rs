//! Scenarios about the reading of a running system: stages, gauges, the brokers' view, tails and series.

use crate::transaction;
use proofload_history::journal::StageRead;
use proofload_history::{Clock, Event, History, Id, Observation, Reading, Recorder, RunDir};
use proofload_lab::gauge::Gauges;
use proofload_lab::kafka::{View, controller};
use proofload_lab::manifest::Manifest;
use proofload_lab::{Lab, Toolbox, sampler, stage, tail};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use sqlx::{Connection as _, PgConnection};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Played = Result<ExitCode, Box<dyn Error>>;

/// More than any condition here takes on a busy machine.
const BOUND: Duration = Duration::from_secs(60);
const PARTITIONS: i32 = 3;
const POSTED: i64 = 300;
const ROWS: i64 = 50;

/// Three brokers and a database, with something to read in both.
const PARCELS: &str = r#"
format = 1
name = "parcels"
title = "Parcels"
entry = { host = "postgres", port = 5432 }

[component.kafka]
kind = "kafka"
replicas = 3
settings = { "broker.session.timeout.ms" = 3000, "broker.heartbeat.interval.ms" = 500 }
topic.parcels = { partitions = 3, replication = 3, settings = { "min.insync.replicas" = 2 } }
[component.postgres]
kind = "postgres"
databases = ["depot"]

[stage."log.posted"]
title = "posted"
topic = "parcels"
where = { pointer = "/type", equals = "Posted" }
id = "/id"
state = "/state"
amount = "/cents"

[stage."db.parcel"]
title = "in the depot"
component = "postgres"
database = "depot"
sql = "select id, state, version, amount, stored as at from parcel order by id"

[gauge.posted]
title = "records"
plus = [{ end_offsets = "parcels" }]

[gauge.stored]
title = "rows"
plus = [{ sql = "select count(*) from parcel", component = "postgres", database = "depot" }]

[gauge.lag]
title = "records that the depot has not committed"
plus = [{ end_offsets = "parcels" }]
minus = [{ committed = "depot", topic = "parcels" }]
"#;

pub(crate) struct Parcels {
    pub(crate) lab: Lab,
    manifest: Manifest,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) run: RunDir,
}

pub(crate) async fn start(folder: &Path) -> Result<Parcels, Box<dyn Error>> {
    let run = RunDir::at(folder);
    let recorder = Arc::new(Recorder::create(&run, Clock::new())?);
    let tools = Toolbox::find().map_err(|missing| format!("{missing:?}"))?;
    let manifest = Manifest::parse(PARCELS)?;
    let lab = Lab::start(&manifest, &run, Arc::clone(&recorder), &tools, false, &|said| eprintln!("{said}")).await?;
    Ok(Parcels { lab, manifest, recorder, run })
}

/// Stages are read whole while nothing happens, and are said to be incomplete, with the reason, when it cannot be.
pub(crate) async fn stages(folder: &Path) -> Played {
    let parcels = start(folder).await?;
    let tail = tail::start(&parcels.lab, &parcels.manifest, &parcels.recorder);
    parcels.post().await?;
    parcels.store().await?;
    let posted = parcels.read("log.posted").await;
    let expected = (true, None, POSTED as u64, 1, 1);
    check(summary(&posted) == expected, || format!("the log: {posted:?}"))?;
    check(posted.bounds.iter().map(|(_, first, end)| end - first).sum::<i64>() == POSTED + 2, || {
        format!("{posted:?}")
    })?;
    let stored = parcels.read("db.parcel").await;
    check(summary(&stored) == (true, None, ROWS as u64, 0, 1), || format!("the database: {stored:?}"))?;
    incomplete_while_a_transaction_is_open(&parcels).await?;
    incomplete_while_it_grows(&parcels).await?;
    // By now the tail has seen what the first reading saw; whatever grew since is more.
    parcels.lab.kill("postgres").await?;
    let gone = parcels.read("db.parcel").await;
    check(!gone.complete && says(&gone, "cannot connect to postgres"), || format!("database down: {gone:?}"))?;
    for broker in ["kafka-1", "kafka-2", "kafka-3"] {
        parcels.lab.kill(broker).await?;
    }
    let gone = parcels.read("log.posted").await;
    check(!gone.complete && says(&gone, "are the brokers healthy?"), || format!("brokers down: {gone:?}"))?;
    tail.stop().await;
    parcels.recorder.close()?;
    observed(&History::read(&parcels.run)?)?;
    parcels.lab.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// A transaction that nobody ends hides what lies behind it.
async fn incomplete_while_a_transaction_is_open(parcels: &Parcels) -> Result<(), Box<dyn Error>> {
    let transaction = transaction::open("parcels", 0).await?;
    let read = parcels.read("log.posted").await;
    let words = format!("a transaction is open at offset {} of parcels/0", transaction.offset);
    check(!read.complete && says(&read, &words), || format!("with an open transaction: {read:?}"))?;
    transaction.abort().await?;
    until("it is read again", async || Ok(parcels.read("log.posted").await.complete)).await
}

/// Somebody writes through both readings.
async fn incomplete_while_it_grows(parcels: &Parcels) -> Result<(), Box<dyn Error>> {
    let producer = producer()?;
    let write = async move || {
        let record = FutureRecord::<str, str>::to("parcels").payload("{}").partition(0);
        producer.send(record, BOUND).await.map_err(|(error, _)| error)
    };
    write().await?;
    let writing = tokio::spawn(async move { while write().await.is_ok() {} });
    let read = parcels.read("log.posted").await;
    writing.abort();
    check(!read.complete && says(&read, "parcels/0 went from 0 to"), || format!("while it grew: {read:?}"))
}

/// What the history holds of it.
fn observed(history: &History) -> Result<(), Box<dyn Error>> {
    let observations = history.observations.to_vec()?;
    let of = |stage: &str, reading: Reading| -> Vec<&Observation> {
        observations.iter().filter(|it| &*it.stage == stage && it.reading == reading).collect()
    };
    let live = of("log.posted", Reading::Live);
    check(live.len() as i64 == POSTED, || format!("{} records were seen live", live.len()))?;
    let read = of("log.posted", Reading::Final);
    let sample = read.iter().find(|it| it.id == Id::of("p-7")).ok_or("p-7 was not read")?;
    let known = (sample.state.as_deref(), sample.amount, sample.key, sample.partition);
    check(known == (Some("POSTED"), Some(7), Some(Id::of("c-7")), Some(7 % PARTITIONS)), || format!("{sample:?}"))?;
    check(read.iter().all(|it| it.leader_epoch.is_some_and(|epoch| epoch >= 0)), || "no leader epochs".to_owned())?;
    check(sample.at.is_some() && sample.digest.is_some(), || format!("{sample:?}"))?;
    let stored = of("db.parcel", Reading::Final);
    let sample = stored.iter().find(|it| it.id == Id::of("p-7")).ok_or("p-7 is not in the depot")?;
    let known = (sample.state.as_deref(), sample.amount, sample.version, sample.at.is_some());
    check(known == (Some("STORED"), Some(7), Some(1), true), || format!("{sample:?}"))?;
    let read = history.journal.stage_read("db.parcel").ok_or("the reading is not in the journal")?;
    check(!read.complete, || "the journal's last reading is complete".to_owned())
}

/// The brokers' own view follows a killed leader, and gauges and series follow the system.
pub(crate) async fn leaders(folder: &Path) -> Played {
    let parcels = start(folder).await?;
    let (lab, view) = (&parcels.lab, View::new(&parcels.lab));
    let gauges = Gauges::new(lab, &parcels.manifest);
    let sampler = sampler::start(lab, &parcels.manifest, &gauges, &parcels.recorder);
    parcels.post().await?;
    parcels.store().await?;
    measured(&gauges).await?;
    check(controller(lab, "kafka").is_some_and(|name| lab.instance(&name).is_some()), || "no controller".to_owned())?;
    check(view.all_in_sync().await?, || "not in sync after the start".to_owned())?;

    let before = view.partition("parcels", 0).await?;
    let leader = before.leader.clone().ok_or("nobody leads parcels/0")?;
    check(view.leader_seen_by(&leader, "parcels", 0).await?.as_deref() == Some(&*leader), || {
        "it disagrees".to_owned()
    })?;
    lab.kill(&leader).await?;
    let killed = Instant::now();
    until("another leader", async || {
        let now = view.partition("parcels", 0).await?;
        Ok(now.epoch > before.epoch && now.leader.is_some_and(|name| name != leader))
    })
    .await?;
    eprintln!("another leader after {:.1} s", killed.elapsed().as_secs_f64());
    check(view.partitions_seen_by(&leader).await.is_err(), || "the killed broker answers".to_owned())?;
    check(!view.all_in_sync().await?, || "in sync without a broker".to_owned())?;
    until("all records are counted", async || Ok(gauges.read("posted").await? == (POSTED + 2) as f64)).await?;
    lab.start_again(&leader, false).await?;
    until("in sync again", async || view.all_in_sync().await).await?;

    lab.kill("postgres").await?;
    check(gauges.read("stored").await.is_err(), || "a killed database was counted".to_owned())?;
    lab.start_again("postgres", false).await?;
    until("the gauge reads again", async || Ok(gauges.read("stored").await == Ok((ROWS + 1) as f64))).await?;
    sampler.stop().await;
    parcels.recorder.close()?;
    sampled(&History::read(&parcels.run)?, &leader)?;
    lab.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn measured(gauges: &Gauges) -> Result<(), Box<dyn Error>> {
    let records = (POSTED + 2) as f64;
    check(gauges.read("posted").await? == records, || "not all records are counted".to_owned())?;
    check(gauges.read("stored").await? == (ROWS + 1) as f64, || "not all rows are counted".to_owned())?;
    // The brokers make their own topic for commits when they are first asked for one.
    until("a lag of all records, for nothing is committed", async || Ok(gauges.read("lag").await? == records)).await?;
    tokio::task::spawn_blocking(|| commit(1, 30)).await??;
    let lag = gauges.read("lag").await?;
    check(lag == records - 30.0, || format!("30 of {records} are committed, and the lag is {lag}"))?;
    check(gauges.read("nothing").await.is_err(), || "a gauge that is not there was read".to_owned())
}

fn sampled(history: &History, killed: &str) -> Result<(), Box<dyn Error>> {
    let series = history.series.to_vec()?;
    for (metric, subject) in [
        ("gauge", "lag"),
        ("cpu_cores", "kafka-1"),
        ("rss_bytes", "postgres"),
        ("in_sync_replicas", "parcels"),
        ("cpu_steal_fraction", "machine"),
        ("canary_us", "machine"),
    ] {
        let of_subject = series.iter().filter(|it| &*it.metric == metric && &*it.subject == subject);
        let values: Vec<f64> = of_subject.map(|it| it.value).collect();
        let shown: Vec<f64> = values.iter().copied().take(8).collect();
        eprintln!("{metric} of {subject}: {} samples, {shown:?}", values.len());
        check(values.len() > 3 && values.iter().all(|it| it.is_finite()), || format!("{metric} of {subject}"))?;
    }
    let in_sync: Vec<f64> = series.iter().filter(|it| &*it.metric == "in_sync_replicas").map(|it| it.value).collect();
    check(in_sync.contains(&3.0) && in_sync.contains(&2.0), || format!("in sync: {in_sync:?}"))?;
    let moved = history
        .journal
        .entries
        .iter()
        .any(|entry| matches!(&entry.event, Event::LeaderChanged { leader: Some(leader), .. } if leader != killed));
    check(moved, || "the journal has no change of a leader".to_owned())
}

impl Parcels {
    pub(crate) async fn read(&self, stage: &str) -> StageRead {
        let begun = Instant::now();
        let read = stage::read(&self.lab, &self.manifest, stage, &self.recorder).await;
        eprintln!("{stage}: {:.2} s, complete: {}, {:?}", begun.elapsed().as_secs_f64(), read.complete, read.error);
        read
    }

    /// Records of interest, one of another type and one that is not JSON.
    async fn post(&self) -> Result<(), Box<dyn Error>> {
        let producer = producer()?;
        let posted = (0..POSTED).map(|number| {
            let payload = format!(r#"{{"type":"Posted","id":"p-{number}","state":"POSTED","cents":{number}}}"#);
            (number, payload)
        });
        let others = [(0, r#"{"type":"Lost","id":"p-0"}"#.to_owned()), (1, "not json".to_owned())];
        for (number, payload) in posted.chain(others) {
            let (key, partition) = (format!("c-{number}"), (number % i64::from(PARTITIONS)) as i32);
            let record = FutureRecord::to("parcels").key(&key).payload(&payload).partition(partition);
            producer.send(record, BOUND).await.map_err(|(error, _)| error)?;
        }
        Ok(())
    }

    /// Rows of several types, and one without an id.
    async fn store(&self) -> Result<(), Box<dyn Error>> {
        let address = self.lab.address("postgres").ok_or("no address")?;
        let mut connection = PgConnection::connect(&format!("postgres://postgres@{address}/depot")).await?;
        let sql = "create table parcel (id text, state text, version int, amount numeric(12, 2), stored timestamptz); \
                   insert into parcel select 'p-' || n, 'STORED', 1, n, now() from generate_series(0, 49) n; \
                   insert into parcel values (null, 'STORED', 1, 1, now())";
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        Ok(())
    }
}

fn producer() -> Result<FutureProducer, Box<dyn Error>> {
    Ok(ClientConfig::new()
        .set("bootstrap.servers", "kafka-1:9092")
        .set("acks", "all")
        .set("linger.ms", "0")
        .create()?)
}

fn commit(partition: i32, offset: i64) -> Result<(), String> {
    let commit = || {
        let mut config = ClientConfig::new();
        let consumer: BaseConsumer =
            config.set("bootstrap.servers", "kafka-1:9092").set("group.id", "depot").create()?;
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset("parcels", partition, Offset::Offset(offset))?;
        consumer.commit(&offsets, CommitMode::Sync)
    };
    commit().map_err(|error: rdkafka::error::KafkaError| error.to_string())
}

fn summary(read: &StageRead) -> (bool, Option<&str>, u64, u64, u64) {
    (read.complete, read.error.as_deref(), read.rows, read.filtered, read.unreadable)
}

fn says(read: &StageRead, words: &str) -> bool {
    read.error.as_ref().is_some_and(|error| error.contains(words))
}

pub(crate) async fn until(
    what: &str,
    mut holds: impl AsyncFnMut() -> Result<bool, String>,
) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + BOUND;
    while !holds().await.unwrap_or(false) {
        check(Instant::now() < deadline, || format!("{what}: not after {BOUND:?}"))?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

pub(crate) fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Box<dyn Error>> {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}
