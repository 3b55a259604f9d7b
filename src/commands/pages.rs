//! `proofload pages`: writes the documentation's pages; for those who change a table.

use crate::exit_code::ExitCode;
use crate::out;
use anyhow::Context as _;
use std::path::Path;

pub(super) fn pages(folder: &Path) -> anyhow::Result<ExitCode> {
    for (place, text) in crate::pages::pages() {
        let path = folder.join(place);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        out::line(path.display())?;
    }
    Ok(ExitCode::Pass)
}
