//! `proofload list`: what can be named in a file, from the tables that the code itself uses.

use crate::cli::ListKind;
use crate::exit_code::ExitCode;
use crate::experiment::{self, Overrides};
use crate::{diagnostic, experiment::find_manifest, out};
use proofload_lab::Resolved;
use std::path::Path;

pub(super) fn list(kind: ListKind, system: &str) -> anyhow::Result<ExitCode> {
    let rows: Vec<(String, String)> = match kind {
        ListKind::Experiments => experiments()?,
        ListKind::Checks => {
            proofload_verify::CHECKS.iter().map(|about| (about.name.to_owned(), about.invariant.to_owned())).collect()
        }
        ListKind::Faults => {
            proofload_chaos::FAULTS.iter().map(|about| (about.name.to_owned(), about.sentence.to_owned())).collect()
        }
        ListKind::Components => proofload_lab::component::KINDS
            .iter()
            .map(|kind| (kind.name.to_owned(), kind.description.to_owned()))
            .collect(),
        ListKind::Variants => variants(system)?,
    };
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, about) in rows {
        out::line(format_args!("{name:<width$}  {about}"))?;
    }
    Ok(ExitCode::Pass)
}

fn experiments() -> anyhow::Result<Vec<(String, String)>> {
    let rows = experiment::find_all().into_iter().map(|path| {
        let experiment = experiment::load(&path, &Overrides::default())?;
        let tags = experiment.header.tags.join(", ");
        Ok((experiment.name, format!("{} [{tags}]", experiment.header.title)))
    });
    rows.collect()
}

fn variants(system: &str) -> anyhow::Result<Vec<(String, String)>> {
    let path = find_manifest(system, Path::new("."))?;
    let text = diagnostic::read(&path)?;
    let resolved = Resolved::new(&text, &[], &[]).map_err(|mistake| diagnostic::in_file(&mistake, &path, &text))?;
    let variants = resolved.manifest.variants.into_iter();
    Ok(variants.map(|(name, variant)| (name, variant.mistake)).collect())
}
