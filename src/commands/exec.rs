//! `proofload exec`: a command in a lab that `proofload up` keeps, from another terminal.

use crate::exit_code::ExitCode;
use crate::kept::Kept;
use anyhow::Context as _;
use proofload_lab::enter::attend;
use std::ffi::OsString;
use std::path::Path;

pub(super) fn exec(run: Option<&Path>, host: Option<&str>, command: &[OsString]) -> anyhow::Result<ExitCode> {
    let kept = Kept::choose(run)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    let code = runtime.block_on(async { anyhow::Ok(attend(kept.command(host, command)?).await?) })?;
    Ok(ExitCode::Command(code))
}
