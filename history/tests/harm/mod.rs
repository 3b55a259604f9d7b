//! Ways in which the files of a run can come to harm, and what must never come of it: a reading that is not what was
//! recorded and does not say so. For the tests and the fuzzers of the readers.

pub(crate) mod trial;

use proofload_history::{Entry, History, HistoryError, Observation, Operation, RunDir, Sample};
use std::path::Path;
use trial::{FILES, Files};

/// A history by itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Whole {
    pub(crate) operations: Vec<Operation>,
    pub(crate) observations: Vec<Observation>,
    pub(crate) series: Vec<Sample>,
    pub(crate) journal: Vec<Entry>,
    pub(crate) damage: Vec<String>,
}

/// Reads the whole history in `root`, with its tables held in memory or read anew on each pass.
///
/// # Errors
/// If the readers refuse it.
pub(crate) fn read(root: &Path, hold: u64) -> Result<Whole, HistoryError> {
    let history = History::read_holding(&RunDir::at(root), hold)?;
    Ok(Whole {
        operations: history.operations.to_vec()?,
        observations: history.observations.to_vec()?,
        series: history.series.to_vec()?,
        journal: history.journal.entries,
        damage: history.damage,
    })
}

/// Panics if what was read of harmed files could pass for whole: it must be an error that names a file, or say that it is
/// damaged, or be one of the histories that were `recorded`.
pub(crate) fn assert_never_passes(read: &Result<Whole, HistoryError>, recorded: &[&Whole]) {
    match read {
        Ok(whole) if whole.damage.is_empty() => {
            assert!(recorded.contains(&whole), "harm passes for a whole history: {whole:?}");
        }
        Ok(_) => {}
        Err(error) => {
            let said = error.to_string();
            assert!(FILES.iter().any(|file| said.contains(file)), "the error names no file: {said}");
        }
    }
}

/// One harm, as proptest and libFuzzer make it: which file, what happens to it, where, and with which bytes.
pub(crate) type Harm = (u8, u8, u32, Vec<u8>);

/// Does `harm` to `files`. `others` are the files of another run.
pub(crate) fn inflict((file, act, at, with): &Harm, files: &mut Files, others: &Files) {
    let (file, from) = (usize::from(*file) % FILES.len(), usize::from(*act / ACTS) % FILES.len());
    let other = files[from].clone();
    let Some(bytes) = &mut files[file] else { return };
    let at = *at as usize % (bytes.len() + 1);
    let end = (at + with.len()).min(bytes.len());
    match act % ACTS {
        0 => bytes.truncate(at),
        1 => bytes[at..end].iter_mut().zip(with).for_each(|(byte, with)| *byte ^= with),
        2 => bytes[at..end].copy_from_slice(&with[..end - at]),
        3 => drop(bytes.splice(at..at, with.iter().copied())),
        4 => drop(bytes.drain(at..end)),
        5 => bytes.extend(with),
        6 => files[file] = other,
        7 => files[file].clone_from(&others[file]),
        _ => files[file] = None,
    }
}

/// How many acts there are.
const ACTS: u8 = 9;
