//! What placeholders in texts of the manifest stand for in the lab.

use super::Ground;
use crate::manifest::{Placeholder, Template};
use crate::plan::{Instance, Plan, link_name};
use std::fmt::Write as _;

/// `template` as the instance called `instance` has to read it. The manifest has checked the names in its own texts;
/// those in a template file are checked here.
pub(super) fn expand(ground: &Ground, instance: Option<&str>, template: &Template) -> Result<String, String> {
    template.expand(|placeholder| {
        let nowhere = || format!("there is no component or process `{}`", placeholder.name().unwrap_or_default());
        let of = |name: &str| -> Result<Vec<&Instance>, String> {
            let found: Vec<&Instance> = ground.plan.instances.iter().filter(|instance| &*instance.of == name).collect();
            if found.is_empty() { Err(nowhere()) } else { Ok(found) }
        };
        Ok(match placeholder {
            Placeholder::Instance => instance.ok_or("{instance} has no meaning here")?.to_owned(),
            Placeholder::Host(name) => of(name)?[0].name.to_string(),
            Placeholder::Link(name) => {
                list(&of(name)?, |it| format!("{}:{}", link_name(&it.name), Plan::link_port(it)))
            }
            Placeholder::Hosts(name, port) => list(&of(name)?, |it| format!("{}:{port}", it.name)),
            Placeholder::Servers(name, port) => of(name)?.iter().fold(String::new(), |mut lines, it| {
                // nginx's own default leaves a server that failed alone for 10 s, longer than a short run's faults.
                let _ = writeln!(lines, "server {}:{port} max_fails=1 fail_timeout=1s;", it.name);
                lines
            }),
        })
    })
}

fn list(instances: &[&Instance], one: impl Fn(&Instance) -> String) -> String {
    instances.iter().map(|instance| one(instance)).collect::<Vec<_>>().join(",")
}
