//! From the manifest's scenarios to the journeys that the traffic makes: `scenarios` knows no manifest.

use proofload_lab::manifest::{Act, Course, Scenario, Setting, Step as Written, Where};
use proofload_lab::{Manifest, SpecError};
use proofload_scenarios::{Condition, Journey, JourneyError, Mix, Request, Step, Until};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What clients do, by the names of the scenarios of `manifest`; `requests` are those of its operations.
pub(super) fn journeys(
    manifest: &Manifest,
    requests: &BTreeMap<String, Arc<Request>>,
) -> Result<BTreeMap<String, Mix>, SpecError> {
    let mut journeys = BTreeMap::new();
    for (name, scenario) in &manifest.scenarios {
        if let Course::Steps(steps) = &scenario.course {
            journeys.insert(name.as_str(), Arc::new(journey(name, steps, requests)?));
        }
    }
    let mixes = manifest.scenarios.iter().map(|(name, scenario)| Ok((name.clone(), mix(name, scenario, &journeys)?)));
    mixes.collect()
}

fn mix(name: &str, scenario: &Scenario, journeys: &BTreeMap<&str, Arc<Journey>>) -> Result<Mix, SpecError> {
    // Every name has been checked with the manifest.
    let one = |weight, name: &str| journeys.get(name).map(|journey| (weight, Arc::clone(journey)));
    let shares = match &scenario.course {
        Course::Steps(_) => one(1, name).into_iter().collect(),
        Course::Mix(mix) => mix.iter().filter_map(|(name, weight)| one(*weight.get_ref(), name.get_ref())).collect(),
    };
    Mix::new(shares).map_err(|error| SpecError::new(format!("scenario `{name}`: {error}"), None))
}

fn journey(name: &str, written: &[Written], requests: &BTreeMap<String, Arc<Request>>) -> Result<Journey, SpecError> {
    let steps = written.iter().filter_map(|step| self::step(step, requests)).collect();
    Journey::new(name, steps).map_err(|error| {
        let span = error.step().and_then(|step| written.get(step)).map(|step| step.span.clone());
        let mistake = SpecError::new(format!("scenario `{name}`: {error}"), span);
        match error {
            JourneyError::UnknownCapture { capture, captured, .. } => {
                SpecError { wrong: Some(capture), valid: captured, ..mistake }
            }
            _ => mistake,
        }
    })
}

/// A step with the request of its operation; that there is such an operation has been checked with the manifest.
fn step(written: &Written, requests: &BTreeMap<String, Arc<Request>>) -> Option<Step> {
    let request = |name: &str| requests.get(name).map(Arc::clone);
    Some(match &written.act {
        Act::Do { operation, times } => Step::Do { request: request(operation.get_ref())?, times: *times },
        Act::Until(until) => Step::Until(Until {
            request: request(until.operation.get_ref())?,
            sees: condition(&until.sees),
            unless: until.unless.iter().map(condition).collect(),
            every: until.every.0,
            within: until.within.0,
        }),
        Act::Pause(span) => Step::Pause(span.0),
    })
}

fn condition(written: &Where) -> Condition {
    let equals = match &written.equals {
        Setting::Text(text) => text.as_str().into(),
        Setting::Integer(number) => (*number).into(),
        Setting::Float(number) => (*number).into(),
        Setting::Bool(truth) => (*truth).into(),
    };
    Condition { pointer: written.pointer.text().to_owned(), equals }
}
