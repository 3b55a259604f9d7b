//! The phases that an expectation speaks of.

use crate::spans::Spans;
use proofload_history::{History, Phase};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, IntoDeserializer, SeqAccess, Visitor};

/// One phase or several: `"steady"`, `["steady", "recovery"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct During(pub(super) Vec<Phase>);

impl Default for During {
    /// Every phase with traffic that is judged.
    fn default() -> Self {
        Self(vec![Phase::Steady, Phase::Fault, Phase::Recovery])
    }
}

impl<'de> Deserialize<'de> for During {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Phases;
        impl<'de> Visitor<'de> for Phases {
            type Value = During;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a phase such as \"steady\", or a list of phases")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<During, E> {
                Ok(During(vec![Phase::deserialize(name.into_deserializer())?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<During, A::Error> {
                let phases = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                if phases.is_empty() {
                    return Err(A::Error::custom("name at least one phase, such as \"steady\""));
                }
                Ok(During(phases))
            }
        }
        deserializer.deserialize_any(Phases)
    }
}

impl During {
    /// The phases for people: `steady and recovery`.
    pub(super) fn names(&self) -> String {
        crate::wording::list(&self.0.iter().map(|phase| phase.name()).collect::<Vec<_>>())
    }

    /// The spans of these phases that the run had.
    pub(super) fn spans(&self, history: &History) -> Spans {
        let phases = history.journal.phases();
        Spans(
            phases.into_iter().filter(|(phase, _, _)| self.0.contains(phase)).map(|(_, from, to)| (from, to)).collect(),
        )
    }
}
