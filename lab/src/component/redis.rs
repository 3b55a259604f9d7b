//! Redis.

use super::{Component, Site, write};
use crate::host::Recipe;
use crate::{LabError, manifest, ping};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

const PORT: u16 = 6379;
const FILE: &str = "redis.conf";

pub(super) struct Redis {
    settings: manifest::Settings,
}

impl Redis {
    pub(super) fn new(spec: &manifest::Component) -> Self {
        Self { settings: spec.settings.clone() }
    }
}

impl Component for Redis {
    fn port(&self) -> u16 {
        PORT
    }

    fn ready_within(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn prepare<'a>(&'a self, site: &'a Site) -> BoxFuture<'a, Result<(), LabError>> {
        Box::pin(async move {
            // Protected mode would refuse every client that is not on this host.
            let mut lines = vec![format!("port {PORT}"), "bind 0.0.0.0".to_owned(), "protected-mode no".to_owned()];
            lines.push(format!("dir {}", site.data.display()));
            lines.extend(self.settings.iter().map(|(name, value)| format!("{name} {value}")));
            write(site.data.join(FILE), &lines.join("\n"))
        })
    }

    fn recipe(&self, site: &Site) -> Result<Recipe, LabError> {
        Ok(Recipe {
            program: site.ground.tools.redis.clone(),
            args: vec![site.data.join(FILE).into()],
            env: BTreeMap::new(),
            as_user: false,
            folder: site.data.clone(),
        })
    }

    /// PING. While it loads its data it answers with an error.
    fn ping<'a>(&'a self, _site: &'a Site, at: SocketAddr) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let answer: [u8; 5] = ping::ask(at, b"PING\r\n").await?;
            if &answer == b"+PONG" {
                return Ok(());
            }
            Err(format!("{at} answered `{}` to PING", String::from_utf8_lossy(&answer)))
        })
    }
}
