//! What one record of a log, or one line of a journal, says to a stage.

use crate::manifest::{Layout, Pointer};
use proofload_history::{Clock, Id, Name, Observation, Reading, digest};
use rdkafka::Message;
use rdkafka::message::BorrowedMessage;
use serde_json::Value;
use std::collections::HashSet;

/// What a record or a line says to a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A fact.
    Fact(Observation),
    /// It does not belong to the stage.
    Filtered,
    /// It is not JSON, or has no id where the stage says it is.
    Unreadable,
}

/// Makes observations of a stage from the records of its log.
pub(crate) struct Records {
    stage: Name,
    layout: Layout,
    reading: Reading,
    clock: Clock,
    states: HashSet<Name>,
}

impl Records {
    pub(crate) fn new(stage: &str, layout: &Layout, reading: Reading, clock: Clock) -> Self {
        Self { stage: stage.into(), layout: layout.clone(), reading, clock, states: HashSet::new() }
    }

    pub(crate) fn read(&mut self, record: &BorrowedMessage<'_>) -> Verdict {
        let at_ms = record.timestamp().to_millis().and_then(|ms| u64::try_from(ms).ok());
        self.read_parts((record.partition(), record.offset()), at_ms, record.key(), record.payload())
    }

    /// What the record at a partition and an offset says, by its stamp, its key and its value.
    pub(crate) fn read_parts(
        &mut self,
        (partition, offset): (i32, i64),
        at_ms: Option<u64>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Verdict {
        let key = key.map(|key| Id::of(&String::from_utf8_lossy(key)));
        match self.judge(value.unwrap_or_default(), key) {
            Verdict::Fact(fact) => Verdict::Fact(Observation {
                partition: Some(partition),
                offset: Some(offset),
                at: at_ms.map(|ms| self.clock.at_wall_ms(ms)),
                ..fact
            }),
            other => other,
        }
    }

    /// What a line says that holds `value`; its position is not known here.
    pub(super) fn read_line(&mut self, line: &[u8], value: &Value) -> Verdict {
        self.judge_value(line, value, None)
    }

    /// What `payload`, under the record's own key, says; its position is not known here.
    fn judge(&mut self, payload: &[u8], record_key: Option<Id>) -> Verdict {
        match serde_json::from_slice(payload) {
            Ok(value) => self.judge_value(payload, &value, record_key),
            Err(_) => Verdict::Unreadable,
        }
    }

    fn judge_value(&mut self, payload: &[u8], value: &Value, record_key: Option<Id>) -> Verdict {
        let Layout { filter, id, key, version, state, amount } = &self.layout;
        if !filter.iter().all(|condition| condition.holds(value)) {
            return Verdict::Filtered;
        }
        let at = |pointer: &Option<Pointer>| pointer.as_ref().and_then(|pointer| pointer.of(value));
        let Some(found) = id.of(value).and_then(identity) else { return Verdict::Unreadable };
        let key = if key.is_some() { at(key).and_then(identity) } else { record_key };
        let (version, amount) = (at(version).and_then(whole), at(amount).and_then(whole));
        let state = at(state).and_then(text);
        Verdict::Fact(Observation {
            reading: self.reading,
            key,
            version,
            state: state.map(|state| shared(&mut self.states, &state)),
            amount,
            digest: Some(digest::of(payload)),
            ..Observation::of(Name::clone(&self.stage), found)
        })
    }
}

/// The one allocation for a name that many rows share.
pub(super) fn shared(names: &mut HashSet<Name>, text: &str) -> Name {
    if let Some(name) = names.get(text) {
        return Name::clone(name);
    }
    let name: Name = text.into();
    names.insert(Name::clone(&name));
    name
}

fn identity(value: &Value) -> Option<Id> {
    text(value).map(|text| Id::of(&text))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number, also as text, as JSON has it beyond 2^53.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Stage;
    use crate::manifest::StageSource;

    fn records(toml: &str) -> Records {
        let stage: Stage = toml::from_str(toml).unwrap();
        let StageSource::Log(source) = stage.source else { panic!("not a log stage") };
        Records::new("log.sent", &source.layout, Reading::Final, Clock::new())
    }

    const STAGE: &str = r#"
        title = "sent"
        topic = "parcels"
        where = { pointer = "/type", equals = "Sent" }
        id = "/data/id"
        version = "/data/version"
        state = "/data/state"
        amount = "/data/cents"
    "#;

    #[test]
    fn a_record_says_what_the_pointers_point_at() {
        let payload = br#"{"type":"Sent","data":{"id":"p-1","version":3,"state":"SENT","cents":"1250"}}"#;
        let fact = Observation {
            key: Some(Id::of("k")),
            version: Some(3),
            state: Some("SENT".into()),
            amount: Some(1250),
            digest: Some(digest::of(payload)),
            ..Observation::of("log.sent".into(), Id::of("p-1"))
        };
        assert_eq!(records(STAGE).judge(payload, Some(Id::of("k"))), Verdict::Fact(fact));
    }

    #[test]
    fn a_pointer_to_the_key_takes_the_place_of_the_records_own_key() {
        let stage = format!("{STAGE}\nkey = \"/data/customer\"");
        let payload = br#"{"type":"Sent","data":{"id":"p-1","customer":17}}"#;
        let Verdict::Fact(fact) = records(&stage).judge(payload, Some(Id::of("k"))) else { panic!("no fact") };
        assert_eq!(fact.key, Some(Id::of("17")));
    }

    #[test]
    fn every_condition_of_a_stage_must_hold() {
        let list = r#"where = [{ pointer = "/type", equals = "Sent" }, { pointer = "/data/by", equals = "rail" }]"#;
        let mut records = records(&STAGE.replace(r#"where = { pointer = "/type", equals = "Sent" }"#, list));
        for (by, belongs) in [("rail", true), ("road", false)] {
            let payload = format!(r#"{{"type":"Sent","data":{{"id":"p-1","by":"{by}"}}}}"#);
            let verdict = records.judge(payload.as_bytes(), None);
            assert_eq!(matches!(verdict, Verdict::Fact(_)), belongs, "{by}: {verdict:?}");
            assert_eq!(verdict == Verdict::Filtered, !belongs, "{by}");
        }
    }

    #[test]
    fn records_of_another_type_are_filtered_and_those_without_an_id_unreadable() {
        let mut records = records(STAGE);
        assert_eq!(records.judge(br#"{"type":"Lost","data":{"id":"p-1"}}"#, None), Verdict::Filtered);
        for payload in
            [&b"not json"[..], br#"{"type":"Sent","data":{}}"#, br#"{"type":"Sent","data":{"id":null}}"#, b""]
        {
            assert_eq!(records.judge(payload, None), Verdict::Unreadable, "{}", String::from_utf8_lossy(payload));
        }
    }
}
