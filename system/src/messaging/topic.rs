//! The topics. Order holds within one partition of one topic only, so everything that has to keep its order per key
//! goes through one topic: all commands about an application, and all about a loan.

/// Commands about customers, keyed by customer id.
pub(crate) const CUSTOMERS_COMMANDS: &str = "customers.commands";
/// The whole state of each customer, compacted, keyed by customer id.
pub(crate) const CUSTOMERS_CHANGED: &str = "customers.changed";
/// Commands about applications, credit reports included, keyed by external id.
pub(crate) const ORIGINATION_COMMANDS: &str = "origination.commands";
/// What became of applications, keyed by external id.
pub(crate) const ORIGINATION_EVENTS: &str = "origination.events";
/// Commands about loans, keyed by external id.
pub(crate) const SERVICING_COMMANDS: &str = "servicing.commands";
/// What became of loans, keyed by external id.
pub(crate) const SERVICING_EVENTS: &str = "servicing.events";
/// Records that a service could not understand, as they came, with the reason in their headers.
pub(crate) const DEAD_LETTERS: &str = "dead-letters";
