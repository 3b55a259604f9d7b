//! From a file to an experiment whose every name is resolved.

use super::credentials::credentials;
use super::header::{FORMAT, Header};
use super::journeys::journeys;
use super::requests::requests;
use super::templates::check_templates;
use super::{Experiment, TrafficTable, find};
use crate::diagnostic::{self, FileProblem};
use proofload_chaos::{FaultPlan, Names, Schedule};
use proofload_history::RunDir;
use proofload_lab::{Manifest, Resolved, SpecError};
use proofload_scenarios::{Credential, Mix};
use proofload_verify::{Because, CHECKS, Control, Expectation, IMPLICIT, Reference, Subjects};
use serde::Deserialize as _;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, ValueDeserializer};

/// The tables of an experiment that are keyed by the user's own names.
const NAMED_TABLES: [&str; 4] = ["traffic", "fault", "expect", "control"];

/// What a run changes in its experiment and in its system.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) variants: Vec<String>,
    pub(crate) sets: Vec<(String, String)>,
    pub(crate) rate: Option<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) without_faults: bool,
}

/// Loads the experiment at `path` as its author wrote it, with `overrides`.
pub(crate) fn load(path: &Path, overrides: &Overrides) -> Result<Experiment, FileProblem> {
    let text = diagnostic::read(path)?;
    let in_file = |mistake: SpecError| diagnostic::in_file(&mistake, path, &text);
    let sections = Sections::parse(&text).map_err(in_file)?;
    let mut header = sections.header().map_err(in_file)?;
    if let Some(sets) = &header.sets {
        let message = "`sets` says what a stored run changed: write a table [set] of what an experiment is about";
        return Err(in_file(SpecError::new(message, Some(sets.span()))));
    }
    header.variants.extend(overrides.variants.iter().cloned());
    let sets = overrides.sets.iter().map(|(path, value)| format!("{path}={value}"));
    header.sets = Some(toml::Spanned::new(0..0, sets.collect()));
    header.seed = overrides.seed.unwrap_or(header.seed);
    header.without_faults |= overrides.without_faults;

    let manifest = match find::manifest(header.system.get_ref(), path) {
        Ok(manifest) => manifest,
        Err(problem) => {
            return Err(in_file(SpecError::new(problem.to_string(), Some(header.system.span()))));
        }
    };
    let manifest_text = diagnostic::read(&manifest)?;
    let mut system = resolved(&manifest_text, &header, overrides).map_err(|mistake| match mistake {
        Mistake::InExperiment(mistake) => in_file(mistake),
        Mistake::InManifest(mistake) => diagnostic::in_file(&mistake, &manifest, &manifest_text),
    })?;
    system.manifest.folder = manifest.parent().unwrap_or(Path::new(".")).to_owned();
    check_templates(&system, &manifest, &manifest_text)?;
    let clients = Clients::of(&system.manifest)
        .map_err(|mistake| diagnostic::in_changed_file(mistake, &system.toml, &manifest, &manifest_text))?;

    let toml = as_resolved(&text, &header, overrides).map_err(in_file)?;
    // A changed rate is read from the text that will be stored, so that both are the same.
    let traffic = if overrides.rate.is_some() {
        let stored = Sections::parse(&toml).and_then(|sections| sections.traffic(&system));
        stored.map_err(|mistake| in_file(SpecError { span: None, ..mistake }))?
    } else {
        sections.traffic(&system).map_err(in_file)?
    };
    let read = Read { name: find::stem(path), header, traffic, clients, system, toml };
    sections.resolve(read).map_err(in_file)
}

/// Where the system that an experiment needs cannot be made.
enum Mistake {
    InExperiment(SpecError),
    InManifest(SpecError),
}

/// The system of the experiment: in its circumstances, and with the variants and settings of this run.
fn resolved(manifest: &str, header: &Header, overrides: &Overrides) -> Result<Resolved, Mistake> {
    Manifest::parse(manifest).map_err(Mistake::InManifest)?;
    let text = Resolved::in_circumstances(manifest, &header.set).map_err(Mistake::InExperiment)?;
    Resolved::new(&text, &header.variants, &overrides.sets).map_err(|mistake| {
        // Nobody sees a text that circumstances have changed.
        let span = mistake.span.clone().filter(|_| text == manifest);
        Mistake::InManifest(SpecError { span, ..mistake })
    })
}

/// Loads the experiment that a run directory holds: as resolved, so nothing is applied to it.
pub(crate) fn load_stored(run: &RunDir) -> Result<Experiment, FileProblem> {
    let (path, manifest) = (run.experiment(), run.manifest());
    let text = diagnostic::read(&path)?;
    let in_file = |mistake: SpecError| diagnostic::in_file(&mistake, &path, &text);
    let sections = Sections::parse(&text).map_err(in_file)?;
    let header = sections.header().map_err(in_file)?;
    let manifest_text = diagnostic::read(&manifest)?;
    let mut system = Resolved::new(&manifest_text, &[], &[])
        .map_err(|mistake| diagnostic::in_file(&mistake, &manifest, &manifest_text))?;
    system.manifest.folder = run.root().to_owned();
    let clients =
        Clients::of(&system.manifest).map_err(|mistake| diagnostic::in_file(&mistake, &manifest, &manifest_text))?;
    let traffic = sections.traffic(&system).map_err(in_file)?;
    // Its name is that of the folder that holds the runs of the experiment.
    let folder = run.root().canonicalize().unwrap_or_else(|_| run.root().to_owned());
    let name = folder.parent().map(find::stem).unwrap_or_default();
    let read = Read { name, header, traffic, clients, system, toml: text.clone() };
    sections.resolve(read).map_err(in_file)
}

/// The experiment as it is stored: with the overrides written into it, and its manifest beside it.
fn as_resolved(text: &str, header: &Header, overrides: &Overrides) -> Result<String, SpecError> {
    let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| SpecError::from_toml(&error))?;
    let variants = header.variants.iter().cloned().map(toml::Value::String).collect();
    table.insert("seed".to_owned(), toml::Value::Integer(i64::try_from(header.seed).unwrap_or(i64::MAX)));
    table.insert("variants".to_owned(), toml::Value::Array(variants));
    let sets = header.sets().iter().cloned().map(toml::Value::String).collect();
    table.insert("sets".to_owned(), toml::Value::Array(sets));
    table.insert("without_faults".to_owned(), toml::Value::Boolean(header.without_faults));
    table.insert("system".to_owned(), toml::Value::String("manifest.toml".to_owned()));
    if let Some(rate) = &overrides.rate
        && let Some(traffic) = table.get_mut("traffic").and_then(toml::Value::as_table_mut)
    {
        for (name, row) in traffic.iter_mut() {
            let arrivals = row.get_mut("arrivals").and_then(toml::Value::as_table_mut);
            let kept = arrivals.and_then(|arrivals| {
                let kind = ["poisson", "constant"].into_iter().find(|kind| arrivals.contains_key(*kind))?;
                arrivals.get_mut(kind)
            });
            let Some(kept) = kept else {
                return Err(SpecError::new(
                    format!("--rate cannot change the traffic `{name}`: it has no one rate"),
                    None,
                ));
            };
            *kept = toml::Value::String(rate.clone());
        }
    }
    toml::to_string(&table).map_err(|error| SpecError::new(format!("cannot store the experiment: {error}"), None))
}

/// What of an experiment is read, before its faults and expectations are resolved against it.
struct Read {
    name: String,
    header: Header,
    traffic: Vec<(String, TrafficTable)>,
    clients: Clients,
    system: Resolved,
    toml: String,
}

/// What a manifest says of clients, every template of theirs read and every step checked.
struct Clients {
    scenarios: BTreeMap<String, Mix>,
    credentials: Vec<Credential>,
}

impl Clients {
    fn of(manifest: &Manifest) -> Result<Self, SpecError> {
        let requests = requests(manifest)?;
        let credentials = credentials(manifest, &requests)?;
        Ok(Self { scenarios: journeys(manifest, &requests)?, credentials })
    }
}

/// A table keyed by names: each name with its row.
type Named<'t> = Vec<(Spanned<String>, Spanned<DeValue<'t>>)>;

/// An experiment's text, cut into its header and its named tables.
struct Sections<'t> {
    header: Spanned<DeTable<'t>>,
    named: [Named<'t>; 4],
}

impl<'t> Sections<'t> {
    fn parse(text: &'t str) -> Result<Self, SpecError> {
        let mut header = DeTable::parse(text).map_err(|error| SpecError::from_toml(&error))?;
        let mut cut = |key: &str| -> Result<Named<'t>, SpecError> {
            let Some(table) = header.get_mut().remove(key) else { return Ok(Vec::new()) };
            let span = table.span();
            let DeValue::Table(rows) = table.into_inner() else {
                let message = format!("`{key}` must be a table of named rows: write [{key}.SOME-NAME]");
                return Err(SpecError::new(message, Some(span)));
            };
            let rows = rows.into_iter();
            Ok(rows.map(|(name, row)| (Spanned::new(name.span(), name.into_inner().into_owned()), row)).collect())
        };
        let [traffic, fault, expect, control] = NAMED_TABLES;
        let named = [cut(traffic)?, cut(fault)?, cut(expect)?, cut(control)?];
        Ok(Self { header, named })
    }

    fn header(&self) -> Result<Header, SpecError> {
        let header = Header::deserialize(Deserializer::from(self.header.clone())).map_err(|error| {
            let mut mistake = SpecError::from_toml(&error);
            if !mistake.valid.is_empty() {
                mistake.valid.extend(NAMED_TABLES.map(str::to_owned));
            }
            mistake
        })?;
        if *header.format.get_ref() != FORMAT {
            let message =
                format!("format {} is not known to this version, which reads {FORMAT}", header.format.get_ref());
            return Err(SpecError::new(message, Some(header.format.span())));
        }
        Ok(header)
    }

    fn traffic(&self, system: &Resolved) -> Result<Vec<(String, TrafficTable)>, SpecError> {
        let scenarios = &system.manifest.scenarios;
        if self.named[0].is_empty() {
            let message = "the experiment has no traffic: add a table [traffic.SOME-NAME]";
            return Err(SpecError::new(message, Some(self.header.span())));
        }
        let rows = self.named[0].iter().map(|(name, row)| {
            let table = TrafficTable::deserialize(ValueDeserializer::from(row.clone()))
                .map_err(|error| located(&error, row.span()))?;
            if !scenarios.contains_key(table.scenario.get_ref()) {
                let valid = scenarios.keys().cloned().collect();
                let span = Some(table.scenario.span());
                return Err(SpecError::unknown("scenario", table.scenario.get_ref(), span, valid));
            }
            Ok((name.get_ref().clone(), table))
        });
        rows.collect()
    }

    fn resolve(&self, read: Read) -> Result<Experiment, SpecError> {
        let Read { name, header, traffic, clients: Clients { scenarios, credentials }, system, toml } = read;
        let [_, faults, expectations, controls] = &self.named;
        let names = Names::of(&system.manifest, faults.iter().map(|(name, _)| name.get_ref().clone()));
        let plans = faults.iter().map(|(name, row)| {
            FaultPlan::parse(&Spanned::new(name.span(), name.get_ref().as_str().into()), row, &names)
        });
        let schedule = Schedule::new(plans.collect::<Result<_, SpecError>>()?, &header.phases.lengths())?;
        let plans = schedule.plans();
        let parsed: Vec<Expectation> =
            expectations.iter().map(|(name, row)| expectation(name, row)).collect::<Result<_, SpecError>>()?;
        self.check_references(&parsed, &system, plans)?;
        let controls = controls.iter().map(|(variant, row)| control(variant, row, &parsed, &system, plans));
        let controls = controls.collect::<Result<_, SpecError>>()?;
        let expectations = parsed;
        Ok(Experiment { name, header, traffic, scenarios, credentials, schedule, expectations, controls, system, toml })
    }

    /// What an expectation speaks of must exist: a fault, a chain, an operation, another expectation.
    fn check_references(
        &self,
        parsed: &[Expectation],
        system: &Resolved,
        plans: &[FaultPlan],
    ) -> Result<(), SpecError> {
        for (expectation, (_, row)) in parsed.iter().zip(&self.named[2]) {
            for reference in expectation.check.references() {
                let (what, name, valid): (_, _, Vec<String>) = match &reference {
                    Reference::Fault(name) => ("fault", name, plans.iter().map(|plan| plan.name.clone()).collect()),
                    Reference::Chain(name) => ("chain", name, system.manifest.chains.keys().cloned().collect()),
                    Reference::Stage(name) => ("stage", name, system.manifest.stages.keys().cloned().collect()),
                    Reference::Operation(name) => {
                        ("operation", name, system.manifest.operations.keys().cloned().collect())
                    }
                    Reference::Traffic(name) => {
                        let traffic = self.named[0].iter();
                        ("traffic", name, traffic.map(|(name, _)| name.get_ref().clone()).collect())
                    }
                    Reference::Expectation(name, check) => {
                        let others = parsed.iter().filter(|other| other.check_name == *check);
                        ("expectation", name, others.map(|other| other.id.clone()).collect())
                    }
                };
                if !valid.contains(name) {
                    return Err(SpecError::unknown(what, name, value_span(row, name), valid));
                }
            }
        }
        Ok(())
    }
}

/// Reads a row of `[control.*]`, whose names must all exist.
fn control(
    variant: &Spanned<String>,
    row: &Spanned<DeValue<'_>>,
    expectations: &[Expectation],
    system: &Resolved,
    plans: &[FaultPlan],
) -> Result<(String, Control), SpecError> {
    let control =
        Control::deserialize(ValueDeserializer::from(row.clone())).map_err(|error| located(&error, row.span()))?;
    let variants = &system.manifest.variants;
    if !variants.contains_key(variant.get_ref()) {
        let valid = variants.keys().cloned().collect();
        return Err(SpecError::unknown("variant", variant.get_ref(), Some(variant.span()), valid));
    }
    for (expectation, because) in control.reasons() {
        let Some(known) = expectations.iter().find(|known| known.id == expectation) else {
            let valid = expectations.iter().map(|known| known.id.clone()).collect();
            return Err(SpecError::unknown("expectation", expectation, value_span(row, expectation), valid));
        };
        if let Some(fault) = because.fault()
            && !plans.iter().any(|plan| plan.name == fault)
        {
            let valid = plans.iter().map(|plan| plan.name.clone()).collect();
            return Err(SpecError::unknown("fault", fault, value_span(row, fault), valid));
        }
        if let Some(stage) = because.stage()
            && !system.manifest.stages.contains_key(stage)
        {
            let valid = system.manifest.stages.keys().cloned().collect();
            return Err(SpecError::unknown("stage", stage, value_span(row, stage), valid));
        }
        check_figure(&known.check_name, because, row, system, plans)?;
    }
    Ok((variant.get_ref().clone(), control))
}

/// The reason of a control must be one that its check can state: a figure that no finding has is never beyond a bound.
fn check_figure(
    check: &str,
    because: &Because,
    row: &Spanned<DeValue<'_>>,
    system: &Resolved,
    plans: &[FaultPlan],
) -> Result<(), SpecError> {
    let Some(about) = CHECKS.iter().find(|about| about.name == check) else { return Ok(()) };
    let drains = system.manifest.gauges.iter().filter(|(_, gauge)| gauge.drains);
    let subjects = Subjects {
        stages: system.manifest.stages.keys().map(String::as_str).collect(),
        faults: plans.iter().map(|plan| plan.name.as_str()).collect(),
        gauges: drains.map(|(name, _)| name.as_str()).collect(),
    };
    let (figure, valid) = (because.figure(), about.figure_names(&subjects));
    if valid.contains(&figure) {
        return Ok(());
    }
    if because.stage().is_some() {
        let message =
            format!("`{check}` does not count what is lost, repeated or unexpected at a stage: name a figure");
        return Err(SpecError { valid, ..SpecError::new(message, Some(row.span())) });
    }
    Err(SpecError::unknown("figure", &figure, value_span(row, &figure), valid))
}

/// Reads a row of `[expect.*]`.
fn expectation(name: &Spanned<String>, row: &Spanned<DeValue<'_>>) -> Result<Expectation, SpecError> {
    let (span, name) = (name.span(), name.get_ref().as_str());
    if IMPLICIT.contains(&name) {
        let message = format!("every run has a finding called `{name}` already: give the expectation another name");
        return Err(SpecError::new(message, Some(span)));
    }
    let DeValue::Table(table) = row.get_ref() else {
        return Err(SpecError::new(format!("the expectation `{name}` must be a table"), Some(row.span())));
    };
    let mut table = table.clone();
    let checks = || CHECKS.iter().map(|about| about.name.to_owned()).collect::<Vec<_>>();
    let Some(check) = table.remove("check") else {
        let message = format!("the expectation `{name}` needs the key `check`");
        return Err(SpecError { valid: checks(), ..SpecError::new(message, Some(row.span())) });
    };
    let span = Some(check.span());
    let Some(check_name) = check.get_ref().as_str() else {
        return Err(SpecError::new("`check` must be the name of a check, as a text", span));
    };
    let Some(about) = CHECKS.iter().find(|about| about.name == check_name) else {
        return Err(SpecError::unknown("check", check_name, span, checks()));
    };
    let rest = Spanned::new(row.span(), DeValue::Table(table));
    let check = (about.parse)(ValueDeserializer::from(rest)).map_err(|error| located(&error, row.span()))?;
    Ok(Expectation { id: name.to_owned(), check_name: check_name.to_owned(), check })
}

/// A mistake that its reader could not locate is somewhere in the row.
fn located(error: &toml::de::Error, row: std::ops::Range<usize>) -> SpecError {
    let mut mistake = SpecError::from_toml(error);
    mistake.span.get_or_insert(row);
    mistake
}

/// Where in a row the text `wanted` stands as a name or as a value, at any depth; the row itself if nowhere.
fn value_span(row: &Spanned<DeValue<'_>>, wanted: &str) -> Option<std::ops::Range<usize>> {
    fn search(value: &Spanned<DeValue<'_>>, wanted: &str) -> Option<std::ops::Range<usize>> {
        match value.get_ref() {
            DeValue::String(text) if text == wanted => Some(value.span()),
            DeValue::Table(table) => table.iter().find_map(|(name, value)| {
                let named = (name.get_ref() == wanted).then(|| name.span());
                named.or_else(|| search(value, wanted))
            }),
            DeValue::Array(values) => values.iter().find_map(|value| search(value, wanted)),
            _ => None,
        }
    }
    search(row, wanted).or(Some(row.span()))
}
