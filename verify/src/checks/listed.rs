//! Names in a list of an expectation.

use serde::Deserialize;

/// Names of one kind, as a list in a TOML file: at least one, none twice.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(super) struct Listed(Vec<String>);

impl TryFrom<Vec<String>> for Listed {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        if names.is_empty() {
            return Err("an empty list names nothing: write at least one name".into());
        }
        let twice = names.iter().enumerate().find_map(|(n, name)| names[..n].contains(name).then_some(name));
        if let Some(name) = twice {
            return Err(format!("`{name}` is named twice: write it once"));
        }
        Ok(Self(names))
    }
}

impl Listed {
    /// The names, in the order written.
    pub(super) fn names(&self) -> &[String] {
        &self.0
    }

    /// The names for people: `a, b and c`.
    pub(super) fn told(&self) -> String {
        crate::wording::list(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Table {
        stages: Listed,
    }

    #[test]
    fn a_list_names_something_and_nothing_twice() {
        let read = |text: &str| toml::from_str::<Table>(text);
        assert_eq!(read("stages = [\"a\", \"b\"]").unwrap().stages.told(), "a and b");
        for (text, says) in [("stages = []", "at least one"), ("stages = [\"a\", \"b\", \"a\"]", "`a` is named twice")]
        {
            let error = read(text).unwrap_err();
            assert!(error.message().contains(says), "{}", error.message());
            assert!(error.span().is_some(), "{text}: no place");
        }
    }
}
