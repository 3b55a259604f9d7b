//! A sheet to draw on in fractions of a pixel, over plotters' SVG backend, which takes whole units only.

use super::palette::Ink;
use crate::ReportError;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Units of the SVG in a pixel of the page: quarters of a pixel are fine enough for a smooth line.
const UNITS: f64 = 4.0;
/// plotters writes a font's size divided by this.
const FONT_DIVISOR: f64 = 1.24;

/// A point of the sheet, in pixels from its upper left corner.
pub(super) type Point = (f64, f64);

/// A sheet of the page.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// How a text stands to its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// A line of text.
#[derive(Clone, Copy)]
pub(super) struct Letters {
    /// The height of the font in pixels.
    pub(super) size: f64,
    pub(super) anchor: Anchor,
    pub(super) bold: bool,
}

impl<'a> Canvas<'a> {
    /// An empty sheet of `width` by `height` pixels, written to `svg`.
    pub(super) fn new(svg: &'a mut String, width: f64, height: f64) -> Self {
        let size = ((width * UNITS) as u32, (height * UNITS) as u32);
        Self { area: SVGBackend::with_string(svg, size).into_drawing_area() }
    }

    /// A line through `points`, `width` pixels wide.
    pub(super) fn line(&self, points: &[Point], ink: &Ink, width: f64) -> Result<(), ReportError> {
        let style = ink.light.stroke_width((width * UNITS).round() as u32);
        self.draw(&PathElement::new(points.iter().map(units).collect::<Vec<_>>(), style))
    }

    /// A filled outline, `opacity` from 0 to 1.
    pub(super) fn area(&self, outline: &[Point], ink: &Ink, opacity: f64) -> Result<(), ReportError> {
        let points: Vec<(i32, i32)> = outline.iter().map(units).collect();
        self.draw(&Polygon::new(points, ink.light.mix(opacity).filled()))
    }

    /// A filled rectangle between two corners, at least a pixel wide and high.
    pub(super) fn rectangle(&self, from: Point, to: Point, ink: &Ink, opacity: f64) -> Result<(), ReportError> {
        let to = (to.0.max(from.0 + 1.0), to.1.max(from.1 + 1.0));
        self.draw(&Rectangle::new([units(&from), units(&to)], ink.light.mix(opacity).filled()))
    }

    /// A text whose middle line is at `at`.
    pub(super) fn text(&self, text: &str, at: Point, ink: &Ink, letters: Letters) -> Result<(), ReportError> {
        let weight = if letters.bold { FontStyle::Bold } else { FontStyle::Normal };
        let font = ("sans-serif", letters.size * UNITS * FONT_DIVISOR, weight).into_font();
        let anchor = match letters.anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        self.draw(&Text::new(text.to_owned(), units(&at), font.color(&ink.light).pos(Pos::new(anchor, VPos::Center))))
    }

    /// Writes the sheet to its end.
    pub(super) fn finish(&self) -> Result<(), ReportError> {
        self.area.present().map_err(|error| ReportError::Timeline(error.to_string()))
    }

    fn draw<E>(&self, element: &E) -> Result<(), ReportError>
    where
        for<'b> &'b E: plotters::element::PointCollection<'b, (i32, i32)>,
        E: plotters::element::Drawable<SVGBackend<'a>>,
    {
        self.area.draw(element).map_err(|error| ReportError::Timeline(error.to_string()))
    }
}

/// About how wide `text` is in a sans-serif font of `size` pixels: fonts are the reader's, so nobody knows.
pub(super) fn width_of(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.55
}

fn units(point: &Point) -> (i32, i32) {
    ((point.0 * UNITS).round() as i32, (point.1 * UNITS).round() as i32)
}
