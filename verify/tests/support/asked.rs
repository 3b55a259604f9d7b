//! A check as an experiment has it, and what it says of a history.

use proofload_history::History;
use proofload_verify::{Budget, Chain, Check, Context, Expectation, Finding};
use std::collections::BTreeMap;

/// A check from its keys, without braces: `stage = 'db.row', by = 'key'`.
pub(crate) fn check(name: &str, keys: &str) -> Box<dyn Check> {
    let table = format!("{{ {keys} }}");
    let table = toml::de::ValueDeserializer::parse(&table).unwrap();
    (proofload_verify::checks::find(name).unwrap().parse)(table).unwrap()
}

/// An expectation of a check from its keys.
pub(crate) fn expectation(id: &str, name: &str, keys: &str) -> Expectation {
    Expectation { id: id.into(), check_name: name.into(), check: check(name, keys) }
}

/// What a check says of a history, where intents must go the ways of `chains`.
pub(crate) fn finding(
    (name, keys): (&str, &str),
    history: &History,
    chains: &BTreeMap<String, Chain>,
    budget: Budget,
) -> Finding {
    check(name, keys).judge(history, &Context { chains, expectations: &[], faults: &[], budget }).unwrap()
}
