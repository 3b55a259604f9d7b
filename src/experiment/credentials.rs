//! From the manifest's credentials to those that the traffic shows: `scenarios` knows no manifest.

use proofload_lab::{Manifest, SpecError};
use proofload_scenarios::{Credential, Request};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The credentials of `manifest`, every name of one in a template checked; `requests` are those of its operations.
pub(super) fn credentials(
    manifest: &Manifest,
    requests: &BTreeMap<String, Arc<Request>>,
) -> Result<Vec<Credential>, SpecError> {
    for (operation, request) in requests {
        if let Some(unknown) = request.credentials().find(|name| !manifest.credentials.contains_key(*name)) {
            let valid = manifest.credentials.keys().cloned().collect();
            let mistake = SpecError::unknown("credential", unknown, None, valid);
            return Err(SpecError { message: format!("operation `{operation}`: {}", mistake.message), ..mistake });
        }
    }
    let mut credentials = Vec::new();
    for (name, written) in &manifest.credentials {
        let operation = written.operation.get_ref();
        // That there is such an operation has been checked with the manifest.
        let Some(request) = requests.get(operation) else { continue };
        if request.credentials().next().is_some() || request.needs().next().is_some() {
            let message = format!(
                "`{operation}` gets the credential `{name}`: before that there is nothing to show, and nothing captured"
            );
            return Err(SpecError::new(message, Some(written.operation.span())));
        }
        credentials.push(Credential {
            name: name.as_str().into(),
            request: Arc::clone(request),
            token: written.token.text().to_owned(),
            lasts_seconds: written.lasts_seconds.text().to_owned(),
            count: *written.count.get_ref(),
        });
    }
    Ok(credentials)
}
