//! Promises of performance that are broken while the machine was starved, and only then.

use crate::checks::starvation::Moments;
use crate::{Class, Evidence, Finding, Judgement, wording};
use proofload_history::{History, HistoryError};

/// The finding, if it stands without what was made while the machine was starved; else unknown, with what was measured. A
/// pass stands in any case: nothing gets quicker on a starved machine. `judge` is asked once more where there is need to.
///
/// # Errors
/// If the history cannot be read.
pub(super) fn doubted(
    finding: Finding,
    history: &History,
    judge: impl FnOnce(&History) -> Result<Finding, HistoryError>,
) -> Result<Finding, HistoryError> {
    // What the load was does not depend on the system, and says of itself what the generator's machine had to do with it.
    if finding.class != Class::Performance || finding.judgement != Judgement::Fail || finding.check == "load" {
        return Ok(finding);
    }
    let moments = Moments::of(history)?;
    if moments.seconds() == 0 {
        return Ok(finding);
    }
    let seconds = wording::plural(moments.seconds(), "second");
    let operations = history.operations.filtered(move |made| !moments.met(made.intended()))?;
    let rest = judge(&History { operations, ..history.clone() })?;
    let without = format!("without what was made in the {seconds} in which the machine was starved: {}", rest.sentence);
    if rest.judgement == Judgement::Fail {
        return Ok(finding.evidence("starved moments", without));
    }
    let doubt = match rest.judgement {
        Judgement::Pass => "but only while the machine was starved",
        _ => "and what was made while the machine was not starved does not suffice to tell whether it would be without",
    };
    let sentence = format!("It was broken, {doubt} ({seconds} of the run): {}", finding.sentence);
    let mut finding = Finding { judgement: Judgement::Unknown, sentence, ..finding };
    finding.evidence.insert(0, Evidence { label: "starved moments".into(), text: without });
    Ok(finding)
}
