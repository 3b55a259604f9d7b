//! Which requests were whose.

use proofload_history::{Event, History, Operation};

/// How many streams an id can tell apart: their number has 12 bits.
const STREAMS: usize = 1 << 12;

/// The requests that each of the traffics `names` sent, whatever the operation, in the order recorded. An id tells its
/// stream, and the journal whose stream it is: one pass, no hashing.
pub(super) fn sent_by<'h>(history: &'h History, names: &[&str]) -> Vec<Vec<&'h Operation>> {
    let mut whose: Vec<Option<usize>> = vec![None; STREAMS];
    for entry in &history.journal.entries {
        if let Event::IdsIssued { stream, traffic, .. } = &entry.event {
            whose[usize::from(*stream) % STREAMS] = names.iter().position(|name| **name == **traffic);
        }
    }
    let seed = history.journal.seed().unwrap_or_default();
    let mut sent: Vec<Vec<&Operation>> = vec![Vec::new(); names.len()];
    for made in history.operations.iter().filter(|made| made.sent.is_some()) {
        let stream = made.intent.counter(seed).map(|(stream, _)| usize::from(stream));
        if let Some(traffic) = stream.and_then(|stream| whose[stream]) {
            sent[traffic].push(made);
        }
    }
    sent
}
