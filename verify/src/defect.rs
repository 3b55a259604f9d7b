//! What can be wrong with an intent, by the words that findings, controls and reports use.

/// What is wrong with an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Defect {
    /// The system owned it, and a stage does not have it.
    Lost,
    /// A stage that forbids repeats has it more than once.
    Repeated,
    /// A stage has it and nobody asked for it, or the client was told that it did not happen.
    Unexpected,
}

impl Defect {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lost, Self::Repeated, Self::Unexpected];

    /// The word that findings use: `lost`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Repeated => "repeated",
            Self::Unexpected => "unexpected",
        }
    }

    /// The figure of a finding that counts all of its offenders at `stage`, beyond those that are listed: with `during`
    /// those whose instant lies between that fault's injection and [`crate::faults::AFTERMATH`] after its heal.
    /// A figure is left out where it is zero.
    #[must_use]
    pub fn figure(self, stage: &str, during: Option<&str>) -> String {
        let name = self.name();
        during.map_or_else(|| format!("{name}_intents.{stage}"), |fault| format!("{name}_intents.{stage}.{fault}"))
    }
}
