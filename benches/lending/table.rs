//! A table of figures, each beside what it is measured against.

use std::fmt;

/// A figure.
struct Row {
    what: String,
    /// Per second; none where it was not measured.
    rate: Option<f64>,
    /// What it is measured against: the number of an earlier row.
    raw: Option<usize>,
    remark: String,
}

/// Figures of one kind, printed as Markdown.
pub(crate) struct Table {
    title: &'static str,
    unit: &'static str,
    rows: Vec<Row>,
    /// Paragraphs below it.
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new(title: &'static str, unit: &'static str) -> Self {
        Self { title, unit, rows: Vec::new(), notes: Vec::new() }
    }

    /// A limit: what others are measured against. Returns its number.
    pub(crate) fn limit(&mut self, what: &str, rate: f64, remark: impl Into<String>) -> usize {
        self.push(what, Some(rate), None, remark.into())
    }

    /// A figure of the system's, with the limit that it is measured against.
    pub(crate) fn figure(&mut self, what: &str, rate: f64, raw: usize, remark: impl Into<String>) {
        self.push(what, Some(rate), Some(raw), remark.into());
    }

    /// A limit by somebody else's program, or why this machine cannot give it. Returns its number; what is measured
    /// against one that is not there has no ratio.
    pub(crate) fn measured(&mut self, what: &str, rate: Result<f64, String>, remark: impl Into<String>) -> usize {
        match rate {
            Ok(rate) => self.limit(what, rate, remark),
            Err(why) => self.push(what, None, None, why),
        }
    }

    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    fn push(&mut self, what: &str, rate: Option<f64>, raw: Option<usize>, remark: String) -> usize {
        self.rows.push(Row { what: what.to_owned(), rate, raw, remark });
        self.rows.len() - 1
    }

    fn ratio(&self, row: &Row) -> Option<String> {
        let raw = row.raw?;
        let limit = self.rows.get(raw)?.rate?;
        Some(format!("{:.2} of {}", row.rate? / limit, raw + 1))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n\n| | | {} | ratio | |\n| --- | --- | --- | --- | --- |", self.title, self.unit)?;
        for (number, row) in self.rows.iter().enumerate() {
            let rate = row.rate.map_or_else(|| "not measured".to_owned(), |rate| format!("{rate:.0}"));
            let ratio = self.ratio(row).unwrap_or_default();
            writeln!(f, "| {} | {} | {rate} | {ratio} | {} |", number + 1, row.what, row.remark)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "\n{note}"))
    }
}
