//! The names that a fault may use: what the manifest and the experiment declare.

use crate::spec::{text, unknown, wrong};
use proofload_lab::manifest::{Manifest, Placeholder, SpecError, Template};
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;
use toml::de::DeValue;

/// A component or a process of the system.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// `kafka`, `postgres`, ..., or `process`.
    pub kind: String,
    /// Its instances: `kafka-1`, `kafka-2`, or the part's own name where it has no replicas.
    pub instances: Vec<String>,
}

/// What the names in `[fault.*]` may refer to.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Components and processes by name.
    pub parts: BTreeMap<String, Part>,
    /// Topics, with their number of partitions.
    pub topics: BTreeMap<String, u32>,
    /// Gauges.
    pub gauges: BTreeSet<String>,
    /// Links: from a process to the components that it reaches through Toxiproxy.
    pub links: BTreeMap<String, BTreeSet<String>>,
    /// The faults of the experiment.
    pub faults: BTreeSet<String>,
}

impl Names {
    /// The names of a system, and of the `faults` of an experiment on it.
    pub fn of(manifest: &Manifest, faults: impl IntoIterator<Item = String>) -> Self {
        let part = |name: &String, kind: &str| {
            (name.clone(), Part { kind: kind.to_owned(), instances: manifest.instances(name) })
        };
        let components = manifest.components.iter().map(|(name, it)| part(name, it.kind.get_ref()));
        let processes = manifest.processes.keys().map(|name| part(name, "process"));
        let topics = manifest.components.values().flat_map(|component| &component.topics);
        let links = manifest.processes.iter().map(|(name, process)| {
            let placeholders = process.env.values().flat_map(Template::placeholders);
            let linked = placeholders.filter_map(|placeholder| match placeholder {
                Placeholder::Link(component) => Some(component.clone()),
                _ => None,
            });
            (name.clone(), linked.collect::<BTreeSet<String>>())
        });
        Self {
            parts: components.chain(processes).collect(),
            topics: topics.map(|(name, topic)| (name.clone(), topic.partitions)).collect(),
            gauges: manifest.gauges.keys().cloned().collect(),
            links: links.filter(|(_, to)| !to.is_empty()).collect(),
            faults: faults.into_iter().collect(),
        }
    }

    /// The name in `value`, which must be one of `valid`; `what` is its sort: `gauge`.
    pub(crate) fn one<'v, S: AsRef<str> + 'v>(
        what: &str,
        value: &Spanned<DeValue<'_>>,
        valid: impl IntoIterator<Item = &'v S>,
    ) -> Result<String, SpecError> {
        let name = text(&format!("the name of a {what}"), value)?;
        let valid: Vec<&str> = valid.into_iter().map(AsRef::as_ref).collect();
        if valid.contains(&name) {
            return Ok(name.to_owned());
        }
        Err(unknown(value.span(), name, format!("there is no {what} `{name}`"), valid))
    }

    /// A component or process.
    pub(crate) fn part(&self, value: &Spanned<DeValue<'_>>) -> Result<String, SpecError> {
        Self::one("component or process", value, self.parts.keys())
    }

    /// A component.
    pub(crate) fn component(&self, value: &Spanned<DeValue<'_>>) -> Result<String, SpecError> {
        Self::one(
            "component",
            value,
            self.parts.iter().filter(|(_, part)| part.kind != "process").map(|(name, _)| name),
        )
    }

    /// A process.
    pub(crate) fn process(&self, value: &Spanned<DeValue<'_>>) -> Result<String, SpecError> {
        Self::one("process", value, self.parts.iter().filter(|(_, part)| part.kind == "process").map(|(name, _)| name))
    }

    /// An instance.
    pub(crate) fn instance(&self, value: &Spanned<DeValue<'_>>) -> Result<String, SpecError> {
        Self::one("instance", value, self.parts.values().flat_map(|part| &part.instances))
    }

    /// A gauge.
    pub(crate) fn gauge(&self, value: &Spanned<DeValue<'_>>) -> Result<String, SpecError> {
        Self::one("gauge", value, &self.gauges)
    }

    /// Another fault than `own`.
    pub(crate) fn other_fault(&self, own: &str, value: &Spanned<DeValue<'_>>) -> Result<String, SpecError> {
        Self::one("other fault", value, self.faults.iter().filter(|fault| *fault != own))
    }

    /// A topic.
    pub(crate) fn topic(&self, value: &Spanned<DeValue<'_>>) -> Result<String, SpecError> {
        Self::one("topic", value, self.topics.keys())
    }

    /// A topic, and one of its partitions.
    pub(crate) fn partition(
        &self,
        topic: &str,
        partition: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(String, i32), SpecError> {
        let partitions = *self
            .topics
            .get(topic)
            .ok_or_else(|| unknown(value.span(), topic, format!("there is no topic `{topic}`"), self.topics.keys()))?;
        match partition.parse::<i32>() {
            Ok(number) if number >= 0 && number.unsigned_abs() < partitions => Ok((topic.to_owned(), number)),
            _ => Err(wrong(
                value.span(),
                format!(
                    "topic `{topic}` has no partition `{partition}`: its partitions are 0 to {}",
                    partitions.saturating_sub(1)
                ),
            )),
        }
    }

    /// The part that `instance` is an instance of.
    pub(crate) fn part_of(&self, instance: &str) -> Option<&str> {
        let of = self.parts.iter().find(|(_, part)| part.instances.iter().any(|name| name == instance));
        of.map(|(name, _)| name.as_str())
    }
}
