//! One panel of the timeline: a title with its key, a grid, and layers of data.

use super::axis::{Scale, TimeAxis};
use super::canvas::{Anchor, Canvas, Letters, Point, width_of};
use super::lanes::Bar;
use super::palette::{self, Ink};
use crate::ReportError;

const TITLE: f64 = 30.0;
const FONT: f64 = 11.5;
const TITLE_FONT: f64 = 13.0;
/// The strip on top of a panel where infinite values stand.
const CEILING: f64 = 18.0;

/// A point of data: seconds since the start of the run, and the value.
pub(super) type Datum = (f64, f64);

/// A column of data: its middle in seconds since the start of the run, and the values from which to which it stands.
pub(super) type Column = (f64, f64, f64);

/// A panel of the timeline.
pub(super) struct Panel {
    pub(super) title: String,
    /// The height of the plot without its title, in pixels.
    pub(super) height: f64,
    pub(super) scale: Scale,
    /// How a tick's value is written.
    pub(super) write: fn(f64) -> String,
    /// What an infinite value means; `None` where there is none.
    pub(super) ceiling: Option<&'static str>,
    pub(super) keys: Vec<Key>,
    pub(super) layers: Vec<Layer>,
}

/// An entry of a panel's key.
pub(super) struct Key {
    pub(super) label: String,
    pub(super) ink: &'static Ink,
    /// A filled swatch instead of a line.
    pub(super) filled: bool,
}

/// Data drawn into a panel.
pub(super) enum Layer {
    /// Straight lines; each piece on its own, so that a gap stays one.
    Line { pieces: Vec<Vec<Datum>>, ink: &'static Ink, width: f64 },
    /// Filled columns of `width_s` seconds.
    Columns { columns: Vec<Column>, width_s: f64, ink: &'static Ink, opacity: f64 },
    /// The outline of columns of `width_s` seconds.
    Steps { values: Vec<Datum>, width_s: f64, ink: &'static Ink, width: f64 },
}

/// Where a panel stands.
struct Frame<'a, 's> {
    canvas: &'a Canvas<'s>,
    axis: &'a TimeAxis,
    scale: Scale,
    /// Where finite values may reach.
    top: f64,
    bottom: f64,
    /// Where infinite values stand.
    ceiling: f64,
}

impl Frame<'_, '_> {
    fn y(&self, value: f64) -> f64 {
        if value.is_infinite() {
            return self.ceiling;
        }
        self.bottom - self.scale.share(value) * (self.bottom - self.top)
    }

    fn point(&self, (at, value): Datum) -> Point {
        (self.axis.x(at), self.y(value))
    }
}

impl Panel {
    /// The height with the title.
    pub(super) fn full_height(&self) -> f64 {
        TITLE + self.height
    }

    /// Draws the panel from `top` downwards, the faults as bands behind its data.
    pub(super) fn draw(
        &self,
        canvas: &Canvas<'_>,
        axis: &TimeAxis,
        faults: &[Bar],
        top: f64,
    ) -> Result<(), ReportError> {
        self.draw_title(canvas, axis, top + TITLE / 2.0 + 2.0)?;
        let (top, bottom) = (top + TITLE, top + self.full_height());
        for fault in faults {
            let (left, right) = (axis.x(fault.from_s), axis.x(fault.to_s));
            canvas.rectangle((left, top), (right, bottom), &palette::FAULT_BAND, 0.13)?;
            canvas.line(&[(left, top), (left, bottom)], &palette::FAULT, 1.0)?;
        }
        let below_ceiling = if self.ceiling.is_some() { top + CEILING } else { top };
        let frame = Frame { canvas, axis, scale: self.scale, top: below_ceiling, bottom, ceiling: top + 6.0 };
        self.draw_grid(&frame)?;
        self.layers.iter().try_for_each(|layer| layer.draw(&frame))
    }

    fn draw_title(&self, canvas: &Canvas<'_>, axis: &TimeAxis, y: f64) -> Result<(), ReportError> {
        let title = Letters { size: TITLE_FONT, anchor: Anchor::Left, bold: true };
        canvas.text(&self.title, (axis.left, y), &palette::TEXT, title)?;
        let wide = |key: &Key| 24.0 + width_of(&key.label, FONT) + 16.0;
        let mut x = axis.right + 16.0 - self.keys.iter().map(wide).sum::<f64>();
        for key in &self.keys {
            if key.filled {
                canvas.rectangle((x, y - 5.0), (x + 12.0, y + 5.0), key.ink, 1.0)?;
            } else {
                canvas.line(&[(x - 6.0, y), (x + 16.0, y)], key.ink, 2.0)?;
            }
            let letters = Letters { size: FONT, anchor: Anchor::Left, bold: false };
            canvas.text(&key.label, (x + 20.0, y), &palette::MUTED, letters)?;
            x += wide(key);
        }
        Ok(())
    }

    /// The values to be labelled in `height` pixels: where there is no room for all ticks, the first and the last.
    fn labelled(&self, height: f64) -> Vec<f64> {
        let ticks = self.scale.ticks();
        match ticks[..] {
            [first, .., last] if height / (ticks.len() as f64) < FONT * 1.3 => vec![first, last],
            _ => ticks,
        }
    }

    fn draw_grid(&self, frame: &Frame<'_, '_>) -> Result<(), ReportError> {
        let (canvas, axis) = (frame.canvas, frame.axis);
        let letters = Letters { size: FONT, anchor: Anchor::Right, bold: false };
        for at in axis.ticks() {
            canvas.line(&[(axis.x(at), frame.top), (axis.x(at), frame.bottom)], &palette::GRID, 1.0)?;
        }
        for value in self.labelled(frame.bottom - frame.top) {
            let y = frame.y(value);
            canvas.line(&[(axis.left, y), (axis.right, y)], &palette::GRID, 1.0)?;
            canvas.text(&(self.write)(value), (axis.left - 8.0, y), &palette::MUTED, letters)?;
        }
        if let Some(meaning) = self.ceiling {
            canvas.line(&[(axis.left, frame.ceiling), (axis.right, frame.ceiling)], &palette::AXIS, 1.0)?;
            canvas.text(meaning, (axis.left - 8.0, frame.ceiling), &palette::MUTED, letters)?;
        }
        canvas.line(&[(axis.left, frame.bottom), (axis.right, frame.bottom)], &palette::AXIS, 1.0)
    }
}

impl Layer {
    fn draw(&self, frame: &Frame<'_, '_>) -> Result<(), ReportError> {
        match self {
            Self::Line { pieces, ink, width } => pieces.iter().try_for_each(|piece| match piece[..] {
                // A line through one point shows nothing: make it a dot.
                [only] => {
                    let (x, y) = frame.point(only);
                    frame.canvas.rectangle((x - 1.5, y - 1.5), (x + 1.5, y + 1.5), ink, 1.0)
                }
                _ => {
                    let points: Vec<Point> = piece.iter().map(|datum| frame.point(*datum)).collect();
                    frame.canvas.line(&points, ink, *width)
                }
            }),
            Self::Columns { columns, width_s, ink, opacity } => {
                let neighbours = |one: &Column, next: &Column| next.0 - one.0 < width_s * 1.5;
                columns.chunk_by(neighbours).try_for_each(|run| {
                    let edge = |of: fn(&Column) -> f64, column: &Column| {
                        [-0.5, 0.5].map(|half| frame.point((column.0 + half * width_s, of(column))))
                    };
                    let top = run.iter().flat_map(|column| edge(|column| column.2, column));
                    let bottom = run.iter().flat_map(|column| edge(|column| column.1, column));
                    let outline: Vec<Point> = top.chain(bottom.collect::<Vec<_>>().into_iter().rev()).collect();
                    frame.canvas.area(&outline, ink, *opacity)
                })
            }
            Self::Steps { values, width_s, ink, width } => {
                let step =
                    |(middle, value): &Datum| [(middle - width_s / 2.0, *value), (middle + width_s / 2.0, *value)];
                let points: Vec<Point> = values.iter().flat_map(step).map(|datum| frame.point(datum)).collect();
                frame.canvas.line(&points, ink, *width)
            }
        }
    }
}
