//! What starts after what: groups that wait for the gates of others, all at the same time.

use super::unit::Unit;
use super::{Inner, migrate};
use crate::LabError;
use crate::component::Site;
use crate::link::proxy_name;
use crate::manifest::Manifest;
use futures::future::{join_all, try_join_all};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use tokio::sync::watch;

/// The gate that opens when the migrations are done. No host can have this name.
const MIGRATIONS: &str = "[[migrate]]";

/// Units that start together, and are needed together.
struct Group<'a> {
    name: String,
    needs: BTreeSet<String>,
    units: Vec<&'a Unit>,
}

/// Starts everything, each part as soon as what it needs is ready.
pub(super) async fn start(inner: &Inner, progress: &(dyn Fn(&str) + Send + Sync)) -> Result<(), LabError> {
    let groups = groups(inner);
    let gates: BTreeMap<&str, watch::Sender<bool>> =
        groups.iter().map(|group| (group.name.as_str(), watch::Sender::new(false))).collect();
    try_join_all(groups.iter().map(|group| start_group(inner, group, &gates, progress))).await?;
    Ok(())
}

/// Stops everything, those that need others before the others.
pub(super) async fn stop(inner: &Inner) {
    let mut rest = groups(inner);
    while !rest.is_empty() {
        let needed: BTreeSet<String> = rest.iter().flat_map(|group| group.needs.iter().cloned()).collect();
        let (last, free): (Vec<_>, Vec<_>) = rest.into_iter().partition(|group| needed.contains(&group.name));
        join_all(free.iter().flat_map(|group| &group.units).map(|unit| unit.stop())).await;
        // A manifest whose needs go round in a circle is refused when it is read; without progress, all at once.
        if free.is_empty() {
            join_all(last.iter().flat_map(|group| &group.units).map(|unit| unit.stop())).await;
            return;
        }
        rest = last;
    }
}

async fn start_group(
    inner: &Inner,
    group: &Group<'_>,
    gates: &BTreeMap<&str, watch::Sender<bool>>,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), LabError> {
    for need in &group.needs {
        if let Some(gate) = gates.get(need.as_str()) {
            // The senders live as long as all groups: waiting cannot fail.
            let _ = gate.subscribe().wait_for(|open| *open).await;
        }
    }
    let begun = Instant::now();
    if group.name == MIGRATIONS {
        migrate::run(&inner.ground).await?;
    }
    try_join_all(group.units.iter().map(|unit| unit.start(false))).await?;
    if let Some(first) = group.units.first() {
        let sites: Vec<Site> = group.units.iter().map(|unit| unit.site.clone()).collect();
        first.component.furnish(&sites).await?;
    }
    if let Some(gate) = gates.get(group.name.as_str()) {
        gate.send_replace(true);
    }
    progress(&format!("{} ready after {:.1} s", group.name, begun.elapsed().as_secs_f64()));
    Ok(())
}

fn groups(inner: &Inner) -> Vec<Group<'_>> {
    let manifest = &inner.ground.manifest;
    let migrates = !manifest.migrations.is_empty();
    let mut groups: Vec<Group<'_>> = manifest
        .components
        .keys()
        .chain(manifest.processes.keys())
        .map(|name| {
            let units: Vec<&Unit> = inner.units.iter().filter(|unit| &*unit.site.instance.of == name).collect();
            let mut needs: BTreeSet<String> = needs(manifest, name).map(str::to_owned).collect();
            needs.extend(units.iter().map(|unit| proxy_name(&unit.site.instance.name)));
            if migrates && manifest.processes.contains_key(name) {
                needs.insert(MIGRATIONS.to_owned());
            }
            Group { name: name.clone(), needs, units }
        })
        .collect();
    groups.extend(inner.proxies.iter().map(|proxy| Group {
        name: proxy.name.clone(),
        needs: BTreeSet::new(),
        units: vec![proxy],
    }));
    if migrates {
        let needs = manifest.components.keys().filter(|name| !leads_to_process(manifest, name)).cloned().collect();
        groups.push(Group { name: MIGRATIONS.to_owned(), needs, units: Vec::new() });
    }
    groups
}

fn needs<'a>(manifest: &'a Manifest, name: &str) -> impl Iterator<Item = &'a str> {
    let component = manifest.components.get(name).map(|it| it.needs.as_slice());
    let needs = component.or_else(|| manifest.processes.get(name).map(|it| it.needs.as_slice())).unwrap_or_default();
    needs.iter().map(|need| need.get_ref().as_str())
}

/// Whether `name` is a process, or needs one in the end: such a component starts after the migrations, not before.
fn leads_to_process(manifest: &Manifest, name: &str) -> bool {
    manifest.processes.contains_key(name) || needs(manifest, name).any(|need| leads_to_process(manifest, need))
}
