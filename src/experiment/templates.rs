//! The templates that a manifest names: they are there, and in agreement with it.

use crate::diagnostic::{self, FileProblem};
use proofload_lab::manifest::TemplateError;
use proofload_lab::{Resolved, SpecError};
use std::path::Path;

/// Templates must be there, and below the manifest's folder: a copy of each goes into the run directory. `path` and `text`
/// are those of the manifest as its author sees it.
pub(crate) fn check_templates(system: &Resolved, path: &Path, text: &str) -> Result<(), FileProblem> {
    let manifest = &system.manifest;
    for (name, component) in &manifest.components {
        let Some(template) = &component.template else { continue };
        let wrong = |what: String| {
            let message = format!("component.{name}.template{what}");
            diagnostic::in_file(&SpecError::new(message, None), path, text)
        };
        if !Path::new(template).components().all(|part| matches!(part, std::path::Component::Normal(_))) {
            return Err(wrong(format!(" `{template}` must lie below the manifest's folder")));
        }
        let file = manifest.folder.join(template);
        let content = std::fs::read_to_string(&file)
            .map_err(|error| wrong(format!(": cannot read {}: {error}", file.display())))?;
        manifest.check_template(name, component, &content).map_err(|mistake| match mistake {
            TemplateError::Template(mistake) => diagnostic::in_file(&mistake, &file, &content),
            TemplateError::Manifest(mistake) => diagnostic::in_changed_file(mistake, &system.toml, path, text),
        })?;
    }
    Ok(())
}
