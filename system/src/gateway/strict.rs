//! Strict parsing: a body is one JSON object with every field known, or it is refused with the reason.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::http::problem::{Kind, Problem};

/// Unknown fields that are named before the others are only counted.
const NAMED_MAX: usize = 5;
/// Characters of a field's path that are repeated to the client.
const PATH_MAX: usize = 100;
/// Characters of a parser's words that are repeated to the client: they may quote the body.
const REASON_MAX: usize = 250;

/// Reads a body. An event may have fields that nobody knows, for a later version may have added them; a request with
/// one is a mistake that its client should hear of.
pub(super) fn parse<B: DeserializeOwned>(body: &[u8]) -> Result<B, Problem> {
    let mut unknown = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed: Result<Object<B>, _> =
        serde_ignored::deserialize(&mut deserializer, |path| unknown.push(shortened(&path.to_string(), PATH_MAX)));
    let Object(parsed) =
        parsed.and_then(|object| deserializer.end().map(|()| object)).map_err(|error| refused(&error))?;
    match unknown.len() {
        0 => Ok(parsed),
        count => {
            unknown.truncate(NAMED_MAX);
            let more = if count > NAMED_MAX { format!(" and {} more", count - NAMED_MAX) } else { String::new() };
            Err(Kind::InvalidBody.with(format!("nobody knows the fields: {}{more}", unknown.join(", "))))
        }
    }
}

fn refused(error: &serde_json::Error) -> Problem {
    let kind = if error.is_data() { Kind::InvalidBody } else { Kind::MalformedBody };
    kind.with(shortened(&error.to_string(), REASON_MAX))
}

fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A `T` that is written as an object: what serde derives would take an array of a struct's fields as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::application::LoanApplication;
    use crate::domain::application::tests::sound;
    use crate::gateway::body::Nothing;

    fn refusal<B: DeserializeOwned>(body: &str) -> Problem {
        match parse::<B>(body.as_bytes()) {
            Ok(_) => panic!("{body} is taken"),
            Err(problem) => problem,
        }
    }

    #[test]
    fn each_wrong_body_has_its_own_problem() {
        for (body, kind) in [
            ("{", Kind::MalformedBody),
            ("", Kind::MalformedBody),
            ("{} {}", Kind::MalformedBody),
            ("\u{0}", Kind::MalformedBody),
            ("[]", Kind::InvalidBody),
            ("null", Kind::InvalidBody),
            ("{\"a\":1}", Kind::InvalidBody),
        ] {
            assert_eq!(refusal::<Nothing>(body).kind, kind, "{body}");
        }
        assert!(parse::<Nothing>(b" {} ").is_ok());
    }

    #[test]
    fn unknown_fields_are_named_by_their_path() {
        let mut body = sound();
        body["principal"]["colour"] = "red".into();
        body["shoe_size"] = 43.into();
        let problem = refusal::<LoanApplication>(&body.to_string());
        assert_eq!(problem.kind, Kind::InvalidBody);
        assert_eq!(problem.detail, "nobody knows the fields: principal.colour, shoe_size");
    }

    #[test]
    fn a_refusal_repeats_only_so_much_of_what_it_refuses() {
        let body = format!("{{\"{}\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1}}", "a".repeat(10_000));
        let detail = refusal::<Nothing>(&body).detail;
        assert!(detail.ends_with("and 2 more") && detail.len() < 200, "{detail}");
    }
}
