//! What one row of a query says to a stage.
//!
//! Values come as PostgreSQL writes them (the simple protocol), so that every type that has a sensible text will do.

use super::record::shared;
use jiff::Timestamp;
use proofload_history::digest::Digest;
use proofload_history::{Clock, Id, Name, Observation, Reading};
use sqlx::postgres::PgRow;
use sqlx::{Column, Row};
use std::collections::HashSet;

/// Makes observations of a stage from the rows of its query.
pub(super) struct Rows {
    stage: Name,
    clock: Clock,
    states: HashSet<Name>,
}

/// The values of a row that a stage knows, as text; `None` is null, or a column that the query does not have.
#[derive(Clone, Copy, Debug, Default)]
struct Cells<'a> {
    id: Option<&'a str>,
    key: Option<&'a str>,
    version: Option<&'a str>,
    state: Option<&'a str>,
    amount: Option<&'a str>,
    at: Option<&'a str>,
}

impl Rows {
    pub(super) fn new(stage: &str, clock: Clock) -> Self {
        Self { stage: stage.into(), clock, states: HashSet::new() }
    }

    /// The row's fact, or `None` if its id is null.
    pub(super) fn read(&mut self, row: &PgRow) -> Result<Option<Observation>, String> {
        let digest = digest(row)?;
        let cells = cells(row)?;
        Ok(self.judge(&cells)?.map(|fact| Observation { digest: Some(digest.value()), ..fact }))
    }

    fn judge(&mut self, cells: &Cells<'_>) -> Result<Option<Observation>, String> {
        let Some(id) = cells.id else { return Ok(None) };
        Ok(Some(Observation {
            reading: Reading::Final,
            key: cells.key.map(Id::of),
            version: cells.version.map(|text| whole("version", text)).transpose()?,
            state: cells.state.map(|state| shared(&mut self.states, state)),
            amount: cells.amount.map(|text| whole("amount", text)).transpose()?,
            at: cells.at.map(instant_ms).transpose()?.map(|ms| self.clock.at_wall_ms(ms)),
            ..Observation::of(Name::clone(&self.stage), Id::of(id))
        }))
    }
}

/// The digest of all columns of a row.
pub(super) fn digest(row: &PgRow) -> Result<Digest, String> {
    let mut digest = Digest::default();
    for column in 0..row.columns().len() {
        digest.take_optional(cell(row, column)?.map(str::as_bytes));
    }
    Ok(digest)
}

fn cells(row: &PgRow) -> Result<Cells<'_>, String> {
    let mut cells = Cells::default();
    let mut has_id = false;
    for (index, column) in row.columns().iter().enumerate() {
        let value = cell(row, index)?;
        match column.name() {
            "id" => (cells.id, has_id) = (value, true),
            "key" => cells.key = value,
            "version" => cells.version = value,
            "state" => cells.state = value,
            "amount" => cells.amount = value,
            "at" => cells.at = value,
            _ => {}
        }
    }
    if has_id {
        return Ok(cells);
    }
    let columns: Vec<&str> = row.columns().iter().map(Column::name).collect();
    Err(format!("its query has no column `id` (it has {})", columns.join(", ")))
}

fn cell(row: &PgRow, column: usize) -> Result<Option<&str>, String> {
    use sqlx::ValueRef;
    let value = row.try_get_raw(column).map_err(|error| error.to_string())?;
    if value.is_null() { Ok(None) } else { value.as_str().map(Some).map_err(|error| error.to_string()) }
}

/// A number without a fraction; `1250.00` is one.
fn whole(column: &str, text: &str) -> Result<i64, String> {
    let digits = match text.split_once('.') {
        Some((digits, fraction)) if fraction.bytes().all(|byte| byte == b'0') => digits,
        _ => text,
    };
    digits.parse().map_err(|_| format!("the column `{column}` holds `{text}`, which is not a whole number"))
}

/// Milliseconds since 1970 of a `timestamptz` as PostgreSQL writes it: `2026-03-01 12:00:00.25+00`.
fn instant_ms(text: &str) -> Result<u64, String> {
    let wrong = || format!("the column `at` holds `{text}`, which is not a timestamptz after 1970");
    let stamp: Timestamp = text.parse().map_err(|_| wrong())?;
    u64::try_from(stamp.as_millisecond()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_its_columns_are_called() {
        let clock = Clock::new();
        let cells = Cells {
            id: Some("00000000-0007-8001-8000-00000000002a"),
            key: Some("17"),
            version: Some("3"),
            state: Some("SENT"),
            amount: Some("1250.00"),
            at: Some("1970-01-01 00:00:00.25+00"),
        };
        let fact = Observation {
            key: Some(Id::of("17")),
            version: Some(3),
            state: Some("SENT".into()),
            amount: Some(1250),
            at: Some(clock.at_wall_ms(250)),
            ..Observation::of("db.sent".into(), Id::issued(7, 1, 42))
        };
        assert_eq!(Rows::new("db.sent", clock).judge(&cells), Ok(Some(fact)));
    }

    #[test]
    fn a_row_without_an_id_is_no_fact() {
        let cells = Cells { key: Some("17"), ..Cells::default() };
        assert_eq!(Rows::new("db.sent", Clock::new()).judge(&cells), Ok(None));
    }

    #[test]
    fn stamps_are_read_as_postgresql_writes_them() {
        assert_eq!(instant_ms("2026-03-01 12:00:00.25+00"), Ok(1_772_366_400_250));
        assert_eq!(instant_ms("2026-03-01 12:00:00+00"), Ok(1_772_366_400_000));
        for text in ["infinity", "2026-03-01 12:00:00", "1969-12-31 23:59:59+00"] {
            assert!(instant_ms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_fraction_of_a_minor_unit_is_refused() {
        assert_eq!(whole("amount", "-12.00"), Ok(-12));
        let message = whole("amount", "12.50").unwrap_err();
        assert_eq!(message, "the column `amount` holds `12.50`, which is not a whole number");
    }
}
