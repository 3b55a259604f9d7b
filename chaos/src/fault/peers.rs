//! Whom a partition cuts its target off from.

use super::Draft;
use crate::spec::{Keys, wrong};
use crate::target::Target;
use proofload_lab::Lab;
use proofload_lab::manifest::SpecError;
use std::fmt;
use std::net::Ipv4Addr;

/// Whom a partition cuts its target off from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peers {
    /// All instances of a component or process.
    Part(String),
    /// All instances of a component or process but the target.
    Others(String),
    /// One instance.
    Instance(String),
}

impl Peers {
    /// Reads the key `from` of a partition of `target`.
    pub(super) fn parse(draft: &Draft<'_>, target: &Target) -> Result<Self, SpecError> {
        let value = draft.keys.need("from")?;
        let keys = Keys::of(format!("`from` of fault `{}`", draft.fault), value)?;
        keys.only(&["component", "process", "instance", "others"])?;
        let others = keys.flag("others")?;
        let (sort, value) = keys.one_of(&["component", "process", "instance"])?;
        let part = match sort {
            "component" => draft.names.component(value)?,
            "process" => draft.names.process(value)?,
            _ if others => return Err(wrong(value.span(), "`others` goes with `component` or `process`")),
            _ => return Ok(Self::Instance(draft.names.instance(value)?)),
        };
        if others {
            return Ok(Self::Others(part));
        }
        if target.part(draft.names) == Some(part.as_str()) {
            let message = format!("the target is an instance of `{part}` itself: add `others = true`");
            return Err(wrong(keys.span(), message));
        }
        Ok(Self::Part(part))
    }

    /// The instances that `targets` are cut off from, with their addresses.
    pub(super) fn resolve(&self, lab: &Lab, targets: &[String]) -> Result<Vec<(String, Ipv4Addr)>, String> {
        let is_peer = |name: &str, of: &str| match self {
            Self::Part(part) => of == part,
            Self::Others(part) => of == part && !targets.iter().any(|target| target == name),
            Self::Instance(instance) => name == instance,
        };
        let all = lab.instances().iter();
        let peers: Vec<(String, Ipv4Addr)> = all
            .filter(|instance| is_peer(&instance.name, &instance.of))
            .map(|instance| (instance.name.to_string(), instance.address))
            .collect();
        if peers.is_empty() {
            return Err(format!("{self} are nobody"));
        }
        match peers.iter().find(|(peer, _)| targets.contains(peer)) {
            Some((both, _)) => Err(format!("{both} cannot be cut off from itself")),
            None => Ok(peers),
        }
    }
}

impl fmt::Display for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => write!(f, "every instance of {part}"),
            Self::Others(part) => write!(f, "the other instances of {part}"),
            Self::Instance(instance) => f.write_str(instance),
        }
    }
}
