//! What one transaction stores: the events of some records, in columns, as the statement takes them.

use uuid::Uuid;

use crate::domain::application::LoanApplication;
use crate::messaging::event::Event;

/// Submitted applications, one per index of every column.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) event_ids: Vec<Uuid>,
    pub(super) correlation_ids: Vec<Uuid>,
    pub(super) external_ids: Vec<Uuid>,
    pub(super) customer_ids: Vec<String>,
    pub(super) products: Vec<&'static str>,
    pub(super) currencies: Vec<&'static str>,
    pub(super) minor_units: Vec<i64>,
    pub(super) terms_months: Vec<i32>,
}

impl Batch {
    /// The events in columns.
    pub(super) fn of(events: &[Event<LoanApplication>]) -> Self {
        let mut batch = Self::default();
        for event in events {
            batch.push(event);
        }
        batch
    }

    fn push(&mut self, event: &Event<LoanApplication>) {
        self.event_ids.push(event.event_id);
        self.correlation_ids.push(event.correlation_id);
        self.external_ids.push(event.data.external_id);
        self.customer_ids.push(event.data.customer_id.to_string());
        self.products.push(event.data.product.name());
        self.currencies.push(event.data.principal.currency.code());
        self.minor_units.push(event.data.principal.minor_units);
        self.terms_months.push(i32::from(event.data.term_months));
    }

    /// How many events it has.
    pub(super) fn len(&self) -> usize {
        self.event_ids.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::application::tests::sound;
    use crate::messaging::event::Cause;

    #[test]
    fn events_become_columns() {
        let application: LoanApplication = serde_json::from_value(sound()).expect("sound");
        let cause = Cause { correlation_id: Uuid::from_u128(1), causation_id: None, traceparent: None };
        let event = Event::now(cause, application.clone());
        let batch = Batch::of(std::slice::from_ref(&event));
        assert_eq!(batch.len(), 1);
        assert_eq!(batch.event_ids, [event.event_id]);
        assert_eq!(batch.external_ids, [application.external_id]);
        assert_eq!((batch.currencies[0], batch.minor_units[0], batch.terms_months[0]), ("EUR", 1_250_000, 48));
    }
}
