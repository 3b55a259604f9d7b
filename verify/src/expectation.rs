//! An expectation: a check under a name of its own.

use crate::Check;

/// A row of an experiment's `[expect.*]`.
#[derive(Debug)]
pub struct Expectation {
    /// Its id in the experiment: `nothing-lost`.
    pub id: String,
    /// The check's name: `delivery`.
    pub check_name: String,
    /// The check with its settings.
    pub check: Box<dyn Check>,
}
