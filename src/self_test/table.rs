//! The matrix for a terminal.

use proofload_reports::Matrix;
use proofload_reports::matrix::{BrokenDesign, Doubt, GoodDesign, MustTurnRed};
use proofload_verify::Judgement;

/// A line of cells, and the lines below it that say more.
type Row = (Vec<String>, Vec<String>);

/// The broken designs, the good ones beside them, and the answer.
pub(crate) fn table(matrix: &Matrix) -> String {
    let mut lines =
        aligned(&["experiment", "broken design", "must turn red", "for this reason", "caught"], &broken(matrix));
    let good: Vec<Row> = matrix
        .experiments
        .iter()
        .filter_map(|tried| Some(good_row(&tried.experiment, tried.good.as_ref()?, matrix.repeats)))
        .collect();
    if !good.is_empty() {
        lines.push(String::new());
        lines.extend(aligned(&["good design", "passed", "false alarms", "unknown"], &good));
    }
    lines.push(String::new());
    let word = match matrix.judgement {
        Judgement::Pass => "PASS",
        Judgement::Unknown => "UNKNOWN",
        Judgement::Fail => "FAIL",
    };
    lines.push(format!("{word}: {}", matrix.sentence));
    if let Some(why) = &matrix.stopped {
        lines.push(format!("It ended after {} of {} runs: {why}.", matrix.made_runs, matrix.planned_runs));
    }
    lines.join("\n")
}

fn broken(matrix: &Matrix) -> Vec<Row> {
    let mut rows = Vec::new();
    for tried in &matrix.experiments {
        rows.extend(tried.controls.iter().flat_map(|one| broken_rows(&tried.experiment, one, matrix.repeats)));
        if tried.controls.is_empty() {
            rows.push((vec![tried.experiment.clone(), "broken design: none".to_owned()], Vec::new()));
        }
    }
    rows
}

/// A row for each promise that must turn red; the first says whose they are, the last how they came to be doubted.
fn broken_rows(experiment: &str, one: &BrokenDesign, repeats: u32) -> Vec<Row> {
    let row = |(number, promise): (usize, &MustTurnRed)| {
        let first = |text: String| if number == 0 { text } else { String::new() };
        let cells = vec![
            first(experiment.to_owned()),
            first(one.variant.clone()),
            format!("{} ({})", promise.expectation, promise.check),
            promise.reason.clone(),
            first(format!("{} of {repeats}", one.caught)),
        ];
        (cells, Vec::new())
    };
    let mut rows: Vec<Row> = one.must_turn_red.iter().enumerate().map(row).collect();
    if let Some((_, notes_below)) = rows.last_mut() {
        *notes_below = notes(&one.doubts, one.runs.len(), repeats);
    }
    rows
}

fn good_row(experiment: &str, good: &GoodDesign, repeats: u32) -> Row {
    let cells = vec![
        experiment.to_owned(),
        format!("{} of {repeats}", good.passed),
        good.false_alarms.to_string(),
        good.unknown.to_string(),
    ];
    (cells, notes(&good.doubts, good.runs.len(), repeats))
}

/// Why runs were not what they should have been, and how many were not made.
fn notes(doubts: &[Doubt], made: usize, repeats: u32) -> Vec<String> {
    let missing = usize::try_from(repeats).unwrap_or(usize::MAX).saturating_sub(made);
    let told =
        doubts.iter().map(|doubt| format!("{}, {} of {repeats}: {}", doubt.answer.word(), doubt.times, doubt.sentence));
    let missing = (missing > 0).then(|| format!("not run, {missing} of {repeats}"));
    told.chain(missing).collect()
}

/// Rows below their heads, column by column; the last cell of a row is as long as it is.
fn aligned(heads: &[&str], rows: &[Row]) -> Vec<String> {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let all: Vec<&[String]> = std::iter::once(&*heads).chain(rows.iter().map(|(cells, _)| cells.as_slice())).collect();
    let width = |column: usize| {
        let inner = all.iter().filter(|cells| column + 1 < cells.len());
        inner.filter_map(|cells| cells.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&heads)];
    for (cells, notes) in rows {
        lines.push(line(cells));
        lines.extend(notes.iter().map(|note| format!("{:<4}{note}", "")));
    }
    lines
}
