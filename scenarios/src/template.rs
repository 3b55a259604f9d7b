//! Texts with placeholders, rendered from an intent.
//!
//! A placeholder is a brace, a letter and what follows up to the closing brace, so that JSON's own braces need no
//! escape. A literal brace before a letter is written twice: `{{query}` stands for `{query}`.

use crate::draw::Draws;
use crate::intent::Intent;
use proofload_history::Id;
use std::fmt::Write;

/// A text with placeholders: `{id}` is the intent's id, `{arrival}` that of the arrival that it belongs to, `{key}` a UUID
/// of its own for each operation on the intent, `{n}` the counter of the arrival, `{choice:a|b}` one of the words,
/// `{integer:1..9}` a number of that range, both ends included,
/// `{capture:due}` what an earlier answer held and `{credential:client}` what the client shows to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Id,
    Arrival,
    Key,
    Counter,
    Capture(String),
    Credential(String),
    Choice(Vec<String>),
    Integer { from: i64, to: i64 },
}

/// The text has a placeholder that means nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{placeholder}` at character {position} is not a placeholder: {wrong} (write {{id}}, {{arrival}}, {{key}}, {{n}}, \
     {{choice:a|b}}, {{integer:1..9}}, {{capture:NAME}} or {{credential:NAME}}; a literal brace before a letter is \
     written twice)"
)]
pub struct TemplateError {
    /// The placeholder as written.
    pub placeholder: String,
    /// Where it begins, in characters from 1.
    pub position: usize,
    /// What is wrong with it.
    pub wrong: &'static str,
}

/// A placeholder stands for something that is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is nothing to put in for `{{{placeholder}}}`")]
pub struct Missing {
    /// What stands between the braces: `capture:due`.
    pub placeholder: String,
}

/// What one intent puts into the templates of a request, in their order: whoever renders the same templates in the same
/// order gets the same texts.
#[derive(Debug)]
pub(crate) struct Values<'a> {
    intent: &'a Intent<'a>,
    request: &'a str,
    draws: Draws,
}

impl<'a> Values<'a> {
    pub(crate) fn new(intent: &'a Intent<'a>, request: &'a str) -> Self {
        let ([high, low], [of_high, of_low]) = (intent.id.halves(), Id::of(request).halves());
        let words = [intent.seed, high, low, of_high, of_low];
        Self { intent, request, draws: Draws::of(&words) }
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// If a placeholder is unknown, not closed, or has no choices or no range.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from_brace) = rest.split_at(open);
            literal.push_str(before);
            let after = &from_brace[1..];
            if after.starts_with('{') && after[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
                literal.push('{');
                rest = &after[1..];
            } else if after.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let position = text[..text.len() - from_brace.len()].chars().count() + 1;
                let (part, length) = placeholder(from_brace, position)?;
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(part);
                rest = &from_brace[length..];
            } else {
                literal.push('{');
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// The text for an intent; each choice and each integer takes the next of its draws.
    pub(crate) fn render(&self, values: &mut Values<'_>) -> Result<String, Missing> {
        let mut text = String::new();
        let Values { intent, request, draws } = values;
        for part in &self.parts {
            let missing = |kind: &str, name: &String| Missing { placeholder: format!("{kind}:{name}") };
            let written = match part {
                Part::Text(literal) => text.write_str(literal),
                Part::Id => write!(text, "{}", intent.id),
                Part::Arrival => write!(text, "{}", intent.arrival),
                Part::Key => write!(text, "{}", key_of(intent.id, request)),
                Part::Counter => write!(text, "{}", intent.counter),
                Part::Capture(name) => text.write_str(intent.captured(name).ok_or_else(|| missing("capture", name))?),
                Part::Credential(name) => {
                    text.write_str(&intent.credential(name).ok_or_else(|| missing("credential", name))?)
                }
                Part::Choice(words) => text.write_str(&words[draws.below(words.len() as u64) as usize]),
                Part::Integer { from, to } => write!(text, "{}", integer(draws, *from, *to)),
            };
            debug_assert!(written.is_ok(), "writing into a string cannot fail");
        }
        Ok(text)
    }

    /// The names of the captures that it needs.
    pub(crate) fn captures(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| if let Part::Capture(name) = part { Some(name.as_str()) } else { None })
    }

    /// The names of the credentials that it needs.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| if let Part::Credential(name) = part { Some(name.as_str()) } else { None })
    }

    /// Every text that the template writes out as it stands: literals and choices.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|part| {
            match part {
                Part::Text(literal) => std::slice::from_ref(literal),
                Part::Choice(words) => words,
                _ => &[],
            }
            .iter()
            .map(String::as_str)
        })
    }
}

/// The placeholder at the start of `text`, and its length in bytes.
fn placeholder(text: &str, position: usize) -> Result<(Part, usize), TemplateError> {
    let end = text.find('}').map(|at| at + 1);
    let shown = end.map_or_else(|| text.chars().take(20).collect(), |end| text[..end].to_owned());
    let wrong = |wrong| TemplateError { placeholder: shown.clone(), position, wrong };
    let end = end.ok_or_else(|| wrong("its closing brace is missing"))?;
    let inside = &text[1..end - 1];
    let part = match inside.split_once(':') {
        None if inside == "id" => Part::Id,
        None if inside == "arrival" => Part::Arrival,
        None if inside == "key" => Part::Key,
        None if inside == "n" => Part::Counter,
        Some((kind @ ("capture" | "credential"), name)) => {
            if !is_name(name) {
                return Err(wrong("a name is letters, digits, dashes and underscores"));
            }
            let name = name.to_owned();
            if kind == "capture" { Part::Capture(name) } else { Part::Credential(name) }
        }
        Some(("choice", words)) => {
            let words: Vec<String> = words.split('|').map(str::to_owned).collect();
            if words.iter().any(String::is_empty) {
                return Err(wrong("a choice is words between bars"));
            }
            Part::Choice(words)
        }
        Some(("integer", range)) => {
            range_of(range).ok_or_else(|| wrong("an integer is drawn from a range such as 1..9"))?
        }
        _ => return Err(wrong("nobody knows what it stands for")),
    };
    Ok((part, end))
}

/// Whether `text` can be the name of a capture or of a credential.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// A UUID of version 8 for one operation on one intent. All attempts share it, and another operation on the same intent
/// has another: what an idempotency key has to be.
fn key_of(intent: Id, request: &str) -> Id {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let digest = Id::of(&format!("{intent}/{request}")).0;
    Id(digest & !VERSION & !VARIANT | 0x8 << 76 | 0b10 << 62)
}

fn range_of(text: &str) -> Option<Part> {
    let (from, to) = text.split_once("..")?;
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from <= to).then_some(Part::Integer { from, to })
}

fn integer(draws: &mut Draws, from: i64, to: i64) -> i64 {
    match to.wrapping_sub(from).cast_unsigned().checked_add(1) {
        Some(span) => from.wrapping_add_unsigned(draws.below(span)),
        // The whole range of i64.
        None => draws.word().cast_signed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn render(template: &str, counter: u64) -> String {
        let intent = Intent::of_arrival(7, Id::issued(7, 1, counter), counter);
        Template::parse(template).unwrap().render(&mut Values::new(&intent, "submit")).unwrap()
    }

    #[test]
    fn braces_of_json_stand_for_themselves() {
        let body = r#"{"a":{"b":{}},"list":[{"c":1}]}"#;
        assert_eq!(render(body, 0), body);
    }

    #[test]
    fn an_intent_puts_in_its_id_and_its_counter() {
        assert_eq!(render(r#"{"id":"{id}","n":{n}}"#, 42), r#"{"id":"00000000-0007-8001-8000-00000000002a","n":42}"#);
    }

    #[test]
    fn each_operation_on_an_intent_has_a_key_of_its_own_that_all_attempts_share() {
        let intent = Intent::of_arrival(7, Id::issued(7, 1, 42), 42);
        let key = |request| Template::parse("{key}").unwrap().render(&mut Values::new(&intent, request)).unwrap();
        assert_eq!(key("submit"), key("submit"));
        assert_ne!(key("submit"), key("withdraw"));
        assert_eq!((key("submit").as_bytes()[14], key("submit").len()), (b'8', 36));
    }

    #[test]
    fn an_intent_of_its_own_tells_its_id_from_that_of_its_arrival() {
        let arrival = Id::issued(7, 1, 42);
        let intent = Intent { id: arrival.own(2), ..Intent::of_arrival(7, arrival, 42) };
        let template = Template::parse("{arrival}/{id}").unwrap();
        let told = template.render(&mut Values::new(&intent, "submit")).unwrap();
        assert_eq!(told, "00000000-0007-8001-8000-00000000002a/00000000-0007-8001-8002-00000000002a");
    }

    #[test]
    fn a_value_that_is_not_there_is_told_and_never_left_out() {
        let intent = Intent::of_arrival(7, Id::issued(7, 1, 42), 42);
        for placeholder in ["capture:due", "credential:client"] {
            let template = Template::parse(&format!("a {{{placeholder}}}")).unwrap();
            let missing = template.render(&mut Values::new(&intent, "submit")).unwrap_err();
            assert_eq!(missing.placeholder, placeholder);
        }
    }

    #[test]
    fn a_brace_before_a_letter_is_written_twice() {
        assert_eq!(render("{{query} {{id} {{\"", 0), "{query} {id} {{\"");
    }

    #[test]
    fn choices_and_integers_reach_all_of_their_range() {
        let drawn: std::collections::BTreeSet<String> =
            (0..500).map(|counter| render("{choice:a|b|c}{integer:-1..1}", counter)).collect();
        assert_eq!(drawn.len(), 9, "{drawn:?}");
        assert_eq!(drawn.first().map(String::as_str), Some("a-1"));
    }

    #[test]
    fn a_range_may_be_everything_or_one_number() {
        assert_eq!(render("{integer:5..5}", 0), "5");
        assert!(render(&format!("{{integer:{}..{}}}", i64::MIN, i64::MAX), 0).parse::<i64>().is_ok());
    }

    #[test]
    fn a_placeholder_that_means_nothing_is_refused_with_its_text_and_place() {
        for (template, placeholder, position) in [
            (r#"{"é":"{idd}"}"#, "{idd}", 7),
            ("{choice:a||b}", "{choice:a||b}", 1),
            ("{choice:}", "{choice:}", 1),
            ("x{integer:9..1}", "{integer:9..1}", 2),
            ("{integer:1-9}", "{integer:1-9}", 1),
            ("{id:3}", "{id:3}", 1),
            ("{capture:}", "{capture:}", 1),
            ("{credential:a b}", "{credential:a b}", 1),
            ("/loans/{id", "{id", 8),
        ] {
            let error = Template::parse(template).unwrap_err();
            assert_eq!((error.placeholder.as_str(), error.position), (placeholder, position), "{template}");
        }
    }

    #[test]
    fn the_error_says_what_can_be_written() {
        assert_eq!(
            Template::parse("{idd}").unwrap_err().to_string(),
            "`{idd}` at character 1 is not a placeholder: nobody knows what it stands for (write {id}, {arrival}, {key}, {n}, \
             {choice:a|b}, {integer:1..9}, {capture:NAME} or {credential:NAME}; a literal brace before a letter is \
             written twice)"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*", odd in "[{}a-z:.|0-9é]{0,20}") {
            let _ = Template::parse(&text);
            let _ = Template::parse(&odd);
        }

        #[test]
        fn a_drawn_integer_lies_in_its_range(from: i64, to: i64, seed: u64) {
            let (from, to) = (from.min(to), from.max(to));
            prop_assert!((from..=to).contains(&integer(&mut Draws::of(&[seed]), from, to)));
        }
    }
}
