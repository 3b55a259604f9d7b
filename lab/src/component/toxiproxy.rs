//! The Toxiproxy of a source host: the host's own way to everybody else.

use super::{Component, Site, Way};
use crate::LabError;
use crate::host::Recipe;
use crate::plan::{Instance, Plan};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use toxiproxy_rust::client::Client;
use toxiproxy_rust::proxy::ProxyPack;

/// Where its API listens.
pub(crate) const API_PORT: u16 = 8474;

/// A Toxiproxy with one proxy per target.
pub(crate) struct Toxiproxy {
    targets: Vec<(Instance, u16)>,
}

impl Toxiproxy {
    /// With proxies to `targets`, each with the port on which it is reached directly.
    pub(crate) fn new(targets: Vec<(Instance, u16)>) -> Self {
        Self { targets }
    }

    fn proxies(&self) -> Vec<ProxyPack> {
        let proxy = |(target, port): &(Instance, u16)| {
            let listen = format!("0.0.0.0:{}", Plan::link_port(target));
            ProxyPack::new(target.name.to_string(), listen, format!("{}:{port}", target.address))
        };
        self.targets.iter().map(proxy).collect()
    }
}

impl Component for Toxiproxy {
    fn port(&self) -> u16 {
        API_PORT
    }

    fn ready_within(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn prepare<'a>(&'a self, _site: &'a Site) -> BoxFuture<'a, Result<(), LabError>> {
        Box::pin(async { Ok(()) })
    }

    fn recipe(&self, site: &Site) -> Result<Recipe, LabError> {
        let args = ["-host".to_owned(), "0.0.0.0".to_owned(), "-port".to_owned(), API_PORT.to_string()];
        Ok(Recipe {
            program: site.ground.tools.toxiproxy.clone(),
            args: args.iter().map(Into::into).collect(),
            // A line for each connection would be most of the log.
            env: BTreeMap::from([("LOG_LEVEL".to_owned(), "warn".to_owned())]),
            as_user: false,
            folder: site.data.clone(),
        })
    }

    fn ping<'a>(&'a self, site: &'a Site, at: SocketAddr) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            match Way::plain(&site.ground, at).status("/version").await? {
                200 => Ok(()),
                status => Err(format!("GET /version is answered with {status}")),
            }
        })
    }

    /// Makes the proxies.
    fn furnish<'a>(&'a self, siblings: &'a [Site]) -> BoxFuture<'a, Result<(), LabError>> {
        Box::pin(async move {
            for site in siblings {
                let (api, proxies) = (SocketAddr::from((site.instance.address, API_PORT)), self.proxies());
                let wanted = proxies.len();
                // The client blocks its thread.
                let made = tokio::task::spawn_blocking(move || Client::new(api).populate(proxies)).await;
                let made = made.map_err(|error| error.to_string()).and_then(|made| made);
                let what = match made {
                    Ok(made) if made.len() == wanted => continue,
                    Ok(made) => format!("{} of {wanted} proxies were made", made.len()),
                    Err(error) => error,
                };
                let host = site.instance.name.to_string();
                return Err(LabError::Toxiproxy { doing: "make links".to_owned(), host, what });
            }
            Ok(())
        })
    }
}
