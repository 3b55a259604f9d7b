//! What events say: the data of every type, by the service that owns the state. Readers ignore fields that they do not
//! know, so a field can be added; one that changes its meaning makes a new version.

pub(crate) mod customers;
pub(crate) mod origination;
pub(crate) mod servicing;

/// Gives an event's data its type and version.
macro_rules! event {
    ($data:ty, $kind:literal, $version:literal) => {
        impl crate::messaging::event::EventData for $data {
            const TYPE: &'static str = $kind;
            const VERSION: u16 = $version;
        }
    };
}
pub(super) use event;
