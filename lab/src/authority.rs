//! The lab's own certificate authority: made for a run, and gone with it.
//!
//! Certificates and keys lie on the lab's private /run, in memory: they end with the namespaces, however those end. The
//! authority's own key is never written; when the certificates are signed, nobody can sign another.

use crate::LabError;
use crate::manifest::Manifest;
use crate::plan::{Instance, Plan, link_name};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Where the files lie, on the lab's private /run.
pub(crate) const FOLDER: &str = "/run/proofload-tls";

/// For everybody, and for the user who runs the lab; whoever is nested in it as an ordinary user is that user, seen from
/// outside.
const PUBLIC: u32 = 0o644;
const SECRET: u32 = 0o600;

/// Who signed the certificates of a run.
pub(crate) struct Authority {
    folder: PathBuf,
    root: PathBuf,
    trusted: reqwest::Certificate,
}

impl Authority {
    /// Makes an authority and, in `folder`, a certificate with its key for every instance that listens with TLS. `None` if
    /// nobody does.
    pub(crate) fn establish(folder: &Path, manifest: &Manifest, plan: &Plan) -> Result<Option<Self>, LabError> {
        if !manifest.has_authority() {
            return Ok(None);
        }
        let wrong = |what: String| LabError::Certificate { of: "the lab's own authority".to_owned(), what };
        let issuer = issuer().map_err(|error| wrong(error.to_string()))?;
        let trusted =
            reqwest::Certificate::from_pem(issuer.pem().as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let (folder, root) = (folder.to_owned(), folder.join("ca.pem"));
        DirBuilder::new().recursive(true).mode(0o755).create(&folder).map_err(LabError::file("create", &folder))?;
        write(&root, &issuer.pem(), PUBLIC)?;
        let authority = Self { folder, root, trusted };
        for instance in plan.instances.iter().filter(|instance| manifest.speaks_tls(&instance.of)) {
            let (certificate, key) = sign(&issuer, instance)
                .map_err(|error| LabError::Certificate { of: instance.name.to_string(), what: error.to_string() })?;
            write(&authority.certificate(&instance.name), &certificate, PUBLIC)?;
            write(&authority.key(&instance.name), &key, SECRET)?;
        }
        Ok(Some(authority))
    }

    /// The file with the authority's certificate, in PEM.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The same, for a client to trust.
    pub(crate) fn trusted(&self) -> reqwest::Certificate {
        self.trusted.clone()
    }

    /// The file with the certificate of the instance called `instance`, in PEM.
    pub(crate) fn certificate(&self, instance: &str) -> PathBuf {
        self.folder.join(format!("{instance}.pem"))
    }

    /// The file with its private key, in PEM.
    pub(crate) fn key(&self, instance: &str) -> PathBuf {
        self.folder.join(format!("{instance}.key"))
    }
}

/// Valid from long ago and for ever, as rcgen's defaults are, like all that it signs: a fault may move a clock.
fn issuer() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "proofload: a run's own authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?)
}

/// The certificate and the key of `instance`, in PEM.
fn sign(issuer: &CertifiedIssuer<'_, KeyPair>, instance: &Instance) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(names(instance))?;
    params.distinguished_name.push(DnType::CommonName, &*instance.name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok((params.signed_by(&key, issuer)?.pem(), key.serialize_pem()))
}

/// What clients may call `instance`: by its own name, by that of its component or process, by that at the end of a
/// link, and by its address.
fn names(instance: &Instance) -> Vec<String> {
    let mut names = vec![instance.name.to_string(), instance.of.to_string()];
    names.dedup();
    names.extend([link_name(&instance.name), instance.address.to_string()]);
    names
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), LabError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let mut file = options.open(path).map_err(LabError::file("create", path))?;
    file.write_all(text.as_bytes()).map_err(LabError::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const DOORS: &str = r#"
        format = 1
        name = "doors"
        title = "Two doors and an office"
        entry = { host = "door", port = 8443 }
        component.door = { kind = "nginx", template = "door.conf", replicas = 2, tls = true }
        process.office = { command = ["office"], ready = { http = "/", port = 80 } }
    "#;

    #[test]
    fn whoever_listens_with_tls_has_a_certificate_and_a_key_that_nobody_else_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest::parse(DOORS).unwrap();
        let authority =
            Authority::establish(folder.path(), &manifest, &Plan::new(&manifest).unwrap()).unwrap().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        for door in ["door-1", "door-2"] {
            assert_eq!(mode(&authority.certificate(door)) & 0o444, 0o444, "{door}");
            assert_eq!(mode(&authority.key(door)), 0o600, "{door}");
        }
        assert!(!authority.certificate("office").exists());
        let keys = std::fs::read_dir(folder.path()).unwrap().flatten().filter_map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            text.contains("PRIVATE KEY").then(|| entry.file_name().into_string().unwrap())
        });
        let mut keys: Vec<String> = keys.collect();
        keys.sort();
        assert_eq!(keys, ["door-1.key", "door-2.key"], "the authority's own is not there");
    }

    #[test]
    fn where_nobody_listens_with_tls_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest::parse(&DOORS.replace(", tls = true", "")).unwrap();
        let none = Authority::establish(&folder.path().join("tls"), &manifest, &Plan::new(&manifest).unwrap()).unwrap();
        assert!(none.is_none() && !folder.path().join("tls").exists());
    }

    #[test]
    fn an_instance_is_known_by_its_names_and_its_address() {
        let manifest = Manifest::parse(DOORS).unwrap();
        let plan = Plan::new(&manifest).unwrap();
        let of = |instance: &str| names(plan.instance(instance).unwrap());
        assert_eq!(of("door-2"), ["door-2", "door", "door-2.link", "198.18.0.2"]);
        assert_eq!(of("office"), ["office", "office.link", "198.18.0.3"]);
    }
}
