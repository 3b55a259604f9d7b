//! What the tests of this crate share with those in `tests/`.

use crate::{Budget, Chain, ChainStage, Check, Condition, Context, Expectation, Finding, Subjects};
use proofload_history::{At, History, HistoryError, LogDiverged};

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
    judged_within(Budget::OF_CHECK, name, table, history).unwrap()
}

/// Why the check cannot be asked of the history.
pub(crate) fn refused(name: &str, table: &str, history: &History) -> HistoryError {
    judged_within(Budget::OF_CHECK, name, table, history).unwrap_err()
}

/// What the check says if it may hold so much.
pub(crate) fn judged_within(
    budget: Budget,
    name: &str,
    table: &str,
    history: &History,
) -> Result<Finding, HistoryError> {
    let chains = Script::chains();
    let fast = format!("of = \"{}\"\nduring = \"steady\"\np95 = \"100ms\"", Script::OPERATION);
    let expectations = [expectation("fast", "latency", &fast)];
    let context = Context { chains: &chains, expectations: &expectations, faults: &[], budget };
    let finding = check(name, table).judge(history, &context)?;
    finding.figures.iter().for_each(|figure| documented(name, &figure.name));
    Ok(finding)
}

/// Every figure is in the table of its check, whatever its stages, faults and gauges are called.
fn documented(check: &str, figure: &str) {
    let of = figure.split_once('.').map_or("", |(_, of)| of);
    let cuts = || of.match_indices('.').map(|(dot, _)| dot);
    let stages: Vec<&str> = cuts().map(|dot| &of[..dot]).chain([of]).collect();
    let faults: Vec<&str> = cuts().map(|dot| &of[dot + 1..]).chain([of]).collect();
    let subjects = Subjects { stages, faults, gauges: vec![of] };
    let names = crate::checks::find(check).unwrap().figure_names(&subjects);
    assert!(names.iter().any(|name| name == figure), "{figure} is not among the figures of {check}");
}

/// The figure called `name`.
pub(crate) fn figure(finding: &Finding, name: &str) -> Option<f64> {
    finding.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value)
}

/// `broker` went its own way from offset 8,100 of `log.in`/3 on, and was cut off there.
pub(crate) fn diverged(broker: &str) -> LogDiverged {
    LogDiverged {
        log: "in".into(),
        partition: 3,
        broker: broker.into(),
        fault: "cut".into(),
        from_offset: 8_100,
        to_offset: 8_200,
        epoch: 4,
        truncated_under_epoch: Some(5),
        truncated_at: Some(At::from_secs_f64(31.2)),
        high_watermark: Some(8_100),
        records: 100,
        unreadable: 0,
        stages: vec!["log.in".into()],
    }
}
