//! What the brokers believe: leaders, leader epochs, in-sync sets.

use super::metadata::{self, Known};
use super::{DIRECT_PORT, KIND};
use crate::Lab;
use futures::future::join_all;
use proofload_history::Name;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// How the brokers of a lab stand. Cheap to make and to clone; it keeps no connections.
#[derive(Clone, Debug)]
pub struct View {
    clusters: Vec<Vec<Broker>>,
}

#[derive(Clone, Debug)]
struct Broker {
    instance: Name,
    node: i32,
    listener: SocketAddr,
}

/// A partition as the brokers, or one of them, believe it to be; brokers by the names of their instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The topic.
    pub topic: String,
    /// The topic is one of Kafka's own.
    pub internal: bool,
    /// The partition's number.
    pub partition: i32,
    /// Who leads, if anybody.
    pub leader: Option<Name>,
    /// The leader epoch: it rises with every election, and only the majority can raise it.
    pub epoch: i32,
    /// Who holds a replica.
    pub replicas: Vec<Name>,
    /// Whose replica is in sync.
    pub in_sync: Vec<Name>,
}

impl View {
    /// The view of all brokers of `lab`. Asks nobody yet.
    #[must_use]
    pub fn new(lab: &Lab) -> Self {
        let mut clusters: BTreeMap<Name, Vec<Broker>> = BTreeMap::new();
        for instance in lab.instances().iter().filter(|instance| instance.kind == KIND) {
            let brokers = clusters.entry(Name::clone(&instance.of)).or_default();
            // The lab numbers brokers from 1, in the order of their instances.
            let node = brokers.len() as i32 + 1;
            let listener = SocketAddr::from((instance.address, DIRECT_PORT));
            brokers.push(Broker { instance: Name::clone(&instance.name), node, listener });
        }
        Self { clusters: clusters.into_values().collect() }
    }

    /// All partitions. Where brokers disagree, the highest leader epoch is right: an isolated broker cannot raise it. A
    /// majority must answer, for one that is isolated believes what was true before.
    /// Under the same epoch the smallest in-sync set counts, so that nothing is taken for whole too early.
    ///
    /// # Errors
    /// If no majority of a cluster's brokers answers.
    pub async fn partitions(&self) -> Result<Vec<Partition>, String> {
        self.ask_all().await.map(|(partitions, _)| partitions)
    }

    /// All partitions as `broker` alone believes them to be. Only that broker is asked.
    ///
    /// # Errors
    /// If it does not answer within two seconds, or is no broker.
    pub async fn partitions_seen_by(&self, broker: &str) -> Result<Vec<Partition>, String> {
        let asked = self
            .clusters
            .iter()
            .find_map(|brokers| Some((brokers, brokers.iter().find(|known| &*known.instance == broker)?)));
        let (brokers, asked) = asked.ok_or_else(|| format!("there is no broker `{broker}`"))?;
        let known = metadata::ask(asked.listener).await?;
        Ok(known.into_iter().map(|known| named(brokers, known)).collect())
    }

    /// One partition, as [`Self::partitions`] finds it.
    ///
    /// # Errors
    /// If no majority of brokers answers, or none knows the partition.
    pub async fn partition(&self, topic: &str, partition: i32) -> Result<Partition, String> {
        find(self.partitions().await?, topic, partition)
    }

    /// One partition as `broker` alone believes it to be.
    ///
    /// # Errors
    /// If it does not answer, or does not know the partition.
    pub async fn partition_seen_by(&self, broker: &str, topic: &str, partition: i32) -> Result<Partition, String> {
        find(self.partitions_seen_by(broker).await?, topic, partition)
    }

    /// Who leads a partition, if anybody.
    ///
    /// # Errors
    /// If no majority of brokers answers, or none knows the partition.
    pub async fn leader(&self, topic: &str, partition: i32) -> Result<Option<Name>, String> {
        Ok(self.partition(topic, partition).await?.leader)
    }

    /// Who leads a partition, if anybody, as `broker` alone believes.
    ///
    /// # Errors
    /// If it does not answer, or does not know the partition.
    pub async fn leader_seen_by(&self, broker: &str, topic: &str, partition: i32) -> Result<Option<Name>, String> {
        Ok(self.partition_seen_by(broker, topic, partition).await?.leader)
    }

    /// Who leads each partition of `topic`, if anybody, ordered by partition.
    ///
    /// # Errors
    /// If no majority of brokers answers, or none knows the topic.
    pub async fn leaders(&self, topic: &str) -> Result<Vec<(i32, Option<Name>)>, String> {
        let of_topic = self.partitions().await?.into_iter().filter(|it| it.topic == topic);
        let leaders: Vec<_> = of_topic.map(|it| (it.partition, it.leader)).collect();
        if leaders.is_empty() { Err(format!("the brokers know no topic `{topic}`")) } else { Ok(leaders) }
    }

    /// Whether every broker answers, every partition has a leader, and every replica is in sync.
    ///
    /// # Errors
    /// If no majority of a cluster's brokers answers.
    pub async fn all_in_sync(&self) -> Result<bool, String> {
        let (partitions, silent) = self.ask_all().await?;
        let whole = |it: &Partition| it.leader.is_some() && it.in_sync.len() >= it.replicas.len();
        Ok(silent == 0 && partitions.iter().all(whole))
    }

    /// All partitions, and how many brokers did not answer.
    async fn ask_all(&self) -> Result<(Vec<Partition>, usize), String> {
        let mut partitions = Vec::new();
        let mut silent = 0;
        for brokers in &self.clusters {
            let answers = join_all(brokers.iter().map(|broker| metadata::ask(broker.listener))).await;
            let (known, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
            let failed: Vec<String> = failed.into_iter().filter_map(Result::err).collect();
            if !is_majority(known.len(), brokers.len()) {
                let (answered, all) = (known.len(), brokers.len());
                return Err(format!("only {answered} of {all} brokers answered: {}", failed.join("; ")));
            }
            silent += failed.len();
            let known = agreed(known.into_iter().flatten().flatten());
            partitions.extend(known.into_iter().map(|known| named(brokers, known)));
        }
        Ok((partitions, silent))
    }
}

/// Whether one of so many cannot be the only one that knows better.
fn is_majority(some: usize, all: usize) -> bool {
    2 * some > all
}

/// One belief for each partition: that of the highest epoch, and of the smallest in-sync set.
fn agreed(beliefs: impl Iterator<Item = Known>) -> Vec<Known> {
    let mut agreed: BTreeMap<(String, i32), Known> = BTreeMap::new();
    for belief in beliefs {
        let rank = |known: &Known| (known.epoch, std::cmp::Reverse(known.in_sync.len()));
        let key = (belief.topic.clone(), belief.partition);
        if agreed.get(&key).is_none_or(|best| rank(&belief) > rank(best)) {
            agreed.insert(key, belief);
        }
    }
    agreed.into_values().collect()
}

fn named(brokers: &[Broker], known: Known) -> Partition {
    let name = |node: &i32| brokers.iter().find(|it| it.node == *node).map(|it| Name::clone(&it.instance));
    Partition {
        leader: name(&known.leader),
        // A replica on a broker that the lab does not know still counts as one.
        replicas: known.replicas.iter().map(|node| name(node).unwrap_or_else(|| node.to_string().into())).collect(),
        in_sync: known.in_sync.iter().map(|node| name(node).unwrap_or_else(|| node.to_string().into())).collect(),
        topic: known.topic,
        internal: known.internal,
        partition: known.partition,
        epoch: known.epoch,
    }
}

fn find(partitions: Vec<Partition>, topic: &str, partition: i32) -> Result<Partition, String> {
    partitions
        .into_iter()
        .find(|it| it.topic == topic && it.partition == partition)
        .ok_or_else(|| format!("the brokers know no partition {topic}/{partition}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn belief(leader: i32, epoch: i32, in_sync: &[i32]) -> Known {
        let (topic, replicas, in_sync) = ("orders".to_owned(), vec![1, 2, 3], in_sync.to_vec());
        Known { topic, internal: false, partition: 0, leader, epoch, replicas, in_sync }
    }

    #[test]
    fn an_isolated_leader_is_outvoted_by_a_higher_epoch() {
        let beliefs = [belief(1, 4, &[1, 2, 3]), belief(2, 5, &[2, 3]), belief(2, 5, &[2, 3])];
        assert_eq!(agreed(beliefs.into_iter()), vec![belief(2, 5, &[2, 3])]);
    }

    #[test]
    fn a_broker_alone_is_believed_only_where_there_is_no_other() {
        let enough = [(0, 1), (1, 1), (1, 2), (1, 3), (2, 3), (2, 4), (3, 5)].map(|(some, all)| is_majority(some, all));
        assert_eq!(enough, [false, true, false, false, true, false, true]);
    }

    #[test]
    fn under_one_epoch_the_smallest_in_sync_set_counts() {
        let beliefs = [belief(1, 4, &[1, 2, 3]), belief(1, 4, &[1, 2]), belief(1, 4, &[1, 2, 3])];
        assert_eq!(agreed(beliefs.into_iter()), vec![belief(1, 4, &[1, 2])]);
    }
}
