//! `proofload run`: experiments, each in a lab of its own, each judged when its lab is gone.

use crate::cli::RunArgs;
use crate::ending::ending;
use crate::exit_code::ExitCode;
use crate::experiment::{self, Experiment, Overrides};
use crate::stored::Stored;
use anyhow::Context as _;
use proofload_history::RunDir;
use proofload_lab::{LabError, Toolbox, enter};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(super) fn run(arguments: RunArgs) -> anyhow::Result<ExitCode> {
    let overrides: Overrides = arguments.changes.clone().into();
    let experiments = load_all(&arguments, &overrides)?;
    // Found out before anything starts, and once for all runs.
    Toolbox::find().map_err(LabError::from)?;
    let mut codes = Vec::new();
    for experiment in &experiments {
        for round in 1..=arguments.repeat {
            if arguments.repeat > 1 || experiments.len() > 1 {
                eprintln!("{} ({round} of {})", experiment.name, arguments.repeat);
            }
            let code = run_once(experiment, &arguments)?;
            codes.push((experiment.name.as_str(), code));
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

fn load_all(arguments: &RunArgs, overrides: &Overrides) -> anyhow::Result<Vec<Experiment>> {
    let named = arguments.experiments.iter().map(|name| experiment::find(name)).collect::<Result<Vec<PathBuf>, _>>()?;
    let mut experiments =
        named.iter().map(|path| experiment::load(path, overrides)).collect::<Result<Vec<_>, _>>()?;
    if let Some(tag) = &arguments.tag {
        for path in experiment::find_all() {
            let candidate = experiment::load(&path, overrides)?;
            if candidate.header.tags.contains(tag) && experiments.iter().all(|known| known.name != candidate.name) {
                experiments.push(candidate);
            }
        }
        if experiments.is_empty() {
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
    let ended = conduct_in_lab(&run, arguments)?;
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
    let stored = Stored::read(run.root())?;
    let verdict = stored.judge();
    stored.render(&verdict)?;
    if arguments.json {
        println!("{}", std::fs::read_to_string(run.verdict()).context("cannot read the verdict back")?.trim_end());
    } else {
        println!("{}", ending(&verdict, &shown(run.root())));
    }
    Ok(if ended == ExitCode::Interrupted { ended } else { verdict.judgement.into() })
}

/// Starts this program again as the conductor inside a new lab, and waits for it.
fn conduct_in_lab(run: &RunDir, arguments: &RunArgs) -> anyhow::Result<ExitCode> {
    let root = run.root().canonicalize().with_context(|| format!("cannot find {}", run.root().display()))?;
    let mut conductor: Vec<OsString> = vec!["conduct".into(), root.into()];
    if arguments.json {
        conductor.push("--quiet".into());
    }
    if arguments.keep_data {
        conductor.push("--keep-data".into());
    }
    Ok(ExitCode::of(enter::supervise(&conductor)?))
}

/// Writes the experiment and the system as resolved, with the files that the manifest names: the run stands on its own.
fn store(run: &RunDir, experiment: &Experiment) -> anyhow::Result<()> {
    let write = |path: &Path, text: &[u8]| {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write(&run.experiment(), experiment.toml.as_bytes())?;
    write(&run.manifest(), experiment.system.toml.as_bytes())?;
    let manifest = &experiment.system.manifest;
    for template in manifest.components.values().filter_map(|component| component.template.as_ref()) {
        let text = crate::diagnostic::read(&manifest.folder.join(template))?;
        write(&run.root().join(template), text.as_bytes())?;
    }
    Ok(())
}

/// The run's folder as a reader would type it.
fn shown(root: &Path) -> PathBuf {
    let working = std::env::current_dir().unwrap_or_default();
    root.strip_prefix(&working).map_or_else(|_| root.to_owned(), Path::to_owned)
}

/// How often each experiment ended how.
fn tally(codes: &[(&str, ExitCode)]) -> String {
    let mut names: Vec<&str> = codes.iter().map(|(name, _)| *name).collect();
    names.dedup();
    let count = |name: &str, wanted: ExitCode| codes.iter().filter(|(n, code)| *n == name && *code == wanted).count();
    let row = |name: &&str| {
        format!(
            "{name}: {} pass, {} fail, {} unknown",
            count(name, ExitCode::Pass),
            count(name, ExitCode::Fail),
            count(name, ExitCode::Unknown),
        )
    };
    names.iter().map(row).collect::<Vec<_>>().join("\n")
}
