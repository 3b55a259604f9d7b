//! `proofload pages`: writes the documentation's pages; for those who change a table.

use crate::exit_code::ExitCode;
use crate::{files, out};
use std::path::Path;

pub(super) fn pages(folder: &Path) -> anyhow::Result<ExitCode> {
    for (place, text) in crate::pages::pages() {
        let path = folder.join(place);
        files::make_folder_of(&path)?;
        files::write(&path, text.as_bytes())?;
        out::line(path.display())?;
    }
    Ok(ExitCode::Pass)
}
