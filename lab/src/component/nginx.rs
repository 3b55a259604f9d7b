//! nginx, by a configuration file in its own language.

use super::{Component, Site, Way, placeholder, write};
use crate::command::output;
use crate::host::{Recipe, process_in};
use crate::manifest::{Placeholder, Settings, Template};
use crate::{LabError, manifest};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

/// Where it listens if the manifest does not say.
const PORT: u16 = 8080;
const FILE: &str = "nginx.conf";

pub(super) struct Nginx {
    template: Option<String>,
    port: u16,
    settings: Settings,
}

impl Nginx {
    pub(super) fn new(spec: &manifest::Component) -> Self {
        Self { template: spec.template.clone(), port: spec.listen.unwrap_or(PORT), settings: spec.settings.clone() }
    }

    /// The configuration: the template with every placeholder put in place; `{certificate}` and `{certificate_key}` are
    /// those of the instance.
    fn configuration(&self, site: &Site) -> Result<String, LabError> {
        let place = format!("component.{}.template", site.instance.of);
        let wrong = |what: String| LabError::Manifest { place: place.clone(), what };
        let name = self.template.as_ref().ok_or_else(|| wrong("nginx needs one".to_owned()))?;
        let file = site.ground.manifest.folder.join(name);
        let text = std::fs::read_to_string(&file).map_err(LabError::file("read", &file))?;
        let template = Template::parse(&text).map_err(|what| wrong(format!("{}: {what}", file.display())))?;
        template
            .expand(|placeholder| self.value(site, placeholder))
            .map_err(|what| wrong(format!("{}: {what}", file.display())))
    }

    /// What a placeholder of the template stands for.
    fn value(&self, site: &Site, placeholder: &Placeholder) -> Result<String, String> {
        match placeholder {
            Placeholder::Listen => Ok(self.port.to_string()),
            Placeholder::Dir => Ok(site.data.display().to_string()),
            Placeholder::Setting(name) => match self.settings.get(name.as_str()) {
                Some(value) => Ok(value.to_string()),
                None => Err(format!("there is no `{name}` in `component.{}.settings`", site.instance.of)),
            },
            other => placeholder::resolve(&site.ground, Some(&site.instance), other),
        }
    }
}

fn recipe(site: &Site, further: &[&str]) -> Recipe {
    let mut args: Vec<OsString> = vec!["-p".into(), site.data.clone().into()];
    args.extend(["-c".into(), site.data.join(FILE).into(), "-e".into(), "stderr".into()]);
    args.extend(further.iter().map(OsString::from));
    let program = site.ground.tools.nginx.clone();
    // As root its workers would change to a user that the namespace does not know.
    Recipe { program, args, env: BTreeMap::new(), as_user: true, folder: site.data.clone() }
}

impl Component for Nginx {
    fn port(&self) -> u16 {
        self.port
    }

    fn ready_within(&self) -> Duration {
        Duration::from_secs(20)
    }

    fn prepare<'a>(&'a self, site: &'a Site) -> BoxFuture<'a, Result<(), LabError>> {
        Box::pin(async move {
            write(site.data.join(FILE), &self.configuration(site)?)?;
            let test = process_in(&site.ground.tools, &site.instance.name, &recipe(site, &["-t", "-q"]));
            output(&format!("use the configuration of {}", site.instance.name), test, None).await?;
            Ok(())
        })
    }

    fn recipe(&self, site: &Site) -> Result<Recipe, LabError> {
        let written = std::fs::read_to_string(site.data.join(FILE)).unwrap_or_default();
        // Said twice, it would be an error.
        let says_itself = written.lines().any(|line| line.trim_start().starts_with("daemon "));
        Ok(recipe(site, if says_itself { &[] } else { &["-g", "daemon off;"] }))
    }

    /// Any answer: whether those behind it answer is theirs to say.
    fn ping<'a>(&'a self, site: &'a Site, at: SocketAddr) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { Way::to(&site.ground, &site.instance, at)?.status("/").await.map(|_| ()) })
    }
}
