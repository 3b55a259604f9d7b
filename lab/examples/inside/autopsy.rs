//! A leader is cut off, and goes on acknowledging by itself: what its copy tells when it has rejoined.

use crate::reading::{Parcels, check, start, until};
use proofload_history::{Event, History, Id, LogDiverged, LogsNotCompared, Observation, Reading};
use proofload_lab::kafka::{Compared, View, compare};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);
const FAULT: &str = "leader-cut";
/// What the isolated leader acknowledged by itself, and what the majority did.
const ALONE: [&str; 5] = ["p-10", "p-11", "p-12", "p-13", "p-14"];
const BY_MANY: [&str; 2] = ["p-20", "p-21"];

pub(crate) async fn autopsy(folder: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let parcels = start(folder).await?;
    let (lab, view) = (&parcels.lab, View::new(&parcels.lab));
    let before = view.partition("parcels", 0).await?;
    let isolated = before.leader.clone().ok_or("nobody leads parcels/0")?;
    post(&isolated, "all", &["p-1", "p-2"]).await?;
    let table = rules(&parcels, &isolated);
    lab.in_host(&isolated, &["nft", "-f", "-"], Some(&table)).await?;
    let others: Vec<_> = lab.instances().iter().filter(|it| it.kind == "kafka" && it.name != isolated).collect();
    let other = others.first().ok_or("no other broker")?.name.clone();
    until("the majority has another leader", async || {
        Ok(view.partition_seen_by(&other, "parcels", 0).await?.epoch > before.epoch)
    })
    .await?;
    post(&isolated, "1", &ALONE).await?;
    let elected = view.partition_seen_by(&other, "parcels", 0).await?;
    post(elected.leader.as_ref().ok_or("no leader")?, "all", &BY_MANY).await?;

    lab.keep(&isolated, FAULT).await;
    lab.keep("nobody", FAULT).await;
    lab.in_host(&isolated, &["nft", "delete", "table", "inet", "chaos"], None).await?;
    until("all in sync", async || view.all_in_sync().await).await?;
    let read = parcels.read("log.posted").await;
    check(read.complete, || format!("{read:?}"))?;

    let found = compare(lab, &parcels.recorder).await?.ok_or("nothing was kept")?;
    check((found.diverged, found.not_known) == (1, 0) && found.copies >= 1, || format!("{found:?}"))?;
    let copy = parcels.run.autopsy().join(FAULT).join(&*isolated).join("parcels-0");
    not_known_where_it_is_damaged(&parcels, &copy).await?;
    parcels.recorder.close()?;
    told(&History::read(&parcels.run)?, &isolated, (before.epoch, elected.epoch))?;
    parcels.lab.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// No packets between the isolated broker and its peers.
fn rules(parcels: &Parcels, isolated: &str) -> String {
    let peers = parcels.lab.instances().iter().filter(|it| it.kind == "kafka" && &*it.name != isolated);
    let peers = peers.map(|it| it.address.to_string()).collect::<Vec<_>>().join(", ");
    format!(
        "table inet chaos {{ chain i {{ type filter hook input priority 0; ip saddr {{ {peers} }} drop; }}; \
         chain o {{ type filter hook output priority 0; ip daddr {{ {peers} }} drop; }}; }}"
    )
}

/// Records acknowledged by `broker`, which the client knows alone.
async fn post(broker: &str, acks: &str, ids: &[&str]) -> Result<(), Box<dyn Error>> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", format!("{broker}:9092"))
        .set("acks", acks)
        .set("topic.metadata.refresh.interval.ms", "-1")
        .create()?;
    for id in ids {
        let payload = format!(r#"{{"type":"Posted","id":"{id}","text":"two\u000alines"}}"#);
        let record = FutureRecord::to("parcels").key(*id).payload(&payload).partition(0);
        producer.send(record, BOUND).await.map_err(|(error, _)| error)?;
    }
    Ok(())
}

/// What is missing or damaged makes nothing known, and nothing claimed.
async fn not_known_where_it_is_damaged(parcels: &Parcels, copy: &Path) -> Result<(), Box<dyn Error>> {
    let not_known = async |what: &str| {
        let found = compare(&parcels.lab, &parcels.recorder).await?;
        let expected = Compared { copies: 0, diverged: 0, not_known: 1 };
        check(found == Some(expected), || format!("{what}: {found:?}"))
    };
    let checkpoint = copy.join("leader-epoch-checkpoint");
    let epochs = std::fs::read(&checkpoint)?;
    std::fs::remove_file(&checkpoint)?;
    not_known("without a checkpoint").await?;
    std::fs::write(&checkpoint, epochs)?;
    let segment = std::fs::read_dir(copy)?.flatten().map(|entry| entry.path());
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    let segment = segment.into_iter().find(is_segment).ok_or("no segment")?;
    let mut bytes = std::fs::read(&segment)?;
    *bytes.last_mut().ok_or("an empty segment")? ^= 0xff;
    std::fs::write(&segment, bytes)?;
    not_known("with a damaged batch").await
}

fn told(history: &History, isolated: &str, (before, after): (i32, i32)) -> Result<(), Box<dyn Error>> {
    let mut diverged: Vec<&LogDiverged> = Vec::new();
    let mut not_compared: Vec<&LogsNotCompared> = Vec::new();
    for entry in &history.journal.entries {
        match &entry.event {
            Event::LogDiverged(it) => diverged.push(it),
            Event::LogsNotCompared(it) => not_compared.push(it),
            _ => {}
        }
    }
    let [told] = diverged[..] else { return Err(format!("{diverged:?}").into()) };
    let place = (told.log.as_str(), told.partition, told.broker.as_str(), told.fault.as_str());
    check(place == ("parcels", 0, isolated, FAULT), || format!("{told:?}"))?;
    check((told.from_offset, told.to_offset, told.records) == (2, 7, 5), || format!("{told:?}"))?;
    check((told.epoch, told.truncated_under_epoch) == (before, Some(after)), || {
        format!("{told:?}, {before}, {after}")
    })?;
    check(told.truncated_at.is_some() && told.unreadable == 0, || format!("{told:?}"))?;
    // Nothing that it took in alone was committed.
    check(told.high_watermark.is_none_or(|mark| mark <= 2), || format!("{told:?}"))?;
    check(told.stages == ["log.posted"], || format!("{told:?}"))?;
    let [checkpoint, batch] = not_compared[..] else { return Err(format!("{not_compared:?}").into()) };
    check(checkpoint.why.starts_with("of the copy, leader-epoch-checkpoint: "), || format!("{checkpoint:?}"))?;
    check(batch.logs == ["parcels/0"] && batch.stages == ["log.posted"], || format!("{batch:?}"))?;
    eprintln!("a damaged batch: {}", batch.why);

    let observations = history.observations.to_vec()?;
    let of =
        |reading: Reading| -> Vec<&Observation> { observations.iter().filter(|it| it.reading == reading).collect() };
    let on_copy: Vec<_> = of(Reading::Replica).iter().map(|it| (it.id, it.offset, it.leader_epoch)).collect();
    let expected: Vec<_> = (2..).zip(ALONE).map(|(offset, id)| (Id::of(id), Some(offset), Some(before))).collect();
    check(on_copy == expected, || format!("{on_copy:?}"))?;
    let last: Vec<Id> = of(Reading::Final).iter().map(|it| it.id).collect();
    let expected: Vec<Id> = ["p-1", "p-2"].iter().chain(&BY_MANY).map(|id| Id::of(id)).collect();
    check(last == expected, || format!("{last:?}"))
}
