//! What a fault may name: told to `chaos`, which knows no manifest.

use proofload_chaos::{Names, Part};
use proofload_lab::Manifest;
use proofload_lab::manifest::Placeholder;
use std::collections::{BTreeMap, BTreeSet};

/// The names that `manifest` declares, and those of the experiment's own `faults`.
pub(super) fn names(manifest: &Manifest, faults: BTreeSet<String>) -> Names {
    let components = manifest.components.iter().map(|(name, component)| {
        (name.clone(), Part { kind: component.kind.get_ref().clone(), instances: manifest.instances(name) })
    });
    let processes = manifest.processes.keys().map(|name| {
        (name.clone(), Part { kind: "process".to_owned(), instances: manifest.instances(name) })
    });
    let topics = manifest.components.values().flat_map(|component| &component.topics);
    Names {
        parts: components.chain(processes).collect(),
        topics: topics.map(|(name, topic)| (name.clone(), topic.partitions)).collect(),
        gauges: manifest.gauges.keys().cloned().collect(),
        links: links(manifest),
        faults,
    }
}

/// From each process to the components that its environment reaches by `{link:...}`.
fn links(manifest: &Manifest) -> BTreeMap<String, BTreeSet<String>> {
    let reached = |process: &proofload_lab::manifest::Process| {
        let templates = process.env.values();
        let placeholders = templates.flat_map(|template| template.placeholders());
        let links = placeholders.filter_map(|placeholder| match placeholder {
            Placeholder::Link(name) => Some(name.clone()),
            _ => None,
        });
        links.collect::<BTreeSet<String>>()
    };
    let all = manifest.processes.iter().map(|(name, process)| (name.clone(), reached(process)));
    all.filter(|(_, reached)| !reached.is_empty()).collect()
}
