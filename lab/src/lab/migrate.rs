//! Migrations: the manifest's commands that run once, before the processes.

use crate::component::{Ground, expand_migration, find_program};
use crate::{LabError, command, log};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Where all of them write.
const LOG: &str = "migrate";
/// How long each of them may take.
const WITHIN: Duration = Duration::from_secs(120);

/// Runs them in order, in the conductor's own network.
pub(super) async fn run(ground: &Ground) -> Result<(), LabError> {
    let path = log::path(&ground.run, LOG);
    for (number, migration) in (1..).zip(&ground.manifest.migrations) {
        let place = format!("migrate number {number}");
        let out = log::open(&path)?;
        let err = out.try_clone().map_err(LabError::file("create", &path))?;
        let mut command = Command::new(find_program(ground, &place, migration.command.get_ref())?);
        command.args(migration.command.get_ref().iter().skip(1));
        command.env_clear().env("PATH", &ground.tools.path).env("HOME", "/tmp").env("LANG", "C.UTF-8").env("TZ", "UTC");
        command.envs(expand_migration(ground, &place, &migration.env)?);
        command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true);
        let instance = format!("`{}`", migration.command.get_ref().join(" "));
        let status = match tokio::time::timeout(WITHIN, command.status()).await {
            Ok(Ok(status)) if status.success() => continue,
            Ok(Ok(status)) => command::status_words(status),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no result after {WITHIN:?}"),
        };
        let tail = log::tail(&path);
        return Err(LabError::Exited { instance, status, hint: log::hint(&tail), log: path, tail });
    }
    Ok(())
}
