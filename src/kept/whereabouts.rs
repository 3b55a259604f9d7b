//! What is where in a lab that is kept.

use crate::diagnostic::{self, FileProblem};
use crate::files;
use anyhow::Context as _;
use proofload_lab::{Lab, LabError};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Its file in the run folder, there while the system is ready.
const FILE: &str = "up.json";

/// What is where in a lab that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whereabouts {
    /// The folder of the run.
    pub(crate) run: PathBuf,
    /// Where requests enter: `http://198.18.0.7:8080`.
    pub(crate) entry: String,
    /// The certificate of the authority that its TLS is to be verified by, if anything there speaks TLS. A file that
    /// only those inside see.
    pub(crate) ca: Option<PathBuf>,
    /// Every instance, in the order of their addresses.
    pub(crate) instances: Vec<Place>,
}

/// Where an instance is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Its name, and its host's: `kafka-2`.
    pub(crate) instance: String,
    /// The component or process that it is an instance of.
    pub(crate) of: String,
    /// Its host's address.
    pub(crate) address: Ipv4Addr,
    /// The port on which it serves.
    pub(crate) port: u16,
    /// Its stdout and stderr.
    pub(crate) log: PathBuf,
}

impl Whereabouts {
    /// Those of a system that is ready.
    pub(crate) fn of(lab: &Lab) -> Result<Self, LabError> {
        let places = lab.instances().iter().filter_map(|instance| {
            Some(Place {
                instance: instance.name.to_string(),
                of: instance.of.to_string(),
                address: instance.address,
                port: lab.port(&instance.name)?,
                log: lab.log(&instance.name),
            })
        });
        Ok(Self {
            run: lab.run_dir().root().to_owned(),
            entry: lab.entry_url()?,
            ca: lab.ca().map(Path::to_owned),
            instances: places.collect(),
        })
    }

    /// Writes them into the run folder, in one step: from now on the system is ready for others.
    pub(crate) fn publish(&self) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("cannot write what is where as JSON")?;
        files::write(&self.run.join(FILE), text.as_bytes())
    }

    /// Takes them back: the system is about to be stopped.
    pub(crate) fn withdraw(&self) {
        // Not there any more: that is what is wanted.
        let _ = std::fs::remove_file(self.run.join(FILE));
    }

    /// Those of the system of `run`, if it is ready.
    pub(crate) fn read(run: &Path) -> anyhow::Result<Option<Self>> {
        let path = run.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        serde_json::from_str(&text).map(Some).with_context(|| format!("cannot understand {}", path.display()))
    }

    /// The place of the instance called `name`.
    pub(crate) fn known(&self, name: &str) -> Result<&Place, FileProblem> {
        self.instances.iter().find(|place| place.instance == name).ok_or_else(|| {
            let valid: Vec<String> = self.instances.iter().map(|place| place.instance.clone()).collect();
            diagnostic::not_found("instance", name, &[], &valid)
        })
    }

    /// Whether `name` is that of an instance, or of what has instances.
    pub(crate) fn known_part(&self, name: &str) -> Result<(), FileProblem> {
        if self.instances.iter().any(|place| place.of == name) { Ok(()) } else { self.known(name).map(|_| ()) }
    }

    /// What a command inside finds in its environment.
    pub(crate) fn variables(&self) -> Vec<(String, OsString)> {
        let host = |place: &Place| (variable_of(&place.instance), place.address.to_string().into());
        let mut variables: Vec<(String, OsString)> = vec![
            ("PROOFLOAD_ENTRY".to_owned(), self.entry.clone().into()),
            ("PROOFLOAD_RUN".to_owned(), self.run.clone().into()),
        ];
        variables.extend(self.ca.iter().map(|ca| ("PROOFLOAD_CA".to_owned(), ca.clone().into())));
        variables.extend(self.instances.iter().map(host));
        variables
    }

    /// For people: a row per instance, and where requests enter.
    pub(crate) fn table(&self) -> String {
        let shown = |path: &Path| path.strip_prefix(&self.run).unwrap_or(path).display().to_string();
        let width = self.instances.iter().map(|place| place.instance.chars().count()).max().unwrap_or(0).max(8);
        let mut lines = vec![format!("{:<width$}  {:<15}  {:>5}  log", "instance", "address", "port")];
        lines.extend(self.instances.iter().map(|place| {
            let Place { instance, address, port, log, .. } = place;
            format!("{instance:<width$}  {:<15}  {port:>5}  {}", address.to_string(), shown(log))
        }));
        lines.push(format!("requests enter at {}", self.entry));
        lines.push(format!("logs and manifest lie in {}", self.run.display()));
        lines.join("\n")
    }
}

/// The variable that holds the address of an instance: `PROOFLOAD_HOST_KAFKA_2`.
fn variable_of(instance: &str) -> String {
    format!("PROOFLOAD_HOST_{}", instance.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Whereabouts {
        let place = |instance: &str, number: u8, port| Place {
            instance: instance.to_owned(),
            of: "api".to_owned(),
            address: Ipv4Addr::new(198, 18, 0, number),
            port,
            log: format!("/runs/up/now/logs/{instance}.log").into(),
        };
        Whereabouts {
            run: "/runs/up/now".into(),
            entry: "http://198.18.0.1:8080".to_owned(),
            ca: Some("/run/tls/ca.pem".into()),
            instances: vec![place("api-1", 1, 8080), place("a-long-name", 12, 5432)],
        }
    }

    #[test]
    fn a_command_finds_the_entry_the_run_and_every_host_in_its_environment() {
        let variables: Vec<String> = sample()
            .variables()
            .into_iter()
            .map(|(name, value)| format!("{name}={}", value.to_string_lossy()))
            .collect();
        assert_eq!(
            variables,
            [
                "PROOFLOAD_ENTRY=http://198.18.0.1:8080",
                "PROOFLOAD_RUN=/runs/up/now",
                "PROOFLOAD_CA=/run/tls/ca.pem",
                "PROOFLOAD_HOST_API_1=198.18.0.1",
                "PROOFLOAD_HOST_A_LONG_NAME=198.18.0.12",
            ]
        );
    }

    #[test]
    fn the_table_tells_of_every_instance_in_columns() {
        let expected = "\
instance     address           port  log
api-1        198.18.0.1        8080  logs/api-1.log
a-long-name  198.18.0.12       5432  logs/a-long-name.log
requests enter at http://198.18.0.1:8080
logs and manifest lie in /runs/up/now";
        assert_eq!(sample().table(), expected);
    }

    #[test]
    fn an_instance_that_does_not_exist_is_refused_with_the_nearest() {
        let said = sample().known("api-2").unwrap_err().to_string();
        assert!(said.starts_with("no instance called `api-2`; did you mean `api-1`?"), "{said}");
        assert!(sample().known_part("api").is_ok());
    }
}
