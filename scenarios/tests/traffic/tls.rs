//! TLS at the entry: trusted is the lab's own authority, and nobody else; the name is the host's, wherever it lies.

use crate::support::{SEED, request, serve_tls, start_load, traffic};
use proofload_history::Outcome;
use proofload_scenarios::Load;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::PathBuf;

const READ: &str = "method = 'GET'\npath = '/'\nok = [200]\ntimeout = '60s'";

/// A certificate authority with its file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file, _folder: folder }
    }
}

/// The outcomes and errors of clients that trust `trusted`, at a door whose certificate is for `name`.
async fn told(own: &Authority, trusted: &Authority, name: &str) -> Vec<(Outcome, Option<String>)> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &own.issuer).unwrap();
    let address = serve_tls(certificate.der().to_vec(), key.serialize_der()).await;
    let load = Load {
        connect_to: Some(address),
        ca: Some(trusted.file.clone()),
        ..Load::new(
            format!("https://door:{}", address.port()),
            SEED,
            vec![traffic("browse", 1, "20/s", 200, &[request("read", READ)])],
        )
    };
    let ended = start_load(load).end().await;
    let operations = ended.operations("read");
    operations.iter().map(|made| (made.outcome, made.error.as_deref().map(str::to_owned))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_with_a_certificate_of_the_authority_for_its_name_is_trusted() {
    let authority = Authority::new();
    assert_eq!(told(&authority, &authority, "door").await, vec![(Outcome::Ok, None); 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_or_for_another_name_is_a_connection_that_was_never_made() {
    let (authority, other) = (Authority::new(), Authority::new());
    let never = vec![(Outcome::Fail, Some("connection failed".to_owned())); 4];
    assert_eq!(told(&authority, &other, "door").await, never);
    assert_eq!(told(&authority, &authority, "window").await, never);
}
