//! Links: a host's own way to an instance, through the Toxiproxy on that host.

use crate::component::{API_PORT, Ground, Toxiproxy, make};
use crate::manifest::{Manifest, Placeholder, Template};
use crate::plan::{Instance, Plan};
use proofload_history::Name;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// A host's own way to an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The source host: `gateway-1`.
    pub from: Name,
    /// The instance at its end: `kafka-2`.
    pub to: Name,
    /// Its name in the source host's Toxiproxy.
    pub proxy: String,
    /// The API of that Toxiproxy: `198.18.0.5:8474`.
    pub api: String,
    /// Where the source host's clients connect to, as the conductor reaches it.
    pub listen: SocketAddr,
}

/// The name under which the Toxiproxy of `host` is journalled and logged.
pub(crate) fn proxy_name(host: &str) -> String {
    format!("{host}.toxiproxy")
}

/// The components that the process or component `name` has links to.
fn linked<'a>(manifest: &'a Manifest, name: &str) -> BTreeSet<&'a str> {
    let values = manifest.processes.get(name).into_iter().flat_map(|process| process.env.values());
    let placeholders = values.flat_map(Template::placeholders);
    placeholders.filter_map(|it| if let Placeholder::Link(name) = it { Some(name.as_str()) } else { None }).collect()
}

/// The Toxiproxy of `host`, if the host has links.
pub(crate) fn toxiproxy(manifest: &Manifest, plan: &Plan, host: &Instance) -> Option<Toxiproxy> {
    let targets = linked(manifest, &host.of).into_iter().flat_map(|name| {
        let port = manifest
            .components
            .get(name)
            .and_then(|spec| make(spec.kind.get_ref(), spec))
            .map(|component| component.port());
        plan.of(name).filter_map(move |target| Some((target.clone(), port?)))
    });
    let targets: Vec<_> = targets.collect();
    (!targets.is_empty()).then(|| Toxiproxy::new(targets))
}

/// The links of the instance `from` to the instances of `to`, a component or one of its instances.
pub(crate) fn between(ground: &Ground, from: &str, to: &str) -> Vec<Link> {
    let Some(source) = ground.plan.instance(from) else { return Vec::new() };
    let components = linked(&ground.manifest, &source.of);
    let targets = ground
        .plan
        .instances
        .iter()
        .filter(|target| components.contains(&*target.of) && (&*target.of == to || &*target.name == to));
    targets
        .map(|target| Link {
            from: source.name.clone(),
            to: target.name.clone(),
            proxy: target.name.to_string(),
            api: format!("{}:{API_PORT}", source.address),
            listen: SocketAddr::from((source.address, Plan::link_port(target))),
        })
        .collect()
}
