//! Reading of stages: what the system holds, from beginning to end, twice.
//!
//! A reading is complete only if two readings one after the other saw the same; everything else is said to be
//! incomplete, with the reason, and makes what depends on it unknown. The first reading writes observations, batch by
//! batch; the second only compares. All of it goes over the direct listeners, so that no fault on a link touches it.

mod database;
mod journal;
mod lines;
mod log;
mod pass;
mod record;
mod row;
mod unordered;

pub(crate) use record::{Records, Verdict};

use crate::Lab;
use crate::manifest::{Manifest, StageSource};
use proofload_history::journal::StageRead;
use proofload_history::{Event, Recorder};

/// Reads `stage` twice, records what the first reading saw, and journals how it went.
///
/// It never fails: what goes wrong makes the reading incomplete, with the reason.
pub async fn read(lab: &Lab, manifest: &Manifest, stage: &str, recorder: &Recorder) -> StageRead {
    let mut read = StageRead { stage: stage.to_owned(), ..StageRead::default() };
    let outcome = match manifest.stages.get(stage).map(|stage| &stage.source) {
        Some(StageSource::Log(source)) => log::read(lab, manifest, source, recorder, &mut read).await,
        Some(StageSource::Database(source)) => database::read(lab, source, recorder, &mut read).await,
        Some(StageSource::Http(source)) => journal::read(lab, source, recorder, &mut read).await,
        None => Err("the manifest has no such stage".to_owned()),
    };
    read.complete = outcome.is_ok();
    read.error = outcome.err().map(|why| format!("cannot read stage `{stage}`: {why}"));
    if let Err(error) = recorder.event(Event::StageRead(read.clone())) {
        read.complete = false;
        read.error.get_or_insert_with(|| error.to_string());
    }
    read
}

/// Whether two readings saw the same; digests in hexadecimal.
fn equal_digests(read: &mut StageRead, first: u64, second: u64) -> Result<(), String> {
    read.digests = vec![format!("{first:016x}"), format!("{second:016x}")];
    if first == second {
        return Ok(());
    }
    Err("two readings one after the other saw different facts (does the system still write?)".to_owned())
}
