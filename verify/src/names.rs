//! From a row's name to a small number.

/// Numbers for a few names. Rows of one name mostly follow each other, so a name is looked for only where it differs
/// from the one before.
pub(crate) struct Names<'a> {
    wanted: Vec<&'a str>,
    last: (String, Option<usize>),
}

impl<'a> Names<'a> {
    /// The names wanted, numbered in this order.
    pub(crate) fn new(wanted: impl IntoIterator<Item = &'a str>) -> Self {
        let wanted: Vec<&str> = wanted.into_iter().collect();
        let number = wanted.iter().position(|wanted| wanted.is_empty());
        Self { wanted, last: (String::new(), number) }
    }

    /// The number of `name`, if it is one of those wanted.
    #[inline]
    pub(crate) fn number(&mut self, name: &str) -> Option<usize> {
        if self.last.0 != name {
            self.look(name);
        }
        self.last.1
    }

    fn look(&mut self, name: &str) {
        self.last.0.clear();
        self.last.0.push_str(name);
        self.last.1 = self.wanted.iter().position(|wanted| *wanted == name);
    }
}

/// Numbers for names as they are met, from 0.
#[derive(Default)]
pub(crate) struct Met {
    pub(crate) names: Vec<String>,
    last: usize,
}

impl Met {
    /// The number of `name`, which is met now if it was not before.
    pub(crate) fn number(&mut self, name: &str) -> usize {
        if self.names.get(self.last).is_none_or(|last| last != name) {
            self.last = self.names.iter().position(|met| met == name).unwrap_or_else(|| {
                self.names.push(name.to_owned());
                self.names.len() - 1
            });
        }
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_number_whatever_came_before_it() {
        let mut names = Names::new(["a", "b"]);
        let numbers = ["a", "a", "c", "b", "", "a"].map(|name| names.number(name));
        assert_eq!(numbers, [Some(0), Some(0), None, Some(1), None, Some(0)]);
    }

    #[test]
    fn names_are_numbered_as_they_are_met() {
        let mut met = Met::default();
        assert_eq!(["x", "y", "x", "", "y"].map(|name| met.number(name)), [0, 1, 0, 2, 1]);
    }
}
