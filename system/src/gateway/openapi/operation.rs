//! One route's entry in the OpenAPI document: what it takes and every way in which it answers.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use utoipa::PartialSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{
    Content, ContentBuilder, Header, PathItem, Ref, RefOr, Required, Response, ResponseBuilder, Responses,
    ResponsesBuilder, Schema, SecurityRequirement,
};

use super::schemas::uuid;
use crate::gateway::routes::{Command, DOCUMENT, Read};
use crate::http::problem::{Kind, MEDIA_TYPE};

/// The name of the security scheme.
pub(super) const TOKEN: &str = "token";

/// What can happen to any request, whatever it asks for; the front door's answers included.
const ALWAYS: &[Kind] = &[
    Kind::BadRequest,
    Kind::RequestTimeout,
    Kind::UriTooLong,
    Kind::HeadersTooLarge,
    Kind::TooManyRequests,
    Kind::Internal,
    Kind::BadGateway,
    Kind::Unconfirmed,
];
/// What can happen to a request that needs a token.
const WITH_TOKEN: &[Kind] =
    &[Kind::MissingToken, Kind::InvalidToken, Kind::RevokedToken, Kind::InsufficientScope, Kind::NotAttempted];
/// What can happen to a command.
const COMMAND: &[Kind] = &[
    Kind::MalformedBody,
    Kind::InvalidBody,
    Kind::BodyTooLarge,
    Kind::UnsupportedMediaType,
    Kind::InvalidIdempotencyKey,
    Kind::InProgress,
    Kind::KeyReused,
];

/// The entry of a command.
pub(super) fn command(command: &Command) -> PathItem {
    let body = (command.body)().name;
    let content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name(body))).example(Some((command.example)())).build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build();
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some("New with each new request, the same with each repeat of it."))
        .schema(Some(uuid()))
        .build();
    let path: &[Kind] = if command.path.contains('{') { &[Kind::InvalidId] } else { &[] };
    let operation = secured(&command.method, command.path, command.summary, command.scope)
        .parameter(key)
        .request_body(Some(body))
        .responses(answers(accepted(), &[ALWAYS, WITH_TOKEN, COMMAND, path]));
    PathItem::new(method(&command.method), operation)
}

/// The entry of a read.
pub(super) fn read(read: &Read) -> PathItem {
    let state = Ref::from_schema_name((read.state)().name);
    let found = ResponseBuilder::new()
        .description("Its state, as its owner tells it.")
        .content("application/json", Content::new(Some(state)))
        .build();
    let kinds = &[ALWAYS, WITH_TOKEN, &[Kind::InvalidId, Kind::OwnerUnavailable, read.unknown]];
    let operation =
        secured(&Method::GET, read.path, read.summary, read.scope).responses(answers((StatusCode::OK, found), kinds));
    PathItem::new(HttpMethod::Get, operation)
}

/// The entry of the document itself.
pub(super) fn document() -> PathItem {
    let document: RefOr<Schema> = ObjectBuilder::new().schema_type(Type::Object).into();
    let found = ResponseBuilder::new()
        .description("This document.")
        .content("application/json", Content::new(Some(document)))
        .build();
    let operation = named(&Method::GET, DOCUMENT, "Tells about every route.")
        .responses(answers((StatusCode::OK, found), &[ALWAYS]));
    PathItem::new(HttpMethod::Get, operation)
}

fn secured(method: &Method, path: &str, summary: &str, scope: &str) -> OperationBuilder {
    let parameters: Vec<Parameter> = parameters(path).collect();
    named(method, path, summary).parameters(Some(parameters)).security(SecurityRequirement::new(TOKEN, [scope]))
}

fn named(method: &Method, path: &str, summary: &str) -> OperationBuilder {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let id = words.fold(method.as_str().to_ascii_lowercase(), |id, word| format!("{id}_{word}"));
    let request = ParameterBuilder::new()
        .name("X-Request-Id")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("A UUID that everything that follows is correlated by; what is none is replaced."))
        .schema(Some(String::schema()))
        .build();
    OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)).parameter(request)
}

/// The parameters that the braces of a path stand for.
fn parameters(path: &str) -> impl Iterator<Item = Parameter> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(|name| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(super::parameter(name)))
            .build()
    })
}

fn accepted() -> (StatusCode, Response) {
    let response = ResponseBuilder::new()
        .description("The log has it; its owner will carry it out.")
        .content("application/json", Content::new(Some(Ref::from_schema_name("Accepted"))))
        .header("Location", header("Where the state can be read; left out where it is about several."))
        .header("Idempotent-Replay", header("`true` where it was accepted before, under the same key."))
        .build();
    (StatusCode::ACCEPTED, response)
}

/// The one success and every problem; those that share a status are one answer.
fn answers((status, success): (StatusCode, Response), problems: &[&[Kind]]) -> Responses {
    let mut by_status: BTreeMap<u16, Vec<Kind>> = BTreeMap::new();
    for kind in problems.iter().copied().flatten() {
        by_status.entry(kind.description().1.as_u16()).or_default().push(*kind);
    }
    let responses = ResponsesBuilder::new().response(status.as_str(), success);
    by_status
        .into_iter()
        .fold(responses, |responses, (status, kinds)| responses.response(status.to_string(), problem(&kinds)))
        .build()
}

fn problem(kinds: &[Kind]) -> Response {
    let texts: Vec<String> =
        kinds.iter().map(|kind| kind.description()).map(|(name, _, title)| format!("`{name}`: {title}.")).collect();
    let mut response = ResponseBuilder::new()
        .description(texts.join(" "))
        .content(MEDIA_TYPE, Content::new(Some(Ref::from_schema_name("Problem"))));
    if kinds.iter().any(|kind| kind.retry_after()) {
        response = response.header("Retry-After", header("Seconds after which it may do better."));
    }
    if kinds.iter().any(|kind| kind.not_attempted()) {
        response = response.header("Not-Attempted", header("`true` where nothing was changed."));
    }
    if kinds.iter().any(|kind| kind.challenge().is_some()) {
        response = response.header("WWW-Authenticate", header("How to do better (RFC 6750)."));
    }
    response.build()
}

fn header(description: &str) -> Header {
    HeaderBuilder::new().schema(Some(String::schema())).description(Some(description)).build()
}

fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::POST => HttpMethod::Post,
        _ => HttpMethod::Get,
    }
}
