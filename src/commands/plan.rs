//! `proofload plan`: what a run would do, and nothing started.

use crate::exit_code::ExitCode;
use crate::experiment::{self, Experiment, Overrides};
use crate::out;
use proofload_chaos::Planned;
use proofload_history::{Period, Phase};
use proofload_scenarios::{Arrivals, Condition, Mix, Step};
use std::time::Duration;

/// What a lab takes to start, and to be read, beyond the phases.
const AROUND: Duration = Duration::from_secs(20);

pub(super) fn plan(name: &str, overrides: &Overrides) -> anyhow::Result<ExitCode> {
    let experiment = experiment::load(&experiment::find(name)?, overrides)?;
    out::line(render(&experiment))?;
    Ok(ExitCode::Pass)
}

fn render(experiment: &Experiment) -> String {
    let header = &experiment.header;
    let manifest = &experiment.system.manifest;
    let mut lines = vec![
        format!("{}: {}", experiment.name, header.title),
        format!("  hypothesis  {}", header.hypothesis),
        format!("  system      {} ({}), seed {}", manifest.name, manifest.title, header.seed),
    ];
    lines.extend(
        header.set.iter().map(|(path, value)| format!("  set         {} = {}", path.get_ref(), value.get_ref())),
    );
    if !header.variants.is_empty() {
        lines.push(format!("  variants    {}", header.variants.join(", ")));
    }
    lines.extend(header.sets().iter().map(|set| format!("  changed     {set}")));
    lines.push(format!(
        "  takes       about {:.1} minutes, {:.1} at most",
        minutes(experiment, false),
        minutes(experiment, true)
    ));
    lines.push("timeline".to_owned());
    lines.extend(timeline(experiment));
    lines.push("expectations".to_owned());
    lines.extend(
        experiment
            .expectations
            .iter()
            .map(|expectation| format!("  {:<20} {}", expectation.id, expectation.check_name)),
    );
    lines.push("negative controls".to_owned());
    lines.extend(experiment.controls.iter().map(|(variant, control)| {
        let promises: Vec<_> = control.reasons().map(|(promise, _)| format!("`{promise}`")).collect();
        format!("  {variant:<20} must turn {} red", promises.join(", "))
    }));
    lines.join("\n")
}

fn minutes(experiment: &Experiment, at_most: bool) -> f64 {
    let phases = experiment.header.phases;
    let drain = if at_most { phases.drain_max.0 } else { Duration::from_secs(5) };
    (phases.traffic() + drain + AROUND).as_secs_f64() / 60.0
}

/// Phases, traffic and faults, in order of time.
fn timeline(experiment: &Experiment) -> Vec<String> {
    let phases = experiment.header.phases;
    let mut lines = Vec::new();
    let mut at = Duration::ZERO;
    for (phase, lasts) in phases.lengths() {
        if lasts.is_zero() {
            continue;
        }
        lines.push(format!("  {:>6.1} s  {phase} for {:.1} s", at.as_secs_f64(), lasts.as_secs_f64()));
        if phase == Phase::WarmUp {
            for (id, table) in &experiment.traffic {
                let scenario = table.scenario.get_ref();
                lines.push(format!("            traffic {id}: scenario {scenario}, {}", arrivals(&table.arrivals)));
                lines.extend(experiment.scenarios.get(scenario).into_iter().flat_map(scenario_lines));
            }
        }
        if phase == Phase::Fault && !experiment.header.without_faults {
            lines.extend(experiment.schedule.timeline().iter().map(fault_line));
        }
        at += lasts;
    }
    lines.push(format!(
        "  {:>6.1} s  drain until quiet, {:.1} s at most",
        at.as_secs_f64(),
        phases.drain_max.0.as_secs_f64()
    ));
    let stages: Vec<&str> = experiment.system.manifest.stages.keys().map(String::as_str).collect();
    lines.push(format!("            observe {}", stages.join(", ")));
    lines
}

/// What clients do, a line a step; in a mix, each scenario with its share.
fn scenario_lines(mix: &Mix) -> Vec<String> {
    let mut lines = Vec::new();
    let mixed = mix.journeys().len() > 1;
    for (share, journey) in mix.shares() {
        if mixed {
            lines.push(format!("              {:>5.1} %  {}", share * 100.0, journey.name()));
        }
        let indent = if mixed { 25 } else { 14 };
        lines.extend(journey.steps().iter().map(|step| format!("{:indent$}{}", "", step_line(step))));
    }
    lines
}

fn step_line(step: &Step) -> String {
    match step {
        Step::Do { request, times: 1 } => request.name().to_string(),
        Step::Do { request, times } => format!("{}, {times} times", request.name()),
        Step::Until(until) => {
            let unless = until.unless.iter().map(condition).collect::<Vec<_>>().join(" or ");
            let unless = if unless.is_empty() { unless } else { format!(", unless {unless}") };
            format!(
                "{} every {} until {}{unless}, within {}",
                until.request.name(),
                Period(until.every),
                condition(&until.sees),
                Period(until.within),
            )
        }
        Step::Pause(span) => format!("pause of {}", Period(*span)),
    }
}

fn condition(condition: &Condition) -> String {
    format!("{} is {}", condition.pointer, condition.equals)
}

/// What is done when, to what, and what the environment must be able to do for it.
fn fault_line(planned: &Planned) -> String {
    let at = planned.from.map_or_else(|| "       ?".to_owned(), |from| format!("{:>6.1} s", from.as_secs_f64()));
    let needs = if planned.needs.is_empty() { String::new() } else { format!(" (needs {})", planned.needs.join(", ")) };
    format!("  {at}    {}: {}, {}{needs}", planned.fault, planned.what, planned.when)
}

fn arrivals(arrivals: &Arrivals) -> String {
    match arrivals {
        Arrivals::Poisson(rate) => format!("Poisson arrivals of {rate}"),
        Arrivals::Constant(rate) => format!("{rate}, evenly spaced"),
        Arrivals::Ramp(ramp) => format!("from {} to {} over {}", ramp.from, ramp.to, ramp.over),
    }
}
