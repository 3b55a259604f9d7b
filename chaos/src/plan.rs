//! A fault as an experiment plans it: `[fault.NAME]`, parsed and with every name resolved.

use crate::fault::{About, Draft, FAULTS, Recipe};
use crate::names::Names;
use crate::repeat::Repeat;
use crate::spec::{Keys, text, unknown, wrong};
use crate::target::Target;
use crate::trigger::{Condition, Start};
use proofload_history::journal::occurrence_name;
use proofload_history::{Period, Phase};
use proofload_lab::manifest::SpecError;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeString, DeValue};

/// The keys that every fault has, each with what it means.
pub const COMMON_KEYS: &[(&str, &str)] = &[
    ("kind", "which fault: one of `proofload list faults`"),
    (
        "at",
        "when it fires: a phase (\"fault\", the default), { phase = \"fault\", after = \"3s\" }, or { after_fault = \"other\", delay = \"3s\" }",
    ),
    (
        "when",
        "a condition on the running system that must hold before it fires, watched from `at` on: { gauge = \"backlog\", at_least = 100 } or `at_most`; with `give_up_after`, else to the end of the phase",
    ),
    (
        "for",
        "how long it lasts, at least half a second longer than it takes to see its effect; without it, to the end of the phase that it fires in, which ends every fault",
    ),
    (
        "repeat",
        "how often it fires, and the pause from the moment when the system was seen whole again to the next time: { times = 50, every = \"1s\" }, or a pause drawn from the run's seed: every = { from = \"500ms\", to = \"2s\" }; its target is found anew each time, and each time is journalled, attested and healed by itself, as `name#7`",
    ),
];

/// A fault as an experiment plans it.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    /// Its id in the experiment: `leader-cut`.
    pub name: String,
    /// Its row in [`FAULTS`].
    pub about: &'static About,
    /// When it fires, or begins to watch its condition.
    pub start: Start,
    /// What must hold before it fires.
    pub condition: Option<Condition>,
    /// How long it lasts; to the end of its phase if nothing is said.
    pub lasts: Option<Duration>,
    /// Whether it fires again after its heals; once if nothing is said.
    pub repeat: Option<Repeat>,
    /// What it hits.
    pub target: Target,
    /// Where the experiment says so: the bytes of its table.
    pub span: Range<usize>,
    pub(crate) recipe: Arc<dyn Recipe>,
}

impl FaultPlan {
    /// Reads the table `[fault.NAME]`.
    ///
    /// # Errors
    /// If a key, a name or a value is wrong: with its place in the file, and the valid names if it is a name.
    pub fn parse(name: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>, names: &Names) -> Result<Self, SpecError> {
        let fault = checked_name(name)?;
        let keys = Keys::of(format!("fault `{fault}`"), value)?;
        let about = kind_of(&keys)?;
        let valid: Vec<&str> = COMMON_KEYS.iter().chain(about.keys).map(|(key, _)| *key).collect();
        keys.only(&valid)?;
        let start = match keys.get("at") {
            Some(value) => Start::parse(fault, value, names)?,
            None => Start::Phase { phase: Phase::Fault, after: Duration::ZERO },
        };
        let condition = keys.get("when").map(|value| Condition::parse(fault, value, names)).transpose()?;
        let (target, recipe) = (about.parse)(&Draft { fault, keys: &keys, names })?;
        let lasts = lasts(&keys, &*recipe)?;
        let least = recipe.seen_after() + HEALED_BEHIND;
        if let Some(short) = lasts.filter(|lasts| !recipe.seen_after().is_zero() && *lasts < least) {
            let (short, least) = (Period(short), Period(least));
            let span = keys.get("for").map_or_else(|| keys.span(), Spanned::span);
            return Err(wrong(
                span,
                format!("nobody could see its effect within {short}: it must last {least} or longer"),
            ));
        }
        let repeat = keys.get("repeat").map(|value| Repeat::parse(fault, value)).transpose()?;
        if let (Some(value), None) = (keys.get("repeat"), lasts) {
            return Err(wrong(
                value.span(),
                "a fault that is repeated needs `for`: without it the first lasts to the end",
            ));
        }
        let span = keys.span();
        Ok(Self { name: fault.to_owned(), about, start, condition, lasts, repeat, target, span, recipe })
    }

    /// What is done to what: `kill kafka-2, start it again after 10s`.
    #[must_use]
    pub fn what(&self) -> String {
        self.recipe.words(&self.target)
    }

    /// When, in words: `at the start of fault, once backlog >= 100, for 20s`.
    #[must_use]
    pub fn when(&self) -> String {
        let once = self.condition.as_ref().map(|condition| format!(", once {condition}")).unwrap_or_default();
        let lasts = self.lasts.map_or("to the end of its phase".to_owned(), |lasts| format!("for {}", Period(lasts)));
        let repeat = self.repeat.as_ref().map(|repeat| format!(", {repeat}")).unwrap_or_default();
        format!("{}{once}, {lasts}{repeat}", self.start)
    }

    /// What the journal calls each of its occurrences, in order: its name, or `crash#1`, `crash#2` and so on.
    #[must_use]
    pub fn occurrences(&self) -> Vec<String> {
        match &self.repeat {
            None => vec![self.name.clone()],
            Some(repeat) => (1..=repeat.times).map(|number| occurrence_name(&self.name, number)).collect(),
        }
    }
}

/// How much longer than its effect takes to be seen a fault must last: whoever looks takes a moment too.
const HEALED_BEHIND: Duration = Duration::from_millis(500);

/// The name of a fault is the name of its nftables table and of its toxics as well.
fn checked_name<'a>(name: &'a Spanned<DeString<'_>>) -> Result<&'a str, SpecError> {
    let text: &str = name.get_ref();
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
    if starts && text.len() <= 40 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Ok(text);
    }
    Err(wrong(
        name.span(),
        format!("`{text}` cannot name a fault: use at most 40 of a-z, 0-9 and `-`, beginning with a letter"),
    ))
}

fn kind_of(keys: &Keys<'_>) -> Result<&'static About, SpecError> {
    let value = keys.need("kind")?;
    let kind = text("the kind of a fault", value)?;
    FAULTS.iter().find(|about| about.name == kind).ok_or_else(|| {
        unknown(
            value.span(),
            kind,
            format!("there is no fault of kind `{kind}`"),
            FAULTS.iter().map(|about| about.name),
        )
    })
}

fn lasts(keys: &Keys<'_>, recipe: &dyn Recipe) -> Result<Option<Duration>, SpecError> {
    let Some(value) = keys.get("for") else { return Ok(recipe.lasts()) };
    if recipe.lasts().is_some() {
        return Err(wrong(value.span(), "`for` and `restart_after` say the same; keep one of them"));
    }
    match keys.period("for")? {
        Some(Duration::ZERO) => Err(wrong(value.span(), "`for` is zero: the fault would be healed before it is felt")),
        lasts => Ok(lasts),
    }
}
