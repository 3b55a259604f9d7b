//! What was going on: phases, faults and events, as strips above the panels.

use super::axis::TimeAxis;
use super::canvas::{Anchor, Canvas, Letters, Point, width_of};
use super::palette;
use crate::{ReportError, numbers};
use proofload_history::{Event, Journal, Phase};

const STRIP: f64 = 22.0;
const FAULT_ROW: f64 = 19.0;
const FONT: f64 = 11.5;
/// Rows of faults at most; the bars of further ones share the last row, without a name.
const MAX_ROWS: usize = 8;
const GAP: f64 = 4.0;

/// The strips of a run.
pub(super) struct Lanes {
    phases: Vec<(Phase, f64, f64)>,
    /// The faults that were injected.
    pub(super) faults: Vec<Bar>,
    rows: usize,
    events: Vec<(f64, Happening)>,
}

/// A fault from its injection to its heal, or to the end of the run.
pub(super) struct Bar {
    name: String,
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    /// The row, and where its name stands; `None` where there is no room left.
    place: Option<(usize, NamePlace)>,
}

#[derive(Clone, Copy)]
enum NamePlace {
    Inside,
    Right,
    Left,
}

/// What happened at an instant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Happening {
    LeaderChange,
    ProcessExit,
}

impl Lanes {
    /// The strips that the journal tells of.
    pub(super) fn of(journal: &Journal, axis: &TimeAxis) -> Self {
        let phases = journal.phases().into_iter().map(|(phase, from, to)| (phase, from.secs(), to.secs())).collect();
        // When everything has been read the system is stopped, in order: that is no event of the run.
        let read = journal.entries.iter().rposition(|entry| matches!(entry.event, Event::StageRead(_)));
        let told = journal.entries.iter().take(read.map_or(usize::MAX, |last| last + 1));
        let events = told.filter_map(|entry| match entry.event {
            Event::LeaderChanged { .. } => Some((entry.at.secs(), Happening::LeaderChange)),
            Event::ProcessExited { .. } => Some((entry.at.secs(), Happening::ProcessExit)),
            _ => None,
        });
        let mut taken: Vec<Vec<(f64, f64)>> = Vec::new();
        let end = journal.end();
        let bar = |fault: proofload_history::journal::FaultRecord| {
            let (from_s, to_s) = (fault.injecting.secs(), fault.healed.unwrap_or(end).secs());
            // The first bar of a fault that is repeated says its name, the others their numbers.
            let name = match fault.occurrence {
                Some(number @ 2..) => format!("#{number}"),
                _ => fault.name(),
            };
            let place = place(&name, axis, (axis.x(from_s), axis.x(to_s)), &mut taken);
            Bar { name, from_s, to_s, place }
        };
        let faults: Vec<Bar> = journal.faults().into_iter().map(bar).collect();
        Self { phases, faults, rows: taken.len(), events: events.collect() }
    }

    /// The height of all strips in pixels.
    pub(super) fn height(&self) -> f64 {
        let events = if self.events.is_empty() { 0.0 } else { STRIP };
        STRIP + GAP + self.rows as f64 * FAULT_ROW + events
    }

    /// Draws the strips, from `top` downwards.
    pub(super) fn draw(&self, canvas: &Canvas<'_>, axis: &TimeAxis, top: f64) -> Result<(), ReportError> {
        self.draw_phases(canvas, axis, top)?;
        let faults = top + STRIP + GAP;
        self.draw_faults(canvas, axis, faults)?;
        self.draw_events(canvas, axis, faults + self.rows as f64 * FAULT_ROW)
    }

    fn draw_phases(&self, canvas: &Canvas<'_>, axis: &TimeAxis, top: f64) -> Result<(), ReportError> {
        name_strip(canvas, axis, "phase", top + STRIP / 2.0)?;
        for (index, (phase, from, to)) in self.phases.iter().enumerate() {
            let (left, right) = (axis.x(*from), axis.x(*to));
            let ink = if index % 2 == 0 { &palette::PHASE } else { &palette::PHASE_OTHER };
            canvas.rectangle((left, top), (right, top + STRIP), ink, 1.0)?;
            if let Some(label) = fitting(&numbers::spaced(phase.name()), right - left) {
                let letters = Letters { size: FONT, anchor: Anchor::Middle, bold: false };
                canvas.text(&label, (left.midpoint(right), top + STRIP / 2.0), &palette::TEXT, letters)?;
            }
        }
        Ok(())
    }

    fn draw_faults(&self, canvas: &Canvas<'_>, axis: &TimeAxis, top: f64) -> Result<(), ReportError> {
        if !self.faults.is_empty() {
            name_strip(canvas, axis, "faults", top + FAULT_ROW / 2.0)?;
        }
        for bar in &self.faults {
            let (left, right) = (axis.x(bar.from_s), axis.x(bar.to_s).max(axis.x(bar.from_s) + 2.0));
            let row = bar.place.map_or(self.rows.saturating_sub(1), |(row, _)| row);
            let top = top + row as f64 * FAULT_ROW;
            canvas.rectangle((left, top + 1.0), (right, top + FAULT_ROW - 2.0), &palette::FAULT_BAND, 0.3)?;
            canvas.rectangle((left, top + 1.0), (left + 2.5, top + FAULT_ROW - 2.0), &palette::FAULT, 1.0)?;
            let Some((_, place)) = bar.place else { continue };
            let (x, anchor) = match place {
                NamePlace::Inside => (left + 7.0, Anchor::Left),
                NamePlace::Right => (right + 5.0, Anchor::Left),
                NamePlace::Left => (left - 5.0, Anchor::Right),
            };
            let letters = Letters { size: FONT, anchor, bold: true };
            canvas.text(&bar.name, (x, top + FAULT_ROW / 2.0), &palette::TEXT, letters)?;
        }
        Ok(())
    }

    fn draw_events(&self, canvas: &Canvas<'_>, axis: &TimeAxis, top: f64) -> Result<(), ReportError> {
        if self.events.is_empty() {
            return Ok(());
        }
        let middle = top + STRIP / 2.0;
        name_strip(canvas, axis, "events", middle)?;
        let mut drawn: Vec<(i64, Happening)> = Vec::new();
        for (at, happening) in &self.events {
            let x = axis.x(*at);
            // Six partitions change their leader in the same instant: one sign in a pixel is enough.
            let place = (x.round() as i64, *happening);
            if !drawn.contains(&place) {
                sign(canvas, (x, middle), *happening)?;
                drawn.push(place);
            }
        }
        Ok(())
    }
}

/// A diamond for a leader's change, a cross for a process's end.
fn sign(canvas: &Canvas<'_>, (x, y): Point, happening: Happening) -> Result<(), ReportError> {
    let size = 4.5;
    match happening {
        Happening::LeaderChange => {
            let outline = [(x, y - size), (x + size, y), (x, y + size), (x - size, y)];
            canvas.area(&outline, &palette::GAUGE, 1.0)
        }
        Happening::ProcessExit => {
            canvas.line(&[(x - size, y - size), (x + size, y + size)], &palette::FAIL, 2.0)?;
            canvas.line(&[(x - size, y + size), (x + size, y - size)], &palette::FAIL, 2.0)
        }
    }
}

fn name_strip(canvas: &Canvas<'_>, axis: &TimeAxis, name: &str, y: f64) -> Result<(), ReportError> {
    let letters = Letters { size: FONT, anchor: Anchor::Right, bold: false };
    canvas.text(name, (axis.left - 8.0, y), &palette::MUTED, letters)
}

/// The first row where the bar and its name have room, which they then take.
fn place(
    name: &str,
    axis: &TimeAxis,
    (left, right): (f64, f64),
    taken: &mut Vec<Vec<(f64, f64)>>,
) -> Option<(usize, NamePlace)> {
    let width = width_of(name, FONT * 1.08) + 14.0;
    let (place, extent) = if right - left >= width {
        (NamePlace::Inside, (left, right))
    } else if right + width <= axis.right {
        (NamePlace::Right, (left, right + width))
    } else {
        (NamePlace::Left, (left - width, right))
    };
    let free = |row: &Vec<(f64, f64)>| row.iter().all(|(from, to)| extent.1 < *from || *to < extent.0);
    let row = taken.iter().position(free).or_else(|| (taken.len() < MAX_ROWS).then_some(taken.len()))?;
    if row == taken.len() {
        taken.push(Vec::new());
    }
    taken[row].push(extent);
    Some((row, place))
}

/// As much of a label as fits into `width`; nothing, if less than three letters do.
fn fitting(label: &str, width: f64) -> Option<String> {
    if width_of(label, FONT) + 2.0 <= width {
        return Some(label.to_owned());
    }
    let room = ((width - 2.0) / width_of("n", FONT)).floor() as usize;
    (room >= 4).then(|| label.chars().take(room - 1).chain(['.']).collect())
}
