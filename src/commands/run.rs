//! `proofload run`: experiments, each in a lab of its own, each judged when its lab is gone.

use crate::cli::RunArgs;
use crate::ending::ending;
use crate::exit_code::ExitCode;
use crate::experiment::{self, Experiment, Overrides};
use crate::stored::Stored;
use anyhow::{Context as _, anyhow};
use proofload_history::RunDir;
use proofload_lab::{Capability, LabError, Resolved, Toolbox, enter};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(super) fn run(arguments: &RunArgs) -> anyhow::Result<ExitCode> {
    let overrides: Overrides = arguments.changes.clone().into();
    let experiments = load_all(arguments, &overrides)?;
    // Found out before anything starts, and once for all runs.
    Toolbox::find().map_err(LabError::from)?;
    check_capabilities(&experiments)?;
    let mut codes = Vec::new();
    for experiment in &experiments {
        for round in 1..=arguments.repeat {
            if arguments.repeat > 1 || experiments.len() > 1 {
                eprintln!("{} ({round} of {})", experiment.name, arguments.repeat);
            }
            let code = run_once(experiment, arguments)?;
            codes.push((experiment.name.clone(), code));
            if code == ExitCode::Interrupted {
                return Ok(code);
            }
        }
    }
    if codes.len() > 1 && !arguments.json {
        println!("\n{}", tally(&codes));
    }
    Ok(ExitCode::worst(codes.into_iter().map(|(_, code)| code)))
}

/// What every lab needs must be among what works on this machine.
pub(super) fn check_needed(found: &[Capability]) -> Result<(), LabError> {
    match found.iter().find(|capability| capability.needed && !capability.works()) {
        None => Ok(()),
        Some(Capability { name, problem, how, .. }) => {
            let problem = problem.as_deref().unwrap_or_default();
            Err(LabError::Enter { what: format!("{name} do not work here: {problem}; {how}") })
        }
    }
}

/// What the lab needs, and what the faults need of it, must work on this machine.
fn check_capabilities(experiments: &[Experiment]) -> Result<(), LabError> {
    let found = enter::probe();
    check_needed(&found)?;
    for experiment in experiments.iter().filter(|experiment| !experiment.header.without_faults) {
        for fault in experiment.schedule.timeline() {
            let missing = found.iter().find(|capability| fault.needs.contains(&capability.name) && !capability.works());
            if let Some(missing) = missing {
                let problem = missing.problem.as_deref().unwrap_or_default();
                let (fault, name, how) = (&fault.fault, missing.name, missing.how);
                return Err(LabError::Enter {
                    what: format!("the fault `{fault}` of {} needs {name}: {problem}; {how}", experiment.name),
                });
            }
        }
    }
    Ok(())
}

fn load_all(arguments: &RunArgs, overrides: &Overrides) -> anyhow::Result<Vec<Experiment>> {
    let named = arguments.experiments.iter().map(|name| experiment::find(name)).collect::<Result<Vec<PathBuf>, _>>()?;
    let mut experiments = named.iter().map(|path| experiment::load(path, overrides)).collect::<Result<Vec<_>, _>>()?;
    if let Some(tag) = &arguments.tag {
        let all = experiment::find_all();
        let all = all.iter().map(|path| experiment::load(path, overrides)).collect::<Result<Vec<_>, _>>()?;
        let tagged: Vec<Experiment> = all.into_iter().filter(|candidate| candidate.header.tags.contains(tag)).collect();
        let none = tagged.is_empty();
        for candidate in tagged {
            if experiments.iter().all(|known| known.name != candidate.name) {
                experiments.push(candidate);
            }
        }
        if none {
            return Err(crate::diagnostic::not_found("experiment with the tag", tag, &[], &all_tags(overrides)).into());
        }
    }
    Ok(experiments)
}

fn all_tags(overrides: &Overrides) -> Vec<String> {
    let loaded = experiment::find_all().into_iter().filter_map(|path| experiment::load(&path, overrides).ok());
    let mut tags: Vec<String> = loaded.flat_map(|experiment| experiment.header.tags).collect();
    tags.sort();
    tags.dedup();
    tags
}

/// One run: conducted inside a lab, judged outside of it by the same code as `proofload judge`.
fn run_once(experiment: &Experiment, arguments: &RunArgs) -> anyhow::Result<ExitCode> {
    let run = RunDir::create(&arguments.out, &experiment.name)?;
    store(&run, experiment)?;
    let ended = conduct_in_lab(&run, experiment, arguments)?;
    if !arguments.keep_data {
        // Gone already, unless the conductor did not get as far as stopping its lab.
        let _ = std::fs::remove_dir_all(run.data());
    }
    let recorded = run.journal().is_file();
    match ended {
        ExitCode::Pass => {}
        ExitCode::Interrupted if recorded => {}
        other => return Ok(other),
    }
    // Whatever is wrong with what was just written is nobody's input.
    let stored = Stored::read(run.root()).map_err(|error| anyhow!("cannot judge the run: {error:#}"))?;
    let verdict = stored.judge();
    stored.render(&verdict)?;
    if arguments.json {
        println!("{}", serde_json::to_string(&verdict).context("cannot write the verdict as JSON")?);
    } else {
        println!("{}", ending(&verdict, &shown(run.root()), stored.control()));
    }
    Ok(if ended == ExitCode::Interrupted { ended } else { verdict.judgement.into() })
}

/// Starts this program again as the conductor inside a new lab, and waits for it.
fn conduct_in_lab(run: &RunDir, experiment: &Experiment, arguments: &RunArgs) -> anyhow::Result<ExitCode> {
    let absolute = |path: &Path| path.canonicalize().with_context(|| format!("cannot find {}", path.display()));
    let folder = &experiment.system.manifest.folder;
    let folder = absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
    let mut conductor: Vec<OsString> =
        vec!["conduct".into(), absolute(run.root())?.into(), "--folder".into(), folder.into()];
    if arguments.json {
        conductor.push("--quiet".into());
    }
    if arguments.keep_data {
        conductor.push("--keep-data".into());
    }
    match enter::supervise(&conductor)? {
        // What a conductor never ends with: it was not started. unshare has said why.
        number @ (1 | 3 | 126 | 127) => {
            Err(LabError::Enter { what: format!("the namespaces were refused (code {number})") }.into())
        }
        number => {
            let code = ExitCode::of(number);
            if code == ExitCode::Defect {
                eprintln!("error: the conductor ended with {number} (its history is kept: {})", run.root().display());
            }
            Ok(code)
        }
    }
}

/// Writes the experiment and the system as resolved: the run stands on its own.
fn store(run: &RunDir, experiment: &Experiment) -> anyhow::Result<()> {
    write(&run.experiment(), experiment.toml.as_bytes())?;
    store_system(run, &experiment.system)
}

fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes the system as resolved, with the files that the manifest names.
pub(super) fn store_system(run: &RunDir, system: &Resolved) -> anyhow::Result<()> {
    write(&run.manifest(), system.toml.as_bytes())?;
    let manifest = &system.manifest;
    for template in manifest.components.values().filter_map(|component| component.template.as_ref()) {
        let text = crate::diagnostic::read(&manifest.folder.join(template))?;
        let path = run.root().join(template);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        write(&path, text.as_bytes())?;
    }
    Ok(())
}

/// The run's folder as a reader would type it.
fn shown(root: &Path) -> PathBuf {
    let working = std::env::current_dir().unwrap_or_default();
    root.strip_prefix(&working).map_or_else(|_| root.to_owned(), Path::to_owned)
}

/// How often each experiment ended how.
fn tally(codes: &[(String, ExitCode)]) -> String {
    let names: BTreeSet<&str> = codes.iter().map(|(name, _)| name.as_str()).collect();
    let row = |name: &str| {
        let of: Vec<ExitCode> = codes.iter().filter(|(run, _)| run == name).map(|(_, code)| *code).collect();
        let count = |wanted: &[ExitCode]| of.iter().filter(|code| wanted.contains(code)).count();
        let answers = [ExitCode::Pass, ExitCode::Fail, ExitCode::Unknown];
        let [pass, fail, unknown] = answers.map(|answer| count(&[answer]));
        format!("{name}: {pass} pass, {fail} fail, {unknown} unknown, {} without an answer", of.len() - count(&answers))
    };
    names.into_iter().map(row).collect::<Vec<_>>().join("\n")
}
