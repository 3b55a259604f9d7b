//! What became of records that only a broker's copy of a log has, for people.
//!
//! Copies explain; they prove no promise kept or broken. A record that only a copy has is a loss if it was acknowledged
//! and is nowhere, and that the checks find without it.

use crate::{place, wording};
use proofload_history::{Event, Journal, LogDiverged, LogsNotCompared, Observation, Reading};

/// What the journal tells of copies that hold more than their log.
pub(crate) struct Autopsy<'a> {
    diverged: Vec<&'a LogDiverged>,
    not_compared: Vec<&'a LogsNotCompared>,
    /// Copies that were compared.
    copies: u64,
}

impl<'a> Autopsy<'a> {
    /// O(journal).
    pub(crate) fn of(journal: &'a Journal) -> Self {
        let mut autopsy = Self { diverged: Vec::new(), not_compared: Vec::new(), copies: 0 };
        for entry in &journal.entries {
            match &entry.event {
                Event::LogDiverged(diverged) => autopsy.diverged.push(diverged),
                Event::LogsNotCompared(logs) => autopsy.not_compared.push(logs),
                Event::LogsCompared { copies, .. } => autopsy.copies += copies,
                _ => {}
            }
        }
        autopsy
    }

    /// Whether a copy holds something that its log lacks.
    pub(crate) fn has_found_some(&self) -> bool {
        !self.diverged.is_empty()
    }

    /// The divergences that the record of a copy belongs to: of two brokers, if both had it.
    pub(crate) fn holding(&self, seen: &Observation) -> Vec<&'a LogDiverged> {
        let (Some(partition), Some(offset)) = (seen.partition, seen.offset) else { return Vec::new() };
        let mut holding: Vec<&LogDiverged> =
            self.diverged.iter().copied().filter(|it| it.holds(&seen.stage, partition, offset)).collect();
        // A broker that two faults held was copied twice.
        holding.sort_by(|one, other| {
            (&one.broker, one.truncated_at.is_none()).cmp(&(&other.broker, other.truncated_at.is_none()))
        });
        holding.dedup_by(|one, other| one.broker == other.broker);
        holding
    }

    /// Who alone had the record of a copy, and when it was cut off: `only on kafka-2, truncated under epoch 5 at 31.2 s`.
    pub(crate) fn fate(&self, seen: &Observation) -> String {
        let holding = self.holding(seen);
        let Some(first) = holding.first() else { return "only in a broker's copy".to_owned() };
        let brokers: Vec<&str> = holding.iter().map(|it| it.broker.as_str()).collect();
        let committed = match (first.high_watermark, seen.offset) {
            (Some(mark), Some(offset)) if offset < mark => ", committed there",
            _ => "",
        };
        format!("only on {}{committed}, {}", wording::list(&brokers), cut_off(first))
    }

    /// What copies tell of an id that `stage` does not have, whose rows are `seen`; what nobody could compare is said too.
    pub(crate) fn of_missing<'s>(
        &self,
        stage: &str,
        seen: impl IntoIterator<Item = &'s Observation>,
    ) -> Option<String> {
        let on_copy = |seen: &&Observation| seen.reading == Reading::Replica && &*seen.stage == stage;
        if let Some(seen) = seen.into_iter().find(on_copy) {
            return Some(format!("{} was {}", place::of(seen), self.fate(seen)));
        }
        let unknown: Vec<String> = self
            .not_compared
            .iter()
            .filter(|logs| logs.stages.iter().any(|of| of == stage))
            .map(|logs| format!("what {} held of it is not known: {}", logs.broker, logs.why))
            .collect();
        unknown.into_iter().next()
    }

    /// What was found about the logs that `stages` are read from, a line each.
    pub(crate) fn lines(&self, stages: &[&str]) -> Vec<String> {
        let concerns = |of: &[String]| of.iter().any(|stage| stages.contains(&stage.as_str()));
        let diverged: Vec<&LogDiverged> = self.diverged.iter().copied().filter(|it| concerns(&it.stages)).collect();
        let not_compared = self.not_compared.iter().filter(|it| concerns(&it.stages)).map(|logs| {
            format!(
                "what {} held of {} when {} was healed is not known: {}",
                logs.broker,
                wording::list(&logs.logs),
                logs.fault,
                logs.why
            )
        });
        let mut lines: Vec<String> = diverged.iter().map(|it| line(it)).collect();
        lines.extend(not_compared);
        if lines.is_empty() && self.copies > 0 {
            let copies = wording::count(self.copies);
            lines.push(format!("logs copied before heals: {copies}; none holds anything that its log lacks"));
        }
        lines
    }
}

/// `truncated under epoch 5 at 31.2 s`, as far as that is known.
pub(crate) fn cut_off(diverged: &LogDiverged) -> String {
    let how = if diverged.truncated_at.is_some() { "truncated" } else { "gone" };
    let under = diverged.truncated_under_epoch.map_or_else(String::new, |epoch| format!(" under epoch {epoch}"));
    let at = diverged.truncated_at.map_or_else(String::new, |at| format!(" at {at}"));
    format!("{how}{under}{at}")
}

fn line(diverged: &LogDiverged) -> String {
    let LogDiverged { log, partition, broker, fault, from_offset, to_offset, epoch, records, .. } = diverged;
    let committed = match diverged.high_watermark {
        None => "; its high watermark is not known".to_owned(),
        Some(mark) if mark <= *from_offset => {
            format!("; none lies below the high watermark that it had written down ({mark})")
        }
        Some(mark) => format!("; those below offset {} were committed", mark.min(*to_offset)),
    };
    let unreadable = match diverged.unreadable {
        0 => String::new(),
        some => format!("; a stage cannot read {some} of them"),
    };
    format!(
        "when {fault} was healed, {broker} had {} of {log}/{partition} that the log lacks, from offset {from_offset} to {}, epoch {epoch}: {}{committed}{unreadable}",
        wording::plural(*records, "record"),
        to_offset - 1,
        cut_off(diverged),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, diverged};

    fn journal(events: impl IntoIterator<Item = Event>) -> Journal {
        let mut script = Script::new();
        for event in events {
            script.event(70.0, event);
        }
        script.history().journal
    }

    fn row(offset: i64) -> Observation {
        let seen = Observation::of("log.in".into(), Script::id(1));
        Observation {
            reading: Reading::Replica,
            partition: Some(3),
            offset: Some(offset),
            leader_epoch: Some(4),
            ..seen
        }
    }

    #[test]
    fn a_record_is_told_with_the_broker_that_had_it_and_what_cut_it_off() {
        let journal = journal([Event::LogDiverged(diverged("kafka-2"))]);
        let autopsy = Autopsy::of(&journal);
        assert_eq!(autopsy.fate(&row(8_114)), "only on kafka-2, truncated under epoch 5 at 31.2 s");
        let told = autopsy.of_missing("log.in", [&row(8_114)]);
        let expected = "log.in/3 offset 8114 epoch 4 was only on kafka-2, truncated under epoch 5 at 31.2 s";
        assert_eq!(told.as_deref(), Some(expected));
        assert_eq!(autopsy.of_missing("log.out", [&row(8_114)]), None);
        // A record beyond what the journal tells of belongs to nobody that is known.
        assert_eq!(autopsy.fate(&row(8_200)), "only in a broker's copy");
    }

    #[test]
    fn what_two_brokers_had_is_told_of_both_and_one_that_was_copied_twice_once() {
        let again = LogDiverged { fault: "kill".into(), truncated_at: None, ..diverged("kafka-2") };
        let events = [again, diverged("kafka-2"), diverged("kafka-1")];
        let journal = journal(events.map(Event::LogDiverged));
        let told = Autopsy::of(&journal).fate(&row(8_114));
        assert_eq!(told, "only on kafka-1 and kafka-2, truncated under epoch 5 at 31.2 s");
    }

    #[test]
    fn what_is_not_known_is_said_and_not_claimed() {
        let unknown = LogDiverged { truncated_under_epoch: None, truncated_at: None, ..diverged("kafka-2") };
        assert_eq!(cut_off(&unknown), "gone");
        let logs = LogsNotCompared {
            fault: "cut".into(),
            broker: "kafka-2".into(),
            logs: vec!["in/3".into()],
            stages: vec!["log.in".into()],
            why: "leader-epoch-checkpoint: not there".into(),
        };
        let journal = journal([Event::LogsNotCompared(logs), Event::LogsCompared { copies: 5, diverged: 0 }]);
        let autopsy = Autopsy::of(&journal);
        let told = autopsy.of_missing("log.in", []).unwrap();
        assert_eq!(told, "what kafka-2 held of it is not known: leader-epoch-checkpoint: not there");
        assert_eq!(autopsy.of_missing("log.out", []), None);
        let lines = autopsy.lines(&["log.in"]);
        assert!(lines[0].starts_with("what kafka-2 held of in/3 when cut was healed is not known"), "{lines:?}");
    }

    #[test]
    fn what_was_committed_is_told_apart_from_what_was_not() {
        let of = |high_watermark| line(&LogDiverged { high_watermark, ..diverged("kafka-2") });
        insta::assert_snapshot!(of(Some(8_100)), @"when cut was healed, kafka-2 had 100 records of in/3 that the log lacks, from offset 8100 to 8199, epoch 4: truncated under epoch 5 at 31.2 s; none lies below the high watermark that it had written down (8100)");
        assert!(of(Some(8_150)).ends_with("; those below offset 8150 were committed"), "{}", of(Some(8_150)));
        assert!(of(None).ends_with("; its high watermark is not known"), "{}", of(None));
        let committed = LogDiverged { high_watermark: Some(8_150), ..diverged("kafka-2") };
        let journal = journal([Event::LogDiverged(committed)]);
        let autopsy = Autopsy::of(&journal);
        assert!(autopsy.fate(&row(8_114)).starts_with("only on kafka-2, committed there"));
        assert!(!autopsy.fate(&row(8_150)).contains("committed"));
    }

    #[test]
    fn no_check_of_a_log_or_a_chain_counts_what_only_a_copy_has() {
        let tables = [
            ("delivery", "chain = \"order\""),
            ("effect_once", "stages = [\"db.row\", \"log.in\"]"),
            ("no_phantom", "stages = [\"log.in\"]\noperations = [\"place_order\"]"),
            ("order", "stage = \"log.in\""),
            ("tail_loss", "stage = \"log.in\""),
            ("freshness", "of = \"place_order\"\nstage = \"log.in\"\nduring = \"steady\"\np95 = \"1s\""),
        ];
        let history = |copy: bool| {
            let script = Script::good_with(|script, id| {
                // A repeat, a phantom, and an older version of what is there, at positions beyond the log's end.
                for (offset, id) in [(8_100, id), (8_101, id), (8_102, Script::id(7_777))].into_iter().filter(|_| copy)
                {
                    script.record(Reading::Replica, (3, offset), id, 9);
                }
            });
            script.history()
        };
        for (check, table) in tables {
            let [without, with] =
                [history(false), history(true)].map(|history| crate::testing::judged(check, table, &history));
            assert_eq!(
                (with.judgement, &with.sentence, &with.figures),
                (without.judgement, &without.sentence, &without.figures),
                "{check}"
            );
        }
    }

    #[test]
    fn copies_without_anything_of_their_own_are_said_to_be_so() {
        let journal = journal([Event::LogsCompared { copies: 12, diverged: 0 }]);
        let lines = Autopsy::of(&journal).lines(&["log.in"]);
        assert_eq!(lines, ["logs copied before heals: 12; none holds anything that its log lacks"]);
        assert!(Autopsy::of(&Journal::default()).lines(&["log.in"]).is_empty());
    }
}
