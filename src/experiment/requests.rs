//! From the manifest's operations to the requests that the traffic makes: `scenarios` knows no manifest.

use proofload_lab::manifest::Operation;
use proofload_lab::{Manifest, SpecError};
use proofload_scenarios::answer::FailWhen;
use proofload_scenarios::{Request, RequestSpec};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The requests of `manifest` by the names of their operations, every template of theirs read.
pub(super) fn requests(manifest: &Manifest) -> Result<BTreeMap<String, Arc<Request>>, SpecError> {
    let requests = manifest.operations.iter().map(|(name, operation)| {
        let request = Request::new(name.as_str(), &spec(operation))
            .map_err(|error| SpecError::new(format!("operation `{name}`: {error}"), None))?;
        Ok((name.clone(), Arc::new(request)))
    });
    requests.collect()
}

fn spec(operation: &Operation) -> RequestSpec {
    let rules = operation.fail_when.iter().map(|rule| FailWhen {
        status: rule.status,
        header: rule.header.clone(),
        equals: rule.equals.clone(),
    });
    RequestSpec {
        method: operation.method.name().to_owned(),
        path: operation.path.clone(),
        headers: operation.headers.clone(),
        body: operation.body.clone(),
        ok: operation.ok.clone(),
        fail: operation.fail.clone(),
        fail_when: rules.collect(),
        timeout: operation.timeout,
        retry: None,
        captures: operation.captures.iter().map(|(name, pointer)| (name.clone(), pointer.text().to_owned())).collect(),
        own_id: operation.own_id,
    }
}
