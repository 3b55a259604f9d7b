//! `[stage.NAME]`: a place in the business chain where the system's state can be read.

use super::Setting;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
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
    /// Lines of a journal that is answered over HTTP.
    Http(HttpStage),
}

/// Records of a topic, read from its beginning to its end.
#[derive(Clone, Debug)]
pub struct LogStage {
    /// The topic.
    pub topic: Spanned<String>,
    /// What a record's value says.
    pub layout: Layout,
}

/// Lines of a journal: what `GET path` answers at every instance, one JSON object per line of at most 1 MiB, in the
/// journal's order. The instances' journals are logs of their own.
#[derive(Clone, Debug)]
pub struct HttpStage {
    /// Who keeps it.
    pub keeper: Keeper,
    /// The port.
    pub port: u16,
    /// The path: `/v1/journal`.
    pub path: String,
    /// What a line says.
    pub layout: Layout,
}

/// Who keeps a journal.
#[derive(Clone, Debug)]
pub enum Keeper {
    /// A component.
    Component(Spanned<String>),
    /// A process.
    Process(Spanned<String>),
}

impl Keeper {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Component(name) | Self::Process(name) => name.get_ref(),
        }
    }
}

/// Which JSON values of a log belong to a stage, and where in them is what.
#[derive(Clone, Debug)]
pub struct Layout {
    /// All of them must hold for a value that belongs to the stage; without any, every one does.
    pub filter: Vec<Where>,
    /// Where the intent's id is.
    pub id: Pointer,
    /// Where the ordering key is; a record's own key without it.
    pub key: Option<Pointer>,
    /// Where a version is.
    pub version: Option<Pointer>,
    /// Where a state is.
    pub state: Option<Pointer>,
    /// Where an amount in minor units is.
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

/// A condition on a value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Where {
    /// Where in the value.
    pub pointer: Pointer,
    /// What must be there.
    pub equals: Setting,
}

impl Where {
    /// Whether it holds for `value`.
    #[must_use]
    pub fn holds(&self, value: &serde_json::Value) -> bool {
        self.pointer.of(value).is_some_and(|found| self.equals == *found)
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

/// The table as it is written; which keys are needed depends on `topic`, `sql` or `http` being there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    title: String,
    topic: Option<Spanned<String>>,
    #[serde(default, rename = "where", deserialize_with = "one_or_more")]
    filter: Option<Vec<Where>>,
    id: Option<Pointer>,
    key: Option<Pointer>,
    version: Option<Pointer>,
    state: Option<Pointer>,
    amount: Option<Pointer>,
    component: Option<Spanned<String>>,
    database: Option<Spanned<String>>,
    sql: Option<String>,
    http: Option<String>,
    process: Option<Spanned<String>>,
    port: Option<u16>,
}

impl TryFrom<Table> for Stage {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let title = table.title.clone();
        let source = match (&table.topic, &table.sql, &table.http) {
            (Some(_), None, None) => StageSource::Log(table.log()?),
            (None, Some(_), None) => StageSource::Database(table.database()?),
            (None, None, Some(_)) => StageSource::Http(table.http()?),
            _ => {
                return Err("a stage has either `topic` (a log), `sql` (a database) or `http` (a journal)".to_owned());
            }
        };
        Ok(Self { title, source })
    }
}

impl Table {
    fn log(self) -> Result<LogStage, String> {
        if self.component.is_some() || self.database.is_some() || self.process.is_some() || self.port.is_some() {
            return Err("a stage with `topic` has no `component`, `database`, `process` or `port`".to_owned());
        }
        let topic = self.topic.clone().ok_or("a log stage needs `topic`")?;
        Ok(LogStage { topic, layout: self.layout("a log stage", "a record's value")? })
    }

    fn http(self) -> Result<HttpStage, String> {
        if self.database.is_some() {
            return Err("a stage with `http` has no `database`".to_owned());
        }
        let keeper = match (&self.component, &self.process) {
            (Some(name), None) => Keeper::Component(name.clone()),
            (None, Some(name)) => Keeper::Process(name.clone()),
            _ => return Err("a stage with `http` needs either `process` or `component`: who answers it".to_owned()),
        };
        let port = self.port.filter(|port| *port > 0).ok_or("a stage with `http` needs `port`")?;
        let path = self.http.clone().ok_or("a stage over HTTP needs `http`")?;
        if !path.starts_with('/') {
            return Err(format!("`{path}` is not a path: write \"/{path}\""));
        }
        Ok(HttpStage { keeper, port, path, layout: self.layout("a stage with `http`", "a line")? })
    }

    fn layout(self, who: &str, place: &str) -> Result<Layout, String> {
        Ok(Layout {
            filter: self.filter.unwrap_or_default(),
            id: self.id.ok_or_else(|| format!("{who} needs `id`: the JSON pointer to the intent's id in {place}"))?,
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
        if self.process.is_some() || self.port.is_some() {
            return Err("a stage with `sql` has no `process` and no `port`".to_owned());
        }
        Ok(DatabaseStage {
            component: self.component.ok_or("a database stage needs `component`")?,
            database: self.database.ok_or("a database stage needs `database`")?,
            sql: self.sql.ok_or("a database stage needs `sql`")?,
        })
    }
}

/// One table, or a list of them. Not an untagged enum: that would not say which key is wrong.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Where>>, D::Error> {
    struct OneOrMore;

    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<Where>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table { pointer, equals } or a list of them")
        }

        fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Vec<Where>, A::Error> {
            Where::deserialize(MapAccessDeserializer::new(table)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<Where>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(OneOrMore).map(Some)
}
