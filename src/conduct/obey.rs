//! The conductor of a lab that is kept does what it is told over a socket: a line of JSON in, one out.

use crate::kept::{Action, Answer, SOCKET};
use anyhow::Context as _;
use futures::future::try_join_all;
use proofload_history::{Event, Recorder};
use proofload_lab::{Lab, LabError, Link, Signal};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// A message is shorter than this.
const LINE_MAX_BYTES: u64 = 4096;

/// Listens from now on. What is done is in the journal.
pub(super) fn listen(lab: &Lab, recorder: &Arc<Recorder>) -> anyhow::Result<JoinHandle<()>> {
    let listener = UnixListener::bind(SOCKET).with_context(|| format!("cannot listen on {SOCKET}"))?;
    let (lab, recorder) = (lab.clone(), Arc::clone(recorder));
    Ok(tokio::spawn(async move {
        loop {
            // Whoever broke off before it was accepted asks again.
            let Ok((stream, _)) = listener.accept().await else { continue };
            let (lab, recorder) = (lab.clone(), Arc::clone(&recorder));
            tokio::spawn(async move {
                // Who asked is told what is wrong; who has gone wants no answer.
                let _ = serve(stream, &lab, &recorder).await;
            });
        }
    }))
}

async fn serve(mut stream: UnixStream, lab: &Lab, recorder: &Recorder) -> anyhow::Result<()> {
    let mut line = String::new();
    BufReader::new(tokio::io::AsyncReadExt::take(&mut stream, LINE_MAX_BYTES)).read_line(&mut line).await?;
    let answer: Answer = match serde_json::from_str::<Action>(&line) {
        Err(error) => Err(format!("cannot understand `{}`: {error}", line.trim())),
        Ok(action) => {
            let done = carry_out(&action, lab).await.map_err(|error| error.to_string());
            let note = done.as_ref().map_or_else(|why| format!("by hand: {why}"), |done| format!("by hand: {done}"));
            recorder.event(Event::Noted { note })?;
            done
        }
    };
    let text = serde_json::to_string(&answer)?;
    stream.write_all(format!("{text}\n").as_bytes()).await?;
    Ok(())
}

/// Does it, and says what was done.
async fn carry_out(action: &Action, lab: &Lab) -> Result<String, LabError> {
    match action {
        Action::Kill { instance } => lab.kill(instance).await.map(|()| format!("{instance} is killed")),
        Action::Start { instance } => {
            lab.start_again(instance, false).await.map(|()| format!("{instance} is ready again"))
        }
        Action::Pause { instance } => lab.signal(instance, Signal::STOP).map(|()| format!("{instance} is paused")),
        Action::Resume { instance } => lab.signal(instance, Signal::CONT).map(|()| format!("{instance} goes on")),
        Action::Cut { from, to } => switch(lab, from, to, false).await,
        Action::Heal { from, to } => switch(lab, from, to, true).await,
    }
}

/// Opens or closes every link from the instances of `from` to those of `to`.
async fn switch(lab: &Lab, from: &str, to: &str, open: bool) -> Result<String, LabError> {
    let sources = lab.instances().iter().filter(|instance| &*instance.name == from || &*instance.of == from);
    let links: Vec<Link> = sources.flat_map(|source| lab.links(&source.name, to)).collect();
    if links.is_empty() {
        return Err(LabError::NoLink { from: from.to_owned(), to: to.to_owned() });
    }
    try_join_all(links.iter().map(|link| lab.set_link_enabled(link, open))).await?;
    let word = if open { "open again" } else { "cut" };
    let names = links.iter().map(|link| format!("{} to {}", link.from, link.to)).collect::<Vec<_>>().join(", ");
    Ok(format!("{word}: {names}"))
}
