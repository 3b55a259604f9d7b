//! `[stage.NAME]`: a place in the business chain where the system's state can be read.

use super::Setting;
use serde::Deserialize;
use toml::Spanned;

/// A place in the business chain where the system's state can be read.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Table")]
pub struct Stage {
    /// What having reached it means, for people: "accepted into the log".
    pub title: String,
    /// Where its facts are.
    pub source: StageSource,
}

/// Where a stage's facts are.
#[derive(Clone, Debug)]
pub enum StageSource {
    /// Records of a topic.
    Log(LogStage),
    /// Rows of a query.
    Database(DatabaseStage),
}

/// Records of a topic, read from its beginning to its end.
#[derive(Clone, Debug)]
pub struct LogStage {
    /// The topic.
    pub topic: Spanned<String>,
    /// Which records belong to the stage; all of them without it.
    pub filter: Option<Where>,
    /// Where in the value the intent's id is.
    pub id: Pointer,
    /// Where in the value the ordering key is; the record's own key without it.
    pub key: Option<Pointer>,
    /// Where in the value a version is.
    pub version: Option<Pointer>,
    /// Where in the value a state is.
    pub state: Option<Pointer>,
    /// Where in the value an amount in minor units is.
    pub amount: Option<Pointer>,
}

/// Rows of a query, read from one repeatable-read snapshot.
#[derive(Clone, Debug)]
pub struct DatabaseStage {
    /// The component that holds the database.
    pub component: Spanned<String>,
    /// The database.
    pub database: Spanned<String>,
    /// The query. The column `id` is needed; `key`, `version`, `state`, `amount` and `at` are taken where it has them.
    pub sql: String,
}

/// A condition on a record's value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Where {
    /// Where in the value.
    pub pointer: Pointer,
    /// What must be there.
    pub equals: Setting,
}

impl Where {
    /// Whether `record` belongs to the stage.
    #[must_use]
    pub fn holds(&self, record: &serde_json::Value) -> bool {
        self.pointer.of(record).is_some_and(|found| self.equals == *found)
    }
}

/// A JSON pointer (RFC 6901): `/data/external_id`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pointer(String);

impl Pointer {
    /// What it points at in `value`, if there is something.
    #[must_use]
    pub fn of<'a>(&self, value: &'a serde_json::Value) -> Option<&'a serde_json::Value> {
        value.pointer(&self.0)
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.starts_with('/') {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is not a JSON pointer: write \"/{}\"", text.replace('.', "/")))
        }
    }
}

/// The table as it is written; which keys are needed depends on `topic` or `sql` being there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    title: String,
    topic: Option<Spanned<String>>,
    #[serde(rename = "where")]
    filter: Option<Where>,
    id: Option<Pointer>,
    key: Option<Pointer>,
    version: Option<Pointer>,
    state: Option<Pointer>,
    amount: Option<Pointer>,
    component: Option<Spanned<String>>,
    database: Option<Spanned<String>>,
    sql: Option<String>,
}

impl TryFrom<Table> for Stage {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let title = table.title.clone();
        let source = match (&table.topic, &table.sql) {
            (Some(_), None) => StageSource::Log(table.log()?),
            (None, Some(_)) => StageSource::Database(table.database()?),
            _ => return Err("a stage has either `topic` (a log) or `sql` (a database)".to_owned()),
        };
        Ok(Self { title, source })
    }
}

impl Table {
    fn log(self) -> Result<LogStage, String> {
        if self.component.is_some() || self.database.is_some() {
            return Err("a stage with `topic` has neither `component` nor `database`".to_owned());
        }
        Ok(LogStage {
            topic: self.topic.ok_or("a log stage needs `topic`")?,
            filter: self.filter,
            id: self.id.ok_or("a log stage needs `id`: the JSON pointer to the intent's id in a record's value")?,
            key: self.key,
            version: self.version,
            state: self.state,
            amount: self.amount,
        })
    }

    fn database(self) -> Result<DatabaseStage, String> {
        let pointers = [&self.id, &self.key, &self.version, &self.state, &self.amount];
        if self.filter.is_some() || pointers.iter().any(|pointer| pointer.is_some()) {
            return Err("a stage with `sql` has no `where` and no pointers: its query names its columns".to_owned());
        }
        Ok(DatabaseStage {
            component: self.component.ok_or("a database stage needs `component`")?,
            database: self.database.ok_or("a database stage needs `database`")?,
            sql: self.sql.ok_or("a database stage needs `sql`")?,
        })
    }
}
