//! What a fault hits, as the experiment says it. Which instances that is, is found when the fault fires
//! (`resolve`).

use crate::names::Names;
use crate::spec::{Keys, mismatch, text, wrong};
use proofload_lab::manifest::SpecError;
use std::fmt;
use toml::Spanned;
use toml::de::DeValue;

/// The ways to say what a fault hits: key and meaning. A target takes exactly one of them.
pub const TARGETS: &[(&str, &str)] = &[
    (
        "leader_of",
        "the broker that leads a partition when the fault fires: { topic = \"orders\", partition = 0 }, or \"orders/0\"; with `not_controller = true`, if that broker is the active controller, the leader of the topic's next partition that is led by another one",
    ),
    (
        "follower_of",
        "the broker that holds the last replica of a partition and does not lead it when the fault fires: \"orders/0\"",
    ),
    ("in_sync_of", "every broker whose replica of a partition is in sync when the fault fires: \"orders/0\""),
    ("controller_of", "the active controller of a Kafka component when the fault fires"),
    ("instance", "one instance by its name: \"kafka-2\""),
    (
        "any_of",
        "one instance of a component or process, or of several: [\"api\", \"worker\"], drawn from the run's seed; anew each time where the fault is repeated",
    ),
    ("all_of", "every instance of a component or process"),
    ("same_as", "the instances that another fault was resolved to"),
];

/// What a fault hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The leader of a partition.
    LeaderOf {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Takes another partition of the topic if this one is led by the active controller.
        not_controller: bool,
    },
    /// The last of a partition's replicas that does not lead it: topic and partition.
    FollowerOf(String, i32),
    /// The in-sync set of a partition: topic and partition.
    InSyncOf(String, i32),
    /// The active controller of this component.
    ControllerOf(String),
    /// This instance.
    Instance(String),
    /// One instance of these components and processes together, drawn from the seed.
    AnyOf(Vec<String>),
    /// Every instance of this component or process.
    AllOf(String),
    /// What this fault was resolved to.
    SameAs(String),
}

impl Target {
    /// Reads a target of the fault `fault`.
    pub(crate) fn parse(fault: &str, value: &Spanned<DeValue<'_>>, names: &Names) -> Result<Self, SpecError> {
        let keys = Keys::of(format!("the target of fault `{fault}`"), value)?;
        let choices: Vec<&str> = TARGETS.iter().map(|(key, _)| *key).collect();
        keys.only(&[&choices[..], &["not_controller"]].concat())?;
        let (choice, value) = keys.one_of(&choices)?;
        let not_controller = keys.flag("not_controller")?;
        if let (true, Some(stray)) = (choice != "leader_of", keys.get("not_controller")) {
            return Err(wrong(stray.span(), "`not_controller` goes with `leader_of`"));
        }
        Ok(match choice {
            "leader_of" => {
                let (topic, partition) = partition_of(choice, value, names)?;
                Self::LeaderOf { topic, partition, not_controller }
            }
            "follower_of" => {
                let (topic, partition) = partition_of(choice, value, names)?;
                Self::FollowerOf(topic, partition)
            }
            "in_sync_of" => {
                let (topic, partition) = partition_of(choice, value, names)?;
                Self::InSyncOf(topic, partition)
            }
            "controller_of" => Self::ControllerOf(controller_of(value, names)?),
            "instance" => Self::Instance(names.instance(value)?),
            "any_of" => Self::AnyOf(parts(value, names)?),
            "all_of" => Self::AllOf(names.part(value)?),
            _ => Self::SameAs(names.other_fault(fault, value)?),
        })
    }

    /// The component or process whose instances these are, where that is known before the fault fires.
    pub(crate) fn part<'a>(&'a self, names: &'a Names) -> Option<&'a str> {
        match self {
            Self::Instance(instance) => names.part_of(instance),
            Self::ControllerOf(part) | Self::AllOf(part) => Some(part),
            Self::AnyOf(parts) => match parts.as_slice() {
                [part] => Some(part),
                _ => None,
            },
            Self::LeaderOf { .. } | Self::FollowerOf(..) | Self::InSyncOf(..) => {
                names.parts.iter().find(|(_, part)| part.kind == "kafka").map(|(name, _)| name.as_str())
            }
            Self::SameAs(_) => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeaderOf { topic, partition, not_controller: false } => {
                write!(f, "the leader of {topic}/{partition}")
            }
            Self::LeaderOf { topic, partition, not_controller: true } => {
                write!(
                    f,
                    "the leader of {topic}/{partition}, or of a later partition where that is the active controller"
                )
            }
            Self::FollowerOf(topic, partition) => write!(f, "a follower of {topic}/{partition}"),
            Self::InSyncOf(topic, partition) => write!(f, "every in-sync replica of {topic}/{partition}"),
            Self::ControllerOf(part) => write!(f, "the active controller of {part}"),
            Self::Instance(instance) => f.write_str(instance),
            Self::AnyOf(parts) => write!(f, "one instance of {}, drawn from the seed", together(parts)),
            Self::AllOf(part) => write!(f, "every instance of {part}"),
            Self::SameAs(fault) => write!(f, "what {fault} hit"),
        }
    }
}

/// The components and processes of a population, as people list them: `customers, origination or servicing`.
pub(crate) fn together(parts: &[String]) -> String {
    match parts {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => parts.concat(),
    }
}

/// One component or process, or a list of them.
fn parts(value: &Spanned<DeValue<'_>>, names: &Names) -> Result<Vec<String>, SpecError> {
    let DeValue::Array(list) = value.get_ref() else { return Ok(vec![names.part(value)?]) };
    let mut parts: Vec<String> = Vec::new();
    for value in list {
        let part = names.part(value)?;
        if parts.contains(&part) {
            return Err(wrong(value.span(), format!("`{part}` stands in the list twice")));
        }
        parts.push(part);
    }
    if parts.is_empty() {
        return Err(wrong(value.span(), "`any_of` needs at least one component or process"));
    }
    Ok(parts)
}

/// A partition, as `{ topic = "orders", partition = 0 }` or as `"orders/0"`.
fn partition_of(choice: &str, value: &Spanned<DeValue<'_>>, names: &Names) -> Result<(String, i32), SpecError> {
    if let Some(short) = value.get_ref().as_str() {
        let (topic, partition) = short
            .rsplit_once('/')
            .ok_or_else(|| wrong(value.span(), format!("`{short}` names no partition: write \"{short}/0\"")))?;
        return names.partition(topic, partition, value);
    }
    let keys = Keys::of(format!("`{choice}`"), value)?;
    keys.only(&["topic", "partition"])?;
    let topic = keys.need("topic")?;
    let name = text(&format!("`topic` of `{choice}`"), topic)?;
    // An unknown topic is an error at the topic, a wrong partition one at the partition.
    names.partition(name, "0", topic)?;
    let partition = keys.need("partition")?;
    let number = match partition.get_ref() {
        DeValue::Integer(integer) => integer.to_string(),
        _ => return Err(mismatch("`partition`", partition, "a whole number")),
    };
    names.partition(name, &number, partition)
}

fn controller_of(value: &Spanned<DeValue<'_>>, names: &Names) -> Result<String, SpecError> {
    let kafkas = names.parts.iter().filter(|(_, part)| part.kind == "kafka").map(|(name, _)| name);
    Names::one("Kafka component", value, kafkas)
}
