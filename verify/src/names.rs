//! From a row's name to a small number, without comparing texts row by row.

use proofload_history::Name;
use std::sync::Arc;

/// Numbers for a few names. Rows read from a file share one allocation per name, so a name is compared as a text only
/// the first time that its allocation is met, and by address afterwards.
pub(crate) struct Names<'a> {
    wanted: Vec<&'a str>,
    met: Vec<(&'a Name, Option<usize>)>,
}

/// How many allocations are remembered. Rows built one by one may have one each; remembering them all would be slower
/// than comparing texts.
const REMEMBERED: usize = 16;

impl<'a> Names<'a> {
    /// The names wanted, numbered in this order.
    pub(crate) fn new(wanted: impl IntoIterator<Item = &'a str>) -> Self {
        Self { wanted: wanted.into_iter().collect(), met: Vec::new() }
    }

    /// The number of `name`, if it is one of those wanted.
    pub(crate) fn number(&mut self, name: &'a Name) -> Option<usize> {
        if let Some((_, number)) = self.met.iter().find(|(met, _)| Arc::ptr_eq(met, name)) {
            return *number;
        }
        let number = self.wanted.iter().position(|wanted| **wanted == **name);
        if self.met.len() < REMEMBERED {
            self.met.push((name, number));
        }
        number
    }
}
