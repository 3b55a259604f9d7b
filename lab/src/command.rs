//! Commands of the harness's own: run to their end, and their words kept.

use crate::LabError;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Runs `command` to its end and returns its stdout. `doing` completes "cannot ...".
pub(crate) async fn output(doing: &str, mut command: Command, stdin: Option<&str>) -> Result<String, LabError> {
    let line = line(&command);
    let failed = |status: String, said: String| LabError::Command {
        doing: doing.to_owned(),
        command: line.clone(),
        status,
        said: said.trim().to_owned(),
    };
    let input = if stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed("no start".to_owned(), error.to_string()))?;
    if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
        // A command that ends early says why on stderr; the broken pipe adds nothing.
        let _ = pipe.write_all(text.as_bytes()).await;
    }
    let done = child.wait_with_output().await.map_err(|error| failed("no end".to_owned(), error.to_string()))?;
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if done.status.success() {
        Ok(words(&done.stdout))
    } else {
        Err(failed(status_words(done.status), words(&done.stderr) + &words(&done.stdout)))
    }
}

/// `exit 1` or `signal 9`.
pub(crate) fn status_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

fn line(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
