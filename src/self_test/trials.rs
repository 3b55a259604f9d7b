//! Which runs are made, in which order, under which seeds.

use super::reason::reason;
use crate::experiment::{Experiment, MAX_SEED, Overrides};
use proofload_reports::matrix::MustTurnRed;
use proofload_verify::{Because, Control};

/// An experiment whose controls are tried.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Its name.
    pub(crate) experiment: String,
    /// Its title.
    pub(crate) title: String,
    /// Its own seed.
    pub(crate) seed: u64,
    /// Its controls, in the file's order of names.
    pub(crate) controls: Vec<Case>,
}

/// A negative control, with what the matrix says of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The variant that breaks the design.
    pub(crate) variant: String,
    /// The real-world mistake that it is.
    pub(crate) mistake: Option<String>,
    /// What must turn red, in words.
    pub(crate) must_turn_red: Vec<MustTurnRed>,
    /// What must be seen.
    pub(crate) control: Control,
}

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Design {
    /// The system as it is meant to be.
    Good,
    /// With the control of this number applied.
    Broken(usize),
}

/// One run to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trial {
    /// The number of the subject.
    pub(crate) subject: usize,
    /// The repeat, counted from 1.
    pub(crate) repeat: u32,
    /// The seed, which is that of every design of the subject in this repeat.
    pub(crate) seed: u64,
    /// What is run.
    pub(crate) design: Design,
}

/// Every run: experiment by experiment and repeat by repeat, the good design once and then each broken one. An
/// experiment without a control has nothing that its good design would be run beside.
pub(crate) fn trials(subjects: &[Subject], repeats: u32) -> Vec<Trial> {
    let mut all = Vec::new();
    for (subject, of) in subjects.iter().enumerate().filter(|(_, of)| !of.controls.is_empty()) {
        for repeat in 1..=repeats {
            let seed = seed(of.seed, repeat);
            let broken = (0..of.controls.len()).map(Design::Broken);
            let designs = std::iter::once(Design::Good).chain(broken);
            all.extend(designs.map(|design| Trial { subject, repeat, seed, design }));
        }
    }
    all
}

/// The seed of a repeat: the experiment's own for the first, and one more for each further one, so that a repeat can be
/// run again by hand. Whatever is drawn from seeds mixes them first, so neighbours have nothing in common.
fn seed(own: u64, repeat: u32) -> u64 {
    own.wrapping_add(u64::from(repeat.saturating_sub(1))) & MAX_SEED
}

impl Subject {
    /// What is known of `experiment` before it is run.
    pub(crate) fn of(experiment: &Experiment) -> Self {
        let variants = &experiment.system.manifest.variants;
        let check = |expectation: &str| {
            let known = experiment.expectations.iter().find(|known| known.id == expectation);
            known.map(|known| known.check_name.clone()).unwrap_or_default()
        };
        let controls = experiment.controls.iter().map(|(variant, control)| Case {
            variant: variant.clone(),
            mistake: variants.get(variant).map(|known| known.mistake.clone()),
            must_turn_red: must_turn_red(control, check),
            control: control.clone(),
        });
        Self {
            experiment: experiment.name.clone(),
            title: experiment.header.title.clone(),
            seed: experiment.header.seed,
            controls: controls.collect(),
        }
    }

    /// What `trial`, one of this subject's, changes in the experiment.
    pub(crate) fn overrides(&self, trial: Trial) -> Overrides {
        let variants = self.case(trial.design).map(|case| case.variant.clone());
        Overrides { variants: variants.into_iter().collect(), seed: Some(trial.seed), ..Overrides::default() }
    }

    /// The control behind a design; `None` for the good one.
    pub(crate) fn case(&self, design: Design) -> Option<&Case> {
        match design {
            Design::Good => None,
            Design::Broken(number) => self.controls.get(number),
        }
    }

    /// A design for people: `acks-one`, `the good design`.
    pub(crate) fn design(&self, design: Design) -> &str {
        self.case(design).map_or("the good design", |case| &case.variant)
    }
}

/// What a control demands; `check` knows the check behind an expectation.
fn must_turn_red(control: &Control, check: impl Fn(&str) -> String) -> Vec<MustTurnRed> {
    let row = |(expectation, because): (&str, &Because)| MustTurnRed {
        expectation: expectation.to_owned(),
        check: check(expectation),
        reason: reason(because),
    };
    control.reasons().map(row).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An experiment with these controls, each of which must lose something.
    pub(in crate::self_test) fn subject(experiment: &str, variants: &[&str]) -> Subject {
        let control = "must_fail = \"nothing-lost\"\nbecause = { lost_at = \"log.in\", at_least = 10 }\n";
        let control: Control = toml::from_str(control).unwrap();
        let controls = variants.iter().map(|variant| Case {
            variant: (*variant).to_owned(),
            mistake: Some(format!("{variant} is a mistake.")),
            must_turn_red: must_turn_red(&control, |_| "delivery".to_owned()),
            control: control.clone(),
        });
        let controls = controls.collect();
        Subject { experiment: experiment.to_owned(), title: "A title".to_owned(), seed: 7, controls }
    }

    #[test]
    fn the_good_design_is_run_once_a_repeat_before_the_broken_ones_and_with_their_seed() {
        let subjects = [subject("a", &["x", "y"]), subject("none", &[]), subject("b", &["z"])];
        let all = trials(&subjects, 2);
        let shown: Vec<String> = all
            .iter()
            .map(|trial| {
                let of = &subjects[trial.subject];
                format!("{} {} {} {}", of.experiment, trial.repeat, trial.seed, of.design(trial.design))
            })
            .collect();
        let expected = [
            "a 1 7 the good design",
            "a 1 7 x",
            "a 1 7 y",
            "a 2 8 the good design",
            "a 2 8 x",
            "a 2 8 y",
            "b 1 7 the good design",
            "b 1 7 z",
            "b 2 8 the good design",
            "b 2 8 z",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn every_repeat_has_a_seed_of_its_own_that_an_id_can_carry() {
        assert_eq!(seed(7, 1), 7);
        assert_eq!([seed(MAX_SEED, 1), seed(MAX_SEED, 2), seed(MAX_SEED, 3)], [MAX_SEED, 0, 1]);
    }

    #[test]
    fn a_trial_changes_its_variant_and_its_seed_and_nothing_else() {
        let of = subject("a", &["x", "y"]);
        let overrides = of.overrides(Trial { subject: 0, repeat: 2, seed: 8, design: Design::Broken(1) });
        assert_eq!((overrides.variants, overrides.seed), (vec!["y".to_owned()], Some(8)));
        assert!(overrides.sets.is_empty() && overrides.rate.is_none() && !overrides.without_faults);
        let good = of.overrides(Trial { subject: 0, repeat: 1, seed: 7, design: Design::Good });
        assert!(good.variants.is_empty());
    }
}
