//! A system by itself, without an experiment: its manifest, found and resolved.

use crate::diagnostic::{self, FileProblem};
use crate::experiment::{check_templates, find_manifest, find_systems};
use proofload_lab::{Resolved, SpecError};
use std::path::{Path, PathBuf};

/// Loads the system called `name`, or at that path, or the only one that can be found, with variants and then `sets`
/// applied.
pub(crate) fn load(
    name: Option<&str>,
    variants: &[String],
    sets: &[(String, String)],
) -> Result<Resolved, FileProblem> {
    let path = match name {
        Some(name) => find_manifest(name, Path::new("."))?,
        None => the_only_one()?,
    };
    let text = diagnostic::read(&path)?;
    let in_file = |mistake: SpecError| diagnostic::in_file(&mistake, &path, &text);
    let mut system = Resolved::new(&text, variants, sets).map_err(in_file)?;
    system.manifest.folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    check_templates(&system, &path, &text)?;
    Ok(system)
}

fn the_only_one() -> Result<PathBuf, FileProblem> {
    let mut found = find_systems();
    if found.len() == 1 { Ok(found.swap_remove(0)) } else { Err(diagnostic::not_one("system", &found)) }
}
