//! The matrix as one sentence.

use proofload_reports::matrix::{BrokenDesign, Tried};
use proofload_verify::Judgement;

/// `Each of the 9 broken designs was caught for the reason stated in each of 5 repeats; no false alarm in 30 runs of
/// the good design.`
pub(super) fn sentence(experiments: &[Tried], repeats: u32) -> String {
    let broken: Vec<(&Tried, &BrokenDesign)> =
        experiments.iter().flat_map(|tried| tried.controls.iter().map(move |one| (tried, one))).collect();
    if broken.is_empty() {
        return "There is no broken design to catch.".to_owned();
    }
    let each = if repeats == 1 { String::new() } else { format!(" in each of {repeats} repeats") };
    let missed: Vec<String> = broken
        .iter()
        .filter(|(_, one)| one.judgement != Judgement::Pass)
        .map(|(tried, one)| format!("{} of {} ({} of {repeats})", one.variant, tried.experiment, one.caught))
        .collect();
    let caught = match (broken.len(), missed.len()) {
        (1, 0) => format!("The broken design was caught for the reason stated{each}"),
        (all, 0) => format!("Each of the {all} broken designs was caught for the reason stated{each}"),
        (all, of_them) => format!(
            "{} of {all} broken designs were caught for the reason stated{each}, but not {}",
            all - of_them,
            missed.join(", "),
        ),
    };
    format!("{caught}; {}.", alarms(experiments))
}

/// `1 false alarm in 30 runs of the good design, 2 of which came to no answer`.
fn alarms(experiments: &[Tried]) -> String {
    let good = || experiments.iter().filter_map(|tried| tried.good.as_ref());
    let alarms = match good().map(|good| good.false_alarms).sum::<u32>() {
        0 => "no false alarm".to_owned(),
        1 => "1 false alarm".to_owned(),
        many => format!("{many} false alarms"),
    };
    let runs = match good().map(|good| good.runs.len()).sum::<usize>() {
        1 => "1 run".to_owned(),
        many => format!("{many} runs"),
    };
    let unknown = match good().map(|good| good.unknown).sum::<u32>() {
        0 => String::new(),
        some => format!(", {some} of which came to no answer"),
    };
    format!("{alarms} in {runs} of the good design{unknown}")
}
