//! Reading of a journal that is answered over HTTP: the ground truth of a party that is not the system's own.
//!
//! Each instance keeps a log of its own. The number of the instance, from 0, stands for the partition, and the number
//! of the line, from 0, for the offset: no two lines of a stage have the same position.

#[cfg(test)]
mod tests;

use super::lines::Lines;
use super::{Records, Verdict, equal_digests};
use crate::Lab;
use crate::component::{Way, words};
use crate::manifest::HttpStage;
use proofload_history::digest::Digest;
use proofload_history::journal::StageRead;
use proofload_history::{Observation, Reading, Recorder};
use reqwest::header::TRANSFER_ENCODING;
use reqwest::{Response, StatusCode, Version};
use std::time::Duration;

/// Without a byte for this long, the reading has come to a halt.
const STALL: Duration = Duration::from_secs(30);

/// One instance's journal.
struct Journal {
    /// The instance, for messages.
    of: String,
    way: Way,
}

/// What one reading of all journals saw.
struct Pass {
    /// For each journal how many lines it has.
    lines: Vec<i64>,
    /// Of every line, in order.
    digest: u64,
}

pub(super) async fn read(
    lab: &Lab,
    source: &HttpStage,
    recorder: &Recorder,
    read: &mut StageRead,
) -> Result<(), String> {
    let instances = lab.instances().iter().filter(|instance| &*instance.of == source.keeper.name());
    let journals = instances.map(|instance| {
        let way = lab.way(instance, source.port, STALL)?;
        Ok(Journal { of: instance.name.to_string(), way })
    });
    let journals = journals.collect::<Result<Vec<_>, String>>()?;
    read_twice(&journals, source, recorder, read).await
}

async fn read_twice(
    journals: &[Journal],
    source: &HttpStage,
    recorder: &Recorder,
    read: &mut StageRead,
) -> Result<(), String> {
    read.isolation = "one answer".to_owned();
    let mut records = Records::new(&read.stage, &source.layout, Reading::Final, recorder.clock());
    let first = pass(journals, &source.path, |journal, number, line, value| {
        match records.read_line(line, &value) {
            Verdict::Fact(fact) => {
                let fact = Observation { partition: Some(journal), offset: Some(number), ..fact };
                recorder.observation(fact).map_err(|error| error.to_string())?;
                read.rows += 1;
            }
            Verdict::Filtered => read.filtered += 1,
            Verdict::Unreadable => read.unreadable += 1,
        }
        Ok(())
    })
    .await?;
    let second = pass(journals, &source.path, |_, _, _, _| Ok(())).await?;
    read.bounds = (0..).zip(&first.lines).map(|(journal, lines)| (journal, 0, *lines)).collect();
    let equal = equal_digests(read, first.digest, second.digest);
    let mut counts = journals.iter().zip(first.lines.iter().zip(&second.lines));
    match counts.find(|(_, (before, after))| before != after) {
        Some((journal, (before, after))) => Err(format!(
            "the journal of {} had {before} lines in the first reading and {after} in the second (does the system still \
             write?)",
            journal.of
        )),
        None => equal,
    }
}

/// Reads every journal once, and gives `take` every line: the number of its journal, its own, its bytes, and what they
/// say.
async fn pass(
    journals: &[Journal],
    path: &str,
    mut take: impl FnMut(i32, i64, &[u8], serde_json::Value) -> Result<(), String>,
) -> Result<Pass, String> {
    let (mut lines, mut digest) = (Vec::new(), Digest::default());
    for (number, journal) in (0..).zip(journals) {
        let of_journal = |what: String| format!("GET {path} of {}: {what}", journal.of);
        let mut of_lines = Digest::default();
        let mut take_line = |line: i64, bytes: &[u8]| {
            let value = serde_json::from_slice(bytes).map_err(|error| {
                format!("line {} is not JSON: {error} (it begins `{}`)", line + 1, beginning(bytes))
            })?;
            of_lines.take(bytes);
            take(number, line, bytes, value)
        };
        let count = read_lines(&journal.way, path, &mut take_line).await.map_err(of_journal)?;
        digest.take(&of_lines.value().to_be_bytes());
        lines.push(count);
    }
    Ok(Pass { lines, digest: digest.value() })
}

/// Gives `take` every line of the answer, and returns how many there were.
async fn read_lines(
    way: &Way,
    path: &str,
    mut take: impl FnMut(i64, &[u8]) -> Result<(), String>,
) -> Result<i64, String> {
    let mut answer = way.get(path).send().await.map_err(|error| words(&error))?;
    if answer.status() != StatusCode::OK {
        return Err(format!("it is answered with {}", answer.status().as_u16()));
    }
    if !says_its_end(&answer) {
        return Err("its answer has neither a length nor chunks: nobody can know whether it is whole".to_owned());
    }
    let mut lines = Lines::default();
    while let Some(piece) = answer.chunk().await.map_err(|error| format!("its answer broke off: {}", words(&error)))? {
        lines.feed(&piece, &mut take)?;
    }
    lines.end(take)
}

/// Whether an answer that was cut short can be told from a whole one. HTTP/1 may end one by closing the connection.
fn says_its_end(answer: &Response) -> bool {
    answer.version() > Version::HTTP_11
        || answer.content_length().is_some()
        || answer.headers().contains_key(TRANSFER_ENCODING)
}

/// As much of a line as a message has room for.
fn beginning(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(40).collect()
}
