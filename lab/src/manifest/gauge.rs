//! `[gauge.NAME]`: a number read from the running system.

use serde::Deserialize;
use toml::Spanned;

/// A number read from the running system: the sum of `plus` less the sum of `minus`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gauge {
    /// What it counts, for people.
    pub title: String,
    /// What is added.
    pub plus: Vec<GaugeSource>,
    /// What is taken off.
    #[serde(default)]
    pub minus: Vec<GaugeSource>,
    /// Whether the drain waits until it is zero.
    #[serde(default)]
    pub drains: bool,
}

/// Where a number comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Table")]
pub enum GaugeSource {
    /// The one number that a query answers.
    Sql {
        /// The query.
        sql: String,
        /// The component that holds the database.
        component: Spanned<String>,
        /// The database.
        database: Spanned<String>,
    },
    /// The sum over a topic's partitions of their high watermarks: how many records were ever appended.
    EndOffsets {
        /// The topic.
        topic: Spanned<String>,
    },
    /// The smallest in-sync set among a topic's partitions: how many replicas it has.
    InSync {
        /// The topic.
        topic: Spanned<String>,
    },
    /// The sum over a topic's partitions of what a consumer group has committed.
    Committed {
        /// The consumer group.
        group: String,
        /// The topic.
        topic: Spanned<String>,
    },
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    sql: Option<String>,
    component: Option<Spanned<String>>,
    database: Option<Spanned<String>>,
    end_offsets: Option<Spanned<String>>,
    in_sync: Option<Spanned<String>>,
    committed: Option<String>,
    topic: Option<Spanned<String>>,
}

impl TryFrom<Table> for GaugeSource {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let Table { sql, component, database, end_offsets, in_sync, committed, topic } = table;
        match (sql, component, database, end_offsets, in_sync, committed, topic) {
            (Some(sql), Some(component), Some(database), None, None, None, None) => {
                Ok(Self::Sql { sql, component, database })
            }
            (None, None, None, Some(topic), None, None, None) => Ok(Self::EndOffsets { topic }),
            (None, None, None, None, Some(topic), None, None) => Ok(Self::InSync { topic }),
            (None, None, None, None, None, Some(group), Some(topic)) => Ok(Self::Committed { group, topic }),
            _ => Err("a gauge's source is one of { sql, component, database }, { end_offsets = TOPIC }, \
                      { in_sync = TOPIC } and { committed = GROUP, topic }"
                .to_owned()),
        }
    }
}
