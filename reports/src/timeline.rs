//! The one figure of a report: what was asked, what came back, what was done, on one axis of time.

mod axis;
mod canvas;
mod lanes;
mod palette;
mod panel;
mod panels;

use crate::traffic::Traffic;
use crate::{Judged, ReportError, numbers};
use axis::TimeAxis;
use canvas::{Anchor, Canvas, Letters};
use lanes::Lanes;
use panel::Panel;
use panels::Panels;

/// The class of the figure, which its style rules speak of.
pub(crate) const CLASS: &str = "timeline";

const WIDTH: f64 = 1_000.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 12.0;
const MARGIN: f64 = 6.0;
const FOOT: f64 = 44.0;
const FONT: f64 = 11.5;

/// The style rules of the figure.
pub(crate) fn style() -> String {
    palette::style(CLASS)
}

/// The figure, and what it leaves out.
pub(crate) struct Timeline {
    /// An SVG element to stand in a page, with a title and a description for those who do not see it.
    pub(crate) svg: String,
    /// The gauges that were zero in every sample, which get no panel.
    pub(crate) at_zero: Vec<String>,
}

/// Draws the figure.
pub(crate) fn timeline(judged: &Judged<'_>, traffic: &Traffic) -> Result<Timeline, ReportError> {
    let to_s = traffic.to.secs().max(traffic.from.secs() + 1.0);
    let axis = TimeAxis { from_s: traffic.from.secs(), to_s, left: LEFT, right: WIDTH - RIGHT };
    let lanes = Lanes::of(&judged.history.journal, &axis);
    let Panels { panels, at_zero } = panels::panels(judged.history, traffic)?;
    let height = MARGIN + lanes.height() + panels.iter().map(Panel::full_height).sum::<f64>() + FOOT;
    let mut drawn = String::new();
    {
        let canvas = Canvas::new(&mut drawn, WIDTH, height);
        lanes.draw(&canvas, &axis, MARGIN)?;
        let mut top = MARGIN + lanes.height();
        for panel in &panels {
            panel.draw(&canvas, &axis, &lanes.faults, top)?;
            top += panel.full_height();
        }
        draw_foot(&canvas, &axis, top)?;
        canvas.finish()?;
    }
    Ok(Timeline { svg: with_description(&drawn, &description(judged, traffic, &panels)), at_zero })
}

fn draw_foot(canvas: &Canvas<'_>, axis: &TimeAxis, top: f64) -> Result<(), ReportError> {
    let letters = Letters { size: FONT, anchor: Anchor::Middle, bold: false };
    for at in axis.ticks() {
        canvas.line(&[(axis.x(at), top), (axis.x(at), top + 4.0)], &palette::AXIS, 1.0)?;
        canvas.text(&axis.label(at), (axis.x(at), top + 14.0), &palette::MUTED, letters)?;
    }
    let middle = (axis.left.midpoint(axis.right), top + 34.0);
    canvas.text("time since the start of the run", middle, &palette::MUTED, letters)
}

fn description(judged: &Judged<'_>, traffic: &Traffic, panels: &[Panel]) -> String {
    let titles: Vec<&str> = panels.iter().map(|panel| panel.title.as_str()).collect();
    let faults = judged.history.journal.faults();
    let fault = |fault: &proofload_history::journal::FaultRecord| {
        let to = fault.healed.map_or_else(|| "the end".to_owned(), |at| numbers::seconds(at.secs()));
        format!("{} from {} to {to}", fault.name(), numbers::seconds(fault.injecting.secs()))
    };
    let faults: Vec<String> = faults.iter().map(fault).collect();
    let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(", ") };
    format!(
        "Panels over time, from top to bottom: {}. Faults: {faults}. {} requests were due, {} were acknowledged. \
         The tables of phases and faults below give the figures.",
        titles.join("; "),
        numbers::count(traffic.total.offered),
        numbers::count(traffic.total.ok),
    )
}

/// The drawing with its opening tag replaced by one that scales and describes itself.
fn with_description(drawn: &str, description: &str) -> String {
    let (opening, rest) = drawn.split_once('>').unwrap_or(("", drawn));
    let view = opening.split_once("viewBox=\"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(view, _)| view);
    let described = maud::html! {
        title id="timeline-title" { "Timeline of the run" }
        desc id="timeline-desc" { (description) }
    };
    format!(
        "<svg class=\"{CLASS}\" viewBox=\"{view}\" role=\"img\" aria-labelledby=\"timeline-title timeline-desc\" \
         xmlns=\"http://www.w3.org/2000/svg\">{}{rest}",
        described.into_string()
    )
}
