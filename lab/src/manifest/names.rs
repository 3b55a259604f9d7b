//! The names in a manifest that refer to others, and what else its tables must agree on.

use super::{
    Act, Component, Course, GaugeSource, Keeper, Manifest, OnlyIf, Placeholder, SpecError, StageSource, Step, Template,
};
use crate::component::{KINDS, Kind, kinds};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// The version of the format that this reader knows.
const FORMAT: u32 = 1;
/// A step that is made more often, and more credentials than this, are slips of the pen.
const MAX_TIMES: u32 = 100;
const MAX_CREDENTIALS: u32 = 1_000;

pub(super) fn check(manifest: &Manifest) -> Result<(), SpecError> {
    let format = &manifest.format;
    if *format.get_ref() != FORMAT {
        return Err(SpecError::new(format!("format {format} is not known: write {FORMAT}"), Some(format.span())));
    }
    for (name, component) in &manifest.components {
        check_component(manifest, name, component)?;
    }
    check_processes(manifest)?;
    check_needs_end(manifest)?;
    known(manifest, &manifest.entry.host)?;
    check_operations(manifest)?;
    check_stages(manifest)?;
    for source in manifest.gauges.values().flat_map(|gauge| gauge.plus.iter().chain(&gauge.minus)) {
        check_gauge_source(manifest, source)?;
    }
    check_rest(manifest)
}

/// One of the two tells when the system is at rest.
fn check_rest(manifest: &Manifest) -> Result<(), SpecError> {
    let drains = manifest.gauges.iter().find(|(_, gauge)| gauge.drains);
    match (&manifest.done_when_answered, drains) {
        (Some(done), Some((gauge, _))) if manifest.is_done_when_answered() => {
            let message =
                format!("gauge `{gauge}` drains, so there is work left behind an answer: take out one of the two");
            Err(SpecError::new(message, Some(done.span())))
        }
        _ => Ok(()),
    }
}

fn check_component(manifest: &Manifest, name: &str, component: &Component) -> Result<(), SpecError> {
    let span = component.kind.span();
    check_host_name(name, span.clone())?;
    one_of("kind of component", &component.kind, kinds())?;
    check_kind_takes(name, component, "tls", component.tls, |kind| kind.takes_tls)?;
    check_kind_takes(name, component, "template", component.template.is_some(), |kind| kind.takes_template)?;
    if component.template.is_none()
        && KINDS.iter().any(|kind| kind.takes_template && kind.name == component.kind.get_ref())
    {
        let message = format!("a component of kind {} needs a `template`: a file beside the manifest", component.kind);
        return Err(SpecError::new(message, Some(span)));
    }
    check_replicas(component.replicas.as_ref())?;
    component.needs.iter().try_for_each(|need| known(manifest, need))?;
    let brokers = component.replicas.as_ref().map_or(1, |replicas| *replicas.get_ref());
    for (topic, settings) in &component.topics {
        let replication = &settings.replication;
        if !(1..=brokers).contains(replication.get_ref()) || settings.partitions == 0 {
            let message =
                format!("topic `{topic}` needs at least 1 partition, and a replication between 1 and {brokers}");
            return Err(SpecError::new(message, Some(replication.span())));
        }
        let owners = manifest.components.values().filter(|other| other.topics.contains_key(topic));
        if owners.count() > 1 {
            return Err(SpecError::new(format!("two components have a topic `{topic}`"), Some(replication.span())));
        }
    }
    Ok(())
}

/// That `key`, which is there or not, is for components of this kind.
fn check_kind_takes(
    name: &str,
    component: &Component,
    key: &str,
    there: bool,
    takes: impl Fn(&Kind) -> bool,
) -> Result<(), SpecError> {
    let with: Vec<&str> = KINDS.iter().filter(|kind| takes(kind)).map(|kind| kind.name).collect();
    if !there || with.contains(&component.kind.get_ref().as_str()) {
        return Ok(());
    }
    let message = format!("`{key}` is for components of kind {}: remove it from `{name}`", with.join(", "));
    Err(SpecError::new(message, Some(component.kind.span())))
}

fn check_processes(manifest: &Manifest) -> Result<(), SpecError> {
    for (name, process) in &manifest.processes {
        let span = process.command.span();
        check_host_name(name, span.clone())?;
        if manifest.components.contains_key(name) {
            return Err(SpecError::new(format!("`{name}` is both a component and a process"), Some(span)));
        }
        check_command(&process.command)?;
        check_replicas(process.replicas.as_ref())?;
        process.needs.iter().try_for_each(|need| known(manifest, need))?;
        process.env.values().try_for_each(|value| check_placeholders(manifest, Some(name), value))?;
    }
    for migration in &manifest.migrations {
        check_command(&migration.command)?;
        for value in migration.env.values() {
            check_placeholders(manifest, None, value)?;
            if value.placeholders().any(|it| matches!(it, Placeholder::Link(_) | Placeholder::Instance)) {
                let message = "a migration has no host of its own, and so no link and no instance: \
                               use {host:NAME} or {hosts:NAME:PORT}";
                return Err(SpecError::new(message, value.span()));
            }
        }
    }
    Ok(())
}

/// Instances are hosts: their names stand in hosts files and name network namespaces.
fn check_host_name(name: &str, span: Range<usize>) -> Result<(), SpecError> {
    let shaped = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !shaped || name.is_empty() || name.len() > 40 || name.starts_with('-') || name.ends_with('-') {
        let message = format!(
            "`{name}` cannot be the name of a host: use lower-case letters, digits and inner dashes, at most 40"
        );
        return Err(SpecError::new(message, Some(span)));
    }
    Ok(())
}

fn check_command(command: &Spanned<Vec<String>>) -> Result<(), SpecError> {
    match command.get_ref().first() {
        Some(program) if !program.is_empty() => Ok(()),
        _ => Err(SpecError::new("a command needs at least a program", Some(command.span()))),
    }
}

fn check_replicas(replicas: Option<&Spanned<u32>>) -> Result<(), SpecError> {
    match replicas {
        Some(replicas) if *replicas.get_ref() == 0 => {
            Err(SpecError::new("replicas must be at least 1", Some(replicas.span())))
        }
        _ => Ok(()),
    }
}

/// Starting in the order of `needs` must come to an end.
fn check_needs_end(manifest: &Manifest) -> Result<(), SpecError> {
    let mut waiting: BTreeMap<&str, &[Spanned<String>]> = BTreeMap::new();
    waiting.extend(manifest.components.iter().map(|(name, it)| (name.as_str(), it.needs.as_slice())));
    waiting.extend(manifest.processes.iter().map(|(name, it)| (name.as_str(), it.needs.as_slice())));
    loop {
        let ready = waiting
            .iter()
            .find(|(_, needs)| !needs.iter().any(|need| waiting.contains_key(need.get_ref().as_str())))
            .map(|(name, _)| *name);
        match ready {
            Some(name) => waiting.remove(name),
            None => break,
        };
    }
    let names: Vec<&str> = waiting.keys().copied().collect();
    match waiting.values().find_map(|needs| needs.first()) {
        Some(need) => {
            let message = format!("nothing of {} could ever start: they need each other", names.join(", "));
            Err(SpecError::new(message, Some(need.span())))
        }
        None => Ok(()),
    }
}

/// `owner` is the process whose text it is; a migration's has none.
fn check_placeholders(manifest: &Manifest, owner: Option<&str>, template: &Template) -> Result<(), SpecError> {
    for placeholder in template.placeholders() {
        if let Some(message) = placeholder.needs_template() {
            return Err(SpecError::new(message, template.span()));
        }
        check_placeholder(manifest, owner, placeholder, template.span().unwrap_or_default())?;
    }
    Ok(())
}

/// That what a placeholder at `span`, in a text of `owner`, refers to is there.
pub(super) fn check_placeholder(
    manifest: &Manifest,
    owner: Option<&str>,
    placeholder: &Placeholder,
    span: Range<usize>,
) -> Result<(), SpecError> {
    let own = owner.is_some_and(|owner| manifest.speaks_tls(owner));
    if let Some(message) = placeholder.lacks_tls(owner, own, manifest.has_authority()) {
        return Err(SpecError::new(message, Some(span)));
    }
    let Some(name) = placeholder.name() else { return Ok(()) };
    let spanned = Spanned::new(span.clone(), name.to_owned());
    match placeholder {
        Placeholder::Link(_) => one_of("component", &spanned, keys(&manifest.components))?,
        _ => known(manifest, &spanned)?,
    }
    let instances = manifest.instances(name).len();
    if matches!(placeholder, Placeholder::Host(_)) && instances > 1 {
        let message = format!("`{{host:{name}}}` is one host, and `{name}` has {instances}: use {{hosts:{name}:PORT}}");
        return Err(SpecError::new(message, Some(span)));
    }
    Ok(())
}

fn check_operations(manifest: &Manifest) -> Result<(), SpecError> {
    let operations = || keys(&manifest.operations);
    for place in manifest.operations.values().filter_map(|operation| operation.at.as_ref()) {
        known(manifest, &place.host)?;
    }
    for credential in manifest.credentials.values() {
        one_of("operation", &credential.operation, operations())?;
        if !(1..=MAX_CREDENTIALS).contains(credential.count.get_ref()) {
            let message = format!("there are {} credentials: write 1 to {MAX_CREDENTIALS}", credential.count.get_ref());
            return Err(SpecError::new(message, Some(credential.count.span())));
        }
    }
    for scenario in manifest.scenarios.values() {
        match &scenario.course {
            Course::Steps(steps) => steps.iter().try_for_each(|step| check_step(manifest, step))?,
            Course::Mix(mix) => mix.iter().try_for_each(|(name, weight)| check_share(manifest, name, weight))?,
        }
    }
    for chain in manifest.chains.values() {
        one_of("operation", &chain.operation, operations())?;
        for (place, stage) in chain.stages.iter().enumerate() {
            one_of("stage", &stage.stage, keys(&manifest.stages))?;
            if let Some(OnlyIf { stage, states }) = &stage.only_if {
                let earlier = chain.stages[..place].iter().map(|earlier| earlier.stage.get_ref().as_str());
                one_of("earlier stage of the chain", stage, earlier)?;
                if states.is_empty() {
                    let message = "`only_if` names no state, so that the stage would be for nobody";
                    return Err(SpecError::new(message, Some(stage.span())));
                }
            }
        }
    }
    Ok(())
}

fn check_step(manifest: &Manifest, step: &Step) -> Result<(), SpecError> {
    if let Some(operation) = step.operation() {
        one_of("operation", operation, keys(&manifest.operations))?;
    }
    let wrong = match &step.act {
        Act::Do { times, .. } if !(1..=MAX_TIMES).contains(times) => {
            format!("`times` is {times}: write 1 to {MAX_TIMES}")
        }
        Act::Until(until) if until.every.0.is_zero() || until.within.0.is_zero() => {
            "`every` and `within` must be longer than nothing".to_owned()
        }
        _ => return Ok(()),
    };
    Err(SpecError::new(wrong, Some(step.span.clone())))
}

fn check_share(manifest: &Manifest, name: &Spanned<String>, weight: &Spanned<u32>) -> Result<(), SpecError> {
    one_of("scenario", name, keys(&manifest.scenarios))?;
    let mixed = manifest.scenarios.get(name.get_ref()).is_some_and(|other| matches!(other.course, Course::Mix(_)));
    if mixed {
        let message =
            format!("`{name}` is a mix itself: write the scenarios that it consists of", name = name.get_ref());
        return Err(SpecError::new(message, Some(name.span())));
    }
    if *weight.get_ref() == 0 {
        return Err(SpecError::new("a weight is at least 1: leave out what nobody does", Some(weight.span())));
    }
    Ok(())
}

fn check_stages(manifest: &Manifest) -> Result<(), SpecError> {
    for stage in manifest.stages.values() {
        match &stage.source {
            StageSource::Log(log) => known_topic(manifest, &log.topic)?,
            StageSource::Database(database) => known_database(manifest, &database.component, &database.database)?,
            StageSource::Http(journal) => match &journal.keeper {
                Keeper::Component(name) => one_of("component", name, keys(&manifest.components))?,
                Keeper::Process(name) => one_of("process", name, keys(&manifest.processes))?,
            },
        }
    }
    Ok(())
}

fn check_gauge_source(manifest: &Manifest, source: &GaugeSource) -> Result<(), SpecError> {
    match source {
        GaugeSource::Sql { component, database, .. } => known_database(manifest, component, database),
        GaugeSource::EndOffsets { topic } | GaugeSource::InSync { topic } | GaugeSource::Committed { topic, .. } => {
            known_topic(manifest, topic)
        }
    }
}

/// A component or a process.
fn known(manifest: &Manifest, name: &Spanned<String>) -> Result<(), SpecError> {
    one_of("component or process", name, keys(&manifest.components).chain(keys(&manifest.processes)))
}

fn known_topic(manifest: &Manifest, topic: &Spanned<String>) -> Result<(), SpecError> {
    one_of("topic", topic, manifest.components.values().flat_map(|component| keys(&component.topics)))
}

fn known_database(
    manifest: &Manifest,
    component: &Spanned<String>,
    database: &Spanned<String>,
) -> Result<(), SpecError> {
    let with_databases = manifest.components.iter().filter(|(_, it)| !it.databases.is_empty());
    one_of("component with databases", component, with_databases.map(|(name, _)| name.as_str()))?;
    let databases = manifest.components.get(component.get_ref()).map(|it| it.databases.as_slice()).unwrap_or_default();
    one_of("database", database, databases.iter().map(|it| it.get_ref().as_str()))
}

fn keys<T>(table: &BTreeMap<String, T>) -> impl Iterator<Item = &str> {
    table.keys().map(String::as_str)
}

fn one_of<'a>(what: &str, name: &Spanned<String>, valid: impl Iterator<Item = &'a str>) -> Result<(), SpecError> {
    let valid: Vec<String> = valid.map(str::to_owned).collect();
    if valid.contains(name.get_ref()) {
        return Ok(());
    }
    Err(SpecError::unknown(what, name.get_ref(), Some(name.span()), valid))
}
