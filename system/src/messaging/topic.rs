//! The topics, and who reads them.

/// Applications as clients submitted them, keyed by external id.
pub(crate) const APPLICATIONS_SUBMITTED: &str = "applications.submitted";
/// What origination decided, keyed by external id.
pub(crate) const ORIGINATION_EVENTS: &str = "origination.events";
/// The consumer group of origination's instances.
pub(crate) const ORIGINATION_GROUP: &str = "origination";
