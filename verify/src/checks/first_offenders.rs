//! The offenders that a finding names: the first by instant and id, and the number of all.

use crate::faults::Faults;
use crate::finding::MAX_OFFENDERS;
use crate::{Finding, Offender};
use proofload_history::{At, History, Id};

/// What is wrong, before it is told.
pub(super) struct Broken<'a, T> {
    /// Whose it is, if it is about one.
    pub(super) id: Option<Id>,
    /// The word for it.
    pub(super) defect: &'static str,
    /// Where it shows.
    pub(super) stage: &'a str,
    /// When it happened, if that is known.
    pub(super) at: Option<At>,
    /// What its detail is made of.
    pub(super) about: T,
}

/// Adds the offenders to `finding`; only of those that it names `detail` is asked for.
pub(super) fn tell<T>(
    mut finding: Finding,
    mut broken: Vec<Broken<'_, T>>,
    history: &History,
    detail: impl Fn(&T) -> String,
) -> Finding {
    finding.offenders_total = broken.len() as u64;
    broken.sort_by_key(|broken| (broken.at.unwrap_or(At(u64::MAX)), broken.id, broken.defect));
    broken.truncate(MAX_OFFENDERS);
    let faults = Faults::of(&history.journal);
    let offender = |broken: &Broken<'_, T>| Offender {
        id: broken.id,
        defect: broken.defect.to_owned(),
        stage: Some(broken.stage.to_owned()),
        at: broken.at,
        during: broken.at.map(|at| faults.during(at)).unwrap_or_default(),
        detail: detail(&broken.about),
    };
    finding.offenders = broken.iter().map(offender).collect();
    finding
}

/// The first offender as the end of a sentence: `; the first is torn at log.out, at 31.2 s`. Nothing without one.
pub(super) fn first(finding: &Finding) -> String {
    finding.offenders.first().map_or_else(String::new, |first| {
        let stage = first.stage.as_ref().map_or_else(String::new, |stage| format!(" at {stage}"));
        let at = first.at.map_or_else(String::new, |at| format!(", at {at}"));
        format!("; the first is {}{stage}{at}", first.defect.replace('_', " "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Script;
    use crate::{Class, Judgement};

    #[test]
    fn the_first_hundred_are_told_by_instant_and_id_with_the_faults_that_were_active() {
        let history = Script::new().fault(0.0, 1.5, "cut").history();
        let mut broken: Vec<Broken<'_, u64>> = (0..150)
            .map(|n| Broken {
                id: Some(Script::id(n)),
                defect: "late",
                stage: "log.out",
                at: Some(At::from_secs_f64((149 - n) as f64)),
                about: n,
            })
            .collect();
        broken.push(Broken { id: Some(Script::id(0)), defect: "torn", stage: "log.out", at: None, about: 999 });
        let finding = Finding::new("x", Class::Safety, Judgement::Fail, "");
        let finding = tell(finding, broken, &history, |n| format!("number {n}"));
        assert_eq!((finding.offenders.len(), finding.offenders_total), (100, 151));
        let first = &finding.offenders[0];
        assert_eq!((first.id, first.detail.as_str()), (Some(Script::id(149)), "number 149"));
        assert_eq!([0, 1, 2].map(|n| finding.offenders[n].during.len()), [1, 1, 0]);
        assert_eq!(super::first(&finding), "; the first is late at log.out, at 0.0 s");
    }
}
