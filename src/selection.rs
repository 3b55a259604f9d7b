//! Which experiments a command means: by name, by tag, or all.

use crate::diagnostic;
use crate::experiment::{self, Experiment, Overrides};
use std::path::PathBuf;

/// An experiment and the file that it was loaded from.
pub(crate) type Selected = (PathBuf, Experiment);

/// The experiments called `names`, or at those paths, in that order, and then those that carry `tag`, each once. All of
/// them are loaded with `overrides`.
pub(crate) fn select(names: &[String], tag: Option<&str>, overrides: &Overrides) -> anyhow::Result<Vec<Selected>> {
    let named = names.iter().map(|name| experiment::find(name)).collect::<Result<Vec<PathBuf>, _>>()?;
    let mut selected = load(named, overrides)?;
    if let Some(tag) = tag {
        let all = load(experiment::find_all(), overrides)?;
        let tagged: Vec<Selected> =
            all.into_iter().filter(|(_, one)| one.header.tags.iter().any(|of| of == tag)).collect();
        let none = tagged.is_empty();
        for candidate in tagged {
            if selected.iter().all(|(_, known)| known.name != candidate.1.name) {
                selected.push(candidate);
            }
        }
        if none {
            return Err(diagnostic::not_found("experiment with the tag", tag, &[], &all_tags(overrides)).into());
        }
    }
    Ok(selected)
}

/// Every experiment that can be named.
pub(crate) fn all(overrides: &Overrides) -> anyhow::Result<Vec<Selected>> {
    let all = experiment::find_all();
    if all.is_empty() { Err(diagnostic::not_one("experiment", &all).into()) } else { load(all, overrides) }
}

fn load(paths: Vec<PathBuf>, overrides: &Overrides) -> anyhow::Result<Vec<Selected>> {
    let loaded = paths.into_iter().map(|path| {
        let experiment = experiment::load(&path, overrides)?;
        Ok((path, experiment))
    });
    loaded.collect()
}

fn all_tags(overrides: &Overrides) -> Vec<String> {
    let loaded = experiment::find_all().into_iter().filter_map(|path| experiment::load(&path, overrides).ok());
    let mut tags: Vec<String> = loaded.flat_map(|experiment| experiment.header.tags).collect();
    tags.sort();
    tags.dedup();
    tags
}
