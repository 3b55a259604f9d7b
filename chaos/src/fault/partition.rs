//! `partition`: packets between an instance and its peers are dropped in the instance's network namespace.

use super::packets::{self, Direction};
use super::peers::Peers;
use super::victim::serving;
use super::{About, Aimed, Draft, Fault, Look, Recipe, Scene, TARGET_KEY, Whole};
use crate::ChaosError;
use crate::spec::{number, text, unknown, wrong};
use crate::target::Target;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use proofload_lab::Lab;
use proofload_lab::kafka::View;
use proofload_lab::manifest::SpecError;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

pub(super) const ABOUT: About = About {
    name: "partition",
    sentence: "Cuts an instance off from others on the network, and leaves it reachable for everybody else.",
    needs: &["nftables"],
    injected: "nftables drops packets by their address in the network namespace of the instance: on established connections too, and without an answer",
    attested: "the kernel: the rules' counters of dropped packets rise; and the peers: a new connection to the instance is not even refused. With `expect_election`, a broker on the majority's side as well: it names another leader while the old one still answers",
    healed: "the table of rules is deleted; a new connection from every peer must be answered, the instance must answer in its own protocol, and every Kafka replica must be back in sync",
    beside: "any: each cut has rules of its own",
    keys: &[
        TARGET_KEY,
        (
            "from",
            "the peers: { component = \"kafka\" }, { process = \"api\" } or { instance = \"kafka-2\" }; with `others = true`, all of them but the target itself",
        ),
        (
            "direction",
            "\"both\", the default; \"in\": packets from the peers to the target; \"out\": packets from the target to the peers",
        ),
        (
            "port",
            "only packets that go to this TCP port or come from it, at either end: Kafka's brokers replicate over 9092, and elect over 9093; all packets without it",
        ),
        (
            "expect_election",
            "true: the fault counts as effective only when the majority has elected another leader while the old one still answers; the target must be a `leader_of`",
        ),
    ],
    example: r#"
[fault.leader-cut]
kind = "partition"
target = { leader_of = { topic = "orders", partition = 0 }, not_controller = true }
from = { component = "kafka", others = true }
at = "fault"
for = "20s"
expect_election = true
"#,
    parse,
};

fn parse(draft: &Draft<'_>) -> Result<Aimed, SpecError> {
    let target = draft.target()?;
    let from = Peers::parse(draft, &target)?;
    let direction = match draft.keys.get("direction") {
        None => Direction::Both,
        Some(value) => {
            let name = text("`direction`", value)?;
            let found = Direction::ALL.iter().find(|(known, _)| *known == name);
            let names = Direction::ALL.map(|(known, _)| known);
            found.ok_or_else(|| unknown(value.span(), name, format!("there is no direction `{name}`"), names))?.1
        }
    };
    let port = draft.keys.get("port").map(port).transpose()?;
    let expect_election = draft.keys.flag("expect_election")?;
    if let (true, false, Some(value)) =
        (expect_election, matches!(target, Target::LeaderOf { .. }), draft.keys.get("expect_election"))
    {
        return Err(wrong(value.span(), "`expect_election` goes with a target `leader_of`"));
    }
    Ok((target, Arc::new(Partition { from, direction, port, expect_election })))
}

#[derive(Debug)]
struct Partition {
    from: Peers,
    direction: Direction,
    port: Option<u16>,
    expect_election: bool,
}

fn port(value: &Spanned<DeValue<'_>>) -> Result<u16, SpecError> {
    let port = number("`port`", value)?;
    // A float to an integer saturates, and a port that is none is told.
    let whole = port as u16;
    if f64::from(whole) == port && whole > 0 {
        Ok(whole)
    } else {
        Err(wrong(value.span(), "`port` must be 1 to 65535"))
    }
}

impl Recipe for Partition {
    fn words(&self, target: &Target) -> String {
        let port = self.port.map(|port| format!(", on port {port}")).unwrap_or_default();
        format!("cut {target} off from {}, {}{port}", self.from, self.direction.words())
    }

    fn seen_after(&self) -> Duration {
        SILENCE
    }

    fn arm<'a>(&'a self, scene: Scene<'a>) -> BoxFuture<'a, Result<Arc<dyn Fault>, String>> {
        async move {
            let targets = scene.resolved.instances.clone();
            let cut = Cut {
                lab: scene.lab.clone(),
                table: packets::table(scene.fault),
                peers: self.from.resolve(scene.lab, &targets)?,
                targets,
                direction: self.direction,
                port: self.port,
                partition: scene.resolved.partition.clone().filter(|_| self.expect_election),
            };
            cut.expect_reach().await?;
            Ok(Arc::new(cut) as Arc<dyn Fault>)
        }
        .boxed()
    }
}

struct Cut {
    lab: Lab,
    table: String,
    targets: Vec<String>,
    peers: Vec<(String, Ipv4Addr)>,
    direction: Direction,
    /// The port that is cut, if it is not all of them.
    port: Option<u16>,
    /// The partition that is to get another leader.
    partition: Option<(String, i32)>,
}

/// A port on which nothing listens (discard): the kernel refuses at once where packets pass both ways, whatever the
/// processes of the host do.
const CLOSED_PORT: u16 = 9;

/// How long a new connection may go without an answer before packets count as dropped.
const SILENCE: Duration = Duration::from_secs(1);

/// What became of a try to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// It was answered, if only by a refusal.
    Answered,
    /// Nothing came back.
    Silence,
    /// It could not be tried, which says nothing of the network.
    Untried,
}

/// How often the peers try to reach the target before the cut.
const REACH_TRIES: u32 = 3;

impl Cut {
    async fn nft(&self, target: &str, script: &str) -> Result<(), ChaosError> {
        let ran = self.lab.in_host(target, &["nft", "-f", "-"], Some(script)).await;
        ran.map(drop).map_err(ChaosError::lab(format!("change the packet rules of {target}")))
    }

    /// Whether a new connection from each peer to each target is answered.
    async fn reach(&self) -> Vec<(Reached, String)> {
        let pairs = self.targets.iter().flat_map(|target| self.peers.iter().map(move |(peer, _)| (peer, target)));
        join_all(pairs.map(|(peer, target)| self.connect(peer, target))).await
    }

    /// A cut has an effect only where packets pass before it. A busy machine may need more than one try.
    async fn expect_reach(&self) -> Result<(), String> {
        for _ in 1..REACH_TRIES {
            if self.reach().await.iter().all(|(reached, _)| *reached == Reached::Answered) {
                return Ok(());
            }
        }
        match self.reach().await.into_iter().find(|(reached, _)| *reached != Reached::Answered) {
            None => Ok(()),
            Some((_, evidence)) => Err(format!("even before the cut {evidence}")),
        }
    }

    async fn connect(&self, peer: &str, target: &str) -> (Reached, String) {
        let Some(address) = self.lab.instance(target).map(|instance| instance.address) else {
            return (Reached::Untried, format!("{target} has no address"));
        };
        let (port, seconds) = (self.port.unwrap_or(CLOSED_PORT), SILENCE.as_secs());
        // 124 is what `timeout` ends with when the time is up, 0 and 1 came from the other side.
        let script = format!("timeout {seconds} bash -c '</dev/tcp/{address}/{port}' 2>/dev/null; echo $?");
        let ended = self.lab.in_host(peer, &["bash", "-c", &script], None).await;
        let untried = |why: &str| (Reached::Untried, format!("{peer} cannot try to connect to {target}: {why}"));
        match ended.as_deref().map(str::trim) {
            Ok("124") => (Reached::Silence, format!("{peer} gets no answer from {target} within {seconds} s")),
            Ok("0" | "1") => (Reached::Answered, format!("{peer} gets an answer from {target}")),
            Ok(other) => untried(&format!("exit {other}")),
            Err(error) => untried(&error.to_string()),
        }
    }

    async fn counted(&self, target: &str) -> Look {
        let list = ["nft", "--json", "list", "table", "inet", &self.table];
        let (effective, evidence) = match self.lab.in_host(target, &list, None).await {
            Err(error) => (false, error.to_string()),
            Ok(json) => match packets::dropped(&json) {
                Some((incoming, outgoing)) => {
                    (incoming + outgoing > 0, format!("{incoming} incoming and {outgoing} outgoing packets dropped"))
                }
                None => (false, "nft lists no counters".to_owned()),
            },
        };
        Look { effective, observer: format!("packet counters of {target}"), evidence }
    }

    /// Whether the majority follows another leader while the old one still answers.
    async fn elected(&self, topic: &str, partition: i32) -> Look {
        let view = View::new(&self.lab);
        let majority = self.peers.iter().map(|(peer, _)| view.leader_seen_by(peer, topic, partition));
        let seen = join_all(majority).await;
        let other = seen
            .iter()
            .filter_map(|seen| seen.as_ref().ok()?.as_ref())
            .find(|it| !self.targets.iter().any(|target| **target == ***it));
        let answers = join_all(self.targets.iter().map(|target| super::victim::answer(&self.lab, target))).await;
        let leader = match other {
            Some(leader) => format!("{topic}/{partition} is led by {leader} for the majority"),
            None => format!("{topic}/{partition} has no other leader for the majority"),
        };
        let answers_still = answers.iter().all(|(answers, _)| *answers);
        let still: Vec<&str> = answers.iter().map(|(_, evidence)| evidence.as_str()).collect();
        Look {
            effective: other.is_some() && answers_still,
            observer: format!("the brokers that {} was cut off from", self.targets.join(", ")),
            evidence: format!("{leader}; {}", still.join("; ")),
        }
    }

    /// Whether the rules of `target` are gone.
    async fn unruled(&self, target: &str) -> (bool, String) {
        match self.lab.in_host(target, &["nft", "list", "tables"], None).await {
            Ok(listed) if packets::is_listed(&self.table, &listed) => (false, format!("{target} still drops packets")),
            Ok(_) => (true, format!("no rules left in {target}")),
            Err(error) => (false, error.to_string()),
        }
    }
}

impl Fault for Cut {
    fn inject(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async move {
            for target in &self.targets {
                self.nft(target, &packets::cut(&self.table, self.direction, self.port, &self.peers)).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn look(&self) -> BoxFuture<'_, Vec<Look>> {
        async move {
            let cut = |(reached, evidence): (Reached, String)| (reached == Reached::Silence, evidence);
            let tried = Whole::all(self.reach().await.into_iter().map(cut));
            let observer = format!(
                "connections from {}",
                self.peers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
            );
            let mut looks = vec![Look { effective: tried.healed, observer, evidence: tried.evidence }];
            // After the tries: they make packets where nobody else does.
            looks.extend(join_all(self.targets.iter().map(|target| self.counted(target))).await);
            if let Some((topic, partition)) = &self.partition {
                looks.push(self.elected(topic, *partition).await);
            }
            looks
        }
        .boxed()
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async move {
            let heals = self.targets.iter().map(async |target| self.nft(target, &packets::heal(&self.table)).await);
            // Every host is tried, whatever another one says.
            join_all(heals).await.into_iter().collect()
        }
        .boxed()
    }

    fn look_whole(&self) -> BoxFuture<'_, Whole> {
        async move {
            let mut seen = join_all(self.targets.iter().map(|target| self.unruled(target))).await;
            seen.extend(
                self.reach().await.into_iter().map(|(reached, evidence)| (reached == Reached::Answered, evidence)),
            );
            let targets: Vec<&str> = self.targets.iter().map(String::as_str).collect();
            seen.extend(serving(&self.lab, &targets).await);
            Whole::all(seen)
        }
        .boxed()
    }
}
