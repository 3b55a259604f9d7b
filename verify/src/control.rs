//! Negative controls: whether a broken design was caught, and for the reason stated.

use crate::defect::Defect;
use crate::{Finding, Judgement, Verdict};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A row of an experiment's `[control.*]`; its key is the variant to run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The expectation that must fail: `nothing-lost`.
    pub must_fail: String,
    /// Why it must fail.
    pub because: Because,
    /// Other expectations that the same mistake must break, each with why.
    #[serde(default)]
    pub also: BTreeMap<String, Because>,
}

impl Control {
    /// Every expectation that must fail, with why: [`Control::must_fail`] first, then the others by name.
    pub fn reasons(&self) -> impl Iterator<Item = (&str, &Because)> {
        let also = self.also.iter().map(|(expectation, because)| (expectation.as_str(), because));
        std::iter::once((self.must_fail.as_str(), &self.because)).chain(also)
    }
}

/// The reason for which a control must fail: red for another reason is not caught.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "BecauseTable")]
pub enum Because {
    /// Enough offenders of one kind at one stage.
    Offenders {
        /// What must be found.
        defect: Defect,
        /// The stage where it must show.
        stage: String,
        /// The fault during which it must happen: between its injection and [`crate::faults::AFTERMATH`] after its
        /// heal. A loss happens when it was acknowledged. `None` if it does not matter.
        during: Option<String>,
        /// How many there must be.
        at_least: u64,
    },
    /// A figure of the finding that is beyond a bound.
    Figure {
        /// Its name, as the finding has it: `failover_s`.
        figure: String,
        /// The bound, and on which side of it the figure must be.
        beyond: Beyond,
    },
}

/// A side of a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Beyond {
    /// The figure must be greater. A latency that is infinite is; a time that was not reached is if it was seen for
    /// longer. Any other that is missing is not known, and no reason.
    Above(f64),
    /// The figure must be smaller.
    Below(f64),
}

impl Because {
    /// The fault that it names, if it names one.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        match self {
            Self::Offenders { during, .. } => during.as_deref(),
            Self::Figure { .. } => None,
        }
    }

    /// The stage that it names, if it names one.
    #[must_use]
    pub fn stage(&self) -> Option<&str> {
        match self {
            Self::Offenders { stage, .. } => Some(stage),
            Self::Figure { .. } => None,
        }
    }

    /// The figure in which it must show.
    #[must_use]
    pub fn figure(&self) -> String {
        match self {
            Self::Offenders { defect, stage, during, .. } => defect.figure(stage, during.as_deref()),
            Self::Figure { figure, .. } => figure.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BecauseTable {
    lost_at: Option<String>,
    repeated_at: Option<String>,
    unexpected_at: Option<String>,
    during: Option<String>,
    at_least: Option<u64>,
    figure: Option<String>,
    above: Option<f64>,
    below: Option<f64>,
}

impl TryFrom<BecauseTable> for Because {
    type Error = String;

    fn try_from(table: BecauseTable) -> Result<Self, String> {
        let BecauseTable { lost_at, repeated_at, unexpected_at, during, at_least, figure, above, below } = table;
        let stages = [lost_at, repeated_at, unexpected_at];
        let mut named = Defect::ALL.into_iter().zip(stages).filter_map(|(defect, stage)| Some((defect, stage?)));
        match (named.next(), named.next(), figure, above, below) {
            (Some(_), None, None, None, None) if at_least == Some(0) => {
                Err("at_least = 0 would be caught by a good design too: write 1 or more".into())
            }
            (Some((defect, stage)), None, None, None, None) => {
                Ok(Self::Offenders { defect, stage, during, at_least: at_least.unwrap_or(1) })
            }
            (None, None, Some(figure), above, below) if during.is_none() && at_least.is_none() => {
                let beyond = match (above, below) {
                    (Some(bound), None) => Beyond::Above(bound),
                    (None, Some(bound)) => Beyond::Below(bound),
                    _ => return Err(format!("say on which side `{figure}` must be: above = N or below = N")),
                };
                Ok(Self::Figure { figure, beyond })
            }
            _ => Err("name one of lost_at, repeated_at and unexpected_at, such as lost_at = \"log.submitted\", or a \
                      figure with above or below, such as figure = \"failover_s\", above = 10"
                .into()),
        }
    }
}

/// What came of a control.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Caught {
    /// Whether the broken design was caught for every reason stated.
    pub caught: bool,
    /// How many offenders of the kind that [`Control::because`] states there were.
    pub offenders: u64,
    /// Why it counts as caught, or why not, as a sentence.
    pub sentence: String,
}

/// Whether `verdict`, on the broken design, is red for the reasons that the control states, with every fault attested.
/// That the good design passes beside it with the same seed is for the caller to see.
#[must_use]
pub fn caught(verdict: &Verdict, control: &Control) -> Caught {
    let attested = find(verdict, "attested").is_some_and(|attested| attested.judgement == Judgement::Pass);
    let mut offenders = 0;
    let mut told = Vec::new();
    for (number, (expectation, because)) in control.reasons().enumerate() {
        let (seen, count) = red(verdict, expectation, because);
        if number == 0 {
            offenders = count;
        }
        match seen {
            Ok(what) => told.push(format!("{expectation} failed as it must: {what}")),
            Err(why) => return Caught { caught: false, offenders, sentence: format!("Not caught: {why}") },
        }
    }
    if !attested {
        let sentence = "Not caught: not every fault was attested, so nobody knows what turned it red.".into();
        return Caught { caught: false, offenders, sentence };
    }
    Caught { caught: true, offenders, sentence: format!("Caught: {}.", told.join("; ")) }
}

fn find<'v>(verdict: &'v Verdict, expectation: &str) -> Option<&'v Finding> {
    verdict.findings.iter().find(|finding| finding.expectation == expectation)
}

/// What was seen if the expectation failed for the reason, else why that cannot be said; and how many offenders of the
/// kind stated there were.
fn red(verdict: &Verdict, expectation: &str, because: &Because) -> (Result<String, String>, u64) {
    let Some(finding) = find(verdict, expectation) else {
        return (Err(format!("the verdict has no finding for {expectation}.")), 0);
    };
    let Seen { holds, offenders, what } = seen(finding, because);
    let seen = if finding.skipped.is_some() || finding.judgement != Judgement::Fail {
        Err(format!("{expectation} did not fail. {}", finding.sentence))
    } else if holds {
        Ok(what)
    } else {
        Err(format!("{expectation} failed for another reason: {what}."))
    };
    (seen, offenders)
}

/// What of the stated reason a finding shows.
struct Seen {
    holds: bool,
    offenders: u64,
    what: String,
}

fn seen(finding: &Finding, because: &Because) -> Seen {
    let name = because.figure();
    let known = finding.figures.iter().find(|figure| figure.name == name);
    let value = known.and_then(|figure| figure.value);
    match because {
        Because::Offenders { defect, stage, during, at_least } => {
            let offenders = value.unwrap_or_default() as u64;
            let during = during.as_ref().map_or_else(String::new, |fault| format!(" during {fault}"));
            let what = format!("{offenders} {} at {stage}{during}, {at_least} or more expected", defect.name());
            Seen { holds: offenders >= *at_least, offenders, what }
        }
        Because::Figure { beyond, .. } => {
            let (holds, side, bound) = match *beyond {
                Beyond::Above(bound) => {
                    let least = known.and_then(|figure| figure.value.or_else(|| at_least(finding, &name)));
                    (least.is_some_and(|value| value > bound), "above", bound)
                }
                Beyond::Below(bound) => (value.is_some_and(|value| value < bound), "below", bound),
            };
            let seen = match (known, value) {
                (None, _) => "not measured".to_owned(),
                (Some(_), None) => "not reached".to_owned(),
                (Some(_), Some(value)) => format!("{value:.1}"),
            };
            Seen { holds, offenders: 0, what: format!("{name} is {seen}, {side} {bound} expected") }
        }
    }
}

/// What the figure called `name`, which has no value, is at least, where that is known: a quantile without a value is
/// infinite, and a time that was not reached has a figure of how long that was seen.
fn at_least(finding: &Finding, name: &str) -> Option<f64> {
    let (kind, of) = name.split_once('.').unwrap_or((name, ""));
    let quantile = kind.strip_prefix('p').and_then(|rest| rest.strip_suffix("_ms"));
    if quantile.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())) {
        return Some(f64::INFINITY);
    }
    let part = kind.strip_suffix("_s").filter(|part| ["failover", "restoration"].contains(part))?;
    let censored = format!("{part}_censored_s.{of}");
    finding.figures.iter().find(|figure| figure.name == censored)?.value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::judged_run;
    use crate::testing::Script;

    fn control(because: &str) -> Result<Control, toml::de::Error> {
        toml::from_str(&format!("must_fail = \"nothing-lost\"\nbecause = {{ {because} }}\n"))
    }

    const LOST: &str = "lost_at = \"log.in\", during = \"leader-cut\", at_least = 150";

    /// 200 orders acknowledged while the leader was cut off are missing: more than a finding lists.
    fn losing(attested: bool) -> Verdict {
        let mut script = Script::good_with(|script, _| {
            for n in 410..610 {
                script.gone("log.in", Script::id(n));
            }
        });
        script.injected(20.0, "leader-cut").attested(21.0, "leader-cut", attested).healed(28.0, "leader-cut");
        judged_run(&script)
    }

    #[test]
    fn a_control_is_caught_when_its_reason_is_found_beyond_what_a_finding_lists() {
        let seen = caught(&losing(true), &control(LOST).unwrap());
        assert!(seen.caught, "{}", seen.sentence);
        assert_eq!(seen.offenders, 200);
    }

    #[test]
    fn a_control_that_is_red_for_another_reason_is_not_caught() {
        for because in [
            "lost_at = \"db.row\", during = \"leader-cut\", at_least = 1",
            "repeated_at = \"db.row\", during = \"leader-cut\", at_least = 1",
            "lost_at = \"log.in\", during = \"another\", at_least = 1",
            "lost_at = \"log.in\", during = \"leader-cut\", at_least = 201",
        ] {
            let seen = caught(&losing(true), &control(because).unwrap());
            assert!(!seen.caught, "{because}: {}", seen.sentence);
        }
    }

    #[test]
    fn a_control_is_caught_for_all_of_its_reasons_or_not_at_all() {
        let with = |also: &str| {
            let text = format!("must_fail = \"nothing-lost\"\nbecause = {{ {LOST} }}\n[also]\n{also}\n");
            caught(&losing(true), &toml::from_str(&text).unwrap())
        };
        let both = with("nothing-lost = { lost_at = \"log.in\", at_least = 200 }");
        assert!(both.caught && both.sentence.matches("failed as it must").count() == 2, "{}", both.sentence);
        for (missing, why) in [
            ("nothing-lost = { lost_at = \"log.in\", at_least = 201 }", "nothing-lost failed for another reason"),
            ("no-such-promise = { lost_at = \"log.in\" }", "no finding for no-such-promise"),
            ("attested = { lost_at = \"log.in\" }", "attested did not fail"),
        ] {
            let seen = with(missing);
            assert!(!seen.caught && seen.offenders == 200 && seen.sentence.contains(why), "{}", seen.sentence);
        }
    }

    #[test]
    fn a_control_whose_fault_was_not_attested_is_not_caught() {
        assert!(!caught(&losing(false), &control(LOST).unwrap()).caught);
    }

    #[test]
    fn a_good_design_is_not_caught() {
        let mut script = Script::good();
        script.fault(20.0, 28.0, "leader-cut");
        assert!(!caught(&judged_run(&script), &control(LOST).unwrap()).caught);
    }

    #[test]
    fn losses_acknowledged_long_after_the_heal_are_not_the_faults() {
        let mut script = Script::good_with(|script, _| {
            script.gone("log.in", Script::id(1_000));
        });
        script.fault(20.0, 28.0, "leader-cut");
        let because = "lost_at = \"log.in\", during = \"leader-cut\", at_least = 1";
        assert!(!caught(&judged_run(&script), &control(because).unwrap()).caught);
        let anytime = "lost_at = \"log.in\", at_least = 1";
        assert!(caught(&judged_run(&script), &control(anytime).unwrap()).caught);
    }

    #[test]
    fn a_reason_names_one_defect_and_at_least_one_offender() {
        for wrong in [
            "at_least = 1",
            "lost_at = \"a\", repeated_at = \"b\"",
            "lost_at = \"a\", at_least = 0",
            "lost_a = \"a\"",
            "figure = \"failover_s\"",
            "figure = \"failover_s\", above = 1, below = 2",
            "figure = \"failover_s\", above = 1, lost_at = \"a\"",
            "figure = \"failover_s\", above = 1, at_least = 3",
        ] {
            assert!(control(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_missing_figure_is_above_a_bound_only_where_it_is_known_to_be() {
        let mut verdict = losing(true);
        let finding = verdict.findings.iter_mut().find(|finding| finding.expectation == "nothing-lost").unwrap();
        for name in ["p95_ms", "p95_low_ms", "failover_s.cut", "restoration_s.cut", "bad_percent"] {
            finding.figures.push(crate::Figure { name: name.into(), value: None });
        }
        finding.figures.push(crate::Figure { name: "failover_censored_s.cut".into(), value: Some(12.0) });
        let above = |name: &str, bound: f64| {
            caught(&verdict, &control(&format!("figure = \"{name}\", above = {bound:.1}")).unwrap()).caught
        };
        assert!(above("p95_ms", 300.0) && above("failover_s.cut", 10.0));
        for (name, bound) in
            [("p95_low_ms", 1.0), ("failover_s.cut", 12.0), ("restoration_s.cut", 1.0), ("bad_percent", 1.0)]
        {
            assert!(!above(name, bound), "{name}");
        }
    }

    #[test]
    fn a_reason_can_be_a_figure_beyond_a_bound() {
        let verdict = losing(true);
        let because = |text: &str| caught(&verdict, &control(text).unwrap());
        let finding = verdict.findings.iter().find(|finding| finding.expectation == "nothing-lost").unwrap();
        let (name, value) = (&finding.figures[0].name, finding.figures[0].value.unwrap());
        assert!(because(&format!("figure = \"{name}\", above = {:.1}", value - 1.0)).caught);
        assert!(!because(&format!("figure = \"{name}\", above = {value:.1}")).caught);
        assert!(because(&format!("figure = \"{name}\", below = {:.1}", value + 1.0)).caught);
        assert!(!because(&format!("figure = \"{name}\", below = {value:.1}")).caught);
        assert!(!because("figure = \"no_such_figure\", above = 0.0").caught);
    }

    #[test]
    fn a_figure_beyond_its_bound_is_no_reason_where_the_expectation_did_not_fail() {
        let mut script = Script::good();
        script.fault(20.0, 28.0, "leader-cut");
        let seen = caught(&judged_run(&script), &control("figure = \"ok_intents\", above = 1.0").unwrap());
        assert!(!seen.caught && seen.sentence.contains("nothing-lost did not fail"), "{}", seen.sentence);
    }

    #[test]
    fn a_reason_names_a_stage_and_perhaps_a_fault_and_a_figure_names_neither() {
        for (because, stage, fault) in [
            (LOST, Some("log.in"), Some("leader-cut")),
            ("repeated_at = \"db.row\"", Some("db.row"), None),
            ("figure = \"failover_s.leader-cut\", above = 10.0", None, None),
        ] {
            let because = control(because).unwrap().because;
            assert_eq!((because.stage(), because.fault()), (stage, fault), "{because:?}");
        }
    }
}
