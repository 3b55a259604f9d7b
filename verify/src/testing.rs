//! What the tests of this crate share with those in `tests/`.

use crate::{Chain, ChainStage, Check, Condition, Context, Expectation, Finding};
use proofload_history::History;

#[path = "../tests/support/script.rs"]
mod script;

pub(crate) use script::Script;

/// A check from its table, as an experiment writes it.
pub(crate) fn check(name: &str, table: &str) -> Box<dyn Check> {
    let table = toml::de::DeTable::parse(table).unwrap();
    let span = table.span();
    let value = toml::Spanned::new(span, toml::de::DeValue::Table(table.into_inner()));
    (crate::checks::find(name).unwrap().parse)(value.into()).unwrap()
}

/// An expectation from its table.
pub(crate) fn expectation(id: &str, name: &str, table: &str) -> Expectation {
    Expectation { id: id.into(), check_name: name.into(), check: check(name, table) }
}

/// What the check says of the history, on the chain of [`Script`] and beside a latency expectation called `fast`.
pub(crate) fn judged(name: &str, table: &str, history: &History) -> Finding {
    let chains = Script::chains();
    let fast = format!("of = \"{}\"\nduring = \"steady\"\np95 = \"100ms\"", Script::OPERATION);
    let expectations = [expectation("fast", "latency", &fast)];
    let faults = [];
    check(name, table).judge(history, &Context { chains: &chains, expectations: &expectations, faults: &faults })
}

/// The figure called `name`.
pub(crate) fn figure(finding: &Finding, name: &str) -> Option<f64> {
    finding.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value)
}
