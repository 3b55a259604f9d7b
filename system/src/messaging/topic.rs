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

/// A topic as its readers need to know it.
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    /// What its records are keyed by, which is what keeps its order.
    key: &'static str,
    /// What its records tell.
    help: &'static str,
}

/// Every topic.
#[rustfmt::skip]
pub(crate) const TOPICS: &[Topic] = &[
    Topic { name: CUSTOMERS_COMMANDS, key: "customer_id", help: "Commands about customers." },
    Topic { name: CUSTOMERS_CHANGED, key: "customer_id", help: "The whole state of each customer; compacted." },
    Topic { name: ORIGINATION_COMMANDS, key: "external_id", help: "Commands about applications, credit reports included." },
    Topic { name: ORIGINATION_EVENTS, key: "external_id", help: "What became of applications." },
    Topic { name: SERVICING_COMMANDS, key: "external_id", help: "Commands about loans." },
    Topic { name: SERVICING_EVENTS, key: "external_id", help: "What became of loans." },
    Topic { name: DEAD_LETTERS, key: "as it came", help: "Records that can have no effect, as they came, with the reason." },
];

/// The table in Markdown, as the README has it.
pub(crate) fn table() -> String {
    let mut text = String::from("| topic | key | what it holds |\n| --- | --- | --- |\n");
    for Topic { name, key, help } in TOPICS {
        text.push_str(&format!("| `{name}` | {key} | {help} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_topic() {
        let names = include_str!("topic.rs").lines().filter(|line| line.contains(": &str = \""));
        assert_eq!(names.count(), TOPICS.len());
    }

    #[test]
    fn the_readme_has_the_table_as_the_code_has_it() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&table()), "run `lending events` and paste it into README.md");
    }
}
