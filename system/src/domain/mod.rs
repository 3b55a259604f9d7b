//! The words of lending that the services share, valid by construction: parsed at the edge, then trusted.

pub(crate) mod application;
pub(crate) mod money;
pub(crate) mod status;
