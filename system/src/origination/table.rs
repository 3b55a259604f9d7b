//! Applications in the database: read under their locks, written as sets, whatever their number.

mod load;
mod save;

use uuid::Uuid;

use super::application::Application;
use crate::messaging::event::Cause;

pub(super) use load::{due, of_customers, with_ids};
pub(super) use save::save;

/// An application in a transaction: as it was read, and as it is to be written.
#[derive(Debug)]
pub(super) struct Tracked {
    /// As the table has it, under which id; none where it is new.
    pub(super) stored: Option<(i64, Application)>,
    pub(super) application: Application,
    /// What led to it: the event that it came in, and its trace.
    pub(super) origin: Origin,
}

/// Where an application comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) correlation_id: Uuid,
    /// The event that it came in.
    pub(super) event_id: Uuid,
    pub(super) traceparent: Option<String>,
}

impl Origin {
    /// The cause of what follows from the application itself.
    pub(super) fn cause(&self) -> Cause {
        Cause {
            correlation_id: self.correlation_id,
            causation_id: Some(self.event_id),
            traceparent: self.traceparent.clone(),
        }
    }
}
