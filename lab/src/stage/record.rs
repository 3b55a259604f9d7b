//! What one record of a log says to a stage.

use super::digest;
use crate::manifest::LogStage;
use proofload_history::{Clock, Id, Name, Observation, Reading};
use rdkafka::Message;
use rdkafka::message::BorrowedMessage;
use serde_json::Value;
use std::collections::HashSet;

/// What a record says to a stage.
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
    source: LogStage,
    reading: Reading,
    clock: Clock,
    states: HashSet<Name>,
}

impl Records {
    pub(crate) fn new(stage: &str, source: &LogStage, reading: Reading, clock: Clock) -> Self {
        Self { stage: stage.into(), source: source.clone(), reading, clock, states: HashSet::new() }
    }

    pub(crate) fn read(&mut self, record: &BorrowedMessage<'_>) -> Verdict {
        let payload = record.payload().unwrap_or_default();
        let key = record.key().map(|key| Id::of(&String::from_utf8_lossy(key)));
        match self.judge(payload, key) {
            Verdict::Fact(fact) => Verdict::Fact(Observation {
                partition: Some(record.partition()),
                offset: Some(record.offset()),
                at: record
                    .timestamp()
                    .to_millis()
                    .and_then(|ms| u64::try_from(ms).ok())
                    .map(|ms| self.clock.at_wall_ms(ms)),
                ..fact
            }),
            other => other,
        }
    }

    /// What `payload`, under the record's own key, says; its position is not known here.
    fn judge(&mut self, payload: &[u8], record_key: Option<Id>) -> Verdict {
        let Ok(value) = serde_json::from_slice::<Value>(payload) else { return Verdict::Unreadable };
        let LogStage { filter, id, key, version, state, amount, .. } = &self.source;
        if filter.as_ref().is_some_and(|filter| !filter.holds(&value)) {
            return Verdict::Filtered;
        }
        let at =
            |pointer: &Option<_>| pointer.as_ref().and_then(|pointer: &crate::manifest::Pointer| pointer.of(&value));
        let Some(found) = id.of(&value).and_then(identity) else { return Verdict::Unreadable };
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
        Records::new("log.sent", &source, Reading::Final, Clock::new())
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
