//! The links that a fault slows or cuts: from instances of a process, through the Toxiproxy on their hosts, to the
//! instances of a component.

use super::{Draft, Scene};
use crate::spec::{Keys, text, unknown, wrong};
use crate::target::Target;
use futures::future::join_all;
use proofload_lab::manifest::SpecError;
use proofload_lab::{Lab, Link};
use std::collections::BTreeSet;
use std::time::Duration;

/// The key of the faults that hit links, and what it means.
pub(super) const LINK_KEY: (&str, &str) = (
    "link",
    "the links: { from = \"worker\", to = \"postgres\" }; `from` is a process (all its instances), an instance, or a target such as { any_of = \"worker\" }; `to` is a component, all instances of it",
);

/// Which faults may not hit a link at the same time.
pub(super) const BESIDE: &str = "none of this kind on the same link: one that comes while the link is held is skipped";

/// A question through a link that takes longer than this is not answered. Twice the longest latency, which a handshake and
/// a question meet one after the other, and some more.
const PING_BOUND: Duration = Duration::from_secs(20);
/// A link is as slow as the median of this many questions.
const PINGS: usize = 3;

/// Reads the key `link`: the target whose links they are, and the component that they lead to.
pub(super) fn parse(draft: &Draft<'_>) -> Result<(Target, String), SpecError> {
    let keys = Keys::of(format!("`link` of fault `{}`", draft.fault), draft.keys.need("link")?)?;
    keys.only(&["from", "to"])?;
    let from = keys.need("from")?;
    let names = draft.names;
    let target = if from.get_ref().is_str() {
        let name = text("`from` of `link`", from)?;
        let instances = |part: &String| names.parts.get(part).map(|part| part.instances.clone()).unwrap_or_default();
        if names.links.contains_key(name) {
            Target::AllOf(name.to_owned())
        } else if names.links.keys().any(|part| instances(part).iter().any(|instance| instance == name)) {
            Target::Instance(name.to_owned())
        } else {
            let sources = names.links.keys().flat_map(|part| std::iter::once(part.clone()).chain(instances(part)));
            return Err(unknown(
                from.span(),
                name,
                format!("no link begins at `{name}`"),
                sources.collect::<BTreeSet<_>>(),
            ));
        }
    } else {
        Target::parse(draft.fault, from, names)?
    };
    let to = keys.need("to")?;
    let component = names.component(to)?;
    if let Some(part) = target.part(names) {
        let reached = names.links.get(part).ok_or_else(|| wrong(from.span(), format!("no link begins at `{part}`")))?;
        if !reached.contains(&component) {
            return Err(unknown(
                to.span(),
                &component,
                format!("there is no link from `{part}` to `{component}`"),
                reached,
            ));
        }
    }
    Ok((target, component))
}

/// The links from the instances that the target was resolved to, each of which must work.
pub(super) async fn working(scene: Scene<'_>, to: &str) -> Result<Vec<(Link, Duration)>, String> {
    let links: Vec<Link> = scene.resolved.instances.iter().flat_map(|from| scene.lab.links(from, to)).collect();
    if links.is_empty() {
        return Err(format!("there is no link from {} to {to}", scene.resolved.instances.join(", ")));
    }
    let pinged = join_all(links.iter().map(|link| ping(scene.lab, link))).await;
    let with_ping = |(link, ping): (Link, Result<Duration, String>)| match ping {
        Ok(ping) => Ok((link, ping)),
        Err(error) => Err(format!("{} does not work: {error}", words(&link))),
    };
    links.into_iter().zip(pinged).map(with_ping).collect()
}

/// How long a question through `link` takes: the median of several, or the first error.
pub(super) async fn ping(lab: &Lab, link: &Link) -> Result<Duration, String> {
    let mut took = Vec::new();
    for _ in 0..PINGS {
        took.push(ping_once(lab, link).await?);
    }
    took.sort_unstable();
    Ok(took.get(took.len() / 2).copied().unwrap_or_default())
}

/// How long one question through `link` takes.
pub(super) async fn ping_once(lab: &Lab, link: &Link) -> Result<Duration, String> {
    match tokio::time::timeout(PING_BOUND, lab.probe_link(link)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer within {} s", PING_BOUND.as_secs())),
    }
}

/// A link, for people.
pub(super) fn words(link: &Link) -> String {
    format!("the link from {} to {}", link.from, link.to)
}
