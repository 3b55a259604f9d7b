//! `attested`: the faults took effect and healed, as others than the injector saw. Every run is held to it.

use super::table;
use crate::faults::Faults;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::journal::{FaultRecord, split_occurrence};
use proofload_history::{Event, History, HistoryError, Journal};
use serde::Deserialize;

/// What is known about `attested`.
pub(super) const ABOUT: About = About {
    name: "attested",
    class: Class::Safety,
    invariant: "Every fault that was planned was injected, as often as planned, seen to take effect by another observer, and seen to be healed.",
    cost: "One pass over the journal for each fault.",
    counterexample: "A broker was to be killed, and it still answered. Never a fail: what the fault was to show is unknown.",
    keys: &[],
    figures: &[&[("faults", "faults that were planned")]],
    example: "",
    parse: |value| table::read(value, |Table {}| Ok(Attested)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {}

/// Pass, or unknown: a fault without effect shows nothing about the system, neither good nor bad.
#[derive(Debug)]
pub struct Attested;

impl Check for Attested {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let finding = |judgement, sentence: String| Finding::new(ABOUT.name, ABOUT.class, judgement, sentence);
        let faults = Faults::of(&history.journal);
        let mut planned: Vec<&str> = context.faults.iter().map(|fault| fault.id.as_str()).collect();
        for fault in &faults.records {
            if !planned.contains(&&*fault.id) {
                planned.push(&fault.id);
            }
        }
        if planned.is_empty() {
            return Ok(finding(Judgement::Pass, "No fault was planned, and none was injected.".into()));
        }
        let doubts: Vec<String> = planned.iter().filter_map(|id| doubt(&history.journal, &faults, id)).collect();
        let finding = match doubts.first() {
            None => finding(
                Judgement::Pass,
                format!("{} took effect and healed, as others than the injector saw.", wording::list(&planned)),
            ),
            Some(first) => finding(Judgement::Unknown, format!("{first}; what it was to show is unknown.")),
        };
        let finding = doubts.iter().skip(1).fold(finding, |finding, doubt| finding.evidence("also", doubt.as_str()));
        let finding = faults.records.iter().filter(|fault| fault.occurrence.is_none()).fold(finding, tell);
        let finding = planned.iter().fold(finding, |finding, id| tell_repeated(finding, &faults, id));
        Ok(finding.figure("faults", planned.len() as f64))
    }
}

/// Why nobody can be sure of a fault, if so.
fn doubt(journal: &Journal, faults: &Faults, id: &str) -> Option<String> {
    let mut injections = faults.records.iter().filter(|fault| &*fault.id == id).peekable();
    let mut skipped = journal.entries.iter().filter_map(|entry| match &entry.event {
        Event::FaultSkipped { fault, because } if split_occurrence(fault).0 == id => Some((fault, because)),
        _ => None,
    });
    if injections.peek().is_none() {
        let because = skipped.next().map_or("the run does not say why", |(_, because)| because);
        return Some(format!("{id} was not injected: {because}"));
    }
    let doubt = injections.find_map(|fault| {
        let (id, at) = (fault.name(), fault.injecting);
        if fault.injected.is_none() {
            return Some(format!("{id} was begun at {at} and its injection did not end"));
        }
        if fault.attested.is_empty() {
            return Some(format!("{id} was injected at {at} and nobody looked for its effect"));
        }
        if let Some((_, observer, seen)) = fault.attested.iter().find(|(effective, _, _)| !effective) {
            return Some(format!("{id} was injected at {at} and without effect, says {observer}: {seen}"));
        }
        if fault.healed.is_none() {
            return Some(format!("{id} was injected at {at} and never healed"));
        }
        match &fault.heal_attested {
            None => Some(format!("{id} was healed and nobody looked whether it worked")),
            Some((false, seen)) => Some(format!("{id} was healed and not seen to be gone: {seen}")),
            Some((true, _)) => None,
        }
    });
    doubt.or_else(|| {
        let (first, because) = skipped.next()?;
        let more = match skipped.count() {
            0 => String::new(),
            more => format!(", and {} after it", wording::plural(more as u64, "other")),
        };
        Some(format!("{first} was not injected: {because}{more}"))
    })
}

/// Of a fault that is repeated, how often it took effect and healed; the verdict's table of faults tells of each time.
fn tell_repeated(finding: Finding, faults: &Faults, id: &str) -> Finding {
    let occurrences = || faults.records.iter().filter(|fault| &*fault.id == id && fault.occurrence.is_some());
    let injected = occurrences().count() as u64;
    if injected == 0 {
        return finding;
    }
    let healed = |fault: &&FaultRecord| fault.heal_attested.as_ref().is_some_and(|(healed, _)| *healed);
    let (effective, healed) =
        (occurrences().filter(|fault| fault.effective()).count(), occurrences().filter(healed).count());
    let injections = wording::plural(injected, "injection");
    finding.evidence(
        id,
        format!("of {injections}, {effective} effective and {healed} healed, say others than the injector"),
    )
}

fn tell(finding: Finding, fault: &FaultRecord) -> Finding {
    let finding = fault.attested.iter().fold(finding, |finding, (effective, observer, seen)| {
        let says = if *effective { "effective" } else { "without effect" };
        finding.evidence(&fault.id, format!("{says}, says {observer}: {seen}"))
    });
    match &fault.heal_attested {
        Some((healed, seen)) => {
            finding.evidence(&fault.id, format!("{}: {seen}", if *healed { "healed" } else { "not healed" }))
        }
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Budget;
    use crate::check::PlannedFault;
    use crate::testing::{Script, judged};

    #[test]
    fn a_fault_that_was_seen_to_take_effect_and_to_heal_passes_and_so_does_a_run_without_faults() {
        assert_eq!(judged("attested", "", &Script::new().fault(5.0, 9.0, "cut").history()).judgement, Judgement::Pass);
        assert_eq!(judged("attested", "", &Script::new().history()).judgement, Judgement::Pass);
    }

    #[test]
    fn every_doubt_about_a_fault_is_unknown_and_names_it() {
        let unattested = Script::new().injected(5.0, "cut").healed(9.0, "cut").history();
        let without_effect =
            Script::new().injected(5.0, "cut").attested(6.0, "cut", false).healed(9.0, "cut").history();
        let never_healed = Script::new().injected(5.0, "cut").attested(6.0, "cut", true).history();
        let heal_unseen =
            Script::new().fault(5.0, 9.0, "cut").without(|event| matches!(event, Event::HealAttested { .. })).history();
        let not_gone = Event::HealAttested { fault: "cut".into(), healed: false, evidence: "still refused".into() };
        let heal_in_vain = Script::new().fault(5.0, 9.0, "cut").event(10.0, not_gone).history();
        let half_injected = Script::new()
            .fault(5.0, 9.0, "cut")
            .without(|event| matches!(event, Event::FaultInjected { .. }))
            .history();
        for (history, says) in [
            (unattested, "nobody looked for its effect"),
            (without_effect, "without effect"),
            (never_healed, "never healed"),
            (heal_unseen, "nobody looked whether it worked"),
            (heal_in_vain, "still refused"),
            (half_injected, "did not end"),
        ] {
            let finding = judged("attested", "", &history);
            assert_eq!(finding.judgement, Judgement::Unknown, "{says}");
            assert!(finding.sentence.starts_with("cut ") && finding.sentence.contains(says), "{}", finding.sentence);
        }
    }

    #[test]
    fn a_repeated_fault_is_doubted_for_any_occurrence_without_effect_or_left_out() {
        let twice = || Script::new().fault(5.0, 9.0, "crash#1").fault(10.0, 12.0, "crash#2").clone();
        let all = judged("attested", "", &twice().history());
        assert_eq!(all.judgement, Judgement::Pass);
        assert!(all.sentence.starts_with("crash took effect"), "{}", all.sentence);

        let because = "the phase fault ended before its moment came".to_owned();
        let skipped = |fault: &str| Event::FaultSkipped { fault: fault.into(), because: because.clone() };
        let left_out = twice().event(13.0, skipped("crash#3")).event(13.0, skipped("crash#4")).history();
        let unseen = twice().injected(14.0, "crash#3").healed(15.0, "crash#3").history();
        for (history, says) in [
            (left_out, format!("crash#3 was not injected: {because}, and 1 other after it")),
            (unseen, "crash#3 was injected at 14.0 s and nobody looked for its effect".to_owned()),
        ] {
            let finding = judged("attested", "", &history);
            assert_eq!(finding.judgement, Judgement::Unknown);
            assert!(finding.sentence.starts_with(&says), "{}", finding.sentence);
        }
    }

    #[test]
    fn one_doubtful_fault_among_good_ones_is_unknown() {
        let history = Script::new().fault(5.0, 9.0, "good").injected(10.0, "bad").healed(12.0, "bad").history();
        let finding = judged("attested", "", &history);
        assert_eq!(finding.judgement, Judgement::Unknown);
        assert!(finding.sentence.starts_with("bad "), "{}", finding.sentence);
    }

    #[test]
    fn a_fault_that_was_left_out_casts_no_doubt_on_another() {
        let skipped = Event::FaultSkipped { fault: "kill".into(), because: "no steady state".into() };
        let history = Script::new().fault(5.0, 9.0, "cut").event(10.0, skipped).history();
        let faults = ["cut", "kill"].map(|id| PlannedFault { id: id.into(), kind: "partition".into() });
        let chains = Script::chains();
        let context = Context { chains: &chains, expectations: &[], faults: &faults, budget: Budget::OF_CHECK };
        let finding = Attested.judge(&history, &context).unwrap();
        let says = "kill was not injected: no steady state; what it was to show is unknown.";
        assert_eq!((finding.judgement, finding.sentence.as_str()), (Judgement::Unknown, says));
        assert!(finding.evidence.iter().all(|line| line.label != "also"), "{:?}", finding.evidence);
    }

    #[test]
    fn of_a_repeated_fault_it_is_told_how_often_it_took_effect_and_healed_and_of_another_what_was_seen() {
        let mut script = Script::new();
        script.fault(5.0, 9.0, "crash#1").injected(10.0, "crash#2").attested(11.0, "crash#2", false);
        let finding = judged("attested", "", &script.healed(12.0, "crash#2").fault(20.0, 24.0, "cut").history());
        let told: Vec<_> = finding.evidence.iter().map(|line| (line.label.as_str(), line.text.as_str())).collect();
        let expected = [
            ("cut", "effective, says a tcp connect: refused"),
            ("cut", "healed: connected"),
            ("crash", "of 2 injections, 1 effective and 2 healed, say others than the injector"),
        ];
        assert_eq!(told, expected);
    }
}
