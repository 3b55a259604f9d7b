//! Where experiments and systems lie.

use crate::diagnostic::{self, FileProblem};
use std::path::{Path, PathBuf};

/// Folders that hold experiments, below the working folder or one of its parents.
const EXPERIMENTS: &[&str] = &["scenarios/experiments", "experiments"];
/// Folders that hold manifests, likewise.
const SYSTEMS: &[&str] = &["system", "systems", "examples"];

/// The file of the experiment called `name`, or the file that `name` is the path of.
pub(crate) fn experiment(name: &str) -> Result<PathBuf, FileProblem> {
    if is_path(name) {
        return Ok(PathBuf::from(name));
    }
    let folders = folders(EXPERIMENTS);
    let found = folders.iter().map(|folder| folder.join(format!("{name}.toml"))).find(|path| path.is_file());
    found.ok_or_else(|| {
        let valid: Vec<String> = experiments().iter().map(|path| stem(path)).collect();
        diagnostic::not_found("experiment", name, &folders, &valid)
    })
}

/// Every experiment that can be named, ordered by name.
pub(crate) fn experiments() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = folders(EXPERIMENTS).iter().flat_map(|folder| toml_files(folder)).collect();
    found.sort_by_key(|path| stem(path));
    found.dedup_by_key(|path| stem(path));
    found
}

/// The manifest that an experiment at `experiment` calls `name`; a path counts from the experiment's own folder.
pub(crate) fn manifest(name: &str, experiment: &Path) -> Result<PathBuf, FileProblem> {
    if is_path(name) {
        return Ok(experiment.parent().unwrap_or(Path::new(".")).join(name));
    }
    let folders = folders(SYSTEMS);
    let places = folders
        .iter()
        .flat_map(|folder| [folder.join(format!("{name}.toml")), folder.join(name).join(format!("{name}.toml"))]);
    let found = places.clone().find(|path| path.is_file());
    found.ok_or_else(|| {
        let valid: Vec<String> = folders
            .iter()
            .flat_map(|folder| toml_files(folder))
            .map(|path| stem(&path))
            .filter(|s| s != "Cargo")
            .collect();
        diagnostic::not_found("system", name, &folders, &valid)
    })
}

/// Every manifest that can be named, ordered by name. Other files may lie beside them: a manifest has an entry.
pub(crate) fn systems() -> Vec<PathBuf> {
    let folders = folders(SYSTEMS);
    let beside = folders.iter().flat_map(|folder| toml_files(folder));
    let below = folders.iter().flat_map(|folder| subfolders(folder)).flat_map(|folder| toml_files(&folder));
    let is_manifest = |path: &PathBuf| {
        let table = std::fs::read_to_string(path).ok().and_then(|text| text.parse::<toml::Table>().ok());
        table.is_some_and(|table| table.contains_key("format") && table.contains_key("entry"))
    };
    let mut found: Vec<PathBuf> = beside.chain(below).filter(is_manifest).collect();
    found.sort_by_key(|path| stem(path));
    found.dedup_by_key(|path| stem(path));
    found
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir()).collect()
}

/// A file's name without its ending: the name of an experiment.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_path(name: &str) -> bool {
    name.contains('/') || Path::new(name).extension().is_some_and(|ending| ending == "toml")
}

/// Those of `names` that exist below the working folder or one of its parents.
fn folders(names: &[&str]) -> Vec<PathBuf> {
    let working = std::env::current_dir().unwrap_or_default();
    let candidates = working.ancestors().flat_map(|parent| names.iter().map(move |name| parent.join(name)));
    candidates.filter(|folder| folder.is_dir()).map(|folder| shorten(&folder, &working)).collect()
}

/// A path below the working folder is shown as the reader would type it.
fn shorten(path: &Path, working: &Path) -> PathBuf {
    path.strip_prefix(working).map_or_else(|_| path.to_owned(), Path::to_owned)
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect()
}
