//! The words of lending, valid by construction.

pub(crate) mod annuity;
pub(crate) mod application;
pub(crate) mod customer;
pub(crate) mod ledger;
pub(crate) mod loan;
pub(crate) mod money;
pub(crate) mod schedule;
pub(crate) mod stage;
pub(crate) mod status;
