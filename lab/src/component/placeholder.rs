//! What placeholders in texts of the manifest stand for in the lab.

use super::Ground;
use crate::manifest::{Placeholder, Template};
use crate::plan::{Instance, Plan, link_name};
use std::fmt::Write as _;
use std::path::Path;

/// `template` as the instance called `instance` has to read it.
pub(super) fn expand(ground: &Ground, instance: Option<&Instance>, template: &Template) -> Result<String, String> {
    template.expand(|placeholder| resolve(ground, instance, placeholder))
}

/// What `placeholder` stands for in a text of `instance`. The manifest has checked the names in its own texts; those in a
/// template file are checked here. What only a template knows is its component's to say.
pub(super) fn resolve(
    ground: &Ground,
    instance: Option<&Instance>,
    placeholder: &Placeholder,
) -> Result<String, String> {
    let owner = instance.map(|instance| &*instance.of);
    let own = owner.is_some_and(|owner| ground.manifest.speaks_tls(owner));
    if let Some(what) = placeholder.lacks_tls(owner, own, ground.authority.is_some()) {
        return Err(what);
    }
    let certified = || ground.authority.as_ref().zip(instance).ok_or("no certificate is signed here");
    let nowhere = || format!("there is no component or process `{}`", placeholder.name().unwrap_or_default());
    let of = |name: &str| -> Result<Vec<&Instance>, String> {
        let found: Vec<&Instance> = ground.plan.instances.iter().filter(|instance| &*instance.of == name).collect();
        if found.is_empty() { Err(nowhere()) } else { Ok(found) }
    };
    Ok(match placeholder {
        Placeholder::Instance => instance.ok_or("{instance} has no meaning here")?.name.to_string(),
        Placeholder::Ca => text(ground.authority.as_ref().ok_or("no authority signs here")?.root()),
        Placeholder::Certificate => certified().map(|(authority, own)| text(&authority.certificate(&own.name)))?,
        Placeholder::CertificateKey => certified().map(|(authority, own)| text(&authority.key(&own.name)))?,
        Placeholder::Host(name) => of(name)?[0].name.to_string(),
        Placeholder::Link(name) => list(&of(name)?, |it| format!("{}:{}", link_name(&it.name), Plan::link_port(it))),
        Placeholder::Hosts(name, port) => list(&of(name)?, |it| format!("{}:{port}", it.name)),
        Placeholder::Servers(name, port) => of(name)?.iter().fold(String::new(), |mut lines, it| {
            // nginx's own default leaves a server that failed alone for 10 s, longer than a short run's faults.
            let _ = writeln!(lines, "server {}:{port} max_fails=1 fail_timeout=1s;", it.name);
            lines
        }),
        Placeholder::Listen | Placeholder::Dir | Placeholder::Setting(_) => {
            return Err(placeholder.needs_template().unwrap_or_default());
        }
    })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn list(instances: &[&Instance], one: impl Fn(&Instance) -> String) -> String {
    instances.iter().map(|instance| one(instance)).collect::<Vec<_>>().join(",")
}
