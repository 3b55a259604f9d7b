//! Kafka's own `DumpLogSegments`, run.

use crate::toolbox::Toolbox;
use crate::{LabError, command};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

const CLASS: &str = "org.apache.kafka.tools.DumpLogSegments";
/// How long it may take.
const WITHIN: Duration = Duration::from_secs(120);
/// Small and quick to start. Nothing but the dump may stand in the output, and that in UTF-8.
const JAVA: &[&str] = &[
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xlog:disable",
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Dlog4j2.level=OFF",
];

/// What the tool prints of `files`, which are named relative to `folder`.
///
/// # Errors
/// Why it could not: with what it said.
pub(super) async fn dump(tools: &Toolbox, folder: &Path, files: &[String]) -> Result<String, String> {
    let mut args: Vec<OsString> = JAVA.iter().map(OsString::from).collect();
    args.extend(tools.kafka.archive.as_ref().map(|archive| {
        let mut option = OsString::from("-XX:SharedArchiveFile=");
        option.push(archive);
        option
    }));
    args.extend(["-cp".into(), tools.kafka.class_path.clone(), CLASS.into()]);
    args.extend(["--print-data-log", "--deep-iteration", "--files"].map(OsString::from));
    args.push(files.join(",").into());
    let mut command = Command::new(&tools.java);
    command.args(args).current_dir(folder).env_clear().env("PATH", &tools.path).env("LANG", "C.UTF-8");
    match tokio::time::timeout(WITHIN, command::output("dump log segments", command, None)).await {
        Ok(Ok(dump)) => Ok(dump),
        // The command line holds the class path, which tells nobody anything.
        Ok(Err(LabError::Command { status, said, .. })) => Err(format!("{CLASS} ended with {status}: {said}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("{CLASS} did not end within {} s", WITHIN.as_secs())),
    }
}
