//! The HTTP client that every role calls others with: bounded in time, by no proxy, and with trust in one authority
//! where it is told so.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use reqwest::{Certificate, Client};

/// A client whose connections may take `connect_timeout` to be made and whose requests `timeout` from their start to
/// the last byte of the answer. With `ca`, a PEM file, it trusts the authorities in that file and no others. Errors
/// where the file cannot be read or holds no certificate.
pub(crate) fn client(connect_timeout: Duration, timeout: Duration, ca: Option<&Path>) -> anyhow::Result<Client> {
    let mut builder = Client::builder().no_proxy().connect_timeout(connect_timeout).timeout(timeout);
    if let Some(path) = ca {
        let pem =
            std::fs::read(path).with_context(|| format!("cannot read the trusted authorities {}", path.display()))?;
        let authorities = Certificate::from_pem_bundle(&pem)
            .with_context(|| format!("cannot parse the trusted authorities {}", path.display()))?;
        anyhow::ensure!(!authorities.is_empty(), "the file {} holds no certificate in PEM", path.display());
        builder = builder.tls_certs_only(authorities);
    }
    builder.build().context("cannot make the HTTP client")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_file_without_certificates_is_refused_by_its_name() {
        let here = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        for path in [Path::new("/nowhere/ca.pem"), here] {
            let error = client(SECOND, SECOND, Some(path)).expect_err("no certificate");
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
        assert!(client(SECOND, SECOND, None).is_ok());
    }
}
