//! A request as a manifest writes it, read once and rendered for every intent.

mod error;

pub use error::{RenderError, RequestError};

use crate::answer::{AnswerRules, FailWhen};
use crate::intent::Intent;
use crate::template::{Template, Values, is_name};
use proofload_history::{Name, Outcome, Period};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::time::Duration;

/// A request as a TOML file writes it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestSpec {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path, a template.
    pub path: String,
    /// Headers; their values are templates.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, a template.
    #[serde(default)]
    pub body: Option<String>,
    /// Statuses that acknowledge.
    pub ok: Vec<u16>,
    /// Statuses that say that it did not happen.
    #[serde(default)]
    pub fail: Vec<u16>,
    /// Statuses that say so only with a header.
    #[serde(default)]
    pub fail_when: Vec<FailWhen>,
    /// How long the client waits, from the connection to the end of the answer.
    pub timeout: Period,
    /// Whether the client tries again; not, if it is left out.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// Names for values of an ok answer's JSON, each with a JSON pointer (RFC 6901) to it.
    #[serde(default)]
    pub captures: BTreeMap<String, String>,
    /// Whether it is an intent of its own, with an id of its own, each time that it is made within an arrival.
    #[serde(default)]
    pub own_id: bool,
}

/// When a client tries the same request again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// How many attempts at most, the first included.
    pub attempts: u32,
    /// How long it waits before each further attempt.
    pub backoff: Period,
    /// After which outcomes.
    pub on: RetryOn,
}

/// After which outcomes a client tries again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryOn {
    /// Only when nobody knows whether it happened.
    Indeterminate,
    /// Whenever it was not acknowledged.
    NotOk,
}

impl RetryOn {
    pub(crate) fn after(self, outcome: Outcome) -> bool {
        match self {
            Self::Indeterminate => outcome == Outcome::Indeterminate,
            Self::NotOk => outcome != Outcome::Ok,
        }
    }
}

/// More attempts than this are a slip of the pen.
const MAX_ATTEMPTS: u32 = 100;

/// A request that can be made for any intent.
#[derive(Clone, Debug)]
pub struct Request {
    name: Name,
    method: Method,
    path: Template,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Template>,
    rules: AnswerRules,
    timeout: Duration,
    retry: Option<Retry>,
    captures: BTreeMap<String, String>,
    own_id: bool,
}

/// A request for one intent. All its attempts are this same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The method.
    pub method: Method,
    /// The path, with a slash before it.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<String>,
}

impl Request {
    /// Reads the request of the operation `name`.
    ///
    /// # Errors
    /// If something in it means nothing or contradicts itself.
    pub fn new(name: impl Into<Name>, spec: &RequestSpec) -> Result<Self, RequestError> {
        if spec.timeout.0.is_zero() {
            return Err(RequestError::NoTimeout);
        }
        if let Some(retry) = spec.retry.filter(|retry| !(1..=MAX_ATTEMPTS).contains(&retry.attempts)) {
            return Err(RequestError::Attempts { attempts: retry.attempts });
        }
        let headers = spec.headers.iter().map(|(name, value)| header(name, value));
        let (path, body) = (path(&spec.path)?, spec.body.as_deref().map(|body| template("body", body)).transpose()?);
        for (place, template) in [("path", Some(&path)), ("body", body.as_ref())] {
            if let Some(name) = template.and_then(|template| template.credentials().next()) {
                return Err(RequestError::ExposedCredential { place, name: name.to_owned() });
            }
        }
        spec.captures.iter().try_for_each(|(name, pointer)| check_capture(name, pointer))?;
        Ok(Self {
            name: name.into(),
            method: method(&spec.method)?,
            path,
            headers: headers.collect::<Result<_, _>>()?,
            body,
            rules: AnswerRules::new(&spec.ok, &spec.fail, &spec.fail_when)?,
            timeout: spec.timeout.0,
            retry: spec.retry,
            captures: spec.captures.clone(),
            own_id: spec.own_id,
        })
    }

    /// The operation's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// How long a client waits for one attempt.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What its answers mean.
    #[must_use]
    pub fn rules(&self) -> &AnswerRules {
        &self.rules
    }

    /// Whether and when it is tried again.
    #[must_use]
    pub fn retry(&self) -> Option<Retry> {
        self.retry
    }

    /// The longest that it can keep a client: every attempt times out.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let again = self.retry.map_or(Duration::ZERO, |retry| (self.timeout + retry.backoff.0) * (retry.attempts - 1));
        self.timeout + again
    }

    /// Whether it asks and changes nothing.
    #[must_use]
    pub fn is_get(&self) -> bool {
        self.method == Method::GET
    }

    /// Whether it is an intent of its own each time that it is made within an arrival.
    #[must_use]
    pub fn own_id(&self) -> bool {
        self.own_id
    }

    /// What it takes from its answers: names, each with a JSON pointer.
    #[must_use]
    pub fn captures(&self) -> &BTreeMap<String, String> {
        &self.captures
    }

    /// The names of the captures that it needs.
    pub fn needs(&self) -> impl Iterator<Item = &str> {
        self.templates().flat_map(Template::captures)
    }

    /// The names of the credentials that it shows.
    pub fn credentials(&self) -> impl Iterator<Item = &str> {
        self.templates().flat_map(Template::credentials)
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let headers = self.headers.iter().map(|(_, value)| value);
        std::iter::once(&self.path).chain(headers).chain(&self.body)
    }

    /// The request for an intent: a function of the request, the intent and what the intent has captured and shows.
    ///
    /// # Errors
    /// If a value is missing, or does not fit where it belongs.
    pub fn render(&self, intent: &Intent<'_>) -> Result<Rendered, RenderError> {
        let mut values = Values::new(intent, &self.name);
        let path = self.path.render(&mut values)?;
        if !clean(&path) {
            return Err(RenderError::Unfit { place: "path".to_owned() });
        }
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, template) in &self.headers {
            let value = HeaderValue::try_from(template.render(&mut values)?);
            headers.insert(name, value.map_err(|_| RenderError::Unfit { place: format!("header {name}") })?);
        }
        let body = self.body.as_ref().map(|body| body.render(&mut values)).transpose()?;
        Ok(Rendered { method: self.method.clone(), path, headers, body })
    }
}

fn check_capture(name: &str, pointer: &str) -> Result<(), RequestError> {
    if !is_name(name) {
        return Err(RequestError::CaptureName { name: name.to_owned() });
    }
    if !(pointer.is_empty() || pointer.starts_with('/')) {
        return Err(RequestError::Pointer { name: name.to_owned(), pointer: pointer.to_owned() });
    }
    Ok(())
}

fn method(text: &str) -> Result<Method, RequestError> {
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];
    let method = known.into_iter().find(|method| method.as_str() == text);
    method.ok_or_else(|| RequestError::Method { method: text.to_owned() })
}

fn template(place: &str, text: &str) -> Result<Template, RequestError> {
    Template::parse(text).map_err(|source| RequestError::Template { place: place.to_owned(), source })
}

fn path(text: &str) -> Result<Template, RequestError> {
    let template = template("path", text)?;
    if text.starts_with('/') && template.texts().all(clean) {
        Ok(template)
    } else {
        Err(RequestError::Path { path: text.to_owned() })
    }
}

/// Whether a text can be part of a path.
fn clean(text: &str) -> bool {
    !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn header(name: &str, value: &str) -> Result<(HeaderName, Template), RequestError> {
    let typed =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| RequestError::HeaderName { name: name.to_owned() })?;
    let value = template(&format!("header {name}"), value)?;
    if let Some(text) = value.texts().find(|text| HeaderValue::from_str(text).is_err()) {
        return Err(RequestError::HeaderValue { name: name.to_owned(), text: text.to_owned() });
    }
    Ok((typed, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::Captures;
    use proofload_history::Id;

    const SUBMIT: &str = r#"
        method = "POST"
        path = "/v1/applications/{n}"
        headers = { Idempotency-Key = "{id}", X-Kind = "{choice:a|b}" }
        body = '{"id":"{id}","amount":{integer:1..1000000}}'
        ok = [202]
        fail = [400, 429]
        fail_when = [{ status = 503, header = "Proofload-Attempted", equals = "no" }]
        timeout = "10s"
    "#;

    fn read(text: &str) -> Request {
        Request::new("submit", &toml::from_str(text).unwrap()).unwrap()
    }

    fn rendered(request: &Request, seed: u64, counter: u64) -> Rendered {
        request.render(&Intent::of_arrival(seed, Id::issued(seed, 1, counter), counter)).unwrap()
    }

    fn refused(from: &str, to: &str) -> String {
        let text = SUBMIT.replace(from, to);
        assert_ne!(text, SUBMIT, "{from} is not there to be replaced");
        match toml::from_str::<RequestSpec>(&text) {
            Ok(spec) => Request::new("submit", &spec).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_attempt_of_an_intent_is_the_same_request() {
        let request = read(SUBMIT);
        assert_eq!(rendered(&request, 7, 42), rendered(&request, 7, 42));
    }

    #[test]
    fn another_intent_and_another_seed_are_other_requests() {
        let request = read(SUBMIT);
        let body = |seed, counter| rendered(&request, seed, counter).body;
        assert_ne!(body(7, 1), body(7, 2));
        assert_ne!(body(7, 1), body(8, 1));
    }

    #[test]
    fn a_request_carries_its_intent_in_path_headers_and_body() {
        let rendered = rendered(&read(SUBMIT), 7, 42);
        let id = Id::issued(7, 1, 42).to_string();
        assert_eq!(rendered.path, "/v1/applications/42");
        assert_eq!(rendered.headers["idempotency-key"], id.as_str());
        assert!(rendered.body.unwrap().contains(&id));
    }

    #[test]
    fn a_captured_value_that_breaks_a_path_or_a_header_is_refused_and_never_sent() {
        let request = read(&SUBMIT.replace("{n}", "{capture:path}").replace("{choice:a|b}", "{capture:kind}"));
        assert_eq!(request.needs().collect::<Vec<_>>(), ["path", "kind"]);
        let with = |path: &str, kind: &str| {
            let captures: Captures = [("path", path), ("kind", kind)].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
            let arrival = Intent::of_arrival(7, Id::issued(7, 1, 42), 42);
            request.render(&Intent { captures: &captures, ..arrival }).map(|rendered| rendered.path)
        };
        assert_eq!(with("17", "car"), Ok("/v1/applications/17".to_owned()));
        assert_eq!(with("1 7", "car"), Err(RenderError::Unfit { place: "path".to_owned() }));
        assert_eq!(with("17", "a\nb"), Err(RenderError::Unfit { place: "header x-kind".to_owned() }));
    }

    #[test]
    fn a_request_that_means_nothing_is_refused() {
        for (from, to, said) in [
            ("POST", "PSOT", "`PSOT` is not a method"),
            ("/v1/applications", "v1", "must begin with a slash"),
            ("applications/", "a b/", "neither spaces"),
            ("{integer:1..1000000}", "{int:1..9}", "body: `{int:1..9}` at character 23"),
            ("\"{id}\", X", "\"{no}\", X", "header Idempotency-Key: `{no}` at character 1"),
            ("X-Kind", "\"X Kind\"", "`X Kind` is not the name"),
            ("{choice:a|b}", "a\\nb", "the header X-Kind cannot hold"),
            ("[202]", "[]", "`ok` is empty"),
            ("[202]", "[202, 400]", "400 is both"),
            ("\"10s\"", "\"0s\"", "`timeout` is zero"),
            ("\"10s\"", "\"10s\"\nretry = { attempts = 0, backoff = '1s', on = 'not-ok' }", "`retry.attempts` is 0"),
            ("\"10s\"", "\"10s\"\nretry = { attempts = 2, backoff = '1s', on = 'never' }", "not-ok"),
            ("\"10s\"", "\"10s\"\ntimeuot = 1", "timeuot"),
            ("\"10s\"", "\"10s\"\ncaptures = { 'a b' = '/x' }", "`a b` cannot be the name of a capture"),
            ("\"10s\"", "\"10s\"\ncaptures = { due = 'x' }", "`x` is not a JSON pointer"),
            ("/{n}", "/{credential:client}", "path: `{credential:client}` belongs into a header"),
            (
                "\"{id}\",\"amount",
                "\"{credential:client}\",\"amount",
                "body: `{credential:client}` belongs into a header",
            ),
        ] {
            let error = refused(from, to);
            assert!(error.contains(said), "{to}: {error}");
        }
    }

    #[test]
    fn the_longest_that_a_client_is_kept_counts_every_attempt_and_every_pause() {
        assert_eq!(read(SUBMIT).longest(), Duration::from_secs(10));
        let patient = format!("{SUBMIT}\nretry = {{ attempts = 3, backoff = '200ms', on = 'indeterminate' }}");
        assert_eq!(read(&patient).longest(), Duration::from_millis(30_400));
    }
}
