//! The words of lending, valid by construction.

pub(crate) mod application;
pub(crate) mod customer;
pub(crate) mod money;
pub(crate) mod status;
