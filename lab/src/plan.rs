//! Who is where: instances, addresses and ports, all a function of the manifest.

use crate::LabError;
use crate::manifest::Manifest;
use proofload_history::Name;
use std::net::Ipv4Addr;

/// The network of the lab: from the range set aside for benchmarks (RFC 2544).
pub(crate) const NETWORK: &str = "198.18.0.0/24";
/// The conductor's own address on the bridge.
pub(crate) const CONDUCTOR: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 254);
/// How many hosts have an address.
const HOSTS_MAX: usize = 250;
/// Links to the n-th instance listen here, plus n, in every host: below the ephemeral ports.
const LINK_PORTS: u16 = 21_000;

/// One running part of the system, with a host of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its name, and its host's: `kafka-2`, `postgres`.
    pub name: Name,
    /// The component or process of the manifest that it is an instance of: `kafka`.
    pub of: Name,
    /// The component's kind, or `process`.
    pub kind: String,
    /// Its host's address.
    pub address: Ipv4Addr,
}

/// All instances, components first, in the order of their addresses.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) instances: Vec<Instance>,
}

impl Plan {
    pub(crate) fn new(manifest: &Manifest) -> Result<Self, LabError> {
        let components = manifest.components.iter().map(|(name, it)| (name, it.kind.get_ref().as_str()));
        let processes = manifest.processes.keys().map(|name| (name, "process"));
        let named: Vec<_> = components
            .chain(processes)
            .flat_map(|(of, kind)| manifest.instances(of).into_iter().map(move |name| (name, of, kind)))
            .collect();
        if named.len() > HOSTS_MAX {
            let what =
                format!("{} instances are more than the {HOSTS_MAX} that the lab has addresses for", named.len());
            return Err(LabError::Manifest { place: "`replicas`".to_owned(), what });
        }
        let instances = (1_u8..).zip(named).map(|(number, (name, of, kind))| Instance {
            name: name.into(),
            of: of.as_str().into(),
            kind: kind.to_owned(),
            address: Ipv4Addr::new(198, 18, 0, number),
        });
        Ok(Self { instances: instances.collect() })
    }

    /// The instances of the component or process `name`, in order.
    pub(crate) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Instance> {
        self.instances.iter().filter(move |instance| &*instance.of == name)
    }

    pub(crate) fn instance(&self, name: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| &*instance.name == name)
    }

    /// The number of an instance among its siblings, from 1: a broker's node id.
    pub(crate) fn number(&self, instance: &Instance) -> usize {
        self.of(&instance.of).take_while(|sibling| sibling.name != instance.name).count() + 1
    }

    /// Where every host's own way to `instance` listens.
    pub(crate) fn link_port(instance: &Instance) -> u16 {
        // Addresses are given out from 1 on, in order.
        LINK_PORTS + u16::from(instance.address.octets()[3]) - 1
    }
}

/// The name by which a host's own way to `instance` is known to that host.
pub(crate) fn link_name(instance: &str) -> String {
    format!("{instance}.link")
}
