//! `poison`: records that nobody understands stand in a topic.

use super::{About, Aimed, Draft, Fault, Look, Recipe, Scene, Whole};
use crate::ChaosError;
use crate::spec::{text, wrong};
use crate::target::Target;
use futures::FutureExt;
use futures::future::BoxFuture;
use proofload_lab::manifest::SpecError;
use proofload_lab::{Lab, kafka};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) const ABOUT: About = About {
    name: "poison",
    sentence: "Appends a record that no consumer understands to every partition of a topic, so that whatever follows is behind one.",
    needs: &[],
    injected: "a producer of the harness, on the direct listeners, with acks=all",
    attested: "a consumer of the harness: it reads each of them at its offset",
    healed: "nothing is undone: a log keeps what it has, and what the system makes of it is for expectations to say",
    beside: "any",
    keys: &[
        ("topic", "the topic"),
        (
            "value",
            "what each record says; a JSON object of a type that no system knows, if it is left out. A stage that reads the topic must be able to tell that it is none of its own: where the value is no JSON, and the stage has a `where`, its rows are not understood, and what depends on them is unknown",
        ),
    ],
    example: r#"
[fault.nonsense]
kind = "poison"
topic = "orders"
value = '{"type":"nonsense"}'
at = "fault"
"#,
    parse,
};

/// What a record says if the experiment does not.
const NONSENSE: &str = r#"{"type":"proofload.poison"}"#;

fn parse(draft: &Draft<'_>) -> Result<Aimed, SpecError> {
    let topic = draft.names.topic(draft.keys.need("topic")?)?;
    let value = match draft.keys.get("value") {
        None => NONSENSE,
        Some(value) => text("`value`", value)?,
    };
    let brokers = draft.names.parts.iter().find(|(_, part)| part.kind == "kafka").map(|(name, _)| name.clone());
    let brokers = brokers.ok_or_else(|| wrong(draft.keys.span(), "there is no Kafka component"))?;
    Ok((Target::AllOf(brokers), Arc::new(Poison { topic, value: value.to_owned() })))
}

#[derive(Debug)]
struct Poison {
    topic: String,
    value: String,
}

impl Recipe for Poison {
    fn words(&self, _: &Target) -> String {
        format!("append a record that nobody understands to every partition of {}", self.topic)
    }

    fn arm<'a>(&'a self, scene: Scene<'a>) -> BoxFuture<'a, Result<Arc<dyn Fault>, String>> {
        async move {
            let Self { topic, value } = self;
            let (lab, topic, value) = (scene.lab.clone(), topic.clone(), value.clone());
            Ok(Arc::new(Poisoned { lab, topic, value, places: Mutex::default() }) as Arc<dyn Fault>)
        }
        .boxed()
    }
}

struct Poisoned {
    lab: Lab,
    topic: String,
    value: String,
    /// Partition and offset of each record.
    places: Mutex<Vec<(i32, i64)>>,
}

impl Poisoned {
    fn places(&self) -> Vec<(i32, i64)> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look_at(&self, partition: i32, offset: i64) -> Look {
        let observer = format!("a consumer of {}/{partition}", self.topic);
        match kafka::value_at(&self.lab, &self.topic, partition, offset).await {
            Ok(Some(value)) if value == self.value.as_bytes() => {
                Look { effective: true, observer, evidence: format!("it stands at offset {offset}") }
            }
            Ok(_) => Look { effective: false, observer, evidence: format!("something else stands at offset {offset}") },
            Err(error) => Look { effective: false, observer, evidence: error },
        }
    }
}

impl Fault for Poisoned {
    fn inject(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async move {
            let appended = kafka::append_everywhere(&self.lab, &self.topic, &self.value).await;
            let doing = || format!("append to {}", self.topic);
            let places = appended.map_err(|said| ChaosError::Brokers { doing: doing(), said })?;
            *self.places.lock().unwrap_or_else(PoisonError::into_inner) = places;
            Ok(())
        }
        .boxed()
    }

    fn look(&self) -> BoxFuture<'_, Vec<Look>> {
        async move {
            let mut looks = Vec::new();
            for (partition, offset) in self.places() {
                looks.push(self.look_at(partition, offset).await);
            }
            looks
        }
        .boxed()
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), ChaosError>> {
        async { Ok(()) }.boxed()
    }

    fn look_whole(&self) -> BoxFuture<'_, Whole> {
        let evidence = format!("{} records stay in {}", self.places().len(), self.topic);
        async { Whole { healed: true, evidence } }.boxed()
    }
}
